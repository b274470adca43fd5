"""Numbers that DuckDB reads in a line and ClickHouse does not: there, they cost the whole line.

A number beyond 64 bits or beyond a double, a NaN and an Infinity become texts, which are asked in
the same way: the text of a field is the same.
"""

from __future__ import annotations

import re

from .engines.duckdb import DuckDBEngine

# Where there may be one.
_EXTREME = r"[:,\[]\s*(?:-?Infinity|NaN|-?[0-9]{19}|-?[0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{3})"
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?', re.DOTALL
)


def write_extremes(engine: DuckDBEngine) -> None:
    """Make a table ``extremes`` of the lines that have such numbers, with their repaired JSON."""
    engine.rows("CREATE TABLE extremes (line BIGINT, fields VARCHAR)", {})
    found = "SELECT line, fields FROM added JOIN lines ON lines.rowid = line"
    rows = engine.rows(f"{found} WHERE regexp_matches(fields, $extreme)", {"extreme": _EXTREME})
    for line, fields in rows:
        repaired = _TOKEN.sub(_repair, fields)
        if repaired != fields:
            values = {"line": line, "fields": repaired}
            engine.rows("INSERT INTO extremes VALUES ($line, $fields)", values)


def _repair(token: re.Match[str]) -> str:
    text = token[0]
    if text[0] == '"':
        return text
    if text.lstrip("-").isdigit():
        return text if -(2**63) <= int(text) < 2**64 else f'"{text}"'
    return f'"{text}"' if float(text) in (float("inf"), -float("inf")) or text == "NaN" else text
