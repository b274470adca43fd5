"""Files, asked with DuckDB: what a question needs of each line is read once, into a table."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from clew.answers.errors import AnswerError, one_sentence, require
from clew.answers.files import LOG_SUFFIXES, STDIN, LogFile, find
from clew.answers.sources.forms import Form
from clew.answers.sources.parser import Parser, is_plain, likeliest

from . import blocks
from .engine import Progress
from .need import ALL_COLUMNS, Need, need_of
from .table import Count, EventTable, judge

with require("duckdb"):
    import duckdb

# Most is never taken: a few lines of 16 MiB, all brackets, are what needs it.
_READ_MEMORY = "4GB"
_ASK_MEMORY = "500MB"
_DATABASE = "events"
# A larger file is read where it is, when nothing has to be done to it first.
_LARGE = 64 * 1024 * 1024
_LARGE_PIECE = 1024 * 1024
_MANY = 100_000


class DuckDBEngine:
    """Holds the events of log files in a DuckDB table.

    The table lives in a temporary folder, until this object is closed or goes. ``lines`` counts
    the lines that were read, ``broken`` those of them that are no JSON object or longer than
    16 MiB, ``foreign`` those of another form; ``damage`` says which files could be read only in
    part. Of the lines is read what the first query *need*s; a later one that needs more has the
    files read again. *growing* files keep an unfinished last line for the next `read`. *form* is
    how lines of a home-made form are read.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        growing: bool = False,
        progress: Progress | None = None,
        need: Need | None = None,
        form: Form | None = None,
    ) -> None:
        self._names = names
        self._files = [LogFile(name) for name in find(names)]
        self._growing = growing
        self._form = form
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="clew-"))
        except OSError as error:
            raise AnswerError(f"Set TMPDIR to a folder that can be written: {error}") from error
        self._remove = weakref.finalize(self, _remove, self._folder)
        need = need or Need()
        # What has gone by cannot be read again.
        self._need = Need(ALL_COLUMNS) if STDIN in names else need
        self._connection = _connect(self._folder, in_memory=self._need.columns < Need().columns)
        self._reading = threading.RLock()
        self._error: AnswerError | None = None
        self._locked = False
        self._begin()
        self.read(progress)

    def _begin(self) -> None:
        self._table = EventTable(self._connection, self._need.columns)
        # Of lines that are none of clew's own: those between such, and those of whole files.
        self._parser = Parser()
        self._parsers: dict[LogFile, Parser] = {}
        self._begun: set[LogFile] = set()
        self._count = Count()

    @property
    def lines(self) -> int:
        return self._count.lines + sum(each.broken + each.foreign for each in self._all_parsers)

    @property
    def broken(self) -> int:
        return self._count.broken + sum(each.broken for each in self._all_parsers)

    @property
    def foreign(self) -> int:
        return self._count.foreign + sum(each.foreign for each in self._all_parsers)

    @property
    def _all_parsers(self) -> list[Parser]:
        return [self._parser, *self._parsers.values()]

    @property
    def damage(self) -> list[str]:
        return [file.damage for file in self._files if file.damage]

    @property
    def searched(self) -> bool:
        return bool(self._need.containing)

    @property
    def likeliest(self) -> str:
        """Return what most lines of another form look like; empty where there are none."""
        shapes = sum((each.shapes for each in self._all_parsers), Counter[tuple[str, ...]]())
        return likeliest(shapes) if shapes else ""

    def read(self, progress: Progress | None = None) -> int:
        """Read what the files have beyond the last call; return how many lines that were."""
        with self._reading:
            if self._error is not None:
                raise self._error
            before = self.lines
            if self._growing:
                self._find_files()
            kept = self._count
            try:
                self._read_files(progress)
                self._table.publish()
            except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
                sentence = (  # the disk is full
                    f"The lines do not fit into {str(self._folder.parent)!r}; "
                    f"set TMPDIR to a folder with more room: {error}"
                )
                if isinstance(error, duckdb.OutOfMemoryException):
                    sentence = (
                        f"Lines with millions of values do not fit into {_READ_MEMORY} of memory; "
                        "split the files, or leave those lines out"
                    )
                # Every later reading raises it again: only the lines before are kept.
                self._count = kept
                self._error = AnswerError(sentence)
                raise self._error from error
            finally:
                self._limit(_ASK_MEMORY)
        return self.lines - before

    def _read_files(self, progress: Progress | None) -> None:
        size = sum(file.size for file in self._files)
        large = [file for file in self._files if self._is_large(file)]
        rest = [file for file in self._files if file not in large]
        with self._cursor() as cursor:
            for file in large:
                self._limit(_READ_MEMORY)
                done = sum(each.consumed for each in self._files)
                if not self._read_large(file, cursor, progress, done, size):
                    rest.append(file)
            # In one transaction: each would write the table anew.
            cursor.begin()
            pieces = (piece for file in rest for piece in self._pieces(file))
            for block in blocks.prefetch(blocks.write_blocks(pieces, self._folder, "block")):
                self._limit(_ASK_MEMORY)
                self._limit(_READ_MEMORY)
                self._convert(block, cursor)
                block.unlink()
                if progress is not None:
                    progress(sum(file.consumed for file in self._files), size)
            if not self._growing:
                self._parser.end()
                self._take_odd(cursor)
            cursor.commit()

    def _is_large(self, file: LogFile) -> bool:
        return (
            not (self._growing or self._need.containing or self._form)
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
        try:
            with blocks.Polling(poll):
                count = self._table.add(path, cursor)
        except duckdb.InvalidInputException:
            return False  # as a line is too long
        file.consumed = file.size
        self._find_odd(path, count, cursor)
        if progress is not None:
            progress(done + file.size, size)
        return True

    def _pieces(self, file: LogFile) -> Iterator[bytes]:
        """Yield the lines of *file*; of those that begin otherwise, what they are as clew's own."""
        needle = self._need.containing
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
        self._find_odd(block, self._table.add(block, cursor), cursor)

    def _find_odd(self, path: Path, count: Count, cursor: duckdb.DuckDBPyConnection) -> None:
        """Count the lines of *path*, and read those that are no events as what they are."""
        self._count += Count(count.lines, count.odd)
        if not count.odd:
            return
        for piece in blocks.read_pieces(path):
            self._parser.parse(piece, strict=count.foreign > 0)
            if len(self._parser.lines) > _MANY:
                self._take_odd(cursor)
        self._take_odd(cursor)

    def _take_odd(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Read what the parser made of odd lines, which count as broken until here."""
        odd, doubtful = self._parser.odd, self._parser.doubtful
        self._parser.odd, self._parser.doubtful = 0, []
        self._count += Count(-odd, -odd)
        if doubtful:
            count = judge(self._write(doubtful), cursor)
            # Those of them that are events the table has already.
            self._count += Count(count.lines, count.broken + count.events, count.foreign)
        if self._parser.lines:
            self._count += self._table.add(self._write([self._parser.take()]), cursor)

    def _write(self, lines: list[bytes]) -> Path:
        path = self._folder / "odd.ndjson"
        path.write_bytes(b"\n".join(lines))
        return path

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute(f"USE {_DATABASE}")
        return cursor

    def _limit(self, memory: str) -> None:
        """Take so much, and give back what was kept beyond it: that would grow with the table."""
        # While a question is just asked, that may have to wait for the next time.
        with suppress(duckdb.OutOfMemoryException), self._cursor() as cursor:
            cursor.execute(f"SET memory_limit = '{memory}'")

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

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        if self._need.may_lack(sql):
            self._read_more(need_of(sql, parameters))
        with self._cursor() as cursor:
            try:
                return cursor.execute(sql, dict(parameters)).fetchall()
            except duckdb.OutOfMemoryException as error:
                raise AnswerError(
                    f"The answer does not fit into {_ASK_MEMORY} of memory: "
                    "narrow it, as by a period"
                ) from error

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        with self._reading:
            self._read_more(need_of(sql, {}))
            with self._cursor() as cursor:
                if not self._locked:
                    cursor.execute("SET enable_external_access = false")
                    cursor.execute("SET lock_configuration = true")
                    self._locked = True
                try:
                    rows = cursor.execute(sql).fetchall()
                except duckdb.Error as error:
                    raise AnswerError(f"DuckDB says: {one_sentence(error)}") from error
                return [column[0] for column in cursor.description or ()], rows

    def _read_more(self, need: Need) -> None:
        """Read the files again, where they were not read for what *need* says."""
        with self._reading:
            if self._need.covers(need):
                return
            if self._locked:  # for good: no setting is changed, and no file read
                self._connection.close()
                (self._folder / "events.duckdb").unlink(missing_ok=True)
                self._connection = _connect(self._folder, in_memory=False)
                self._locked = False
            self._need = self._need.with_(need)
            self._files = [LogFile(file.name) for file in self._files]
            self._begin()
            self.read()

    def close(self) -> None:
        self._connection.close()
        self._remove()


def _connect(folder: Path, *, in_memory: bool) -> duckdb.DuckDBPyConnection:
    """Open a database in *folder*; *in_memory*, which is quicker, what fits there."""
    connection = duckdb.connect(
        config={
            "memory_limit": _ASK_MEMORY,
            "temp_directory": str(folder / "more"),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        },
    )
    if in_memory:
        connection.execute(f"ATTACH ':memory:' AS {_DATABASE} (COMPRESS)")
    else:
        connection.execute(f"ATTACH $path AS {_DATABASE}", {"path": str(folder / "events.duckdb")})
        # Closing would compress the whole table anew, and it is removed then.
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    connection.execute(f"USE {_DATABASE}")
    return connection


def _containing(piece: bytes, needle: bytes) -> bytes:
    """Return the lines of *piece* that have *needle* in them."""
    if not needle:
        return piece
    return b"".join(line + b"\n" for line in piece.split(b"\n") if needle in line)


def _remove(folder: Path) -> None:
    """Remove *folder*, though a block may just be written to it."""
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
