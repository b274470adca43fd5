"""The lines of files into a table: where they lie, or in blocks, and out of what they stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from clew.answers.errors import require
from clew.answers.files import LogFile, LogFiles
from clew.answers.sources.form import Form
from clew.answers.sources.parser import Parser, is_plain
from clew.answers.sources.shapes import Shape, likeliest

from . import blocks
from .engine import Progress
from .look_ahead import LookAhead, has_odd_lines
from .odd_lines import OddLines
from .table import Count, EventTable

with require("duckdb"):
    import duckdb

# A larger file is read where it is, when nothing has to be done to it first.
_LARGE = 64 * 1024 * 1024


class FileReader:
    """Reads the lines of files into a table.

    ``count`` says how many there are, ``damage`` which files could be read only in part. Of
    *growing* files, an unfinished last line is kept for the next `read`. Only lines *containing*
    some bytes are read, where there are such. *form* is a home-made form. What is temporary lies in
    *folder*.
    """

    def __init__(
        self,
        names: Sequence[str],
        table: EventTable,
        folder: Path,
        *,
        growing: bool = False,
        containing: bytes = b"",
        form: Form | None = None,
    ) -> None:
        self._table = table
        self._folder = folder
        self._growing = growing
        self._containing = containing
        self._form = form
        self._files = LogFiles(names)
        self._odd = OddLines(table, folder)
        # Of lines that are none of clew's own: those between such, and those of whole files.
        self._parser = Parser()
        self._parsers: dict[LogFile | None, Parser] = {None: self._parser}
        self._begun: set[LogFile] = set()

    @property
    def count(self) -> Count:
        if self._containing:  # what else there is was not looked at
            return self._odd.count
        broken = sum(parser.broken for parser in self._parsers.values())
        foreign = sum(parser.foreign for parser in self._parsers.values())
        return self._odd.count + Count(broken + foreign, broken, foreign)

    @property
    def damage(self) -> list[str]:
        return self._files.damage

    @property
    def likeliest(self) -> str:
        """Return what most lines of another form look like; empty where there are none."""
        shapes = sum((each.shapes for each in self._parsers.values()), Counter[Shape]())
        return likeliest(shapes) if shapes else ""

    def read(
        self,
        cursor: duckdb.DuckDBPyConnection,
        progress: Progress | None,
        more_memory: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Read what the files have beyond the last call, odd lines with *more_memory*."""
        before = self._odd.count
        try:
            self._read(cursor, progress, more_memory)
        except BaseException:
            self._odd.count = before  # of what was read nothing is kept
            raise

    def _read(
        self,
        cursor: duckdb.DuckDBPyConnection,
        progress: Progress | None,
        more_memory: Callable[[], AbstractContextManager[None]],
    ) -> None:
        if self._growing:
            self._files.find_more()
        size = self._files.size
        large = [file for file in self._files if self._is_large(file)]
        rest = [file for file in self._files if file not in large]
        for file in large:
            count, found = self._read_large(file, cursor, progress, size)
            if count is None:
                rest.append(file)
                continue
            with more_memory():
                self._take_large(file, count, found, cursor)
            if progress is not None:
                progress(self._files.consumed, size)
        # In one transaction: each would write the table anew.
        cursor.begin()
        pieces = (piece for file in rest for piece in self._pieces(file))
        for block in blocks.prefetch(blocks.write_blocks(pieces, self._folder, "block")):
            with more_memory():
                self._odd.find(block, self._table.add(block, cursor), self._parser, cursor)
            block.unlink()
            if progress is not None:
                progress(self._files.consumed, size)
        with more_memory():
            if not self._growing:
                self._parser.end()
                self._odd.take(self._parser, cursor)
            cursor.commit()

    def _is_large(self, file: LogFile) -> bool:
        return (
            not (self._growing or self._containing or self._form)
            and file.size >= _LARGE
            and is_plain(file.head())
        )

    def _read_large(
        self,
        file: LogFile,
        cursor: duckdb.DuckDBPyConnection,
        progress: Progress | None,
        size: int,
    ) -> tuple[Count | None, Parser | None]:
        """Let DuckDB read *file* where it is; return what is in it, None where it could not.

        Beside it, what the odd lines in it are, where that is known.
        """
        done = self._files.consumed

        def poll() -> None:
            if progress is not None:
                share = max(0.0, cursor.query_progress()) / 100
                progress(done + int(share * file.size), size)

        path = Path(file.name)
        ahead = LookAhead(path) if has_odd_lines(path) else None
        try:
            with blocks.Polling(poll):
                count = self._table.add(path, cursor)
        except (duckdb.InvalidInputException, duckdb.OutOfMemoryException):
            # A line is longer than its buffers, which are larger than the longest, or has millions
            # of values.
            return None, None
        file.consumed = file.size
        return count, ahead.end() if ahead is not None else None

    def _take_large(
        self, file: LogFile, count: Count, found: Parser | None, cursor: duckdb.DuckDBPyConnection
    ) -> None:
        """Count the lines of *file*, and read those that are no events as what they are."""
        if found is None or count.foreign:
            found = Parser()
            self._odd.find(Path(file.name), count, found, cursor)
        else:
            self._odd.count += Count(count.lines, count.odd)
        self._parsers[file] = found
        found.end()
        self._odd.take(found, cursor)

    def _pieces(self, file: LogFile) -> Iterator[bytes]:
        """Yield the lines of *file*; of those that begin otherwise, what they are as clew's own."""
        parser = self._parsers.get(file)
        for piece in file.read(growing=self._growing):
            if parser is None and self._is_parsed(file, piece):
                parser = Parser(self._form, whole=True, needle=self._containing)
                self._parsers[file] = parser
            if parser is None:
                yield piece
            else:
                parser.parse(piece)
                yield parser.take()
        if parser is not None and not self._growing:
            parser.end()
            yield parser.take()

    def _is_parsed(self, file: LogFile, piece: bytes) -> bool:
        """Tell whether the lines of *file* are read before the engine has them."""
        if self._form is not None or self._containing:
            return True  # where bytes are looked for, they may stand in what a line is part of
        if file in self._begun or piece.isspace():
            return False
        self._begun.add(file)
        return not is_plain(piece)
