"""Every query of the dashboard runs on ClickHouse's engine, and finds what `clew ask` finds.

Grafana itself is not run: its variables are filled in as it fills them in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers.load import load
from tests.answers.clickhouse_server import running
from tests.answers.shop_lines import NINE, ORDER, answered, shop, worked, write

pytest.importorskip("chdb", reason="ClickHouse's engine is not installed: pip install chdb")
clickhouse_connect = pytest.importorskip("clickhouse_connect", reason='pip install "clew[answers]"')

DASHBOARD = json.loads((Path(__file__).parent / "dashboard.json").read_text("utf-8"))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"]}
DAY = 86_400_000
LINES = [*shop(), worked("shop.bill", 50, 7.5), worked("shop.bill", 90, 2.5, outcome="failed")]
LINES.append(answered("GET", "/report", 200, 4_000, 9.0, route="/report", serviceVersion="1.1"))
# As Grafana writes them; a quoted value of several is a list of quoted ones.
VARIABLES = {
    "${table}": "shop",
    "${__from}": str(NINE - DAY),
    "${__to}": str(NINE + DAY),
    "${service:singlequote}": "'gateway','catalogue','worker',''",
    "${request:singlequote}": f"'{ORDER}'",
    "$__interval_ms": "60000",
}

Rows = list[dict[str, Any]]
Query = Callable[[str], Rows]


def filled(sql: str) -> str:
    """Return *sql* with Grafana's variables filled in; none is left."""
    for name, value in VARIABLES.items():
        sql = sql.replace(name, value)
    assert "$" not in sql
    return sql


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a table on a server that holds the small shop's log, a release and a task."""
    directory = tmp_path_factory.mktemp("grafana")
    with running(directory) as server:
        url = server.url("shop")
        load([str(write(directory / "shop.ndjson", LINES))], url)
        yield url


@pytest.fixture(scope="module")
def query(table: str) -> Query:
    """Run a query of the dashboard's; give its rows."""
    client = clickhouse_connect.get_client(
        dsn=table.partition("?")[0], autogenerate_session_id=False
    )
    return lambda sql: list(client.query(filled(sql)).named_results())


@pytest.mark.parametrize("title", PANELS)
def test_a_panels_query_runs(title: str, query: Query) -> None:
    """Each panel's query runs and finds rows; what a time series goes by is a time."""
    (target,) = PANELS[title]["targets"]
    rows = query(target["rawSql"])
    assert rows
    if PANELS[title]["type"] == "timeseries":
        assert target["format"] == 0
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_the_services_are_offered(query: Query) -> None:
    """The variable `service` offers the services of the period."""
    (variable,) = [one for one in DASHBOARD["templating"]["list"] if one["name"] == "service"]
    assert {"gateway", "catalogue"} <= {
        value for row in query(variable["query"]) for value in row.values()
    }


@pytest.mark.parametrize(
    ("title", "question", "columns"),
    [
        ("Slowest endpoints", "slowest", ("method", "endpoint", "requests", "median", "p95")),
        ("Failures", "errors", ("method", "endpoint", "requests", "errors", "share")),
        ("Outgoing calls", "calls", ("host", "method", "calls", "failed", "median", "p95")),
        ("Background tasks", "tasks", ("task", "runs", "failed", "median", "p95", "total")),
        ("Releases", "releases", ("service", "serviceVersion", "requests", "median", "p95")),
    ],
)
def test_it_answers_as_clew_does(
    title: str, question: str, columns: tuple[str, ...], query: Query, table: str
) -> None:
    """The tables say what the questions of the same meaning say."""
    rows = query(PANELS[title]["targets"][0]["rawSql"])
    with answers.open(table) as logs:
        expected = logs.ask(question, limit=20).dicts()
    for row, other in zip(rows, expected, strict=True):
        assert [row[name] for name in columns] == pytest.approx(
            [other[name] for name in columns], abs=1e-3
        )


def test_the_panels_do_not_overlap() -> None:
    """Each field of the grid belongs to one panel at most, and no panel leaves it."""
    taken: set[tuple[int, int]] = set()
    for panel in PANELS.values():
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_the_columns_are_the_tables() -> None:
    """Every name of the queries that is written like a column is one of the table's."""
    statement = (Path(__file__).parents[1] / "clickhouse" / "table.sql").read_text()
    columns = set(re.findall(r"^    `(\w+)`", statement, re.MULTILINE))
    used = {
        word
        for panel in PANELS.values()
        for word in re.findall(r"\b[a-z]+[A-Z]\w*\b(?!\()", panel["targets"][0]["rawSql"])
    }
    assert used <= columns | {"requestId"}
