"""The one relation that the questions are asked of: a flat row for each event, on every engine.

The columns are named as in the records, those of ``request``, ``response`` and ``exception``
without their object. A text column holds a string as it is and any other JSON value as its JSON
text. A number column holds JSON numbers: a value of another type costs that field, not the line.
A line without an integer ``createdAt`` is counted, and is no event. ``fields`` is the whole line,
as JSON, for all that has no column: the fields that an application binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
# A text where an amount should stand, so that an answer can say what it left out.
_NO_AMOUNT = "CASE WHEN starts_with({0}, '\"') THEN {0} END"

# Frames of installed packages, of Python itself and of what imports.
_FOREIGN_FRAME = (
    r'File \\*"[^"\n]*(?:site-packages|dist-packages|/lib(?:64)?/python[0-9.]+|<frozen)[^"\n]*"'
    r", line [0-9]+, in [^\n]*"
)
# The file, with its folder, and the function of the last frame.
_LAST_FRAME = (
    r'(?s).*File \\*"(?:[^"\n]*?/)??((?:[^"/\n]+/)?[^"/\\\n]+)\\*", line [0-9]+, in ([^\s"\\]+)'
)
# One of Node's, Java's and their like: the first, as they print the innermost frame first.
_FIRST_FRAME = r"(?m)^\s*at ([\w.$<>/ \[\]]+?)(?: ?\(|$)"


def _last_frame(text: str) -> str:
    """Return where a stack trace of Python's ends: ``shop/orders.py in pay``."""
    names = "['file', 'function']"
    frame = f"regexp_extract({text}, '{_LAST_FRAME}', {names})"
    return (
        f"CASE WHEN regexp_matches({text}, '{_LAST_FRAME}')"
        f" THEN ({frame}).file || ' in ' || ({frame}).function END"
    )


def _place(text: str) -> str:
    """Return the last frame of *text*, a stack trace, that is the application's own."""
    own = f"regexp_replace({text}, '{_FOREIGN_FRAME}', '', 'g')"
    elsewhere = f"nullif(regexp_extract({text}, '{_FIRST_FRAME}', 1), '')"
    return f"coalesce({_last_frame(own)}, {_last_frame(text)}, {elsewhere})"


_TYPES = dict.fromkeys(("time", "integer", "microseconds"), "BIGINT")
_TYPES |= {"amount": "DECIMAL(38, 6)"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the relation.

    *kind* is ``text``, ``word`` (a text of which a log has few), ``time`` (milliseconds since the
    epoch), ``integer``, ``microseconds``, ``amount`` (exact, with six decimals), ``left out`` (a
    text in the place of an amount), ``place`` (where a stack trace ends) or ``json``
    (the whole line). *path* leads to the field in a line; *task_path*, where it differs, in the
    record of a task.
    """

    name: str
    kind: str
    path: str
    task_path: str | None = None

    @property
    def duckdb_sql(self) -> str:
        """Return the expression that reads the column from the struct ``line``."""
        if self.kind == "json":
            return "json"
        field = f"line.{self.path}"
        if self.task_path is not None:
            # Only of a record: the ``task`` of another line is the application's own.
            field = (
                f"(CASE WHEN line.logger = '{TASK_LOGGER}' THEN line.{self.task_path}"
                f" ELSE {field} END)"
            )
        if self.kind in _NUMBERS:
            return _NUMBERS[self.kind].format(f"{field}::VARCHAR")
        if self.kind == "left out":
            return _NO_AMOUNT.format(f"{field}::VARCHAR")
        return _place(field) if self.kind == "place" else field


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
    Column("serviceVersion", "word", "serviceVersion"),
    # The application's own ``task`` may be anything; which lines are records says their logger.
    Column("taskName", "word", "task.name"),
    Column("taskOutcome", "word", "task.outcome"),
    Column("taskId", "text", "task.id"),
    Column("taskParentId", "text", "task.parentId"),
    Column("monetaryValueText", "left out", "monetaryValue"),
    Column("quantityText", "left out", "quantity"),
    Column("kept", "word", "kept"),
    Column("exceptionPlace", "place", "exception.stackTrace"),
    Column("fields", "json", ""),
)
# What scanners look for is one place.
PLACE = (
    "CASE WHEN route IS NULL AND httpStatus = 404 THEN '(no route)' ELSE coalesce(route, path) END"
)
# A file that clew load made has it as a column, which is put in the place of this very text.
ENDPOINT = f"CASE WHEN operation IS NULL THEN {PLACE} ELSE {PLACE} || ' ' || operation END"
# What tables of ClickHouse lack that earlier versions created.
LATER_COLUMNS = COLUMNS[[column.name for column in COLUMNS].index("serviceVersion") :]


def sql_type(column: Column) -> str:
    """Return the type that *column* has in DuckDB."""
    return _TYPES.get(column.kind, "VARCHAR")


def line_structure(columns: Iterable[Column]) -> dict[str, Any]:
    """Return what is read of a line: a name, or an object of names, with the type of each."""
    structure: dict[str, Any] = {}
    for column in columns:
        # A number is read as JSON, which tells 5 from "5"; a text directly, which is faster.
        kind = "JSON" if column.kind in _NUMBERS or column.kind == "left out" else "VARCHAR"
        for path in filter(None, (column.path, column.task_path)):
            parent, _, name = path.rpartition(".")
            (structure.setdefault(parent, {}) if parent else structure)[name] = kind
        if column.task_path is not None:
            structure["logger"] = "VARCHAR"
    return structure


def line_type(structure: Mapping[str, Any]) -> str:
    """Return DuckDB's type of a line: a struct of all that *structure* names."""
    fields = [
        f'"{name}" {kind if isinstance(kind, str) else line_type(kind)}'
        for name, kind in structure.items()
    ]
    return f"STRUCT({', '.join(fields)})"
