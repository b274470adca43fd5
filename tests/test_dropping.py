"""With when_blocked="drop", a reader that stopped holds up nobody."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import pytest

import clew
from clew._faults import Losses
from clew._lines import dropping
from clew._lines.dropping import DroppingWriter, wait_for_all
from clew._lines.line_writer import LineWriter
from tests.conftest import parse_line
from tests.servers.server import PATIENCE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of pipes")

log = clew.get_logger("shop")


@contextmanager
def reader_and_stream(kind: str) -> Iterator[tuple[int, TextIO]]:
    """Open a pipe or a pair of sockets; give the reader's descriptor, and the writer's stream."""
    if kind == "pipe":
        reader, writer = os.pipe()
    else:
        ours, theirs = socket.socketpair()
        reader, writer = ours.detach(), theirs.detach()
    stream = open(writer, "w", encoding="utf-8")  # noqa: SIM115 - a test may close it
    try:
        yield reader, stream
    finally:
        clew.configure_logging(stream=sys.stderr)
        try:
            stream.close()
        finally:
            os.close(reader)


def read_all(reader: int, texts: list[bytes]) -> threading.Thread:
    """Read in a thread, from now on, until the writer closes."""

    def read() -> None:
        while piece := os.read(reader, 65_536):
            texts.append(piece)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_does_not_fit_is_counted(kind: str, restored_logging: None) -> None:
    """Nobody waits for the reader, lines stay whole and in order, and one says how many went."""
    texts: list[bytes] = []
    with reader_and_stream(kind) as (reader, stream):
        clew.configure_logging(stream=stream, when_blocked="drop")
        begun = time.monotonic()
        for number in range(8_000):
            log.info("line", number=number, pad="x" * (1_000 if number % 100 else 9_000))
        assert time.monotonic() - begun < PATIENCE
        thread = read_all(reader, texts)
        clew._lines.handler.own_handlers()[0].flush()
        log.info("behind it", number=8_000)
        stream.close()
        thread.join(PATIENCE)
    lines = [parse_line(line.decode()) for line in b"".join(texts).splitlines()]
    (dropped,) = [line for line in lines if "dropped" in line]
    numbers = [line["number"] for line in lines if "number" in line]
    assert dropped["message"] == f"Lines dropped while nobody read them: {dropped['dropped']}"
    assert (dropped["level"], len(numbers)) == ("warning", 8_001 - dropped["dropped"])
    assert numbers == sorted(numbers) and numbers[-1] == 8_000
    assert len(numbers) > 3_000


def test_where_there_is_room_lines_go_straight(restored_logging: None) -> None:
    """While somebody reads, short and long lines are there at once, and no thread is left."""
    texts: list[bytes] = []
    with reader_and_stream("pipe") as (reader, stream):
        clew.configure_logging(stream=stream, when_blocked="drop")
        log.info("first")
        assert b"first" in os.read(reader, 65_536)
        thread = read_all(reader, texts)
        for number in range(200):
            log.info("line", number=number, pad="x" * (10 if number % 2 else 20_000))
        clew._lines.handler.own_handlers()[0].flush()
        stream.close()
        thread.join(PATIENCE)
    lines = [parse_line(line.decode()) for line in b"".join(texts).splitlines()]
    assert [line["number"] for line in lines] == list(range(200))
    assert not any(one.name == "clew-lines" for one in threading.enumerate())


def test_a_reader_that_is_gone_is_said_on_stderr(
    restored_logging: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that nobody will ever read are counted, and nothing waits for them."""
    monkeypatch.setattr(dropping, "_PATIENCE", 0.05)
    with reader_and_stream("pipe") as (reader, stream):
        clew.configure_logging(stream=stream, when_blocked="drop")
        for number in range(1_000):
            log.info("line", number=number, pad="x" * 1_000)
        handler = clew._lines.handler.own_handlers()[0]
        handler.flush()
        assert "nobody reads them" in capsys.readouterr().err
        os.dup2(os.open(os.devnull, os.O_RDONLY), reader)  # the last reader of the pipe
        handler.flush()
        log.info("behind it")
        handler.flush()


def test_a_fork_leaves_the_queue_to_its_parent(restored_logging: None) -> None:
    """What is queued is written once, by the process that said it."""
    texts: list[bytes] = []
    with reader_and_stream("pipe") as (reader, stream):
        clew.configure_logging(stream=stream, when_blocked="drop")
        for number in range(200):
            log.info("line", number=number, pad="x" * 1_000)
        child = os.fork()
        if child == 0:
            log.info("the child's", number=-1)
            clew._lines.handler.own_handlers()[0].flush()
            os._exit(0)
        thread = read_all(reader, texts)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        clew._lines.handler.own_handlers()[0].flush()
        stream.close()
        thread.join(PATIENCE)
    numbers = [parse_line(line.decode())["number"] for line in b"".join(texts).splitlines()]
    assert sorted(numbers) == list(range(-1, 200))


