"""Whole lines, whatever happens while they are written."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TextIO, cast

import pytest

from clew._lines import line_writer
from clew._lines.line_writer import LineWriter

from .conftest import run_unread


@pytest.fixture
def small_files() -> Any:
    """Let files grow to 100 bytes only, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_full_disk_holds_no_half_line(mode: str, tmp_path: Path, small_files: Any) -> None:
    """A line that does not fit is taken back, and the next one that does is whole."""
    path = tmp_path / "lines"
    with open(path, mode) as stream:
        writer = LineWriter(cast("TextIO", stream))
        small_files(100)
        writer.write(b"1" * 60)
        with pytest.raises(OSError, match="File too large"):
            writer.write(b"2" * 60)
        writer.write(b"3" * 20)
    assert path.read_bytes() == b"1" * 60 + b"\n" + b"3" * 20 + b"\n"


def test_half_lines_of_two_processes_are_taken_back(
    tmp_path: Path, small_files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line that comes as soon as another one is taken back can be taken back, too."""
    path, ftruncate = tmp_path / "lines", os.ftruncate
    with path.open("a") as stream:
        descriptor = stream.fileno()

        def truncate(_descriptor: int, size: int) -> None:
            ftruncate(descriptor, size)
            # What another process has of the same open file moves the position of both.
            assert os.write(descriptor, b"2" * 60) == 40

        writer = LineWriter(stream)
        small_files(100)
        writer.write(b"1" * 59)
        with monkeypatch.context() as patch:
            patch.setattr("os.ftruncate", truncate)
            with pytest.raises(OSError, match="File too large"):
                writer.write(b"3" * 60)
        assert line_writer._take_back(descriptor, 40)
    assert path.read_bytes() == b"1" * 59 + b"\n"


def test_a_torn_line_is_ended_before_the_next(tmp_path: Path, small_files: Any) -> None:
    """Where somebody has written behind half a line, it is ended before the next one."""
    path = tmp_path / "lines"
    with path.open("a") as stream:
        writer = LineWriter(stream)
        writer._is_torn = True
        os.write(stream.fileno(), b"half")
        writer.write(b"whole")
        writer.write(b"whole")
    assert path.read_bytes() == b"half\nwhole\nwhole\n"


HOLDER = """
import fcntl, sys
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX, 1)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_stopped_process_holds_up_nobody() -> None:
    """Where the lock of a pipe does not come, lines are written without it; only one waits."""
    reader, writer = os.pipe()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDER,
            str(writer),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[writer],
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with os.fdopen(writer, "w") as stream:
            lines = LineWriter(stream)
            for _ in range(100):
                lines.write(b"line")
            assert lines._waits_from > 0
            assert os.read(reader, 1000) == b"line\n" * 100
    finally:
        holder.kill()
        holder.communicate()
        os.close(reader)


def test_a_signal_handler_logs_while_a_long_line_is_written() -> None:
    """A line that a signal handler logs comes behind the long one that it interrupted."""
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    read = bytearray()
    with os.fdopen(writer, "w") as stream:
        lines = LineWriter(stream)
        before = signal.signal(signal.SIGUSR1, lambda *_: lines.write(b"interrupting"))

        def drain() -> None:
            read.extend(os.read(reader, 1))  # the pipe is full by now, as good as
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            while part := os.read(reader, 65_536):
                read.extend(part)

        thread = threading.Thread(target=drain)
        thread.start()
        try:
            lines.write(b"x" * (3 * size))
        finally:
            signal.signal(signal.SIGUSR1, before)
    thread.join(30)
    os.close(reader)
    assert bytes(read) == b"x" * (3 * size) + b"\ninterrupting\n"


def test_a_line_that_a_time_limit_cuts_is_ended_before_the_next() -> None:
    """Where the handler of a signal raises in the midst of a long line, that stays a line alone."""

    class TimeLimit(Exception):
        pass

    def on_signal(*_: object) -> None:
        raise TimeLimit

    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    read = bytearray()
    with os.fdopen(writer, "w") as stream:
        lines = LineWriter(stream)
        before = signal.signal(signal.SIGUSR1, on_signal)

        def drain() -> None:
            read.extend(os.read(reader, 1))  # the pipe is full by now, as good as
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            while part := os.read(reader, 65_536):
                read.extend(part)

        thread = threading.Thread(target=drain)
        thread.start()
        try:
            with pytest.raises(TimeLimit):
                lines.write(b"x" * (3 * size))
        finally:
            signal.signal(signal.SIGUSR1, before)
        lines.write(b"next")
        lines.write(b"last")
    thread.join(30)
    os.close(reader)
    cut, *whole = bytes(read).split(b"\n")
    assert 0 < len(cut) < 3 * size and set(cut) == {ord("x")}
    assert whole == [b"next", b"last", b""]


