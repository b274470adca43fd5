"""JSON that goes over several lines: pretty-printed objects, and arrays of objects."""

from __future__ import annotations

import re
from enum import Enum, auto

# More would take too much memory; an array's elements count one by one.
LONGEST_DOCUMENT = 64 * 1024 * 1024
_INDENT = re.compile(rb"[ \t]*")
# A comma, and the end of the array that an object is in.
_BEHIND = b" \t\r\n,]"
# Spaces that an array's brackets and commas may have beside them.
_SPACES = re.compile(rb"(?<=^\[)\s+(?=\{)|(?<=\})\s+(?=[,\]]$)")


class Document:
    """Collects the lines of an object, from its opening bracket to the closing one below it."""

    def __init__(self, opening: bytes) -> None:
        self.lines = [opening]
        self._size = len(opening)
        self._indent = _INDENT.match(opening)[0]  # type: ignore[index]

    def add(self, line: bytes) -> bool:
        """Take in *line*; tell whether more is to come."""
        self.lines.append(line)
        self._size += len(line)
        return line.rstrip(_BEHIND) != self._indent + b"}" and self._size <= LONGEST_DOCUMENT

    def holds(self, line: bytes) -> bool:
        """Tell whether *line* is within, further to the right, or the end of it."""
        indent = _INDENT.match(line)[0]  # type: ignore[index]
        return len(indent) > len(self._indent) or line.rstrip(_BEHIND) == self._indent + b"}"

    @property
    def text(self) -> bytes:
        """Return the object, without a comma or a bracket behind it."""
        return b"\n".join(self.lines).rstrip(_BEHIND)


class _State(Enum):
    CLOSED = auto()
    BRACKET = auto()  # a lone one stands before, which opens an array where elements follow
    FIRST = auto()  # and behind it an element without a comma
    GLUED = auto()  # the line before begins with a bracket and an element, without a comma too
    OPEN = auto()


class Array:
    """Takes away the brackets and commas of an array whose elements have lines of their own.

    The commas may stand behind the elements, in front of them, or on lines of their own.
    """

    def __init__(self) -> None:
        self._state = _State.CLOSED

    @property
    def is_open(self) -> bool:
        """Tell whether lines are elements now, or may be."""
        return self._state is not _State.CLOSED

    def element(self, line: bytes) -> tuple[bytes, bool]:
        """Return what of *line* is an element, and whether a bracket before it was none.

        A lone bracket opens an array only when a second element follows, or its end.
        """
        stripped = _SPACES.sub(b"", line.strip())
        if self._state is _State.CLOSED:
            return self._begin(line, stripped), False
        if self._state is not _State.OPEN:
            is_none = self._state is not _State.GLUED
            self._state = self._next(stripped)
            if self._state is _State.CLOSED:
                return self._begin(line, stripped), is_none
            if self._state is _State.FIRST:
                return line, False
        return self._within(line, stripped), False

    def _next(self, stripped: bytes) -> _State:
        """Return what the beginning of an array turns out to be."""
        if stripped.startswith(b"{") and stripped.endswith((b"{", b"},")):
            return _State.CLOSED if self._state is _State.FIRST else _State.OPEN
        if self._state is _State.BRACKET:
            is_element = stripped.startswith(b"{") and stripped.endswith(b"}")
            return _State.FIRST if is_element else _State.CLOSED
        return _State.OPEN if stripped[:1] in {b",", b"]"} else _State.CLOSED

    def _begin(self, line: bytes, stripped: bytes) -> bytes:
        """Return what is an element of a line that may open an array."""
        if stripped == b"[":
            self._state = _State.BRACKET
            return b""
        if stripped.startswith(b"[{") and stripped.endswith((b"{", b"}", b"},")):
            self._state = _State.OPEN if stripped.endswith(b",") else _State.GLUED
            return stripped[1:].removesuffix(b",")
        return line

    def _within(self, line: bytes, stripped: bytes) -> bytes:
        """Return what is an element of a line in an array, with the space in front of it."""
        if stripped in {b"]", b","}:
            self._state = _State.OPEN if stripped == b"," else _State.CLOSED
            return b""
        if stripped.startswith(b","):
            line = line[: -len(line.lstrip())] + stripped[1:].lstrip()
        if stripped.endswith((b"}]", b"},")):
            self._state = _State.OPEN if stripped.endswith(b",") else _State.CLOSED
            return line.rstrip()[:-1]
        return line

    def end(self) -> bool:
        """End the array, or the source; tell whether a bracket before was none."""
        doubted = self._state is _State.BRACKET or self._state is _State.FIRST
        self._state = _State.CLOSED
        return doubted
