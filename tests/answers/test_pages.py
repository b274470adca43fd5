"""What pages are put together of: figures, parts of answers, addresses, templates."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
import pytest

from clew import answers
from clew.answers import QUESTIONS
from clew.answers._pages import address, environment, facts, percent, quoted, rendered, short
from clew.answers._plots import Period
from clew.answers._sections import Overview, Part, failed_and_slow, overview, part, timeline

from .shop_lines import NINE, ORDER, answered, said, shop, write

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = "2026-11-01T12:00:00.000Z"


def figures(first: str, last: str) -> Overview:
    """Return the figures of a period."""
    return Overview(first, last, 2, 2, 0, 0, [])


@pytest.mark.parametrize(
    ("last", "step"),
    [
        (NOON, MINUTE),
        ("2026-11-01T15:59:00.000Z", MINUTE),
        ("2026-11-03T12:00:00.000Z", HOUR),
        ("2026-11-15T12:00:00.000Z", HOUR),
        ("2027-11-01T12:00:00.000Z", DAY),
    ],
)
def test_steps_suit_the_period(last: str, step: int) -> None:
    """A plot has as fine a step as can be told apart, and spans whole ones."""
    period = figures(NOON, last).period()
    assert period.step == step
    assert period.begin % step == period.end % step == 0
    assert 1 <= period.buckets <= 400 or step == DAY


def test_steps_that_were_asked_for() -> None:
    """A step that was asked for is taken."""
    assert figures(NOON, NOON).period("day") == Period(NINE - 9 * HOUR, NINE + 15 * HOUR, DAY)


def test_bars_of_a_ranking() -> None:
    """The largest is whole, and nothing and less than nothing have no bar."""
    rows = [("a", 1, Decimal(200)), ("b", 1, 50), ("c", 1, 0), ("d", 1, -10)]
    ranking = Part(QUESTIONS["customers"], {"action": "A"}, rows, 4)
    assert ranking.measure == 2
    assert [ranking.share(row[2]) for row in rows] == [100, 25, 0, 0]
    nothing = Part(QUESTIONS["customers"], {"action": "A"}, [("a", 1, 0)], 1)
    assert nothing.share(0) == 0


def test_histories_are_no_rankings() -> None:
    """A history and a series have no bars in their tables."""
    for name in ("accessed", "changes", "latency", "actions"):
        assert Part(QUESTIONS[name], {}, [], 0).measure is None


def test_a_cut_answer_is_the_beginning_of_the_whole(tmp_path: Path) -> None:
    """What is cut says how many there are, and shows the first of them."""
    lines = [answered("GET", f"/{n % 30}", 404, n, 1.0) for n in range(100)]
    with answers.open(write(tmp_path / "a.ndjson", lines)) as logs:
        cut = part(logs, QUESTIONS["bad-links"], {}, None, 7)
        whole = logs.ask("bad-links").rows
    assert (cut.rows, cut.found, cut.left) == (whole[:7], 30, 23)


def test_a_cut_history_is_the_end_of_the_whole(tmp_path: Path) -> None:
    """Of a history the last rows are shown, in the order of the whole, ties too."""
    lines = [said("r", n // 4, value="v", action=f"A{n % 3}", userId="7") for n in range(40)]
    with answers.open(write(tmp_path / "a.ndjson", lines)) as logs:
        cut = part(logs, QUESTIONS["accessed"], {"value": "v"}, None, 7)
        whole = logs.ask("accessed", value="v").rows
    assert (cut.rows, cut.found) == (whole[-7:], 40)


def test_nothing_found(tmp_path: Path) -> None:
    """An answer without rows has none to cut."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        cut = part(logs, QUESTIONS["accessed"], {"value": "none"}, None, 7)
    assert (cut.rows, cut.found, cut.left) == ([], 0, 0)


def test_figures(tmp_path: Path) -> None:
    """A route narrows the requests; the events and users stay those of the period."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        all_of, of_route = overview(logs, {}), overview(logs, {"route": "/vouchers/{code}"})
    assert (all_of.events, all_of.requests, all_of.failed, all_of.users) == (9, 5, 1, 2)
    assert (of_route.events, of_route.requests, of_route.failed) == (9, 1, 1)
    assert all_of.services == ["gateway", "catalogue"]


def test_each_request_once(tmp_path: Path) -> None:
    """A request over two services is one request worth a look, at its slowest."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        worth = failed_and_slow(logs, {})
    assert [each.row["requestId"] for each in worth["Failed"]] == ["crash-1"]
    assert [each.row["requestId"] for each in worth["Slowest"]] == [
        *("slow-1", ORDER, "crash-1", "lost-1")
    ]


def test_facts_of_a_request(tmp_path: Path) -> None:
    """Who sent it, from where, what came back and how long it took."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        known = dict(facts(timeline(logs, ORDER)))
    assert known == {
        "Request": "POST /orders",
        "Status": "201",
        "User": "7",
        "From": "203.0.113.7",
        "Began": "2026-11-01 09:00:00.000 UTC",
        "Took": "42.0 ms",
        "Services": "gateway, catalogue",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "/q/x"),
        ({"a": None, "b": ""}, "/q/x"),
        ({"a": "1 & 2", "b": "ä/?#"}, "/q/x?a=1+%26+2&b=%C3%A4%2F%3F%23"),
        ({"a": "\ud800"}, "/q/x?a=%3F"),
    ],
)
def test_addresses(query: dict[str, Any], found: str) -> None:
    """A query is encoded; what is not given is left out."""
    assert address("/q/x", **query) == found


def test_segments() -> None:
    """Any text is one segment of a path."""
    assert quoted("../a?b#c%d") == "..%2Fa%3Fb%23c%25d"


def test_places() -> None:
    """Places in a drawing are percentages, of nothing too."""
    assert [percent(1, 3), percent(5, 5), percent(1, 0)] == ["33.33%", "100.00%", "0.00%"]


def test_long_texts_are_cut() -> None:
    """A text of a megabyte does not make a page of one."""
    assert short("x" * 300) == "x" * 300
    assert short("x" * 10**6) == "x" * 300 + "…"


def test_all_is_escaped() -> None:
    """Templates escape, and name what they were not given."""
    assert environment().from_string("{{ x }}").render(x="<'\">") == "&lt;&#39;&#34;&gt;"
    with pytest.raises(jinja2.UndefinedError):
        rendered("report.html")
