"""What a query needs of the logs: worked out from its SQL, so that no question says it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clew.answers.errors import require

from .columns import COLUMNS, sql_type
from .cursor import connect

with require("duckdb"):
    import duckdb

# The whole line is read where a query asks for it: it is as large as all other columns.
LINE_COLUMNS = frozenset(column.name for column in COLUMNS if column.kind == "json")
ALL_COLUMNS = frozenset(column.name for column in COLUMNS)
_NAMES = {column.name.lower(): column.name for column in COLUMNS}
# What is escaped in one JSON text and not in another ends the part of an id that is looked for.
_SAFE = re.compile(rb"[A-Za-z0-9._~@:-]+")


@dataclass(frozen=True, slots=True)
class Need:
    """The columns that are asked for, and the bytes that each line has that matters.

    ``containing`` is empty where all lines do.
    """

    columns: frozenset[str] = ALL_COLUMNS - LINE_COLUMNS
    containing: bytes = b""

    def may_lack(self, sql: str) -> bool:
        """Tell whether *sql* may need more, at a glance."""
        missing = ALL_COLUMNS - self.columns
        return bool(self.containing or missing - LINE_COLUMNS) or any(
            name in sql for name in missing
        )

    def covers(self, other: Need) -> bool:
        """Tell whether what *other* needs is here."""
        return other.columns <= self.columns and self.containing in {b"", other.containing}

    def with_(self, other: Need) -> Need:
        """Return what both need."""
        same = self.containing == other.containing
        return Need(self.columns | other.columns, self.containing if same else b"")


def need_of(sql: str, parameters: Mapping[str, object]) -> Need:
    """Return what the query *sql* needs. One that binds ``$request`` asks of one request alone."""
    request = parameters.get("request")
    if isinstance(request, str):
        parts = _SAFE.findall(request.encode(errors="replace"))
        if longest := max(parts, key=len, default=b""):
            return Need(ALL_COLUMNS, longest)  # of few lines, so that none is read twice
    return Need(_columns_of(sql, parameters))


def _columns_of(sql: str, parameters: Mapping[str, object]) -> frozenset[str]:
    """Ask DuckDB, whose plan says what it would read of a table of all columns."""
    columns = ", ".join(f'"{column.name}" {sql_type(column)}' for column in COLUMNS)
    with connect(enable_external_access=False) as connection:
        # An empty table would be left out of the plan.
        connection.execute("SET disabled_optimizers = 'statistics_propagation,empty_result_pullup'")
        connection.execute(f"CREATE TABLE logs ({columns})")
        try:
            rows = connection.execute(f"EXPLAIN (FORMAT json) {sql}", dict(parameters)).fetchall()
        except duckdb.Error:
            return ALL_COLUMNS  # what is wrong is said when it is asked
    try:
        scans = [scan for _, plan in rows for node in json.loads(plan) for scan in _scans(node)]
    except RecursionError:
        return ALL_COLUMNS
    words = re.findall(r"\w+", json.dumps(scans))
    return frozenset(_NAMES[word.lower()] for word in words if word.lower() in _NAMES) | {
        COLUMNS[0].name
    }


def _scans(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "SCAN" in node.get("name", ""):
        yield node.get("extra_info", {})
    for child in node.get("children", ()):
        yield from _scans(child)
