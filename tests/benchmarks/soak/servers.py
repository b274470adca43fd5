"""The servers, and where the lines of each go: into a pipe that somebody reads, or a file."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import clew
from tests.servers.server import Server

from .kinds import ASGI, WSGI, Kind

ROOT = Path(__file__).parents[3]
_ASGI = "tests.benchmarks.soak.asgi_app:app"
_WSGI = "tests.benchmarks.soak.wsgi_app:app"


@dataclass(frozen=True)
class Program:
    """A server's command line, and what it can do."""

    name: str
    command: tuple[str, ...]
    app: str = _ASGI
    needs: tuple[str, ...] = ()
    # Whether what accepts a WebSocket has the application's headers on it.
    accepts_with_headers: bool = True
    # Whether it tells the application with which code a client has closed a WebSocket.
    tells_codes: bool = True
    # Whether it closes a WebSocket always with the application's code, never without one.
    closes_in_order: bool = True
    # By which signals it ends without a word to an application whose client has left, or is at a
    # WebSocket: it is neither cancelled nor waited for, and nobody hears of its end.
    drops: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of requests that it takes, and what it lets be seen of them."""
        if self.app == _WSGI:
            return WSGI
        return tuple(self._seen(kind) if kind.action.startswith("ws") else kind for kind in ASGI)

    def _seen(self, kind: Kind) -> Kind:
        codes = () if self.tells_codes else (1006,)
        if kind.name == "ws-server" and not self.closes_in_order:
            codes, kind = (*codes, 4001), replace(kind, breaks=True)
        return replace(kind, echoes=kind.echoes and self.accepts_with_headers, codes=codes)

    def missing(self) -> str | None:
        """Return a package that it needs and that is not installed."""
        names = (self.command[0].partition(".")[0], *self.needs)
        return next((name for name in names if importlib.util.find_spec(name) is None), None)


_LOGS = "--log-config={directory}/log.json"
_UVICORN = ("uvicorn", "--host={host}", "--port={port}", _LOGS)
_GUNICORN = ("gunicorn", "--bind={host}:{port}", "--logger-class=clew.gunicorn.Logger")
_HYPERCORN = ("hypercorn", "--bind={host}:{port}", "--backlog=2048")

PROGRAMS = {
    program.name: program
    for program in (
        Program("uvicorn", _UVICORN),
        Program("uvicorn-4", (*_UVICORN, "--workers=4")),
        Program("gunicorn-sync", (*_GUNICORN, "--workers=4"), _WSGI),
        Program(
            "gunicorn-gthread",
            (*_GUNICORN, "--worker-class=gthread", "--workers=2", "--threads=40"),
            _WSGI,
        ),
        Program(
            "gunicorn-gevent",
            (*_GUNICORN, "--worker-class=gevent", "--workers=2"),
            _WSGI,
            ("gevent",),
            drops=("SIGINT",),
        ),
        Program(
            "gunicorn-uvicorn",
            (*_GUNICORN, "--worker-class=uvicorn.workers.UvicornWorker", "--workers=2"),
            needs=("uvicorn.workers",),
        ),
        Program(
            "granian",
            ("granian", "--host={host}", "--port={port}", "--interface=asgi", "--workers=2",
             "--workers-kill-timeout=30", "--respawn-failed-workers", _LOGS),
            accepts_with_headers=False,
            drops=("SIGTERM", "SIGINT", "SIGHUP"),
        ),
        Program("hypercorn", (*_HYPERCORN, "--worker-class=asyncio"), tells_codes=False),
        Program(
            "hypercorn-trio",
            (*_HYPERCORN, "--worker-class=trio"),
            needs=("trio",),
            tells_codes=False,
        ),
        Program(
            "daphne",
            ("clew.daphne", _LOGS, "--endpoint=tcp:port={port}:interface={host}:backlog=2048"),
            needs=("daphne",),
            accepts_with_headers=False,
            closes_in_order=False,
        ),
    )
}  # fmt: skip


@contextmanager
def served(
    program: Program,
    directory: Path,
    stdout: int,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run *program*, its lines going to the descriptor *stdout*."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "log.json").write_text(json.dumps(clew.logging_config(service="soak")))
    given = {"PYTHONPATH": str(ROOT), **(environment or {})}
    with Server(
        (*program.command, program.app), directory, stdout=stdout, environment=given
    ) as server:
        yield server


@contextmanager
def reader(path: Path) -> Iterator[tuple[int, int]]:
    """Read a pipe into the file *path*; give the pipe's other end, and the id of who reads.

    All has been read at the end, when nobody has the pipe any longer.
    """
    there, here = os.pipe()
    with path.open("wb") as file:
        process = subprocess.Popen(["cat"], stdin=there, stdout=file)
    os.close(there)
    try:
        yield here, process.pid
    finally:
        os.close(here)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def lines_of(paths: Sequence[Path]) -> Iterator[bytes]:
    """Return all lines of the files, with their ends."""
    for path in paths:
        with path.open("rb") as file:
            yield from file
