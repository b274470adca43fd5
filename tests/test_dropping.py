"""With when_blocked="drop", a reader that stopped holds up nobody."""

from __future__ import annotations

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
from clew._lines import dropping
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
