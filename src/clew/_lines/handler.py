"""The handler that writes whole lines, also into pipes that several processes write to.

One write to a pipe is one piece up to PIPE_BUF bytes, 4,096 on Linux (POSIX, write()). A longer one
waits as soon as the pipe is full, and what others write meanwhile, short lines too, comes into its
midst; a socket cuts it as well. So the processes take turns, by a lock of the pipe itself, which
the kernel takes back from one that dies. A file needs none of this: there one write is one piece.

The lock costs about what writing a short line costs.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from contextlib import nullcontext
from io import TextIOWrapper
from select import select
from typing import TextIO

from clew._text import escaped, takes_utf8

if sys.platform != "win32":
    import fcntl


class LineHandler(logging.StreamHandler[TextIO]):
    """Write lines to a stream. What is set up by clew is known by this class."""

    # The stream that was looked at last, and the pipe behind it, if there is one.
    _seen: TextIO | None = None
    _pipe: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of *record*."""
        try:
            self._write(self.format(record))
        except Exception:
            self.handleError(record)

    def put(self, line: str, name: str, level: int, message: str) -> None:
        """Write *line*, of which there is no record: one of the logger *name*. Never raises."""
        with self.lock or nullcontext():
            try:
                self._write(line)
            except Exception:
                self.handleError(logging.LogRecord(name, level, "", 0, message, (), None))

    def _write(self, line: str) -> None:
        """Write *line*, whole and in one call, and flush it."""
        stream = self.stream
        if not line.isascii() and not takes_utf8(stream):
            line = escaped(line)
        if stream is not self._seen:
            self._seen, self._pipe = stream, pipe_of(stream)
        if self._pipe is not None:
            stream.flush()  # what others have written to it comes first
            write_whole(self._pipe, (line + self.terminator).encode(stream.encoding))
            return
        stream.write(line + self.terminator)
        if hasattr(stream, "flush"):
            stream.flush()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Say on stderr what failed, as the standard library does; never raise."""
        try:
            super().handleError(record)
        except Exception:  # stderr may be closed as well
            pass


def pipe_of(stream: object) -> int | None:
    """Return the descriptor of the pipe or socket that a plain *stream* writes to, if it does."""
    if sys.platform == "win32" or type(stream) is not TextIOWrapper:
        return None
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError):  # no file, or a closed one
        return None
    return descriptor if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def write_whole(pipe: int, line: bytes) -> None:
    """Write *line*, all of it, while no other process writes one."""
    locked = _lock(pipe)
    try:
        # A signal may end a write early; sys.stdout loses the rest under PYTHONUNBUFFERED.
        while line:
            try:
                line = line[os.write(pipe, line) :]
            except BlockingIOError:  # somebody made the pipe one that does not wait
                select((), (pipe,), ())
    finally:
        if locked:
            fcntl.lockf(pipe, fcntl.LOCK_UN, 1)


def _lock(pipe: int) -> bool:
    try:
        fcntl.lockf(pipe, fcntl.LOCK_EX, 1)
    except OSError:  # not every system can lock a pipe
        return False
    return True


def own_handlers(logger: logging.Logger = logging.root) -> list[LineHandler]:
    """Return the handlers of *logger* that clew has set up."""
    return [handler for handler in logger.handlers if isinstance(handler, LineHandler)]
