"""The handler that writes lines, and when it is given one without a record."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import TextIO

from ._capture import ContextFilter
from ._delivery import is_plain
from ._formatters import JSONFormatter
from ._pipes import pipe_of, write_whole


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


def lone_handler(logger: logging.Logger, level: int) -> tuple[LineHandler, JSONFormatter] | None:
    """Return clew's own handler and formatter where nobody else would see a record of *logger*.

    The line is the same with a record or without. Where a user's handler, filter, formatter,
    record factory or patch would see the record, this returns None, and a record is made.
    """
    if logger.filters or logger.disabled or not is_plain(logger):
        return None
    found: logging.Handler | None = None
    parent: logging.Logger | None = logger
    while parent is not None:
        if handlers := parent.handlers:
            if found is not None or len(handlers) > 1:
                return None
            found = handlers[0]
        parent = parent.parent if parent.propagate else None
    if type(found) is not LineHandler or level < found.level:
        return None
    formatter = found.formatter
    if type(formatter) is not JSONFormatter or not formatter.plain:
        return None
    for entry in found.filters:
        if type(entry) is not ContextFilter:
            return None
    return found, formatter


def takes_utf8(stream: object) -> bool:
    """Tell whether *stream* takes lines as they are, in UTF-8."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower()
    return encoding.replace("_", "-") in ("utf-8", "utf8")


def escaped(line: str) -> str:
    """Return *line* in ASCII: all that it can be in a stream of another encoding."""
    return "".join(_escaped(letter) for letter in line)


def _escaped(letter: str) -> str:
    """Return *letter* as JSON escapes it (RFC 8259, section 7), when it is not ASCII."""
    if letter.isascii():
        return letter
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
