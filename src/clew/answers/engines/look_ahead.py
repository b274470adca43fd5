"""Looks for odd lines in a large file while DuckDB reads it."""

from __future__ import annotations

import threading
from itertools import islice
from pathlib import Path

from clew.answers.sources.parser import Parser

from .blocks import read_pieces

# So many lines that came out of others are kept in memory.
MANY = 100_000
# Pieces that tell how the rest of a file will be.
_FIRST = 128


def has_odd_lines(path: Path) -> bool:
    """Tell whether some of the first lines of *path* begin otherwise than clew's own."""
    parser = Parser()
    for piece in islice(read_pieces(path), _FIRST):
        parser.parse(piece)
    return parser.odd > 0


class LookAhead:
    """Parses the lines of a file in a thread, as far as what comes out stays in bounds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parser = Parser()
        self._whole = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for piece in read_pieces(self._path):
                self._parser.parse(piece)
                if len(self._parser.lines) + len(self._parser.doubtful) > MANY:
                    return
            self._whole = True
        except OSError:  # what is the matter is said when the file is read once more
            return

    def end(self) -> Parser | None:
        """Wait; return what was found, None where that was too much."""
        self._thread.join()
        return self._parser if self._whole else None
