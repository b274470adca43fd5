"""A table in ClickHouse, asked in DuckDB's SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from clew.answers.errors import require

from .columns import COLUMNS, LATER_COLUMNS
from .connection import address_of, check_columns, columns_of, connect, failures
from .engine import PATH, Progress

with require("sqlglot"):
    import sqlglot
    from sqlglot import exp

_LOGS = "the table of logs"
_TYPES = {str: "String", int: "Int64", float: "Float64", type(None): "Nullable(String)"}
# What sqlglot leaves as DuckDB has it.
_FUNCTIONS = {
    "json_keys": "arrayJoin(JSONExtractKeys(assumeNotNull({0})))",
    "make_timestamp_ms": "fromUnixTimestamp64Milli({0}, 'UTC')",
    "strlen": "length({0})",
    "split_part": "arrayElement(splitByString({1}, assumeNotNull({0})), {2})",
    "logical_or": "max({0})",
    "logical_and": "min({0})",
}


class ClickHouseEngine:
    """Asks the events in a table of ClickHouse, of a server or of its engine in this process.

    ``lines`` counts the events in the table; broken lines never came into it.
    """

    def __init__(self, url: str) -> None:
        self._address = address_of(url)
        self._client = connect(self._address)
        try:
            present = columns_of(self._client, self._address)
            earlier = (column.name for column in COLUMNS if column not in LATER_COLUMNS)
            check_columns(present, self._address, earlier)
            self._missing = tuple(each.name for each in LATER_COLUMNS if each.name not in present)
            self.lines = self.broken = self.foreign = 0
            self.likeliest, self.searched = "", False
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
        parameters = dict(_split_paths(parameters))
        types = tuple((name, _TYPES[type(value)]) for name, value in parameters.items())
        translated = _translate(sql, types).replace(f'"{_LOGS}"', self._table)
        with failures(self._address):
            answer = self._client.query(translated, parameters=parameters)
        return [tuple(row) for row in answer.result_rows]

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        translated = _translate(sql, ()).replace(f'"{_LOGS}"', self._table)
        with failures(self._address):
            # Who may only ask may not say so once more.
            limited = self._client.command("SELECT getSetting('readonly')") != 0
            settings = {} if limited else {"readonly": 1}
            answer = self._client.query(translated, settings=settings)
        return list(answer.column_names), [tuple(row) for row in answer.result_rows]

    @property
    def _table(self) -> str:
        """Return the table as SQL, with nothing in the columns that it lacks."""
        if not self._missing:
            return self._address.name
        nothing = ", ".join(f"CAST(NULL, 'Nullable(String)') AS `{each}`" for each in self._missing)
        return f"(SELECT *, {nothing} FROM {self._address.name})"

    def close(self) -> None:
        self._client.close()


def _split_paths(parameters: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield *parameters*; of a path into a line, ``$."order"."id"``, each name by itself."""
    for name, value in parameters.items():
        if isinstance(value, str) and name.startswith(PATH):
            for place, key in enumerate(value[3:-1].split('"."')):
                yield f"{name}_{place}", key
        else:
            yield name, value


def _field(field: exp.JSONExtractScalar, types: Mapping[str, str]) -> exp.Expr:
    """Return the text of a field of a JSON, as DuckDB's ``->>`` gives it."""
    path = field.expression
    if isinstance(path, exp.Placeholder):
        names = [name for name in types if re.fullmatch(rf"{path.name}_[0-9]+", name)]
        keys = [f"{{{name}:String}}" for name in names]
    else:
        parts = list(path.find_all(exp.JSONPathKey))
        keys = [exp.Literal.string(part.this).sql("clickhouse") for part in parts]
    of = ", ".join([field.this.sql("clickhouse", identify=True), *keys])
    raw = f"JSONExtractRaw({of})"
    return sqlglot.parse_one(
        f"multiIf(JSONType({of}) = 'String', JSONExtractString({of}),"
        f" JSONType({of}) = 'Double' AND match({raw}, '^-?[0-9]+$'), concat({raw}, '.0'),"
        f" nullIf(nullIf({raw}, ''), 'null'))",
        read="clickhouse",
    )


@lru_cache(maxsize=256)
def _translate(sql: str, types: tuple[tuple[str, str], ...]) -> str:
    """Return *sql*, a query in DuckDB's, in ClickHouse's SQL.

    The table ``logs`` is named `_LOGS` there. A parameter ``$name`` is bound by the server, as a
    value of the type that *types* gives: it never becomes a part of the query.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    type_of = dict(types)
    for field in list(tree.find_all(exp.JSONExtractScalar)):
        field.replace(_field(field, type_of))
    for parameter in list(tree.find_all(exp.Placeholder)):
        parameter.set("kind", parameter.args.get("kind") or type_of[parameter.name])
    for function in list(tree.find_all(exp.Func)):
        # Not all versions of sqlglot have a noun for each.
        named = isinstance(function, exp.Anonymous)
        name = (function.name if named else function.sql_name()).lower()
        if name in _FUNCTIONS:
            given = function.expressions if named else function.iter_expressions()
            of = [each.sql("clickhouse", identify=True) for each in given]
            own = sqlglot.parse_one(_FUNCTIONS[name].format(*of), read="clickhouse")
            # What gives several rows stands in an unnest.
            around = function.parent if name == "json_keys" else None
            (around or function).replace(own)
    for quantile in list(tree.find_all(exp.PercentileCont)):
        # The other quantiles of ClickHouse interpolate otherwise, or estimate.
        several = isinstance(quantile.expression, exp.Array)
        exact = exp.CombinedParameterizedAgg(
            this="quantilesExactInclusive" if several else "quantileExactInclusive",
            expressions=quantile.expression.expressions if several else [quantile.expression],
            params=[quantile.this],
        )
        quantile.replace(exact)
    for element in list(tree.find_all(exp.Bracket)):
        place = element.expressions[0]
        if isinstance(place, exp.Literal) and not place.is_string:
            # All versions of sqlglot read DuckDB's as counted from 0; few know from what
            # ClickHouse counts.
            places = [element.this, exp.Literal.number(int(place.this) + 1)]
            element.replace(exp.Anonymous(this="arrayElement", expressions=places))
    for relation in tree.find_all(exp.CTE):
        relation.set("materialized", None)  # few versions of ClickHouse know it
    for source in list(tree.find_all(exp.Table)):
        if source.name == "logs":
            source.replace(exp.table_(_LOGS, alias=source.alias or "logs", quoted=True))
    return tree.sql("clickhouse", identify=True)
