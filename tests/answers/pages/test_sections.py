"""What pages are put together of: figures, answers cut to what is shown, notable requests."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from clew import answers
from clew.answers import QUESTIONS
from clew.answers.lookups import OVERVIEW
from clew.answers.pages.plots import Period
from clew.answers.pages.sections import Overview, Panel, notable_requests, overview, panel
from clew.answers.query import Query
from tests.answers.shop_lines import NINE, ORDER, answered, said, shop, write
from tests.rows import each_row

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = "2026-11-01T12:00:00.000Z"


def query(question: str, **parameters: object) -> Query:
    """Return a query of the question of that name."""
    return Query.of(QUESTIONS[question], parameters)


EVERYTHING = Query.of(OVERVIEW, {})
CUSTOMERS = query("customers", action="A")


def figures(first: str, last: str) -> Overview:
    """Return the figures of a period."""
    return Overview(first, last, 2, 2, 0, 0, [])


@each_row(
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
    ranking = Panel(CUSTOMERS, rows, 4)
    assert ranking.measure == 2
    assert [ranking.share(row[2]) for row in rows] == [100, 25, 0, 0]
    nothing = Panel(CUSTOMERS, [("a", 1, 0)], 1)
    assert nothing.share(0) == 0


def test_histories_are_no_rankings() -> None:
    """A history and a series have no bars in their tables."""
    for name in ("accessed", "changes", "latency", "actions"):
        assert Panel(Query(QUESTIONS[name], {}, {}), [], 0).measure is None


def test_a_cut_answer_is_the_beginning_of_the_whole(tmp_path: Path) -> None:
    """What is cut says how many there are, and shows the first of them."""
    lines = [answered("GET", f"/{n % 30}", 404, n, 1.0) for n in range(100)]
    with answers.open(write(tmp_path / "a.ndjson", lines)) as logs:
        cut = panel(logs, query("bad-links"), None, 7)
        whole = logs.ask("bad-links").rows
    assert (cut.rows, cut.total, cut.not_shown) == (whole[:7], 30, 23)


def test_a_cut_history_is_the_end_of_the_whole(tmp_path: Path) -> None:
    """Of a history the last rows are shown, in the order of the whole, ties too."""
    lines = [said("r", n // 4, value="v", action=f"A{n % 3}", userId="7") for n in range(40)]
    with answers.open(write(tmp_path / "a.ndjson", lines)) as logs:
        cut = panel(logs, query("accessed", value="v"), None, 7)
        whole = logs.ask("accessed", value="v").rows
    assert (cut.rows, cut.total) == (whole[-7:], 40)


@each_row(
    ("question", "order"),
    [("requests", None), ("requests", "slowest"), ("events", None), ("bad-links", None)],
)
def test_a_limit_of_the_page_hides_no_rows(
    question: str, order: str | None, tmp_path: Path
) -> None:
    """Cut to the rows that were asked for, an answer says how many there are as well."""
    lines = [answered("GET", f"/{n}", 404, n, 1.0 + n % 7) for n in range(40)]
    with answers.open(write(tmp_path / "a.ndjson", lines)) as logs:
        cut = panel(logs, query(question, limit="5", order=order), None, 5)
        whole = logs.ask(question, order=order).rows
    shown = whole[-5:] if QUESTIONS[question].history else whole[:5]
    assert (cut.rows, cut.total, cut.not_shown) == (shown, 40, 35)


def test_nothing_found(tmp_path: Path) -> None:
    """An answer without rows has none to cut."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        cut = panel(logs, query("accessed", value="none"), None, 7)
    assert (cut.rows, cut.total, cut.not_shown) == ([], 0, 0)


def test_figures(tmp_path: Path) -> None:
    """A route narrows the requests; the events and users stay those of the period."""
    of_vouchers = Query.of(OVERVIEW, {"route": "/vouchers/{code}"})
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        all_of, of_route = overview(logs, EVERYTHING), overview(logs, of_vouchers)
    assert (all_of.events, all_of.requests, all_of.failed, all_of.users) == (9, 5, 1, 2)
    assert (of_route.events, of_route.requests, of_route.failed) == (9, 1, 1)
    assert all_of.services == ["gateway", "catalogue"]


def test_each_request_once(tmp_path: Path) -> None:
    """A request over two services is one request worth a look, at its slowest."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        notable = notable_requests(logs, EVERYTHING)
    assert [each.row["requestId"] for each in notable["Failed"]] == ["crash-1"]
    assert [each.row["requestId"] for each in notable["Slowest"]] == [
        *("slow-1", ORDER, "crash-1", "lost-1")
    ]
