"""A table in ClickHouse, asked in DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from clew.answers.errors import require

from .columns import COLUMNS
from .connection import address_of, check_columns, connect, failures
from .engine import Progress

_LOGS = "the table of logs"
_TYPES = {str: "String", int: "Int64", type(None): "Nullable(String)"}


class ClickHouseEngine:
    """Asks the events in a table of ClickHouse, of a server or of its engine in this process.

    ``lines`` counts the events in the table; broken lines never came into it.
    """

    def __init__(self, url: str) -> None:
        self._address = address_of(url)
        self._client = connect(self._address)
        try:
            check_columns(self._client, self._address, [column.name for column in COLUMNS])
            self.lines = self.broken = 0
            self.damage: list[str] = []
            self.read()
        except BaseException:
            self.close()
            raise

    def read(self, progress: Progress | None = None) -> int:  # noqa: ARG002 - there is none
        """Count the events; return how many have come since the last call."""
        before = self.lines
        [(self.lines,)] = self.rows("SELECT count(*) FROM logs", {})
        return max(0, self.lines - before)

    def rows(self, sql: str, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        types = tuple((name, _TYPES[type(value)]) for name, value in parameters.items())
        translated = _translate(sql, types).replace(f'"{_LOGS}"', self._address.name)
        with failures(self._address):
            answer = self._client.query(translated, parameters=dict(parameters))
        return [tuple(row) for row in answer.result_rows]

    def close(self) -> None:
        self._client.close()


@lru_cache(maxsize=256)
def _translate(sql: str, types: tuple[tuple[str, str], ...]) -> str:
    """Return *sql*, a query in DuckDB's, in ClickHouse's SQL.

    The table ``logs`` is named `_LOGS` there. A parameter ``$name`` is bound by the server, as a
    value of the type that *types* gives: it never becomes a part of the query.
    """
    with require("sqlglot"):
        import sqlglot
        from sqlglot import exp
    tree = sqlglot.parse_one(sql, read="duckdb")
    type_of = dict(types)
    for parameter in list(tree.find_all(exp.Placeholder)):
        parameter.set("kind", type_of[parameter.name])
    for quantile in list(tree.find_all(exp.PercentileCont)):
        # The other quantiles of ClickHouse interpolate otherwise, or estimate.
        exact = exp.CombinedParameterizedAgg(
            this="quantileExactInclusive",
            expressions=[quantile.expression],
            params=[quantile.this],
        )
        quantile.replace(exact)
    for relation in tree.find_all(exp.CTE):
        relation.set("materialized", None)  # few versions of ClickHouse know it
    for source in list(tree.find_all(exp.Table)):
        if source.name == "logs":
            source.replace(exp.table_(_LOGS, alias=source.alias or "logs", quoted=True))
    return tree.sql("clickhouse", identify=True)
