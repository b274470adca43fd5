"""Servers whose own lines are JSON too, from their first to their last, in one stream."""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

import clew
from tests.conftest import run_fresh, run_without
from tests.servers.server import PATIENCE, Server, fresh_id, until

HERE = Path(__file__).parent

UVICORN = ("uvicorn", "--host={host}", "--port={port}", "--log-config=log.json", "entry:app")
GUNICORN = ("gunicorn", "--bind={host}:{port}", "--config=gunicorn.conf.py", "--access-logfile=-")
HYPERCORN = (
    *("hypercorn", "--bind={host}:{port}", "--config=file:hypercorn.conf.py"),
    *("--access-logfile=-", "hypercorn_entry:app"),
)
GRANIAN = ("granian", "--host={host}", "--port={port}", "--log-config=log.json", "--access-log")
RESPAWN = ("--respawn-interval=0.2",)  # between one worker and the next at a reload
DAPHNE = ("clew.daphne", "--bind={host}", "--port={port}", "--log-config=log.json", "entry:app")

IN_UVICORN = ("uvicorn.error", "Exception in ASGI application")
IN_GUNICORN = ("gunicorn.error", "Error handling request")
IN_GRANIAN = ("_granian.utils", "Application callable raised an exception")
TWO = ("--workers=2",)
UVICORN_WORKER = "--worker-class=uvicorn.workers.UvicornWorker"


@dataclass(frozen=True)
class Program:
    """A command, its first and last lines, and the line in which it tells of a crash."""

    command: tuple[str, ...]
    first: str
    last: str | None
    crash: tuple[str, str] | None
    needs: str | None = None
    many: bool = False  # it has several workers

    def serve(self, directory: Path, *options: str, **how: Any) -> Server:
        """Return the server, not yet started, with further *options*."""
        for name in (self.command[0].removeprefix("clew."), self.needs):
            if name is not None and not is_installed(name):
                pytest.skip(f"{name} is not installed: pip install {name.partition('.')[0]}")
        environment = {"PYTHONPATH": str(directory), **how.pop("environment", {})}
        # Two mix their lines as four do, and start in half the time.
        command = (*self.command[:-1], *TWO[: self.many], *options, self.command[-1])
        return Server(command, directory, environment=environment, **how)


def is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def gunicorn(
    *options: str, crash: tuple[str, str] | None = IN_GUNICORN, needs: str | None = None
) -> Program:
    command = (*GUNICORN, "--graceful-timeout=5", *options)
    return Program(command, "Starting gunicorn", "Shutting down: Master", crash, needs, many=True)


# Hypercorn says nothing at its end. Granian gets a good answer from a WSGI application that clew
# wraps, and gunicorn's own ASGI worker is told nothing either: the HTTPLog has the exception.
PROGRAMS = {
    "uvicorn": Program(
        (*UVICORN[:-1], "--workers=4", UVICORN[-1]),
        "Uvicorn running on",
        "Stopping parent process",
        IN_UVICORN,
        many=True,
    ),
    "gunicorn-sync": gunicorn("entry:wsgi"),
    "gunicorn-gthread": gunicorn("--worker-class=gthread", "--threads=4", "entry:wsgi"),
    "gunicorn-gevent": gunicorn("--worker-class=gevent", "entry:wsgi", needs="gevent"),
    "gunicorn-asgi": gunicorn(
        "--worker-class=asgi", "entry:app", crash=None, needs="gunicorn.workers.gasgi"
    ),
    "gunicorn-uvicorn": gunicorn(
        UVICORN_WORKER, "entry:app", crash=IN_UVICORN, needs="uvicorn.workers"
    ),
    "hypercorn": Program(
        HYPERCORN,
        "Running on",
        None,
        ("hypercorn.error", "Error in ASGI Framework"),
        many=True,
    ),
    "granian-asgi": Program(
        (*GRANIAN, "--interface=asgi", "--workers=4", *RESPAWN, "entry:app"),
        "Starting granian",
        "Granian shutdown completed",
        IN_GRANIAN,
        many=True,
    ),
    "granian-wsgi": Program(
        (
            *GRANIAN,
            "--interface=wsgi",
            "--workers=4",
            "--blocking-threads=2",
            *RESPAWN,
            "entry:wsgi",
        ),
        "Websockets are not supported on WSGI, ignoring",
        "Granian shutdown completed",
        None,
        many=True,
    ),
    "daphne": Program(
        DAPHNE,
        "Starting server at",
        "Killed",
        ("daphne.server", "Exception inside application: the crash of the test"),
    ),
    "uvicorn-alone": Program(
        UVICORN, "Started server process", "Finished server process", IN_UVICORN
    ),
}
MANY = [name for name, program in PROGRAMS.items() if program.many]