def test_a_pipe_that_another_fills_again_is_waited_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The room that was seen in a pipe that does not wait may be another process's by then."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    read = bytearray()
    write = os.write
    full = 0

    def fill() -> None:
        try:
            while True:
                write(writer, b"." * 4096)
        except BlockingIOError:
            pass

    def write_late(descriptor: int, text: bytes) -> int:
        nonlocal full
        if full < 2:
            fill()
        try:
            return write(descriptor, text)
        except BlockingIOError:
            full += 1
            read.extend(os.read(reader, 1 << 20))
            raise

    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(os, "write", write_late)
        LineWriter(stream).write(b"line")
        monkeypatch.undo()
    read.extend(os.read(reader, 1 << 20))
    os.close(reader)
    assert full == 2
    assert bytes(read).strip(b".") == b"line\n"


def test_a_pipe_that_does_not_wait_has_a_high_number() -> None:
    """A full pipe that does not wait is waited for, also above descriptor 1,023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2_000, hard), hard))
    reader, low = os.pipe()
    writer = fcntl.fcntl(low, fcntl.F_DUPFD, 1_100)
    os.close(low)
    os.set_blocking(writer, False)
    read = bytearray()

    def drain() -> None:
        while part := os.read(reader, 65_536):
            read.extend(part)

    try:
        with os.fdopen(writer, "w") as stream:
            thread = threading.Thread(target=drain)
            thread.start()
            LineWriter(stream).write(b"x" * 300_000)
        thread.join(30)
    finally:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(read) == 300_001


def test_what_may_only_write_to_streams_writes_to_the_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where blocking calls are forbidden to a coroutine, the line goes the stream's way."""

    def forbidden(*_: object) -> int:
        raise RuntimeError("Blocking call to os.write")

    path = tmp_path / "lines"
    with path.open("w") as stream:
        monkeypatch.setattr(os, "write", forbidden)
        LineWriter(stream).write(b"line")
        monkeypatch.undo()
    assert path.read_bytes() == b"line\n"


def test_a_stream_in_memory_gets_text() -> None:
    """A stream without a descriptor gets the line as text."""
    stream = io.StringIO()
    LineWriter(stream).write("naïve".encode())
    assert stream.getvalue() == "naïve\n"


def test_a_stream_need_only_take_text() -> None:
    """What stands in a stream's place, as an IDE's console, may have no way to flush."""

    class Console:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

    console = Console()
    LineWriter(cast("TextIO", console)).write(b"line")
    assert console.text == "line\n"


FULL = """
import os, resource, signal, sys, time
import clew
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
clew.configure_logging(stream=open(sys.argv[1], "w"))
log = clew.get_logger("shop")
for _ in range(2_000):
    log.info("lost")
print("served")
"""


def test_a_full_disk_leaves_one_line_on_stderr(tmp_path: Path) -> None:
    """Thousands of lines that cannot be written are said in one line."""
    printed, errors = run_unread(FULL, str(tmp_path / "lines"))
    assert printed == "served\n"
    assert errors.startswith("clew: lines cannot be written: ")
    assert errors.count("\n") == 1


def test_a_full_disk_and_a_stderr_that_nobody_reads_stop_nothing(tmp_path: Path) -> None:
    """Where stderr has no room left, lines that cannot be written hold up nothing."""
    assert run_unread(FULL, str(tmp_path / "lines"), full=True) == ("served\n", "")


def test_what_is_no_file_or_has_grown_is_left_as_it_is(tmp_path: Path) -> None:
    """Nothing is taken back off a pipe, off a file with more behind it, or off a closed one."""
    reader, writer = os.pipe()
    with open(reader), open(writer, "w"):
        assert not line_writer._take_back(writer, 1)
    assert not line_writer._take_back(writer, 1)
    with open(tmp_path / "lines", "w+") as file:
        file.write("12345")
        file.flush()
        os.lseek(file.fileno(), 2, os.SEEK_SET)
        assert not line_writer._take_back(file.fileno(), 1)
    assert (tmp_path / "lines").read_text() == "12345"


def test_a_pipe_that_cannot_be_locked_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system locks no pipes, a long line is written all the same."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "no locks here")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    reader, writer = os.pipe()
    with open(reader, "rb") as end, open(writer, "w") as stream:
        LineWriter(stream).write(b"x" * 5000)
        assert end.readline() == b"x" * 5000 + b"\n"
