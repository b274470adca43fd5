"""What the tests of the task systems share: a Redis, and workers as processes of their own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import clew
from tests.servers.server import PATIENCE, Server, until

ROOT = Path(__file__).parents[1]

Line = dict[str, Any]


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Run a Redis that keeps nothing, on a free port; give its URL."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed: apt-get install redis-server")
    with socket.socket() as reserved:
        # Bound, it keeps the port for Redis, which may bind it too.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        command = [program, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(directory)]
        with (directory / "redis.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--save", "", "--appendonly", "no"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until(lambda: _answers(process, port), "Redis to answer")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _answers(process: subprocess.Popen[bytes], port: int) -> bool | None:
    assert process.poll() is None, "Redis ended"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(b"PING\r\n")
            return True if connection.recv(7) == b"+PONG\r\n" else None
    except OSError:
        return None


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of the shop's processes, with a Redis of its own in it."""
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield {"REDIS": url, "PYTHONPATH": str(ROOT)}


class Worker(Server):
    """A worker, or any process that serves no port: it is ready when it says so in a line."""

    def __init__(
        self, command: list[str], directory: Path, *, ready: Callable[[Line], bool], **how: Any
    ) -> None:
        super().__init__(command, directory, **how)
        self._ready = ready

    def _accepts(self) -> bool | None:
        assert self.process.poll() is None, f"it ended: {self.errors()}{self.output()}"
        return True if any(map(self._ready, self.lines())) else None

    def of(self, task_id: str) -> list[Line]:
        """Return the lines of the application in a task, without its record."""
        return [
            line
            for line in self.lines()
            if isinstance(line.get("task"), dict)
            and line["task"].get("id") == task_id
            and line["logger"] != "clew.task"
        ]

    def tasks(self, task_id: str, count: int = 1) -> list[clew.TaskLog]:
        """Return the TaskLogs of a task, as soon as there are *count*."""

        def found() -> list[clew.TaskLog] | None:
            logs = [
                msgspec.convert(line, clew.TaskLog)
                for line in self.lines()
                if line["logger"] == "clew.task" and line["task"]["id"] == task_id
            ]
            return logs if len(logs) >= count else None

        return until(found, f"{count} records of the task {task_id}")