def test_a_fork_leaves_the_count_of_what_was_dropped_to_its_parent(restored_logging: None) -> None:
    """What did not fit before the fork is said once, by the process that dropped it."""
    texts: list[bytes] = []
    with reader_and_stream("pipe") as (reader, stream):
        clew.configure_logging(stream=stream, when_blocked="drop")
        for number in range(500):
            log.info("line", number=number, pad="x" * 10_000)
        child = os.fork()
        if child == 0:
            log.info("the child's")
            clew._lines.handler.own_handlers()[0].flush()
            os._exit(0)
        thread = read_all(reader, texts)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        clew._lines.handler.own_handlers()[0].flush()
        stream.close()
        thread.join(PATIENCE)
    lines = [parse_line(line.decode()) for line in b"".join(texts).splitlines()]
    written = sum(line["message"] == "line" for line in lines)
    assert [line["dropped"] for line in lines if "dropped" in line] == [500 - written]
    assert [line["message"] for line in lines].count("the child's") == 1


PROGRAM = """
import sys
if sys.argv[1] == "gevent":
    import gevent.monkey
    gevent.monkey.patch_all()
import clew
clew.configure_logging(when_blocked="drop")
log = clew.get_logger("shop")
for number in range(1_000):
    log.info("line", number=number, pad="x" * 1_000)
print("said", file=sys.stderr, flush=True)
"""


@pytest.mark.outside
@pytest.mark.parametrize("kind", ["threads", "gevent"])
def test_nothing_is_lost_at_a_clean_stop(kind: str) -> None:
    """A process that ends while nobody reads waits for the reader, and all is written."""
    command: list[Any] = [sys.executable, "-c", PROGRAM, kind]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stderr is not None and process.stdout is not None
            assert process.stderr.readline() == b"said\n"
            lines = process.stdout.read().splitlines()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
    assert [parse_line(line.decode())["number"] for line in lines] == list(range(1_000))


def writer_to(stream: TextIO) -> DroppingWriter:
    """Return a writer to *stream* that says how many lines it dropped."""
    return DroppingWriter(LineWriter(stream), Losses("Lines"), b"dropped %d".__mod__)


def test_half_a_line_that_a_socket_took_is_ended() -> None:
    """A socket of the network may take a part of a line: the rest follows, before the next."""
    texts: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10_000)
    lines = [b"%03d" % number + b"x" * 4_000 for number in range(900)]
    with open(ours.detach(), "w", encoding="utf-8") as stream:
        writer = writer_to(stream)
        for line in lines:
            writer.write(line)
            if writer._rest or writer._lines:
                break
        wanted = lines[: lines.index(line) + 1]
        thread = read_all(theirs.fileno(), texts)
        writer.wait()
    thread.join(PATIENCE)
    theirs.close()
    assert b"".join(texts).splitlines() == wanted
    assert len(wanted) < len(lines)


def test_a_lock_that_another_process_has_holds_up_nobody() -> None:
    """While somebody else holds the pipe's lock, lines are queued, and are written all the same."""
    from tests.test_line_writer import HOLDER

    reader, end = os.pipe()
    command = [sys.executable, "-c", HOLDER, str(end)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, pass_fds=[end], **pipes) as holder:
        try:
            assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
            with open(end, "w", encoding="utf-8") as stream:
                writer = writer_to(stream)
                writer.write(b"first")
                assert list(writer._lines) == [b"first"]
                writer.write(b"second")
                writer.wait()
                assert os.read(reader, 100) == b"first\nsecond\n"
        finally:
            holder.kill()
            os.close(reader)


def test_where_nothing_can_be_locked_lines_go_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without locks of pipes has its lines at once."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "no locks here")

    monkeypatch.setattr("fcntl.lockf", refuse)
    reader, end = os.pipe()
    with open(reader, "rb") as read, open(end, "w", encoding="utf-8") as stream:
        writer = writer_to(stream)
        writer.write(b"line")
        assert not writer._lines
        assert read.readline() == b"line\n"


def test_a_line_that_comes_while_drops_are_said_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is queued when the thread is as good as done is not left lying until the next line."""
    monkeypatch.setattr(dropping, "_MOST_BYTES", 5_000)
    reader, end = os.pipe()
    with open(reader, "rb") as read, open(end, "w", encoding="utf-8") as stream:

        def say(count: int) -> bytes:
            writer.write(b"behind")
            return b"dropped %d" % count

        writer = DroppingWriter(LineWriter(stream), Losses("Lines"), say)
        writer.write(b"x" * 5_000)  # too long to go straight, and for the queue
        writer.wait()
        assert [read.readline() for _ in range(2)] == [b"dropped 1\n", b"behind\n"]


def test_all_writers_are_waited_for() -> None:
    """Before a server ends its process, what is queued for each stream has its time to go out."""
    texts: list[list[bytes]] = [[], []]
    threads = []
    with reader_and_stream("pipe") as (one, first), reader_and_stream("pipe") as (two, second):
        writers = [writer_to(first), writer_to(second)]
        for writer in writers:
            for _ in range(40):
                writer.write(b"x" * 5_000)
        assert all(writer._lines for writer in writers)
        threads = [read_all(reader, into) for reader, into in zip((one, two), texts, strict=True)]
        wait_for_all()
        assert not any(writer._lines for writer in writers)
        first.close()
        second.close()
        for thread in threads:
            thread.join(PATIENCE)
    assert [b"".join(text) for text in texts] == [(b"x" * 5_000 + b"\n") * 40] * 2