README = (HERE / "README.md").read_text("utf-8")


@pytest.fixture(scope="session")
def log_config() -> str:
    """Return what the README's command writes to log.json."""
    [script] = re.findall(r'^\$ python -c "(.*)" > log.json$', README, re.MULTILINE)
    return run_fresh(script)


@pytest.fixture
def directory(tmp_path: Path, log_config: str) -> Path:
    """A folder with the configurations and the application, as a user has them."""
    for source in (*HERE.glob("*entry.py"), *HERE.glob("*.conf.py"), HERE / "shop.py"):
        (tmp_path / source.name).write_text(source.read_text())
    (tmp_path / "log.json").write_text(log_config)
    return tmp_path


@pytest.mark.parametrize("command", re.findall(r"^\| \[.*`(.*)` \|$", README, re.MULTILINE))
def test_commands_of_the_readme(command: str) -> None:
    """The commands that the README shows are those that are tested here."""
    words = set(command.removeprefix("python -m ").split())
    tested = [" ".join(program.command).replace("=", " ") for program in PROGRAMS.values()]
    assert [one for one in tested if words <= set(one.split())]


def decoded(text: str) -> list[clew.ApplicationLog | clew.HTTPLog]:
    """Return the lines of *text*; fails where one is neither record."""
    return [
        msgspec.json.decode(line, type=clew.HTTPLog)
        if '"logger":"clew.http"' in line
        else msgspec.json.decode(line, type=clew.ApplicationLog)
        for line in text.splitlines()
    ]


HOSTILE = [
    b"\x00\x16\x03\x01garbage\r\n\r\n",
    b'GET /"}\n{"level":"info","message":"forged"} HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'GET /%0A%7B%22level%22:%22forged%22%7D?%0A" HTTP/1.1\r\nHost: x\r\nA\xff: \xff\r\n\r\n',
    b"GET / HTTP/1.1\r\nX-Request-ID: " + b"x" * 100_000 + b"\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nforged",
]


def send_what_is_no_request(server: Server) -> None:
    for request in HOSTILE:
        with server.connect() as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
            except OSError:  # the server has closed it before it had read everything
                pass


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_line_from_start_to_exit(name: str, directory: Path) -> None:
    """Each line on stdout is an ApplicationLog or an HTTPLog, of the service; stderr is empty.

    A request that went well is in one line, that of clew, though access lines were asked for. One
    that crashed has one line of the server's, with its id and the traceback, and one HTTPLog.
    What a server says of requests that are none is JSON too, and nothing in them is a line.
    """
    program = PROGRAMS[name]
    with program.serve(directory) as server:
        server.ask(f"/{(path := fresh_id())}", well := fresh_id())
        server.settled(well)
        send_what_is_no_request(server)
        server.ask("/crash", crashed := fresh_id())
        [record] = server.settled(crashed)
        if program.crash is not None:
            logger, beginning = program.crash
            server.line(
                lambda line: line["logger"] == logger and line.get("requestId") == crashed,
                "the server's line about the crash",
            )
    assert server.errors() == ""
    lines = decoded(server.output())
    assert {line.service for line in lines} == {"shop"}
    assert "forged" not in {text for line in lines for text in (line.message, line.level)}
    assert [line for line in lines if line.message.startswith(program.first)]
    assert program.last is None or lines[-1].message.startswith(program.last)

    assert len([line for line in server.output().splitlines() if path in line]) == 1
    assert record.outcome == "error"
    about = [line for line in lines if line.request_id == crashed and line.logger != "clew.http"]
    assert set(server.counts().values()) == {1}
    if program.crash is None:
        assert about == []
    else:
        [line] = about
        assert (line.logger, line.level) == (logger, "danger")
        assert line.message.startswith(beginning)
        assert "RuntimeError: the crash of the test" in f"{line.message}{line.exception}"


