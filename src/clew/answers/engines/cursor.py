"""DuckDB's databases, opened and closed, and asked, with its refusals as sentences."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from clew.answers.errors import AnswerError, one_sentence, require

with require("duckdb"):
    import duckdb


def connect(**options: str | bool) -> duckdb.DuckDBPyConnection:
    """Open a database in memory that gets no extension from anywhere, with further *options*."""
    own = dict.fromkeys(("autoinstall_known_extensions", "autoload_known_extensions"), False)
    return duckdb.connect(config={**own, **options})


def fetch(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object], memory: str
) -> list[tuple[Any, ...]]:
    """Return the rows that answer *sql*, which is clew's own, in so much *memory*."""
    try:
        return cursor.execute(sql, dict(parameters)).fetchall()
    except duckdb.OutOfMemoryException as error:
        raise AnswerError(
            f"The answer does not fit into {memory} of memory: narrow it, as by a period"
        ) from error


def fetch_freely(
    cursor: duckdb.DuckDBPyConnection, sql: str
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and the rows that answer *sql*, which a user wrote."""
    try:
        rows = cursor.execute(sql).fetchall()
    except duckdb.Error as error:
        raise AnswerError(f"DuckDB says: {one_sentence(error)}") from error
    return [column[0] for column in cursor.description or ()], rows


def close(connection: duckdb.DuckDBPyConnection) -> None:
    """Close *connection*, which refuses to be while another thread makes a cursor of it."""
    for _ in range(100):
        try:
            connection.close()
            return
        except duckdb.Error:
            time.sleep(0.01)
