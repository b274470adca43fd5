"""Whole lines to a stream, also into pipes that several processes write to.

One write to a pipe is one piece up to PIPE_BUF bytes, 4,096 on Linux (POSIX, write()). A longer one
waits as soon as the pipe is full, and what others write meanwhile, short lines too, comes into its
midst; a socket cuts it as well. So the processes take turns, by a lock of the pipe itself, which
the kernel takes back from one that dies. A file needs none of this: there one write is one piece.

The lock costs about what writing a short line costs. A process that is stopped while it holds the
lock holds up nobody: after some tenths of a second the others write without it, unless the pipe is
full, for whose reader all have to wait.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections import deque
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TextIO
from weakref import WeakSet

from clew._interruptions import raise_interruption
from clew._text import escaped, takes_utf8

if sys.platform != "win32":
    import fcntl
    import select

_PATIENCE = 0.3  # seconds that a line waits for the lock
_IMPATIENCE = 10.0  # seconds in which no other line waits for a lock that did not come
TAKEN = (errno.EACCES, errno.EAGAIN)


_writers: WeakSet[LineWriter] = WeakSet()


def _forget_all() -> None:
    for writer in list(_writers):
        writer.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


class LineWriter:
    """Writes lines to *stream*, each whole and flushed, or raises."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.descriptor, self.is_shared = descriptor_of(stream)
        self._is_torn = False  # half a line stands at the end
        self._is_writing = False
        self._interrupting: deque[bytes] = deque()
        self._waits_from = 0.0
        _writers.add(self)

    def forget(self) -> None:
        """Forget what another thread was just writing: this is a fork, which has no such thread."""
        self._is_writing = self._is_torn = False
        self._interrupting.clear()

    def write(self, line: bytes) -> None:
        """Write *line*, in UTF-8 and without its end."""
        if self._is_writing:  # a signal handler logs while this thread is writing
            self._interrupting.append(line)
            return
        stream, descriptor = self.stream, self.descriptor
        if descriptor is None or not (line.isascii() or takes_utf8(stream)):
            self._write_otherwise(line)
            return
        line += b"\n"
        self._is_writing = True
        try:
            stream.flush()  # what others have written to it comes first
            if self.is_shared or self._is_torn:
                self._write(descriptor, line)
            elif (size := os.write(descriptor, line)) < len(line):
                self._write(descriptor, line[size:], size)
            while self._interrupting:
                self._write(descriptor, self._interrupting.popleft() + b"\n")
        except OSError:
            raise
        except Exception:
            raise_interruption()
            # blockbuster lets a coroutine write to streams alone
            self._write_text(line[:-1].decode())
        finally:
            self._is_writing = False

    def write_rest(self, rest: bytes) -> None:
        """Write the *rest* of a line, of which something has been written already."""
        if self.descriptor is not None:
            self._write(self.descriptor, rest)

    def _write_otherwise(self, line: bytes) -> None:
        """Write *line* to a stream without a descriptor, or of another encoding than UTF-8."""
        stream, text = self.stream, line.decode()
        if not takes_utf8(stream):
            text = escaped(text)
        if self.descriptor is None or not self.is_shared:
            self._write_text(text)
            return
        stream.flush()
        self._write(self.descriptor, f"{text}\n".encode(stream.encoding))

    def _write_text(self, text: str) -> None:
        self.stream.write(text + "\n")
        if hasattr(self.stream, "flush"):
            self.stream.flush()

    def _write(self, descriptor: int, line: bytes, before: int = 0) -> None:
        """Write *line*, of which *before* bytes have been written already, in turn with others."""
        if self._is_torn:
            line = b"\n" + line
        is_locked = self.is_shared and self._lock(descriptor)
        sizes: list[int] = []
        try:
            # A signal may end a write early; sys.stdout loses the rest under PYTHONUNBUFFERED. What
            # its handler raises comes behind the statement, which is one call of C's: how much was
            # written is known by then.
            while (written := sum(sizes)) < len(line):
                sizes += map(os.write, (descriptor,), (line[written:],))
        except BlockingIOError:  # somebody made the pipe one that does not wait
            self._write_when_possible(descriptor, line[sum(sizes) :])
        except OSError:
            if written := sum(sizes) + before:
                self._is_torn = not _take_back(descriptor, written)
            raise
        except BaseException:
            self._is_torn = self._is_torn or 0 < sum(sizes) + before < len(line) + before
            raise
        finally:
            if is_locked:
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1)
        self._is_torn = False

    def _write_when_possible(self, descriptor: int, line: bytes) -> None:
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        while line:
            poll.poll()
            try:
                line = line[os.write(descriptor, line) :]
            except BlockingIOError:
                pass

    def _lock(self, descriptor: int) -> bool:
        """Lock the pipe; tell whether it could be: others may hold the lock, or it has none."""
        deadline, attempt = 0.0, 0
        while True:
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1)
                return True
            except OSError as error:
                if error.errno not in TAKEN:
                    return False  # not every system can lock a pipe
            now = time.monotonic()
            if not attempt:
                deadline = now + _PATIENCE if now >= self._waits_from else now
            if not _has_room(descriptor):
                deadline = now + _PATIENCE  # who holds the lock waits for the reader
            elif now >= deadline:
                self._waits_from = max(self._waits_from, now + _IMPATIENCE)
                return False
            time.sleep(0 if attempt < 50 else 0.000_5)
            attempt += 1


def _has_room(descriptor: int) -> bool:
    """Tell whether a pipe or a socket would take something at once."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


def _take_back(descriptor: int, size: int) -> bool:
    """Take the last *size* bytes off a file again, where nobody has written behind them."""
    try:
        status = os.fstat(descriptor)
        end = os.lseek(descriptor, 0, os.SEEK_CUR)
        if not stat.S_ISREG(status.st_mode) or status.st_size != end:
            return False
        os.ftruncate(descriptor, end - size)
        # Where writes go to the end by themselves, another process may have written by now: the
        # position is the end of its write, by which it takes back its own half line.
        if not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND:
            os.lseek(descriptor, end - size, os.SEEK_SET)
    except OSError:
        return False
    return True


def descriptor_of(stream: object) -> tuple[int | None, bool]:
    """Return the descriptor that a plain text *stream* writes to, None where lines cannot go
    straight there; and whether it is a pipe or a socket, in which other processes may cut them.
    """
    if sys.platform == "win32" or type(stream) is not TextIOWrapper:
        return None, False
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
        is_plain = type(stream.buffer) in (BufferedWriter, FileIO)
    except (OSError, ValueError):  # no file, or a closed one
        return None, False
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return descriptor, True
    is_direct = is_plain and stat.S_ISREG(mode) and takes_utf8(stream)
    return (descriptor if is_direct else None), False
