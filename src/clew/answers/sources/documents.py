"""JSON that goes over several lines: pretty-printed objects, and arrays of objects."""

from __future__ import annotations

import re

# More would take too much memory; an array's elements count one by one.
LONGEST_DOCUMENT = 64 * 1024 * 1024
_INDENT = re.compile(rb"[ \t]*")
_BEHIND = b" \t\r,"


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
        """Return the object, without a comma behind it."""
        return b"\n".join(self.lines).rstrip(b" \t\r\n,")


class Array:
    """Takes away the brackets and commas of an array whose elements have lines of their own."""

    def __init__(self) -> None:
        self._doubted = False
        self._open = False

    @property
    def is_open(self) -> bool:
        """Tell whether lines are elements now, or may be."""
        return self._open or self._doubted

    def element(self, line: bytes) -> tuple[bytes, bool]:
        """Return what of *line* is an element, and whether a bracket before it was none.

        A lone bracket opens an array only when an element follows that is not the last.
        """
        stripped = line.strip()
        if self._doubted:
            self._doubted = False
            self._open = stripped == b"{" or stripped.endswith(b"},")
            if not self._open:
                return line, True
        if self._open:
            if stripped == b"]":
                self._open = False
                return b"", False
            if stripped.endswith((b"}]", b"},")):
                self._open = stripped.endswith(b",")
                return line.rstrip()[:-1], False
        elif stripped == b"[":
            self._doubted = True
            return b"", False
        elif stripped.startswith(b"[{") and stripped.endswith(b"},"):
            self._open = True
            return stripped[1:-1], False
        return line, False

    def end(self) -> bool:
        """End the source; tell whether a bracket before was none."""
        doubted = self._doubted
        self._doubted = self._open = False
        return doubted