@contextmanager
def slow_pipe(directory: Path) -> Iterator[int]:
    """Give a pipe whose reader is slower than its writers, and copies to the file ``stdout``."""
    reader, writer = os.pipe()
    stop = threading.Event()

    def copy() -> None:
        with (
            open(reader, "rb", buffering=0) as source,
            (directory / "stdout").open("ab", buffering=0) as copied,
        ):
            while read := source.read(8192):
                copied.write(read)
                stop.wait(0.001)

    thread = threading.Thread(target=copy)
    thread.start()
    try:
        yield writer
    finally:
        stop.set()
        os.close(writer)
        thread.join(PATIENCE)
    assert not thread.is_alive(), "all writers have ended"


SIZES = [10, 3_000, 4_200, 20_000, 65_000]


# Into a file every worker writes in the same way, into a full pipe as its server lets it wait.
@pytest.mark.parametrize(
    ("name", "where"), [*((name, "pipe") for name in MANY), ("uvicorn", "file")]
)
def test_lines_under_load_are_whole(name: str, where: str, directory: Path) -> None:
    """Two workers and eight clients, lines of up to 64 KiB: each line comes, once and whole."""
    with (
        slow_pipe(directory) as pipe,
        PROGRAMS[name].serve(directory, stdout=pipe if where == "pipe" else None) as server,
        ThreadPoolExecutor(8) as clients,
    ):

        def answered_by(path: str) -> bytes:
            answer = server.ask(path, fresh_id())
            assert answer.status == 200
            return answer.body

        # Under load one worker may be quick enough for all while the others are starting.
        until(
            lambda: len(set(clients.map(answered_by, ["/slow"] * 8))) > 1 or None,
            "several workers to answer",
        )
        list(clients.map(answered_by, [f"/long/{size}" for size in SIZES] * 40))
        for request_id in server.asked:
            server.settled(request_id)
    decoded(server.output())
    sizes = Counter(line["size"] for line in server.lines() if line["message"] == "long")
    assert sizes == dict.fromkeys(SIZES, 40)
    assert set(server.counts().values()) == {1}
    assert server.strays == []


class Traffic:
    """Clients that ask one request after the other until the server is gone."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(8)]
        self.answered: list[str] = []  # the ids of the complete responses
        self.processes: set[bytes] = set()  # that have answered

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._server.ask("/slow", request_id := fresh_id())
            except (OSError, http.client.HTTPException):  # a connection that nobody took
                time.sleep(0.01)
                continue
            if answer.status == 500 and not answer.header("X-Request-ID"):
                continue  # the server's own: hypercorn's word for a request that it drops
            assert (answer.status, answer.request_id) == (200, request_id)
            self.answered.append(request_id)
            self.processes.add(answer.body)

    def wait_for_other_processes(self, count: int) -> None:
        """Wait until *count* processes have answered that had not before."""
        before = set(self.processes)
        until(lambda: len(self.processes - before) >= count or None, "new workers to answer")


@pytest.mark.parametrize("name", PROGRAMS)
def test_reload_and_stop_during_traffic(name: str, directory: Path) -> None:
    """Every response that a client got has its one HTTPLog, over SIGHUP and SIGTERM."""
    with PROGRAMS[name].serve(directory) as server, Traffic(server) as traffic:
        until(lambda: len(traffic.answered) > 20 or None, "traffic")
        if name in MANY:
            server.process.send_signal(signal.SIGHUP)
            # Granian waits for ever for a worker that it ends while that is starting.
            traffic.wait_for_other_processes(2 if "granian" in name else 1)
        at_term = len(traffic.answered)
        until(lambda: len(traffic.answered) > at_term + 20 or None, "traffic after the reload")
        server.stop()
    decoded(server.output())
    counts = server.counts()
    assert {counts[request_id] for request_id in traffic.answered} == {1}, server.errors()
    assert set(counts.values()) <= {0, 1}, "none is doubled"
    assert server.strays == []


# The client has the answer, and the worker takes its time to hear of it.
LATE = """
import time

early = app

async def app(scope, receive, send):
    async def late(message):
        await send(message)
        if message["type"] == "http.response.body":
            time.sleep(0.05)

    await early(scope, receive, late if scope["type"] == "http" else send)
