"""stdout or stderr, also where something stands in its place."""

from __future__ import annotations

import sys
from typing import TextIO

import msgspec

from .dropping import DroppingWriter
from .line_writer import LineWriter


class StandardStream:
    """Looks up the stream *name* of ``sys`` at each line: a test or a command may replace it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._line: bytes | None = None  # what is being written
        # The stream that hands what is written to logging, as Twisted's does.
        self._loop: object = None

    @property
    def stream(self) -> TextIO:
        """The stream that the next line goes to."""
        stream: TextIO = getattr(sys, self._name)
        return stream if self._loop is None or stream is not self._loop else self._original()

    def _original(self) -> TextIO:
        return getattr(sys, f"__{self._name}__")  # type: ignore[no-any-return]

    def write(self, writer: LineWriter | DroppingWriter, line: bytes) -> None:
        """Write *line* to what stands in its place; past it, where that logs what it gets."""
        if self._line is not None:
            self._loop = writer.stream
            if _escaped(self._line) not in line:  # a signal handler's, not the same again
                LineWriter(self._original()).write(line)
            return
        self._line = line
        try:
            writer.write(line)
        finally:
            self._line = None
        if self._loop is writer.stream:
            LineWriter(self._original()).write(line)


def _escaped(line: bytes) -> bytes:
    """Return *line* as it stands within a text in JSON."""
    return msgspec.json.encode(line.decode())[1:-1]
