"""Lines into a pipe or a socket whose reader may stop, which then holds up nobody.

A line is written at once where there is room for it. Where there is none it goes into a queue, of a
bounded size, that a thread empties; so does what comes behind it. What does not fit is lost and
counted, and the count is a line once there is room.

Nothing here waits for a lock: who writes holds a token, and there is one. The thread is one of the
system's, also where gevent has put greenlets in the place of threads.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO
from weakref import WeakSet

from clew._faults import Losses
from clew._threads import start_thread

from .line_writer import TAKEN, LineWriter

if sys.platform != "win32":
    import fcntl

_MOST_BYTES = 4 * 1024 * 1024
_ATTEMPTS = 20  # to get the lock that other processes write by
_PIPE_BUF = getattr(select, "PIPE_BUF", 512)  # a pipe takes so much whole or not at all
_PATIENCE = 5.0  # seconds without a line going out, after which the end does not wait for more


class DroppingWriter:
    """Writes lines by *writer* where its stream has room, and never waits for that.

    Args:
        writer: What writes to a pipe or a socket.
        losses: Counts what cannot be written at all.
        say: Returns the line that says how many lines were dropped.
    """

    def __init__(self, writer: LineWriter, losses: Losses, say: Callable[[int], bytes]) -> None:
        self._writer = writer
        self._losses = losses
        self._say = say
        self._lines: deque[bytes] = deque()
        self._rest = b""  # of a line that a socket took half of
        # Each is changed by one side alone.
        self._added = self._removed = 0
        self._dropped = self._said = 0
        self._token: deque[None] = deque((None,))
        _writers.add(self)

    @property
    def stream(self) -> TextIO:
        """The stream that lines go to."""
        return self._writer.stream

    @property
    def descriptor(self) -> int | None:
        """The descriptor of that stream."""
        return self._writer.descriptor

    def write(self, line: bytes) -> None:
        """Write *line*, now or as soon as there is room."""
        if not self._lines and not self._rest and self._take():
            try:
                done = self._try(line)
            finally:
                self._token.append(None)
            if done:
                if self._rest:  # a socket took half of it
                    self._empty_soon()
                return
        size = len(line) + 1
        if self._added - self._removed + size > _MOST_BYTES:
            self._dropped += 1
        else:
            self._added += size
            self._lines.append(line)
        self._empty_soon()

    def wait(self) -> None:
        """Wait until all is written, as long as anything is."""
        before, deadline = -1, 0.0
        while self._lines or self._rest or not self._token:
            if self._removed != before:
                before, deadline = self._removed, time.monotonic() + _PATIENCE
            elif time.monotonic() > deadline:
                left = len(self._lines) + self._dropped - self._said
                self._losses.add("nobody reads them", left)
                return
            time.sleep(0.002)

    def forget(self) -> None:
        """Forget what is queued and what was dropped: that is up to the parent of a fork."""
        self._lines.clear()
        self._rest, self._added, self._removed = b"", 0, 0
        self._dropped = self._said = 0
        self._token = deque((None,))

    def _take(self) -> bool:
        try:
            self._token.pop()
        except IndexError:
            return False
        return True

    def _try(self, line: bytes) -> bool:
        """Write *line* without waiting; tell whether that went."""
        descriptor = self._writer.descriptor
        data = line + b"\n"
        if descriptor is None or len(data) > _PIPE_BUF:
            return False
        is_locked = _lock(descriptor)
        if is_locked is None:
            return False
        try:
            self._rest = data[_send(descriptor, data) :]
        except (BlockingIOError, FileNotFoundError):  # no room, or no /proc
            return False
        finally:
            if is_locked:
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1)
        return True

    def _empty_soon(self) -> None:
        if self._take():
            start_thread(self._empty, "clew-lines")

    def _empty(self) -> None:
        """Write what is queued, and wait for the reader, which only this thread does."""
        while True:
            try:
                self._write_all()
            finally:
                self._token.append(None)
            if not (self._lines or self._rest) or not self._take():
                return

    def _write_all(self) -> None:
        if self._rest:
            rest, self._rest = self._rest, b""
            self._write(lambda: self._writer.write_rest(rest))
        while self._lines:
            line = self._lines[0]
            self._write(lambda: self._writer.write(line))  # noqa: B023 - at once
            self._removed += len(line) + 1
            self._lines.popleft()
        if dropped := self._dropped - self._said:
            self._said += dropped
            self._write(lambda: self._writer.write(self._say(dropped)))

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:
            self._losses.add(error)


_writers: WeakSet[DroppingWriter] = WeakSet()


def prepare_pools() -> None:
    """Let the processes of multiprocessing's pools wait for what is queued, before they end.

    They end without what is registered with atexit. What this imports is imported now: a thread may
    be forked in the midst of an import, whose lock nobody gives back then.
    """
    if sys.platform == "win32":  # there are no forks
        return
    from multiprocessing import util

    util.register_after_fork(_send, lambda _: util.Finalize(None, wait_for_all, exitpriority=10))


def wait_for_all() -> None:
    """Wait until what is queued is written, where a server is about to end the process."""
    for writer in list(_writers):
        writer.wait()


def _forget_all() -> None:
    for writer in list(_writers):
        writer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _send(descriptor: int, data: bytes) -> int:
    """Write *data* to a pipe or a socket without waiting; return how much of it was taken.

    Whether a write waits is up to the open file, which other processes share: a pipe is opened
    once more for it, and not kept open, so that who closes it has closed it; a socket is told.

    Raises:
        BlockingIOError: There is no room.
    """
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        taken = socket.socket(fileno=descriptor)
        try:
            return taken.send(data, socket.MSG_DONTWAIT)
        finally:
            taken.detach()
    own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.write(own, data)
    finally:
        os.close(own)


def _lock(descriptor: int) -> bool | None:
    """Lock the pipe; tell whether it is: a socket has no lock. None where another has it."""
    for _ in range(_ATTEMPTS):
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
            return True
        except OSError as error:
            if error.errno not in TAKEN:
                return False
            time.sleep(0)
    return None
