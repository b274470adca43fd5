"""The lines of files in a table of DuckDB's, with the columns that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clew.answers.errors import require
from clew.answers.files import LONGEST_LINE
from clew.answers.sources.shapes import MOST_SHAPES

from .columns import COLUMNS, Column, line_structure, line_type, sql_type

with require("duckdb"):
    import duckdb

_FILE = (
    "($path, format = 'newline_delimited', ignore_errors = true, compression = 'none',"
    f" maximum_object_size = {LONGEST_LINE}"
)
_TIME = COLUMNS[0].duckdb_sql


@dataclass(frozen=True, slots=True)
class Count:
    """How many lines a file has, and how many of them are no event.

    ``broken`` ones are no JSON, ``foreign`` ones JSON without the time of an event.
    """

    lines: int = 0
    broken: int = 0
    foreign: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.lines + other.lines, self.broken + other.broken, self.foreign + other.foreign
        )

    @property
    def events(self) -> int:
        return self.lines - self.broken - self.foreign

    @property
    def odd(self) -> int:
        return self.broken + self.foreign


class EventTable:
    """A table of which each line of the files has a row; a view ``logs`` shows the events in it.

    The first one is named ``lines``. A line that is no event has a row without a time. *derived*
    columns are texts, which are made of the others by SQL.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Iterable[str],
        derived: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = connection
        self._derived = derived or {}
        names = set(columns)
        self._columns = [column for column in COLUMNS if column.name in names]
        [(tables,)] = connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database()"
        ).fetchall()
        self._name = f"lines{tables}" if tables else "lines"
        typed = "".join(f'"{column.name}" {sql_type(column)}, ' for column in self._columns)
        typed += "".join(f"{name} VARCHAR, " for name in self._derived)
        connection.execute(f"CREATE TABLE {self._name} ({typed}isForeign BOOLEAN)")
        self._count = Count()
        self._published = False

    def publish(self) -> None:
        """Let the view show this table; those who are just asking go on with the one before."""
        if not self._published:
            columns = ", ".join(map(self._shown, COLUMNS))
            self._connection.execute(
                f"CREATE OR REPLACE VIEW logs AS SELECT {columns} FROM {self._name}"
                " WHERE createdAt IS NOT NULL"
            )
            self._published = True

    def _shown(self, column: Column) -> str:
        """Return SQL for a column of the view: one that no query needs is there, and empty."""
        name = f'"{column.name}"'
        return name if column in self._columns else f"NULL::{sql_type(column)} AS {name}"

    def add(self, path: Path, cursor: duckdb.DuckDBPyConnection) -> Count:
        """Read the lines of a file; return what is in it."""
        values = [f'{column.duckdb_sql} AS "{column.name}"' for column in self._columns]
        values.append(f"CASE WHEN line IS NOT NULL AND {_TIME} IS NULL THEN true END AS isForeign")
        rows = f"SELECT {', '.join(values)} FROM {_source(self._columns)}"
        if self._derived:
            derived = ", ".join(f"{sql} AS {name}" for name, sql in self._derived.items())
            rows = f"SELECT *, {derived} FROM ({rows}) AS events"
        [(lines,)] = cursor.execute(
            f"INSERT INTO {self._name} BY NAME {rows}", {"path": str(path)}
        ).fetchall()
        [(odd, foreign)] = cursor.execute(
            f"SELECT count(*), count(isForeign) FROM {self._name} WHERE createdAt IS NULL"
        ).fetchall()
        before, self._count = self._count, Count(0, odd - foreign, foreign)
        return Count(lines, odd - foreign - before.broken, foreign - before.foreign)


# Lines with the time that they say, without keeping them.
_JUDGED = f"""(
    SELECT json, {_TIME} AS time FROM (
        SELECT json, json_transform(json, '{json.dumps(line_structure(COLUMNS[:1]))}') AS line
        FROM read_json_objects{_FILE})
    )
)"""
_IS_OBJECT = "coalesce(starts_with(json, '{'), false)"


def judge(path: Path, cursor: duckdb.DuckDBPyConnection) -> Count:
    """Return what is in a file, without keeping its lines."""
    [(lines, broken, events)] = cursor.execute(
        f"SELECT count(*), count(*) FILTER (NOT {_IS_OBJECT}), count(time) FROM {_JUDGED}",
        {"path": str(path)},
    ).fetchall()
    return Count(lines, broken, lines - broken - events)


def foreign_keys(path: Path, cursor: duckdb.DuckDBPyConnection) -> list[tuple[list[str], int]]:
    """Return which keys the foreign lines of a file have, and how many have the same."""
    return cursor.execute(
        f"SELECT json_keys(json) AS keys, count(*) AS lines FROM {_JUDGED}"
        f" WHERE {_IS_OBJECT} AND time IS NULL GROUP BY keys ORDER BY lines DESC LIMIT $most",
        {"path": str(path), "most": MOST_SHAPES},
    ).fetchall()


def _source(columns: Iterable[Column]) -> str:
    """Return SQL for the lines of a file, each as a struct ``line`` of what is read of it."""
    structure = line_structure({COLUMNS[0], *columns})
    if not any(column.kind == "json" for column in columns):
        return f"read_json{_FILE}, records = false, columns = {{line: '{line_type(structure)}'}})"
    transform = f"json_transform(json, '{json.dumps(structure)}')"
    return f"(SELECT json, {transform} AS line FROM read_json_objects{_FILE}))"
