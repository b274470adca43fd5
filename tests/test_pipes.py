"""Lines of several processes in one pipe, one socket, one file: each is whole."""

from __future__ import annotations

import io
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "win32":
    import fcntl
    import termios

import clew
from clew._lines.entry import Entry
from clew._lines.handler import LineHandler
from clew._lines.line_writer import descriptor_of

from .conftest import parse_line
from .servers.server import PATIENCE, until

pytestmark = [
    pytest.mark.outside,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of pipes"),
]

LINES, LONG = 100, 65_536

WRITERS = f"""
import multiprocessing, os, subprocess, sys

def write(first):
    import clew
    clew.configure_logging()
    log = clew.get_logger("shop")
    for number in range(first, first + {LINES}):
        log.info("line", number=number, pad="x" * (100 if number % 4 else {LONG}))

def fork():
    for worker in range(4):
        if os.fork() == 0:
            write({LINES} * worker)
            os._exit(0)
    for worker in range(4):
        assert os.wait()[1] == 0

if __name__ == "__main__":
    if sys.argv[1] == "fork":
        import clew
        fork()
    elif sys.argv[1] == "write":
        write(int(sys.argv[2]))
        sys.exit()
    elif sys.argv[1] == "side by side":
        command = [sys.executable, __file__, "write"]
        for worker in [subprocess.Popen([*command, str({LINES} * n)]) for n in range(4)]:
            assert worker.wait() == 0
    else:
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=write, args=({LINES} * n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
    print("end of all")
"""


