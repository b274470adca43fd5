"""The lines of files into a table: where they lie, or in blocks, and out of what they stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from clew.answers.errors import AnswerError, require
from clew.answers.files import LOG_SUFFIXES, LogFile, find
from clew.answers.sources.form import Form
from clew.answers.sources.parser import Parser, is_plain, likeliest

from . import blocks
from .engine import Progress
from .look_ahead import MANY, LookAhead, has_odd_lines
from .table import Count, EventTable, judge

with require("duckdb"):
    import duckdb

# A larger file is read where it is, when nothing has to be done to it first.
_LARGE = 64 * 1024 * 1024
_LARGE_PIECE = 1024 * 1024


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
        self._names = names
        self._table = table
        self._folder = folder
        self._growing = growing
        self._containing = containing
        self._form = form
        self._files = [LogFile(name) for name in find(names)]
        # Of lines that are none of clew's own: those between such, and those of whole files.
        self._parser = Parser()
        self._parsers: dict[LogFile, Parser] = {}
        self._begun: set[LogFile] = set()
        self._count = Count()

    @property
    def count(self) -> Count:
        if self._containing:  # what else there is was not looked at
            return self._count
        broken = sum(parser.broken for parser in self._all_parsers)
        foreign = sum(parser.foreign for parser in self._all_parsers)
        return self._count + Count(broken + foreign, broken, foreign)

    @property
    def _all_parsers(self) -> list[Parser]:
        return [self._parser, *self._parsers.values()]

    @property
    def damage(self) -> list[str]:
        return [file.damage for file in self._files if file.damage]

    @property
    def likeliest(self) -> str:
        """Return what most lines of another form look like; empty where there are none."""
        shapes = sum((each.shapes for each in self._all_parsers), Counter[tuple[str, ...]]())
        return likeliest(shapes) if shapes else ""

    def read(
        self,
        cursor: duckdb.DuckDBPyConnection,
        progress: Progress | None,
        tidy: Callable[[], object],
    ) -> None:
        """Read what the files have beyond the last call; *tidy* is called before each block."""
        before = self._count
        try:
            self._read(cursor, progress, tidy)
        except BaseException:
            self._count = before  # of what was read nothing is kept
            raise

    def _read(
        self,
        cursor: duckdb.DuckDBPyConnection,
        progress: Progress | None,
        tidy: Callable[[], object],
    ) -> None:
        if self._growing:
            self._find_files()
        size = sum(file.size for file in self._files)
        large = [file for file in self._files if self._is_large(file)]
        rest = [file for file in self._files if file not in large]
        for file in large:
            tidy()
            done = sum(each.consumed for each in self._files)
            if not self._read_large(file, cursor, progress, done, size):
                rest.append(file)
        # In one transaction: each would write the table anew.
        cursor.begin()
        pieces = (piece for file in rest for piece in self._pieces(file))
        for block in blocks.prefetch(blocks.write_blocks(pieces, self._folder, "block")):
            tidy()
            self._convert(block, cursor)
            block.unlink()
            if progress is not None:
                progress(sum(file.consumed for file in self._files), size)
        if not self._growing:
            self._parser.end()
            self._take_odd(self._parser, cursor)
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
        done: int,
        size: int,
    ) -> bool:
        """Let DuckDB read *file* where it is; tell whether it could."""

        def poll() -> None:
            if progress is not None:
                share = max(0.0, cursor.query_progress()) / 100
                progress(done + int(share * file.size), size)

        path = Path(file.name)
        ahead = LookAhead(path) if has_odd_lines(path) else None
        try:
            with blocks.Polling(poll):
                count = self._table.add(path, cursor)
        except duckdb.InvalidInputException:
            return False  # a line is longer than its buffers, which are larger than the longest
        finally:
            found = ahead.end() if ahead is not None else None
        file.consumed = file.size
        if found is None or count.foreign:
            self._parsers[file] = found = Parser()
            self._find_odd(path, count, found, cursor)
        else:
            self._parsers[file] = found
            self._count += Count(count.lines, count.odd)
        found.end()
        self._take_odd(found, cursor)
        if progress is not None:
            progress(done + file.size, size)
        return True

    def _pieces(self, file: LogFile) -> Iterator[bytes]:
        """Yield the lines of *file*; of those that begin otherwise, what they are as clew's own."""
        needle = self._containing
        parser = self._parsers.get(file)
        for piece in file.read(growing=self._growing, size=_LARGE_PIECE if needle else None):
            if parser is None and (self._form is not None or self._begins_otherwise(file, piece)):
                parser = self._parsers[file] = Parser(self._form, whole=True)
            if parser is not None:
                parser.parse(piece)
                yield _containing(parser.take(), needle)
            elif not needle or needle in piece:
                yield _containing(piece, needle)
        if parser is not None and not self._growing:
            parser.end()
            yield _containing(parser.take(), needle)

    def _begins_otherwise(self, file: LogFile, piece: bytes) -> bool:
        begins = file not in self._begun and not piece.isspace()
        if begins:
            self._begun.add(file)
        return begins and not is_plain(piece)

    def _convert(self, block: Path, cursor: duckdb.DuckDBPyConnection) -> None:
        self._find_odd(block, self._table.add(block, cursor), self._parser, cursor)

    def _find_odd(
        self, path: Path, count: Count, parser: Parser, cursor: duckdb.DuckDBPyConnection
    ) -> None:
        """Count the lines of *path*, and read those that are no events as what they are."""
        self._count += Count(count.lines, count.odd)
        if not count.odd:
            return
        for piece in blocks.read_pieces(path):
            parser.parse(piece, strict=count.foreign > 0)
            if len(parser.lines) > MANY:
                self._take_odd(parser, cursor)
        self._take_odd(parser, cursor)

    def _take_odd(self, parser: Parser, cursor: duckdb.DuckDBPyConnection) -> None:
        """Read what *parser* made of odd lines, which count as broken until here."""
        odd, doubtful = parser.odd, parser.doubtful
        parser.odd, parser.doubtful = 0, []
        self._count += Count(-odd, -odd)
        if doubtful:
            count = judge(self._write(doubtful), cursor)
            # Those of them that are events the table has already.
            self._count += Count(count.lines, count.broken + count.events, count.foreign)
        if parser.lines:
            self._count += self._table.add(self._write([parser.take()]), cursor)

    def _write(self, lines: list[bytes]) -> Path:
        path = self._folder / "odd.ndjson"
        path.write_bytes(b"\n".join(lines))
        return path

    def _find_files(self) -> None:
        """Take in logs that are new; a rotated or compressed one was read already."""
        try:
            paths = find(self._names)
        except AnswerError:  # a folder or a file is just being replaced
            return
        names = {file.name for file in self._files}
        places = {place for file in self._files for place in file.places}
        for name, place in paths.items():
            if name not in names and name.endswith(LOG_SUFFIXES) and place not in places:
                self._files.append(LogFile(name))


def _containing(piece: bytes, needle: bytes) -> bytes:
    """Return the lines of *piece* that have *needle* in them."""
    if not needle:
        return piece
    return b"".join(line + b"\n" for line in piece.split(b"\n") if needle in line)
