"""Files, asked with DuckDB: each line is converted once, into a table on the disk."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from clew.answers.errors import AnswerError, one_sentence, require
from clew.answers.files import LOG_SUFFIXES, LONGEST_LINE, LogFile, find

from .columns import COLUMNS, line_structure
from .engine import Progress

with require("duckdb"):
    import duckdb

_TYPES = dict.fromkeys(("time", "integer", "microseconds"), "BIGINT")
_TYPES |= {"amount": "DECIMAL(38, 6)"}

# Most is never taken: a few lines of 16 MiB, all brackets, are what needs it.
_READ_MEMORY = "4GB"
_ASK_MEMORY = "500MB"
_BLOCK_SIZE = 128 * 1024 * 1024
_BLOCK = (
    "($block, format = 'newline_delimited', ignore_errors = true, compression = 'none',"
    f" maximum_object_size = {LONGEST_LINE}"
)
_TIME = COLUMNS[0].duckdb_sql
# A line that is no JSON becomes a row without a time.
_INSERT = f"""
    INSERT INTO lines
    SELECT {", ".join(column.duckdb_sql for column in COLUMNS)}
    FROM (
        SELECT json, json_transform(json, '{line_structure()}') AS line
        FROM read_json{_BLOCK}, records = false, columns = {{json: 'JSON'}})
    )
    WHERE line IS NULL OR {_TIME} IS NOT NULL
"""
_NO_JSON = "SELECT count(*) FROM lines WHERE createdAt IS NULL"
_COUNT = f"""
    SELECT count(*), count(*) FILTER (NOT starts_with(json, '{{') AND json <> 'null')
    FROM read_json_objects{_BLOCK})
"""


class DuckDBEngine:
    """Holds the events of log files in a DuckDB table.

    The table lives in a temporary folder, until this object is closed or goes. ``lines`` counts
    the lines that were read, ``broken`` those of them that are no JSON object or longer than
    16 MiB, ``damage`` says which files could be read only in part. *growing* files keep an
    unfinished last line for the next `read`.
    """

    def __init__(
        self, names: Sequence[str], *, growing: bool = False, progress: Progress | None = None
    ) -> None:
        self._names = names
        self._files = [LogFile(name) for name in find(names)]
        self._growing = growing
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="clew-"))
        except OSError as error:
            raise AnswerError(f"Set TMPDIR to a folder that can be written: {error}") from error
        self._remove = weakref.finalize(self, _remove, self._folder)
        self._connection = duckdb.connect(
            str(self._folder / "events.duckdb"),
            config={
                "memory_limit": _ASK_MEMORY,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
            },
        )
        # Closing would compress the whole table anew, and it is removed then.
        self._connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        self._reading = threading.Lock()
        self._error: AnswerError | None = None
        self._locked = False
        self.lines = self._no_json = self._no_objects = 0
        columns = ", ".join(
            f'"{column.name}" {_TYPES.get(column.kind, "VARCHAR")}' for column in COLUMNS
        )
        self._connection.execute(f"CREATE TABLE lines ({columns})")
        self._connection.execute("CREATE VIEW logs AS FROM lines WHERE createdAt IS NOT NULL")
        self.read(progress)

    @property
    def broken(self) -> int:
        return self._no_json + self._no_objects

    @property
    def damage(self) -> list[str]:
        return [file.damage for file in self._files if file.damage]

    def read(self, progress: Progress | None = None) -> int:
        """Read what the files have beyond the last call; return how many lines that were."""
        before = self.lines
        with self._reading:
            if self._error is not None:
                raise self._error
            if self._growing:
                self._find_files()
            size = sum(file.size for file in self._files)
            pieces = (each for file in self._files for each in file.read(growing=self._growing))
            try:
                # In one transaction: each would write the table anew.
                with self._connection.cursor() as cursor:
                    cursor.begin()
                    for block in _prefetch(_blocks(pieces, self._folder)):
                        self._limit(_ASK_MEMORY)
                        self._limit(_READ_MEMORY)
                        self._convert(cursor, *block)
                        if progress is not None:
                            progress(sum(file.consumed for file in self._files), size)
                    if self.lines > before:
                        [(self._no_json,)] = cursor.execute(_NO_JSON).fetchall()
                    cursor.commit()
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
                self.lines, self._error = before, AnswerError(sentence)
                raise self._error from error
            finally:
                self._limit(_ASK_MEMORY)
        return self.lines - before

    def _limit(self, memory: str) -> None:
        """Take so much, and give back what was kept beyond it: that would grow with the table."""
        # While a question is just asked, that may have to wait for the next time.
        with suppress(duckdb.OutOfMemoryException), self._connection.cursor() as cursor:
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

    def _convert(self, cursor: duckdb.DuckDBPyConnection, block: Path, lines: int) -> None:
        parameters = {"block": str(block)}
        [(events,)] = cursor.execute(_INSERT, parameters).fetchall()
        if events != lines:  # blank lines are among them, or JSON that is no event
            [(lines, no_objects)] = cursor.execute(_COUNT, parameters).fetchall()
            self._no_objects += no_objects
        self.lines += lines
        block.unlink()

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            try:
                return cursor.execute(sql, dict(parameters)).fetchall()
            except duckdb.OutOfMemoryException as error:
                raise AnswerError(
                    f"The answer does not fit into {_ASK_MEMORY} of memory: "
                    "narrow it, as by a period"
                ) from error

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        with self._reading, self._connection.cursor() as cursor:
            if not self._locked:
                cursor.execute("SET enable_external_access = false")
                cursor.execute("SET lock_configuration = true")
                self._locked = True
            try:
                rows = cursor.execute(sql).fetchall()
            except duckdb.Error as error:
                raise AnswerError(f"DuckDB says: {one_sentence(error)}") from error
            return [column[0] for column in cursor.description or ()], rows

    def close(self) -> None:
        self._connection.close()
        self._remove()


def _blocks(pieces: Iterator[bytes], folder: Path) -> Iterator[tuple[Path, int]]:
    """Yield the lines in files, which the receiver removes, and how many lines each has."""
    for number in itertools.count():
        path = folder / f"block-{number}.ndjson"
        ends = 0
        with path.open("wb", buffering=0) as block:
            for piece in pieces:
                block.write(piece)
                ends += piece.count(b"\n")
                if block.tell() > _BLOCK_SIZE:
                    break
        if not ends:
            return
        yield path, ends


def _prefetch(blocks: Iterator[tuple[Path, int]]) -> Iterator[tuple[Path, int]]:
    """Yield *blocks*, each prepared in a thread while the one before is converted."""
    coming = _start(blocks)
    while (block := coming.result()) is not None:
        coming = _start(blocks)
        yield block


def _start(blocks: Iterator[tuple[Path, int]]) -> Future[tuple[Path, int] | None]:
    coming: Future[tuple[Path, int] | None] = Future()

    def prepare() -> None:
        try:
            coming.set_result(next(blocks, None))
        except BaseException as error:  # it is raised where the block is waited for
            coming.set_exception(error)

    # A daemon, as it may wait for a standard input that never ends.
    threading.Thread(target=prepare, daemon=True).start()
    return coming


def _remove(folder: Path) -> None:
    """Remove *folder*, though a block may just be written to it."""
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