@contextmanager
def running(command: list[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program to its end; a test that fails does not wait for it."""
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
            process.wait(PATIENCE)
        except BaseException:
            process.kill()
            raise
    assert process.returncode == 0


def writers(
    directory: Path, how: str, stdout: int, unbuffered: bool
) -> AbstractContextManager[object]:
    script = directory / "writers.py"
    script.write_text(WRITERS)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1" if unbuffered else ""}
    return running([sys.executable, str(script), how], stdout=stdout, env=environment)


def wait_for_output(end: int) -> None:
    assert select.select([end], [], [], PATIENCE)[0], "waited in vain for output"


def read_slowly(end: int) -> bytes:
    """Read until all is written, so slowly that the writers have to wait."""
    parts = [b""]
    while not b"".join(parts[-2:]).endswith(b"end of all\n"):
        wait_for_output(end)
        parts.append(os.read(end, 65_536))
        assert parts[-1], "the writers have ended"
        time.sleep(0.0005)
    return b"".join(parts)


def check(written: bytes) -> None:
    *lines, end = written.decode().splitlines()
    numbers = Counter(parse_line(line)["number"] for line in lines)
    assert end == "end of all"
    assert numbers == Counter(range(4 * LINES))


@pytest.mark.parametrize(
    ("how", "kind", "unbuffered"),
    [
        *(("fork", "pipe", False), ("fork", "pipe", True), ("fork", "socket", True)),
        *(("spawn", "pipe", False), ("side by side", "pipe", True)),
        ("side by side", "socket", False),
    ],
)
def test_lines_in_one_pipe_are_whole(how: str, kind: str, unbuffered: bool, tmp_path: Path) -> None:
    """Four processes write lines of 64 KiB and short ones into one pipe: none is torn or lost."""
    if kind == "pipe":
        reader, writer = os.pipe()
    else:
        reader, writer = (end.detach() for end in socket.socketpair())
    with open(reader, "rb"), writers(tmp_path, how, writer, unbuffered):
        os.close(writer)
        check(read_slowly(reader))


@pytest.mark.parametrize(("how", "mode"), [("fork", "wb"), ("fork", "ab"), ("spawn", "wb")])
def test_lines_in_one_file_are_whole(how: str, mode: str, tmp_path: Path) -> None:
    """In one file too, opened to append or not."""
    path = tmp_path / "lines"
    with path.open(mode) as file, writers(tmp_path, how, file.fileno(), unbuffered=True):
        pass
    check(path.read_bytes())


INTERRUPTED = """
import signal, sys
import clew

clew.configure_logging()
signal.signal(signal.SIGUSR1, lambda *_: sys.stderr.write("interrupted\\n"))
log = clew.get_logger("shop")
for number in range(4):
    log.info("line", number=number, pad="x" * 60_000)
"""


def unread(end: int) -> int:
    """Return how many bytes a pipe holds."""
    return int.from_bytes(fcntl.ioctl(end, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_signal_does_not_cut_a_line() -> None:
    """A signal that comes while a long line waits for its reader costs nothing of it."""
    with running(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        end = process.stdout.fileno()
        until(lambda: unread(end) > 61_000 or None, "the second line to begin")
        process.send_signal(signal.SIGUSR1)
        wait_for_output(process.stderr.fileno())
        assert process.stderr.readline() == b"interrupted\n"
        lines = process.communicate(timeout=PATIENCE)[0].decode().splitlines()
    assert [parse_line(line)["number"] for line in lines] == [0, 1, 2, 3]


def test_a_pipe_that_does_not_wait(tmp_path: Path) -> None:
    """A line waits for its reader even where somebody made the pipe one that does not wait."""
    script = tmp_path / "script.py"
    script.write_text(f"import os\nos.set_blocking(1, False)\n{INTERRUPTED}")
    with running([sys.executable, str(script)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        end = process.stdout.fileno()
        until(lambda: unread(end) > 61_000 or None, "the pipe to be full")
        lines = process.communicate(timeout=PATIENCE)[0].decode().splitlines()
    assert [parse_line(line)["number"] for line in lines] == [0, 1, 2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_encoding_of_a_long_line(encoding: str) -> None:
    """A long line in a pipe is in the encoding of the stream, escaped where that lacks a letter."""
    script = "import clew; clew.configure_logging(); clew.get_logger().info('\\xe9' * 2000)"
    with running(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    ) as process:
        written = process.communicate(timeout=PATIENCE)[0].decode(encoding)
    assert parse_line(written)["message"] == "\xe9" * 2000


def test_what_counts_as_a_pipe(tmp_path: Path) -> None:
    """A pipe behind a plain stream does; a file, a closed stream and one in memory do not."""
    reader, writer = os.pipe()
    with open(reader) as end, open(writer, "w") as stream, open(tmp_path / "lines", "w") as file:
        assert descriptor_of(stream) == (writer, True)
        end.close()
        for other in (end, file, io.StringIO(), None):
            assert not descriptor_of(other)[1]


def test_another_stream() -> None:
    """A handler that gets a pipe in the place of another stream writes long lines to that."""
    handler = LineHandler(io.StringIO())
    handler.setFormatter(clew.JSONFormatter())
    handler.put(Entry(logging.INFO, "short", 0.0, ""))
    reader, writer = os.pipe()
    with open(reader) as end, open(writer, "w") as stream:
        handler.setStream(stream)
        handler.put(Entry(logging.INFO, "x" * 5000, 0.0, ""))
        wait_for_output(reader)
        assert parse_line(end.readline())["message"] == "x" * 5000


PAUSED = """
import os, sys
import clew
from clew._lines import line_writer

line_writer._PATIENCE = 0.2
clew.configure_logging()
for worker in range(2):
    if os.fork() == 0:
        for number in range(3):
            clew.get_logger("shop").info("line", pad="x" * 150_000)
        os._exit(0)
for worker in range(2):
    assert os.wait()[1] == 0
"""


def test_a_reader_that_pauses_gets_whole_lines() -> None:
    """While a pipe is full, nobody writes in the midst of another's line, however long it takes."""
    command = [sys.executable, "-c", PAUSED]
    with running(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        end = process.stdout.fileno()
        parts: list[bytes] = []
        while True:
            wait_for_output(end)
            time.sleep(0.25)  # the reader is slow: that is what is tested
            part = os.read(end, 200_000)
            if not part:
                break
            parts.append(part)
    lines = b"".join(parts).splitlines()
    assert [len(json.loads(line)["pad"]) for line in lines] == [150_000] * 6
