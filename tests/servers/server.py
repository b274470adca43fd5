"""Servers as processes of their own, asked over real sockets."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import pytest

import clew

APPS = Path(__file__).with_name("apps")
PATIENCE = 60.0  # seconds after which nothing more is expected

T = TypeVar("T")


def until(found: Callable[[], T | None], what: str) -> T:
    """Return what *found* finds, asking until it finds something."""
    deadline = time.monotonic() + PATIENCE
    while (result := found()) is None:
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)
    return result


def fresh_id() -> str:
    return uuid.uuid4().hex


def receive(connection: socket.socket, part: bytes) -> None:
    """Read a response until *part* of its body has come."""
    received = b""
    while part not in received.partition(b"\r\n\r\n")[2]:
        assert (more := connection.recv(4096)), f"the response ended: {received!r}"
        received += more
    assert received.startswith(b"HTTP/1.1 200 ")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def request_id(self) -> str:
        """The one request id of the response."""
        (value,) = self.header("X-Request-ID")
        return value


class Server:
    """A server, from its command line to its end, and the lines that it writes.

    In the command, ``{host}``, ``{port}``, ``{address}``, which is both, and ``{directory}`` are
    filled in. A Unix socket is served where *unix_socket* names it, relative to *directory*.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        *,
        host: str = "127.0.0.1",
        unix_socket: str | None = None,
        stdout: int | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.host = host
        self.unix_socket = unix_socket and str(directory / unix_socket)
        # A bound socket keeps the port for the server: it may bind it too, and nobody else is
        # given it. Nobody connects to it, since this one does not listen.
        self._reservation = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self._reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reservation.bind((host, 0))
        self.port: int = self._reservation.getsockname()[1]
        address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        fill = {"host": host, "port": self.port, "address": address, "directory": directory}
        self._command = [sys.executable, "-m", *(word.format(**fill) for word in command)]
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(APPS),
            "XDG_RUNTIME_DIR": str(directory),  # gunicorn's control socket
            **(environment or {}),
        }
        self._stdout = directory / "stdout"
        self._stderr = directory / "stderr"
        self._given_stdout = stdout
        self._read = 0
        self._lines: list[dict[str, Any]] = []
        self.strays: list[str] = []  # lines on stdout that are no JSON
        self.asked: list[str] = []  # the ids of the requests that were sent

    def __enter__(self) -> Self:
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                self._command,
                cwd=self.directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout if self._given_stdout is None else self._given_stdout,
                stderr=stderr,
            )
        try:
            until(self._accepts, f"{self._command} to accept connections")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _accepts(self) -> bool | None:
        assert self.process.poll() is None, f"{self._command} ended: {self.errors()}"
        try:
            self.connect().close()
        except OSError:
            return None
        return True

    def stop(self) -> None:
        """End the process gracefully, within bounds, else by force."""
        try:
            if self.process.poll() is None:
                self.process.terminate()
                # Granian's worker often loses the signal that granian hands on to it.
                is_granian = "granian" in self._command
                try:
                    self.process.wait(2 if is_granian else PATIENCE / 2)
                except subprocess.TimeoutExpired:
                    for worker in self._workers():
                        os.kill(worker, signal.SIGTERM)
                    self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._reservation.close()

    def _workers(self) -> list[int]:
        """Return the ids of the processes that the server has started, where Linux tells."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in children.read_text().split()] if children.exists() else []

    # Asking.

    def connect(self) -> socket.socket:
        if self.unix_socket:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(self.unix_socket)
            except OSError:
                connection.close()
                raise
        else:
            connection = socket.create_connection((self.host, self.port))
        connection.settimeout(PATIENCE)
        return connection

    def ask(
        self,
        path: str,
        request_id: str | None = None,
        *,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
    ) -> Answer:
        """Send one request, with a good id when *request_id* is given, and read its answer."""
        if request_id is not None:
            headers = [*headers, ("X-Request-ID", request_id)]
            self.asked.append(request_id)
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.sock = self.connect()
        try:
            connection.putrequest(method, path)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    def send(
        self, path: str, request_id: str, *, version: str = "1.1", close: bool = False
    ) -> socket.socket:
        """Send a request and return the connection, nothing of the answer having been read.

        With *close* the server is asked to close the connection after it.
        """
        self.asked.append(request_id)
        lines = [f"GET {path} HTTP/{version}", "Host: localhost", f"X-Request-ID: {request_id}"]
        if close:
            lines.append("Connection: close")
        connection = self.connect()
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection

    # Reading what it wrote.

    def errors(self) -> str:
        """Return all that it has written on stderr."""
        return self._stderr.read_text()

    def output(self) -> str:
        """Return all that it has written on stdout."""
        return self._stdout.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines that it has written on stdout."""
        with self._stdout.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):  # it is being written
                    break
                self._read += len(line)
                try:
                    self._lines.append(json.loads(line))
                except ValueError:
                    self.strays.append(line.decode())
        return self._lines

    def line(self, accepts: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Return the first line that *accepts* accepts, as soon as it has been written."""
        return until(lambda: next(filter(accepts, self.lines()), None), f"{what} on stdout")

    def records(self, request_id: str) -> list[clew.HTTPLog]:
        """Return the HTTPLogs of a request that have been written."""
        return [
            msgspec.convert(line, clew.HTTPLog)
            for line in self.lines()
            if line["logger"] == "clew.http"
            and line["requestId"] == request_id
            and "request" in line  # else it is a warning about a slow one
        ]

    def settled(self, request_id: str) -> list[clew.HTTPLog]:
        """Return the HTTPLogs of a request, as soon as there is one."""
        return until(lambda: self.records(request_id) or None, f"the record of {request_id}")

    def record(self, request_id: str) -> clew.HTTPLog:
        """Return the one HTTPLog of a request, as soon as it has been written."""
        self.settled(request_id)
        # Another request's record has been written behind it: a second of this one would show.
        self.ask("/", later := fresh_id())
        self.settled(later)
        (record,) = self.records(request_id)
        return record

    def counts(self) -> Counter[str]:
        """Return how many HTTPLogs each request that was sent has got."""
        counts = Counter(dict.fromkeys(self.asked, 0))
        counts.update(
            line["requestId"] for line in self.lines() if line.get("logger") == "clew.http"
        )
        return counts


@dataclass(frozen=True)
class Program:
    """A server's command line, and the line in which it tells of a crash, where it does."""

    command: tuple[str, ...]
    logger: str | None = None
    beginning: str = ""
    needs: tuple[str, ...] = ()


_UVICORN = ("uvicorn", "--host={host}", "--port={port}")
_GUNICORN = ("gunicorn", "--bind={address}", "--access-logfile=-")
_GRANIAN = ("granian", "--host={host}", "--port={port}", "--access-log")

_IN_UVICORN = ("uvicorn.error", "Exception in ASGI application")
_IN_GUNICORN = ("gunicorn.error", "Error handling request")
# Granian writes the traceback into the message.
_IN_GRANIAN = ("_granian.utils", "Application callable raised an exception")

PROGRAMS = {
    "uvicorn-h11": Program((*_UVICORN, "--http=h11", "--loop=asyncio"), *_IN_UVICORN),
    "uvicorn-httptools": Program(
        (*_UVICORN, "--http=httptools", "--loop=uvloop"), *_IN_UVICORN, ("httptools", "uvloop")
    ),
    "hypercorn": Program(
        ("hypercorn", "--bind={address}", "--access-logfile=-"),
        "hypercorn.error",
        "Error in ASGI Framework",
    ),
    # Daphne writes its access lines itself, in no logger's name; its verbosity turns them off.
    "daphne": Program(
        ("daphne", "--bind={host}", "--port={port}", "--verbosity=0"),
        "daphne.server",
        "Exception inside application: the crash of the test",
    ),
    "granian-asgi": Program((*_GRANIAN, "--interface=asgi"), *_IN_GRANIAN),
    "granian-wsgi": Program((*_GRANIAN, "--interface=wsgi"), *_IN_GRANIAN),
    "gunicorn-sync": Program(_GUNICORN, *_IN_GUNICORN),
    "gunicorn-gthread": Program(
        (*_GUNICORN, "--worker-class=gthread", "--threads=40"), *_IN_GUNICORN
    ),
    "gunicorn-gevent": Program((*_GUNICORN, "--worker-class=gevent"), *_IN_GUNICORN, ("gevent",)),
    "gunicorn-asgi": Program(
        (*_GUNICORN, "--worker-class=asgi"),
        "gunicorn.error",
        "Error in ASGI application",
        ("gunicorn.workers.gasgi",),
    ),
    "gunicorn-uvicorn": Program(
        (*_GUNICORN, "--worker-class=uvicorn.workers.UvicornWorker"),
        *_IN_UVICORN,
        ("uvicorn.workers",),
    ),
}


@dataclass(frozen=True)
class Stack:
    """A server and the application in it."""

    program: Program
    app: str

    @property
    def framework(self) -> str:
        return self.app.partition("_")[0]

    def missing(self) -> str | None:
        """Return the package that this needs and that is not installed."""
        for name in (self.program.command[0], *self.program.needs):
            if importlib.util.find_spec(name) is None:
                return name
        return None

    def serve(self, directory: Path, *options: str, **how: Any) -> Server:
        """Return the server, not yet started, with further *options* of its command line."""
        if missing := self.missing():
            pytest.skip(f"{missing} is not installed")
        return Server((*self.program.command, *options, self.app), directory, **how)


# Each server with one application, and each kind of application with one server of its protocol.
STACKS = {
    f"{program}-{app.partition('_')[0]}": Stack(PROGRAMS[program], app)
    for app, programs in {
        "fastapi_app:app": (
            *("uvicorn-h11", "uvicorn-httptools", "hypercorn"),
            *("granian-asgi", "gunicorn-asgi", "gunicorn-uvicorn"),
        ),
        "asgi_app:app": ("uvicorn-h11", "daphne"),
        "flask_app:app": ("gunicorn-gthread", "gunicorn-gevent", "granian-wsgi"),
        "wsgi_app:app": ("gunicorn-sync",),
        "django_app:app": ("uvicorn-h11", "daphne"),
        "django_app:wsgi": ("gunicorn-sync",),
    }.items()
    for program in programs
}


def stacks(*endings: str, without: Sequence[str] = ()) -> pytest.MarkDecorator:
    """Run a test on the stacks whose names end so, but for those whose names begin otherwise."""
    names = [name for name in STACKS if name.endswith(endings or "")]
    names = [name for name in names if not name.startswith(tuple(without))]
    assert names
    return pytest.mark.parametrize("stack", names, indirect=True)
