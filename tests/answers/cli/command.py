"""The command line, as tests run it: in this process, as a command, and on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from unittest.mock import patch

import pytest

from clew.__main__ import main
from clew.answers import QUESTIONS
from tests.answers.shop_lines import ORDER

CLEW = (sys.executable, "-m", "clew")
COMMANDS = ("ask", "check", "export", "forget", "load", "report", "schema", "serve", "timeline")


REQUIRED = {"status": "404", "action": "PURCHASE_COMPLETED", "value": "order-77", "request": ORDER}


def required(name: str) -> list[str]:
    """Return options for all that the question of that name needs."""
    return [part for key in QUESTIONS[name].requires for part in (f"--{key}", REQUIRED[key])]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object, columns: int = 100) -> Ended:
    """Run the command in this process, its output so many columns wide."""
    out, err = io.BytesIO(), io.BytesIO()
    stdout, stderr = io.TextIOWrapper(out, "utf-8"), io.TextIOWrapper(err, "utf-8")
    numbers = (signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    try:
        with (
            patch.object(sys, "argv", ["clew", *map(str, arguments)]),
            patch.dict(os.environ, COLUMNS=str(columns)),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            pytest.raises(SystemExit) as ended,
        ):
            main()
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)
    stdout.flush()
    stderr.flush()
    status = ended.value.code
    assert isinstance(status, int)
    return Ended(status, out.getvalue().decode(), err.getvalue().decode())


def run_process(*arguments: object, given: bytes = b"", **environment: str) -> Ended:
    """Run the command in a process of its own; PYTHONPATH comes before what there is."""
    if "PYTHONPATH" in environment:
        environment["PYTHONPATH"] += os.pathsep + os.environ.get("PYTHONPATH", "")
    done = subprocess.run(
        [*CLEW, *map(str, arguments)],
        input=given,
        capture_output=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "100", **environment},
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def on_terminal(*arguments: object, columns: int = 80, **environment: str) -> str:
    """Run the command with a terminal as its output; return what it wrote there, uncoloured."""
    return re.sub(r"\x1b\[[0-9;]*m", "", coloured(*arguments, columns=columns, **environment))


def coloured(*arguments: object, columns: int = 80, **environment: str) -> str:
    """Return what the command writes to a terminal."""
    status, written = _shown(*arguments, columns=columns, notes=False, **environment)
    assert status == 0
    return written


def said_on_terminal(*arguments: object) -> str:
    """Return what the command writes to a terminal and says there, uncoloured, however it ends."""
    _, written = _shown(*arguments, columns=200, notes=True, NO_COLOR="1", TERM="dumb")
    assert "Traceback (most recent call last)" not in written
    return written


def _shown(*arguments: object, columns: int, notes: bool, **environment: str) -> tuple[int, str]:
    """Run the command on a terminal, its stderr too with *notes*; return how it ended, and all."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "CI")}
    process = subprocess.Popen(
        [*CLEW, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs if notes else subprocess.DEVNULL,
        env={**inherited, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    written = b""
    try:
        while piece := _read(ours):
            written += piece
        status = process.wait(60)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return status, written.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # its other end was closed
        return b""