"""


def test_hypercorn_kills_no_worker_that_is_answering(directory: Path) -> None:
    """A worker that ends later than another still writes the HTTPLogs of what it answered."""
    with (directory / "shop.py").open("a") as code:
        code.write(LATE)
    hypercorn = PROGRAMS["hypercorn"].serve(directory, "--workers=4")
    with hypercorn as server, Traffic(server) as traffic:
        until(lambda: len(traffic.processes) == 4 or None, "all workers to answer")
        server.stop()
    counts = server.counts()
    assert {counts[request_id] for request_id in traffic.answered} == {1}


def run_to_its_end(command: Sequence[str], port: int, directory: Path) -> tuple[str, str]:
    """Run a server that cannot start, and return what it wrote on stdout and stderr."""
    fill = {"host": "127.0.0.1", "port": port}
    done = subprocess.run(
        [sys.executable, "-m", *(word.format(**fill) for word in command)],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory), "XDG_RUNTIME_DIR": str(directory)},
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE * 2,
    )
    return done.stdout, done.stderr


# Gunicorn's arbiter falls over a second worker that could not start: --workers comes last.
CANNOT_LOAD = {
    **{name: TWO[: program.many] for name, program in PROGRAMS.items() if "gunicorn" not in name},
    "gunicorn-sync": ("--workers=1",),
}


@pytest.mark.parametrize("name", CANNOT_LOAD)
def test_application_that_cannot_be_loaded(name: str, directory: Path) -> None:
    """Why an application cannot be imported is an ApplicationLog, and the server ends."""
    (directory / "shop.py").write_text("raise RuntimeError('the import of the test')")
    *command, app = PROGRAMS[name].command
    with socket.socket() as reserved:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        output, errors = run_to_its_end([*command, *CANNOT_LOAD[name], app], port, directory)
    lines = [line for line in decoded(output) if line.level == "critical"]
    assert lines
    for line in lines:
        assert (line.message, line.logger) == ("The application cannot be loaded", "entry")
        assert line.exception is not None
        assert line.exception.message == "the import of the test"
    assert errors == ""


# What granian cannot listen on, it says on stderr.
IN_USE = [name for name in CANNOT_LOAD if not name.startswith("granian")]


@pytest.mark.parametrize("name", IN_USE)
def test_port_in_use(name: str, directory: Path) -> None:
    """That a port is in use is an ApplicationLog, and the server ends."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        output, errors = run_to_its_end(PROGRAMS[name].command, port, directory)
    lines = [line for line in decoded(output) if line.level in {"danger", "critical"}]
    assert "in use" in f"{lines[0].message}{lines[0].exception}".lower()
    assert errors == ""


RELOADERS = {
    "uvicorn": (UVICORN, ["--reload"], "watchfiles"),
    "gunicorn": ((*GUNICORN, "entry:wsgi"), ["--reload", "--workers=1"], None),
    "hypercorn": (HYPERCORN, ["--reload", "--workers=1"], None),
    "granian": (
        (*GRANIAN, "entry:app"),
        # It would watch the file of its lines as well, and reload for ever.
        ["--interface=asgi", "--reload", "--reload-ignore-patterns=stdout"],
        "watchfiles",
    ),
}


@pytest.mark.parametrize("name", RELOADERS)
def test_reload_of_changed_code(name: str, directory: Path) -> None:
    """A reload changes nothing: each line is JSON, the reloader's too.

    The lines go to a file in the folder that is watched, and none tells of that file's changes,
    which would change it again.
    """
    command, options, needs = RELOADERS[name]
    program = Program(command, "", None, None, needs)
    # Granian's reloader does not end where coverage has its handler of SIGTERM.
    unmeasured = {"COVERAGE_PROCESS_CONFIG": ""} if name == "granian" else {}
    with program.serve(directory, *options, environment=unmeasured) as server:
        first = server.ask("/", fresh_id()).body

        change_at = 0.0
        # Not often: granian waits for ever for a worker that it ends while that is starting.
        pause = PATIENCE / 4 if name == "granian" else 2

        def another() -> bool | None:
            nonlocal change_at
            # More than once: the reloader may have begun to watch only after the first time.
            if time.monotonic() > change_at:
                change_at = time.monotonic() + pause
                with (directory / "shop.py").open("a") as code:
                    code.write("# changed\n")
            try:
                return server.ask("/", fresh_id()).body != first or None
            except (OSError, http.client.HTTPException):
                return None

        until(another, "another process")
    decoded(server.output())
    assert server.errors() == ""
    assert "watchfiles.main" not in server.output()


@pytest.mark.parametrize("name", ["gunicorn", "daphne"])
def test_without_the_server(name: str) -> None:
    """Without the server of one of clew's modules, one sentence says how to get it."""
    told = run_without(name, f"clew.{name}")
    assert told == f"clew.{name} is for {name}: pip install {name}\n"
