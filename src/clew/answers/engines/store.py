"""Events that ``clew load`` keeps in a file of DuckDB's: asked without reading any log again."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clew.answers.errors import AnswerError, require

from .columns import COLUMNS, ENDPOINT
from .cursor import close, connect, fetch, fetch_freely
from .engine import Progress

with require("duckdb"):
    import duckdb

_MAGIC = slice(8, 12), b"DUCK"
_MEMORY = "500MB"
_KEPT_ENDPOINT = "lineEndpoint"
# What would have to be made of every line's path for each question.
DERIVED = {_KEPT_ENDPOINT: ENDPOINT}


def is_store(name: str) -> bool:
    """Tell whether *name* is a file of DuckDB's, or to be one."""
    try:
        with Path(name).open("rb") as file:
            place, magic = _MAGIC
            return file.read(place.stop)[place] == magic
    except (OSError, ValueError):
        return False


def attach(connection: duckdb.DuckDBPyConnection, name: str, *, read_only: bool) -> None:
    """Attach the file *name* as ``store``."""
    connection.execute("SET preserve_insertion_order = false")
    mode = "READ_ONLY" if read_only else "READ_WRITE"
    connection.execute(f"ATTACH $name AS store ({mode}, TYPE duckdb)", {"name": name})


@contextmanager
def _damage(name: str) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        if type(error) is not duckdb.Error:
            raise
        # A block's checksum is another, or what was read of it makes no sense.
        raise AnswerError(
            f"{name!r} is damaged: load the logs into a new file ({error})"
        ) from error


@contextmanager
def failures(name: str) -> Iterator[None]:
    """Say in one sentence what is wrong with the file *name*."""
    try:
        with _damage(name):
            yield
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise AnswerError(
                f"{name!r} is in use by another process, which loads or asks it: "
                "wait until that is done"
            ) from error
        raise AnswerError(f"{name!r} cannot be read or written: {error}") from error
    except (duckdb.SerializationException, duckdb.CatalogException) as error:
        raise AnswerError(
            f"{name!r} is no file of logs of clew's: give another, which clew load makes"
        ) from error


def check_store(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Refuse a file that ``clew load`` has not made, or that an earlier version has.

    Return the columns that it has.
    """
    columns = {
        column
        for (column,) in connection.execute(
            "SELECT column_name FROM duckdb_columns() JOIN duckdb_tables() USING (table_oid)"
            " WHERE duckdb_tables.database_name = 'store' AND duckdb_columns.table_name = 'lines'"
            " AND duckdb_columns.database_name = 'store'"
        ).fetchall()
    }
    if COLUMNS[0].name not in columns:
        raise AnswerError(
            f"{name!r} is no file of logs of clew's: give another, which clew load makes"
        )
    missing = [column.name for column in COLUMNS if column.name not in columns]
    if missing:
        raise AnswerError(
            f"{name!r} has no column {missing[0]!r}, as an earlier version of clew made it: "
            "load the logs into a new file"
        )
    return [each for each in (*(column.name for column in COLUMNS), *DERIVED) if each in columns]


class StoreEngine:
    """Asks the events in a file that `clew load` made.

    ``lines`` counts the events in it; broken lines and those of another form never came into it.
    """

    broken = foreign = 0
    likeliest = ""
    searched = False

    def __init__(self, name: str) -> None:
        self._name = name
        self.damage: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix="clew-", ignore_cleanup_errors=True)
        self._connection = connect(memory_limit=_MEMORY, temp_directory=self._folder.name)
        weakref.finalize(self, close, self._connection)
        try:
            with failures(name):
                attach(self._connection, name, read_only=True)
                # A file of somebody else's is asked here: it may name no other one.
                self._connection.execute("SET enable_external_access = false")
                self._connection.execute("SET lock_configuration = true")
                self._columns = check_store(self._connection, name)
                self._show(self._columns)
                [(self.lines,)] = self.rows("SELECT count(*) FROM logs", {})
        except BaseException:
            self.close()
            raise

    def _show(self, columns: Iterable[str]) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        self._connection.execute(f"CREATE OR REPLACE VIEW logs AS SELECT {names} FROM store.lines")

    def read(self, progress: Progress | None = None) -> int:  # noqa: ARG002 - there is none
        """Return that nothing has come: nobody can write while the file is asked."""
        return 0

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        if _KEPT_ENDPOINT in self._columns:
            sql = sql.replace(ENDPOINT, _KEPT_ENDPOINT)
        with _damage(self._name), self._connection.cursor() as cursor:
            return fetch(cursor, sql, parameters, _MEMORY)

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        self._columns = [column.name for column in COLUMNS]
        self._show(self._columns)
        with self._connection.cursor() as cursor:
            return fetch_freely(cursor, sql)

    def close(self) -> None:
        close(self._connection)
        self._folder.cleanup()
