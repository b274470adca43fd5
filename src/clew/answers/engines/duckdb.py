"""Files, asked with DuckDB: what a question needs of each line is read once, into a table."""

from __future__ import annotations

import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from clew.answers.errors import AnswerError, require
from clew.answers.files import STDIN
from clew.answers.sources.form import Form

from .cursor import close, connect, fetch, fetch_freely
from .engine import Progress
from .need import ALL_COLUMNS, Need, need_of
from .reader import FileReader
from .table import EventTable

with require("duckdb"):
    import duckdb

# Most is never taken: a few lines of 16 MiB, all brackets, are what needs it.
_READ_MEMORY = "4GB"
# What a question reads of five million lines fits into it, and need not be packed away.
_ASK_MEMORY = "700MB"
_DATABASE = "events"


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
        self._reader = self._begin()
        self.read(progress)

    def _begin(self) -> FileReader:
        self._table = EventTable(self._connection, self._need.columns)
        return FileReader(
            self._names,
            self._table,
            self._folder,
            growing=self._growing,
            containing=self._need.containing,
            form=self._form,
        )

    @property
    def lines(self) -> int:
        return self._reader.count.lines

    @property
    def broken(self) -> int:
        return self._reader.count.broken

    @property
    def foreign(self) -> int:
        return self._reader.count.foreign

    @property
    def likeliest(self) -> str:
        return self._reader.likeliest

    @property
    def searched(self) -> bool:
        return bool(self._need.containing)

    @property
    def damage(self) -> list[str]:
        return self._reader.damage

    def read(self, progress: Progress | None = None) -> int:
        """Read what the files have beyond the last call; return how many lines that were."""
        with self._reading:
            if self._error is not None:
                raise self._error
            before = self.lines
            try:
                with self._cursor() as cursor:
                    self._reader.read(cursor, progress, self._more_memory)
                with self._more_memory():  # it writes what was committed
                    self._table.publish()
            except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
                # Every later reading raises it again: only the lines before are kept.
                self._error = AnswerError(self._sentence(error))
                raise self._error from error
            finally:
                self._limit(_ASK_MEMORY)
        return self.lines - before

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, duckdb.OutOfMemoryException):
            return (
                f"Lines with millions of values do not fit into {_READ_MEMORY} of memory; "
                "split the files, or leave those lines out"
            )
        return (  # the disk is full
            f"The lines do not fit into {str(self._folder.parent)!r}; "
            f"set TMPDIR to a folder with more room: {error}"
        )

    @contextmanager
    def _more_memory(self) -> Iterator[None]:
        """Let the block take what a few lines may need, which others would only fill."""
        self._limit(_READ_MEMORY)
        try:
            yield
        finally:
            self._limit(_ASK_MEMORY)

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._connection.cursor()
        cursor.execute(f"USE {_DATABASE}")
        return cursor

    def _limit(self, memory: str) -> None:
        """Take so much, and give back what was kept beyond it: that would grow with the table."""
        # While a question is just asked, that may have to wait for the next time.
        with suppress(duckdb.OutOfMemoryException), self._cursor() as cursor:
            cursor.execute(f"SET memory_limit = '{memory}'")

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        if self._need.may_lack(sql):
            self._read_more(need_of(sql, parameters))
        with self._cursor() as cursor:
            return fetch(cursor, sql, parameters, _ASK_MEMORY)

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        with self._reading:
            self._read_more(need_of(sql, {}))
            with self._cursor() as cursor:
                if not self._locked:
                    cursor.execute("SET enable_external_access = false")
                    cursor.execute("SET lock_configuration = true")
                    self._locked = True
                return fetch_freely(cursor, sql)

    def _read_more(self, need: Need) -> None:
        """Read the files again, where they were not read for what *need* says."""
        with self._reading:
            if self._need.covers(need):
                return
            if self._locked:  # for good: no setting is changed, and no file read
                close(self._connection)
                (self._folder / "events.duckdb").unlink(missing_ok=True)
                self._connection = _connect(self._folder, in_memory=False)
                self._locked = False
            self._need = self._need.with_(need)
            self._reader = self._begin()
            self.read()

    def close(self) -> None:
        close(self._connection)
        self._remove()


def _connect(folder: Path, *, in_memory: bool) -> duckdb.DuckDBPyConnection:
    """Open a database in *folder*; *in_memory*, which is quicker, what fits there."""
    connection = connect(
        memory_limit=_ASK_MEMORY,
        temp_directory=str(folder / "more"),
        preserve_insertion_order=False,
    )
    if in_memory:
        connection.execute(f"ATTACH ':memory:' AS {_DATABASE} (COMPRESS)")
    else:
        connection.execute(f"ATTACH $path AS {_DATABASE}", {"path": str(folder / "events.duckdb")})
        # Closing would compress the whole table anew, and it is removed then.
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
    connection.execute(f"USE {_DATABASE}")
    return connection


def _remove(folder: Path) -> None:
    """Remove *folder*, though a block may just be written to it."""
    for _ in range(10):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
