"""Lines that wait in their context: written when it fails, else forgotten."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import RLock
from typing import Any

from ._faults import report_failure
from ._process import process

MOST_LINES = 200
MOST_BYTES = 64 * 1024

Write = Callable[[Any], object]


class Backlog:
    """The lines of one context that are not written yet, the oldest of which are dropped.

    Args:
        most_lines: How many are kept.
        most_bytes: How long all of them together may be, about.
        say_dropped: Called with how many were dropped, before the first that was not.
    """

    def __init__(
        self, most_lines: int, most_bytes: int, say_dropped: Callable[[int], object]
    ) -> None:
        self._lines: deque[tuple[Write, Any, int]] = deque()
        self._most_lines = most_lines
        self._most_bytes = most_bytes
        self._say_dropped = say_dropped
        self._size = self._dropped = 0
        self._process = process[0]
        # Reentrant: a signal's handler may log while this thread does.
        self._lock = RLock()

    def add(self, write: Write, line: object, size: int) -> None:
        """Keep *line*, of about *size* bytes, for which *write* is called if it is wanted."""
        lines = self._lines
        if size > self._most_bytes:  # it would cost all others
            self._dropped += 1
            return
        lines.append((write, line, size))
        self._size += size
        if self._size > self._most_bytes or len(lines) > self._most_lines:
            self._drop()

    def _drop(self) -> None:
        lines = self._lines
        with self._lock:
            while lines and (len(lines) > self._most_lines or self._size > self._most_bytes):
                self._size -= lines.popleft()[2]
                self._dropped += 1

    def release(self) -> None:
        """Write all that is kept, in its order, and forget it. Never raises."""
        with self._lock:
            lines, self._lines = self._lines, deque()
            dropped, self._size, self._dropped = self._dropped, 0, 0
        if self._process is not process[0]:  # a fork of it writes them
            return
        if dropped:
            self._try(self._say_dropped, dropped)
        for write, line, _ in lines:
            self._try(write, line)

    @staticmethod
    def _try(write: Write, line: object) -> None:
        try:
            write(line)
        except Exception:
            report_failure()
