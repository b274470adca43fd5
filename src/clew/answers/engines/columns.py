"""The one relation that the questions are asked of: a flat row for each event, on every engine.

The columns are named as in the records, those of ``request``, ``response`` and ``exception``
without their object. A text column holds a string as it is and any other JSON value as its JSON
text. A number column holds JSON numbers: a value of another type costs that field, not the line.
A line without an integer ``createdAt`` is counted, and is no event.
"""

from __future__ import annotations

from dataclasses import dataclass

from clew.records import TASK_LOGGER

# The year 10000: what lies beyond cannot be written as ISO 8601.
_LATEST = 253_402_300_800_000
# 31 years in milliseconds, so that sums of microseconds stay within their type on every engine.
_LONGEST = 1e12
# Larger numbers than an unsigned 64-bit integer could make a sum overflow.
_LARGEST = 18_446_744_073_709_551_615

_INTEGER = "CASE WHEN TRY_CAST({0} AS BIGINT)::VARCHAR = {0} THEN TRY_CAST({0} AS BIGINT) END"
_NUMBERS = {
    "time": f"CASE WHEN {_INTEGER} BETWEEN 0 AND {_LATEST - 1} THEN {_INTEGER} END",
    "integer": _INTEGER,
    "microseconds": f"CASE WHEN TRY_CAST({{0}} AS DOUBLE) BETWEEN 0 AND {_LONGEST}"
    " THEN CAST(round(TRY_CAST({0} AS DOUBLE) * 1000) AS BIGINT) END",
    "amount": f"CASE WHEN TRY_CAST({{0}} AS DECIMAL(38, 6)) BETWEEN -{_LARGEST} AND {_LARGEST}"
    " THEN TRY_CAST({0} AS DECIMAL(38, 6)) END",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the relation.

    *kind* is ``text``, ``word`` (a text of which a log has few), ``time`` (milliseconds since the
    epoch), ``integer``, ``microseconds`` or ``amount`` (exact, with six decimals). *path* leads to
    the field in a line; *task_path*, where it differs, in the record of a task.
    """

    name: str
    kind: str
    path: str
    task_path: str | None = None

    @property
    def duckdb_sql(self) -> str:
        """Return the expression that reads the column from the struct ``line``."""
        field = f"line.{self.path}"
        if self.task_path is not None:
            # Only of a record: the ``task`` of another line is the application's own.
            field = (
                f"(CASE WHEN line.logger = '{TASK_LOGGER}' THEN line.{self.task_path}"
                f" ELSE {field} END)"
            )
        if self.kind in _NUMBERS:
            return _NUMBERS[self.kind].format(f"{field}::VARCHAR")
        return field


def _columns(kind: str, *paths: str) -> list[Column]:
    return [Column(path.rpartition(".")[2], kind, path) for path in paths]


COLUMNS: tuple[Column, ...] = (
    Column("createdAt", "time", "createdAt"),
    *_columns("word", "level", "logger", "service", "action", "outcome", "direction"),
    *_columns("text", "message", "requestId", "userId", "value", "oldValue", "comment"),
    *_columns("amount", "monetaryValue", "quantity"),
    *_columns("word", "request.method", "request.host", "request.route", "request.operation"),
    *_columns("text", "request.path", "request.query", "request.ipAddress"),
    Column("durationUs", "microseconds", "response.responseTime", "task.duration"),
    *_columns("integer", "response.httpStatus", "response.graphqlStatus"),
    Column("exceptionType", "word", "exception.type"),
    Column("exceptionMessage", "text", "exception.message"),
    Column("stackTrace", "text", "exception.stackTrace"),
)


def line_type() -> str:
    """Return DuckDB's type of a line: a struct that holds every column's field."""
    fields: list[str] = []
    objects: dict[str, list[str]] = {}
    for column in COLUMNS:
        # A number is read as JSON, which tells 5 from "5"; a text directly, which is faster.
        kind = "JSON" if column.kind in _NUMBERS else "VARCHAR"
        for path in filter(None, (column.path, column.task_path)):
            parent, _, name = path.rpartition(".")
            objects.setdefault(parent, fields if not parent else []).append(f'"{name}" {kind}')
    nested = [f'"{name}" STRUCT({", ".join(of)})' for name, of in objects.items() if name]
    return f"STRUCT({', '.join(fields + nested)})"
