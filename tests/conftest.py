"""What the tests share: the lines that were logged, and a logging module left as it was."""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn
from wsgiref.util import setup_testing_defaults

import pytest
from _pytest.logging import LogCaptureHandler

import clew
import clew.wsgi
from clew import _faults
from clew._lines.handler import LineHandler
from clew._lines.keeping import dispatch
from clew._lines.uncaught import hooks

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

if sys.platform == "win32":
    # What is about forks, terminals, signals, and what a process uses, of POSIX systems.
    collect_ignore = [
        *("answers/cli", "benchmarks", "test_fork.py", "test_interruptions.py"),
        "test_line_writer.py",
    ]

# A shell's background jobs ignore it, and so would the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Lines:
    """The lines that the root logger's handler wrote so far.

    ``lines()`` gives all as dictionaries, ``lines.http()`` those of requests, ``lines.raw()``
    the text. ``lines.clear()`` forgets them. ``lines.configure(...)`` sets up logging anew, with
    other options of `clew.configure_logging`.
    """

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def __call__(self) -> list[dict[str, Any]]:
        # JSON does not escape U+2028, at which splitlines() would part.
        return [parse_line(line) for line in self.raw().split("\n") if line]

    def http(self) -> list[dict[str, Any]]:
        return [line for line in self() if "request" in line]

    def raw(self) -> str:
        text = self.stream.getvalue()
        text.encode()  # a lone surrogate is no UTF-8
        return text

    def clear(self) -> None:
        self.stream.seek(0)
        self.stream.truncate()

    def configure(self, **options: Any) -> None:
        clew.configure_logging(stream=self.stream, **options)


def parse_line(line: str) -> dict[str, Any]:
    """Return one line as a dictionary; fails where it is not strictly one JSON object."""
    parsed = json.loads(line, parse_constant=_refuse)
    assert isinstance(parsed, dict), line
    return parsed


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.fixture(autouse=True)
def _faults_unsaid() -> None:
    """Let each test see what is said of a fault, which is said once a minute."""
    _faults._next_report.clear()
    _faults._unsaid.clear()


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Put the logging module back as it was: all loggers, the record factory, the switches."""
    manager = logging.root.manager
    before = {logger: _state(logger) for logger in _loggers()}
    switches = (logging.raiseExceptions, logging.lastResort, manager.disable)
    factory, kind = logging.getLogRecordFactory(), logging.getLoggerClass()
    yield
    for logger in _loggers():
        handlers, filters, level, propagate, disabled = before.get(logger, ([], [], 0, True, False))
        for handler in logger.handlers[:]:
            if handler not in handlers and not isinstance(handler, LogCaptureHandler):
                logger.removeHandler(handler)
        for handler in handlers:
            # Pytest's own handlers change from a test's setup to its teardown.
            if handler not in logger.handlers and not isinstance(handler, LogCaptureHandler):
                logger.addHandler(handler)
        logger.filters[:] = filters
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled
    logging.raiseExceptions, logging.lastResort, manager.disable = switches
    logging.setLogRecordFactory(factory)
    logging.setLoggerClass(kind)
    hooks.uninstall()
    dispatch.stop()


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(entry for entry in known if isinstance(entry, logging.Logger))]


def _state(
    logger: logging.Logger,
) -> tuple[list[logging.Handler], list[Any], int, bool, bool]:
    return (
        logger.handlers[:],
        logger.filters[:],
        logger.level,
        logger.propagate,
        logger.disabled,
    )


@pytest.fixture
def lines(restored_logging: None) -> Lines:
    """Write every line into memory, as ``clew.configure_logging(stream=...)`` does.

    Pytest's own handlers stand beside clew's, as those of an error tracker would.
    """
    written = Lines()
    written.configure()
    return written


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Leave clew's handler alone on the root logger where the mark ``alone`` says so."""
    if item.get_closest_marker("alone"):
        root = logging.root
        root.handlers[:] = [one for one in root.handlers if isinstance(one, LineHandler)]
    yield


@pytest.fixture(params=["beside another", pytest.param("alone", marks=pytest.mark.alone)])
def both_ways() -> None:
    """Test once beside somebody for whom records are made, and once with clew's handler alone."""


def without_capture() -> None:
    """Take pytest's own handlers off the root logger for the rest of a test.

    What they capture goes into the test's report, and a report with a lone surrogate in it
    cannot be sent from a worker process of pytest-xdist.
    """
    for handler in logging.root.handlers[:]:
        if isinstance(handler, LogCaptureHandler):
            logging.root.removeHandler(handler)


@pytest.fixture
def few_objects() -> Iterator[None]:
    """Let collections, of which each goes through all objects, go through a test's own alone."""
    gc.freeze()
    yield
    gc.unfreeze()


class Raising(logging.Handler):
    """A handler of a user's that raises."""

    def handle(self, record: logging.LogRecord) -> bool:
        raise RuntimeError("the disk is full")


def serve(
    work: Callable[[], object], /, *, environ: dict[str, Any] | None = None, **options: Any
) -> None:
    """Do *work* while one request is handled, by an application that answers 200."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        work()
        start_response("200 OK", [])
        return []

    environ = dict(environ or {})
    setup_testing_defaults(environ)
    body = clew.wsgi.RequestIDMiddleware(application, **options)(environ, lambda *_: lambda _: None)
    list(body)
    close = getattr(body, "close", None)
    if close is not None:
        close()


def run_fresh(
    script: str, *arguments: str, timeout: float = 60, code: int = 0, errors: str | None = None
) -> str:
    """Run *script* in a fresh interpreter, warnings being errors; return what it printed.

    It must exit with *code*; *errors*, where given, is in what it writes on stderr, or, empty, all.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == code, done.stderr
    if errors is not None:
        assert errors in done.stderr if errors else not done.stderr, done.stderr
    return done.stdout


def run_unread(script: str, *arguments: str, full: bool = False) -> tuple[str, str]:
    """Run *script* as `run_fresh` does, while nobody reads its stderr, a pipe with no room in it
    where it is *full*; return what it printed, and what it left on stderr. It may not hang.

    Its coverage is not measured: that complains on stderr, too, where the disk is full.
    """
    environment = {key: value for key, value in os.environ.items() if "COV" not in key}
    reader, writer = os.pipe()
    with open(reader, "rb", closefd=True) as unread, open(writer, "wb", buffering=0) as stderr:
        os.set_blocking(writer, False)
        filled = 0
        while full:
            size = stderr.write(bytes(4096))
            if size is None:
                break
            filled += size
        os.set_blocking(writer, True)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script, *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            check=False,
            timeout=30,
        )
        stderr.close()
        left = unread.read()[filled:].decode()
    assert done.returncode == 0, left
    return done.stdout.decode(), left


def run_without(package: str, module: str, *others: str) -> str:
    """Import *module* where *package* and *others* are not installed; return what its ImportError
    says.
    """
    return run_fresh(
        f"""
import sys
sys.modules.update(dict.fromkeys({(package, *others)!r}))
try:
    import {module}
except ImportError as error:
    print(error)
"""
    )
