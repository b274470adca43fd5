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
from io import BufferedWriter, FileIO, TextIOWrapper
from select import select
from typing import TYPE_CHECKING, TextIO

from clew._text import escaped, takes_utf8

from .entry import ContextFilter, Entry

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from .encoder import Encoder


class LineHandler(logging.StreamHandler[TextIO]):
    """Write lines to a stream. `configure_logging` finds its own handler by this class.

    An entry is written as it is where the formatter is clew's, without options of
    python-json-logger's, and no filter but a `ContextFilter` looks at records.
    """

    # The stream that was looked at last, and the descriptor to which its lines go straight.
    _seen: TextIO | None = None
    _descriptor: int | None = None
    _shared = False

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the line of *record*, unless a filter drops it; tell whether it was written."""
        encoder = self._direct_encoder()
        if encoder is None or type(self) is not LineHandler:
            return bool(super().handle(record))
        try:
            # The root logger's last handler is the last one to see a record; its dictionary would
            # grow by what nobody reads.
            last = logging.root.handlers[-1:] == [self]
            line = encoder.encode(Entry.of_record(record, last=last))
        except Exception:
            return bool(super().handle(record))
        self._put(line, record)
        return True

    def put(self, entry: Entry) -> bool:
        """Write the line of *entry*; return False where a record is needed for it."""
        encoder = self._direct_encoder()
        if encoder is None:
            return False
        self._put(encoder.encode(entry), entry)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of *record*."""
        try:
            self._write_text(self.format(record))
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        """Say on stderr what failed, as the standard library does; never raise."""
        try:
            super().handleError(record)
        except Exception:  # stderr may be closed as well
            pass

    def _direct_encoder(self) -> Encoder | None:
        """Return what encodes an entry for this handler; None where a record is needed."""
        filters = self.filters
        if filters and (len(filters) > 1 or type(filters[0]) is not ContextFilter):
            return None
        return getattr(self.formatter, "direct", None)

    def _put(self, line: bytes, source: Entry | logging.LogRecord) -> None:
        """Write *line*, in UTF-8, whole and in one call."""
        with self.lock or nullcontext():
            try:
                stream = self.stream
                if stream is not self._seen:
                    self._seen, (self._descriptor, self._shared) = stream, descriptor_of(stream)
                descriptor = self._descriptor
                if descriptor is None or not (line.isascii() or takes_utf8(stream)):
                    self._write_text(line.decode())
                    return
                stream.flush()  # what others have written to it comes first
                line += b"\n"
                if self._shared:
                    write_whole(descriptor, line, shared=True)
                elif (size := os.write(descriptor, line)) < len(line):
                    write_whole(descriptor, line[size:], shared=False)
            except Exception:
                if isinstance(source, Entry):
                    where = (source.logger, source.level, "", 0)
                    source = logging.LogRecord(*where, source.message, (), None)
                self.handleError(source)

    def _write_text(self, text: str) -> None:
        stream = self.stream
        if not text.isascii() and not takes_utf8(stream):
            text = escaped(text)
        descriptor, shared = descriptor_of(stream)
        if descriptor is not None and shared:
            stream.flush()
            write_whole(descriptor, (text + self.terminator).encode(stream.encoding), shared=True)
            return
        stream.write(text + self.terminator)
        if hasattr(stream, "flush"):
            stream.flush()


def descriptor_of(stream: object) -> tuple[int | None, bool]:
    """Return the descriptor that a plain text *stream* writes to, None where lines cannot go
    straight there; and whether it is a pipe or a socket, in which other processes may cut them.
    """
    if sys.platform == "win32" or type(stream) is not TextIOWrapper:
        return None, False
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
        plain = type(stream.buffer) in (BufferedWriter, FileIO)
    except (OSError, ValueError):  # no file, or a closed one
        return None, False
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return descriptor, True
    return (descriptor if plain and stat.S_ISREG(mode) and takes_utf8(stream) else None), False


def write_whole(descriptor: int, line: bytes, *, shared: bool) -> None:
    """Write *line*, all of it; where the descriptor is *shared*, while no other process does."""
    locked = shared and _lock(descriptor)
    try:
        # A signal may end a write early; sys.stdout loses the rest under PYTHONUNBUFFERED.
        while line:
            try:
                line = line[os.write(descriptor, line) :]
            except BlockingIOError:  # somebody made the pipe one that does not wait
                select((), (descriptor,), ())
    finally:
        if locked:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1)


def _lock(pipe: int) -> bool:
    try:
        fcntl.lockf(pipe, fcntl.LOCK_EX, 1)
    except OSError:  # not every system can lock a pipe
        return False
    return True


def own_handlers(logger: logging.Logger = logging.root) -> list[LineHandler]:
    """Return the handlers of *logger* that clew has set up."""
    return [handler for handler in logger.handlers if isinstance(handler, LineHandler)]
