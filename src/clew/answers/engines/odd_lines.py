"""The lines of a table's files that are no events as they are: read as what they are."""

from __future__ import annotations

from pathlib import Path

from clew.answers.errors import require
from clew.answers.sources.parser import Parser
from clew.answers.sources.shapes import count_shape

from . import blocks
from .look_ahead import MANY
from .table import Count, EventTable, foreign_keys, judge

with require("duckdb"):
    import duckdb


class OddLines:
    """Reads odd lines into *table*, by files in *folder*.

    ``count`` says how many lines there are, odd or not; those that a parser knows to be broken or
    foreign are counted by it.
    """

    def __init__(self, table: EventTable, folder: Path) -> None:
        self._table = table
        self._folder = folder
        self.count = Count()

    def find(
        self, path: Path, count: Count, parser: Parser, cursor: duckdb.DuckDBPyConnection
    ) -> None:
        """Count the lines of *path*, and read those that are no events as what they are."""
        self.count += Count(count.lines, count.odd)
        if not count.odd:
            return
        for piece in blocks.read_pieces(path):
            parser.parse(piece, strict=count.foreign > 0)
            if len(parser.lines) > MANY:
                self.take(parser, cursor)
        self.take(parser, cursor)

    def take(self, parser: Parser, cursor: duckdb.DuckDBPyConnection) -> None:
        """Read what *parser* made of odd lines, which count as broken until here."""
        odd, doubtful = parser.odd, parser.doubtful
        parser.odd, parser.doubtful = 0, []
        self.count += Count(-odd, -odd)
        if doubtful:
            path = self._write(doubtful)
            count = judge(path, cursor)
            # Those of them that are events the table has already.
            self.count += Count(count.lines, count.broken + count.events, count.foreign)
            _tell_shapes(count, path, parser, cursor)
        if parser.lines:
            path = self._write([parser.take()])
            count = self._table.add(path, cursor)
            self.count += count
            _tell_shapes(count, path, parser, cursor)

    def _write(self, lines: list[bytes]) -> Path:
        path = self._folder / "odd.ndjson"
        path.write_bytes(b"\n".join(lines))
        return path


def _tell_shapes(
    count: Count, path: Path, parser: Parser, cursor: duckdb.DuckDBPyConnection
) -> None:
    """Let *parser* know what the lines look like that the engine alone found to be foreign."""
    if count.foreign:
        for keys, lines in foreign_keys(path, cursor):
            count_shape(parser.shapes, keys, lines)
