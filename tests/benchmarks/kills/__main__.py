"""Kill the workers of servers at random moments under load, and judge the log.

python -m tests.benchmarks.kills                                   # 250 kills each, as make kills
python -m tests.benchmarks.kills --kills 20 gunicorn-sync celery   # fewer, of some

Of each request that arrived at the application there has to be one record: its own, or one that
says that it was lost. None may have two. One that is killed between its answer and its record is
lost, too: the client has its answer, and the log has nothing else of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clew._remains import is_alive
from tests.benchmarks.measuring import machine, table

_SERVICE = "tests.benchmarks.kills.service"
_TASKS = "tests.benchmarks.kills.tasks"
_WORKERS = 4
_CLIENTS = 8
_PATIENCE = 60.0

_GUNICORN = ("gunicorn", f"--workers={_WORKERS}", "--bind=127.0.0.1:{port}", f"{_SERVICE}:wsgi")
PROGRAMS = {
    "gunicorn sync": (*_GUNICORN, "--preload"),
    "gunicorn gthread": (*_GUNICORN, "--worker-class=gthread", "--threads=4"),
    "uvicorn workers": (
        *("uvicorn", f"--workers={_WORKERS}", "--host=127.0.0.1", "--port={port}"),
        *("--log-level=error", f"{_SERVICE}:asgi"),
    ),
    "celery prefork": ("celery", "-A", f"{_TASKS}:tasks", "worker", f"-c{_WORKERS}", "-lERROR"),
}


@dataclass
class Run:
    """One program under load, whose workers are killed."""

    name: str
    folder: Path
    kills: int
    killed: int = 0
    sent: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    is_over: bool = False

    def run(self) -> list[str]:
        """Run it to its end; return a row of the table."""
        (self.folder / "run").mkdir()
        port, broker = _free_port(), _free_port()
        command = [sys.executable, "-m", *(word.format(port=port) for word in PROGRAMS[self.name])]
        environment = {**os.environ, "KILLS": str(self.folder), "PYTHONPATH": str(Path.cwd())}
        environment["KILLS_BROKER"] = f"redis://127.0.0.1:{broker}/0"
        is_celery = self.name.startswith("celery")
        load = lambda: (  # noqa: E731
            self._send_tasks(environment) if is_celery else self._send_requests(port)
        )
        redis = subprocess.Popen(
            ["redis-server", f"--port {broker}", "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )
        with (self.folder / "output").open("wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        clients = [threading.Thread(target=load) for _ in range(1 if is_celery else _CLIENTS)]
        try:
            for client in clients:
                client.start()
            self._kill(process.pid)
        finally:
            self.is_over = True
            for client in clients:
                client.join(_PATIENCE)
            time.sleep(1)
            process.terminate()
            process.wait(_PATIENCE)
            redis.terminate()
            redis.wait(_PATIENCE)
        deadline = time.monotonic() + _PATIENCE
        tables = list((self.folder / "run").glob("*.unfinished"))
        while any(map(is_alive, tables)) and time.monotonic() < deadline:
            time.sleep(0.1)  # a worker that outlives its parent for a moment
        # The next process of the service.
        subprocess.run(
            [sys.executable, "-c", f"import {_SERVICE}"], env=environment, check=True, timeout=60
        )
        return self.judge()

    def _kill(self, parent: int) -> None:
        deadline = time.monotonic() + 10 * self.kills + _PATIENCE
        while self.killed < self.kills and time.monotonic() < deadline:
            time.sleep(random.random() * 0.2)  # noqa: S311
            # Those that have had a request, since others are just coming up.
            names = [path.name for path in (self.folder / "run").glob("*.unfinished")]
            workers = list({int(name.partition("-")[0]) for name in names} & _children(parent))
            if not workers:
                continue
            try:
                os.kill(random.choice(workers), signal.SIGKILL)  # noqa: S311
            except ProcessLookupError:
                continue
            self.killed += 1

    def _send_requests(self, port: int) -> None:
        while not self.is_over:
            request_id = uuid.uuid4().hex
            self.sent.add(request_id)
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
                    connection.sendall(
                        f"GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        f"X-Request-ID: {request_id}\r\n\r\n".encode()
                    )
                    answer = b""
                    while part := connection.recv(65_536):
                        answer += part
                if answer.endswith(b"ok"):
                    self.answered.add(request_id)
            except OSError:
                time.sleep(0.01)

    def _send_tasks(self, environment: dict[str, str]) -> None:
        script = (
            f"import sys\nfrom {_TASKS} import tasks\n"
            "for line in sys.stdin:\n"
            "    tasks.send_task('kills.work', headers={'clew': {'requestId': line.strip()}})\n"
            "    print(flush=True)\n"
        )
        command, pipe = [sys.executable, "-c", script], subprocess.PIPE
        with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe) as sender:
            assert sender.stdin is not None and sender.stdout is not None
            while not self.is_over:
                request_id = uuid.uuid4().hex
                self.sent.add(request_id)
                sender.stdin.write(f"{request_id}\n".encode())
                sender.stdin.flush()
                sender.stdout.readline()
                time.sleep(0.01)
            sender.stdin.close()
            sender.wait(_PATIENCE)

    def judge(self) -> list[str]:
        """Compare what arrived with what was written."""
        arrived = Counter((self.folder / "arrived").read_text().split())
        records: Counter[str] = Counter()
        lost: set[str] = set()
        for text in (self.folder / "app.log").read_text().splitlines():
            line: dict[str, Any] = json.loads(text)
            if line["logger"] not in ("clew.http", "clew.task") or "kept" in line:
                continue
            request_id = line["requestId"]
            records[request_id] += request_id in self.sent
            outcome = line.get("outcome") or line.get("task", {}).get("outcome")
            exception = line.get("exception", {}).get("type", "")
            if outcome == "lost" or exception.endswith("WorkerLostError"):
                lost.add(request_id)
        left = [path.name for path in (self.folder / "run").glob("*.unfinished")]
        wrong = [
            # A task whose process is killed may be given to another one, and is run again.
            (arrived - records).total(),
            sum(count > max(arrived[one], 1) for one, count in records.items()),
            len(left),
        ]
        behind = len(lost & self.answered)
        figures = [self.killed, len(self.sent), len(arrived), len(lost), behind, *wrong]
        return [self.name, *(f"{figure:,}" for figure in figures)]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _children(parent: int) -> set[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return set(map(int, found.split()))


def main() -> int:
    """Run the command line; return how many of the programs had something wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("programs", nargs="*", help=", ".join(PROGRAMS))
    parser.add_argument("--kills", type=int, default=250)
    given = parser.parse_args()
    names = [n for n in PROGRAMS if not given.programs or n.replace(" ", "-") in given.programs]
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="clew-kills-") as folder:
            rows.append(Run(name, Path(folder), given.kills).run())
        print("  ".join(rows[-1]), file=sys.stderr)
    head = (
        *("", "kills", "sent", "arrived", "lost", "of them just answered"),
        *("without a record", "with two", "tables left"),
    )
    print(machine())
    print(table("Workers killed at random moments", head, rows))
    return sum(any(figure != "0" for figure in row[6:]) for row in rows)


if __name__ == "__main__":
    sys.exit(main())
