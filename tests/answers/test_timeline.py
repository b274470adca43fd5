"""What happened within what: the timeline of one request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers.lookups import REQUEST_EVENTS
from clew.answers.query import Query
from clew.answers.timeline import Span, Timeline, timeline_of
from tests.rows import each_row

from .shop_lines import answered, said, worked, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a test writes its log."""
    return tmp_path / "a.ndjson"


def read(path: Path, *lines: dict[str, Any], **narrowed: object) -> Timeline:
    """Return the timeline of the request r, to which all *lines* belong."""
    with answers.open(write(path, [{"requestId": "r", **line} for line in lines])) as logs:
        return timeline_of(logs, Query.of(REQUEST_EVENTS, {"request": "r", **narrowed}))


def tree(timeline: Timeline) -> list[str]:
    """Return the labels of *timeline*, indented by what they happened within."""
    return [f"{'  ' * depth}{span.label}" for depth, span in timeline.walk() if span.event]


def gaps(timeline: Timeline) -> list[tuple[float, float, str]]:
    return [(span.begin, span.end, span.label) for _, span in timeline.walk() if span.event is None]


def call(path: str, ended: int, took: float, **fields: Any) -> dict[str, Any]:
    """Return the record of an outgoing call of the gateway."""
    return answered("GET", path, 200, ended, took, direction="outgoing", **fields)


def proxied(path: str, ended: int, took: float, **fields: Any) -> dict[str, Any]:
    """Return the line of a proxy's access log, whose times are whole milliseconds."""
    given = {"service": "nginx", "logger": "nginx.access", **fields}
    return answered("GET", path, 200, ended, took, **given)


def test_a_call_holds_what_the_other_service_did(path: Path) -> None:
    """A service's request lies within the call that reached it, which lies within the request
    that made it; the service's events lie within its request."""
    timeline = read(
        path,
        said("inner", 15, service="accounts"),
        answered("GET", "/users", 200, 20, 10.0, service="accounts"),
        call("/users", 22, 14.0),
        said("outer", 24),
        answered("GET", "/", 200, 30, 30.0),
    )
    assert tree(timeline) == [
        "GET / 200",
        "  GET /users 200",
        "    GET /users 200",
        "      inner",
        "  outer",
    ]
    assert timeline.services == ["gateway", "accounts"]
    assert timeline.duration == 30


def test_calls_at_the_same_time_are_told_apart(path: Path) -> None:
    """Of two calls around a service's request, the one of its method and path holds it; the
    caller's own events lie in its request, though a call was under way."""
    timeline = read(
        path,
        answered("GET", "/b", 200, 20, 5.0, service="b"),
        answered("GET", "/c", 200, 21, 5.0, service="c"),
        said("meanwhile", 18),
        call("/c", 24, 15.0),
        call("/b", 25, 20.0),
        answered("GET", "/", 200, 30, 30.0),
    )
    assert tree(timeline) == [
        "GET / 200",
        "  GET /b 200",
        "    GET /b 200",
        "  GET /c 200",
        "    GET /c 200",
        "  meanwhile",
    ]


def test_where_services_have_no_names_a_call_holds_what_it_reached(path: Path) -> None:
    """Who gives no service its name has the request within the call all the same."""
    lines = (
        answered("GET", "/users", 200, 20, 10.0),
        call("/users", 22, 14.0),
        answered("GET", "/", 200, 30, 30.0),
    )
    timeline = read(path, *({**line, "service": None} for line in lines))
    assert tree(timeline) == ["GET / 200", "  GET /users 200", "    GET /users 200"]


def test_clocks_may_differ_a_little(path: Path) -> None:
    """A service whose clock, or the cut of createdAt, puts it a millisecond outside of the call
    still lies within it."""
    timeline = read(
        path,
        answered("GET", "/b", 200, 21, 12.0, service="b"),
        call("/b", 20, 12.0, service="gateway"),
        answered("GET", "/", 200, 20, 12.5),
    )
    assert tree(timeline) == ["GET / 200", "  GET /b 200", "    GET /b 200"]


def test_a_service_far_off_stands_alone(path: Path) -> None:
    """What lies outside of every other span, by clocks that differ much, is not lost."""
    timeline = read(
        path,
        answered("GET", "/b", 200, 5_000, 12.0, service="b"),
        answered("GET", "/", 200, 20, 12.5),
        said("alone", 9_000),
    )
    assert tree(timeline) == ["GET / 200", "GET /b 200", "alone"]


def test_spans_alike_do_not_hold_each_other(path: Path) -> None:
    """Spans of the same beginning and end come out once each."""
    lines = [answered("GET", "/", 200, 20, 20.0) for _ in range(5)]
    assert len(tree(read(path, *lines))) == 5


def test_a_task_is_a_bar_of_its_own(path: Path) -> None:
    """A task has the duration that its record states, and holds what its service did in it; one
    that never ran has none."""
    timeline = read(
        path,
        answered("POST", "/orders", 202, 10, 10.0),
        said("Writing", 60, service="worker"),
        worked("shop.send_mail", 90, 45.5),
        worked("shop.bill", 200, None, outcome="revoked"),
    )
    assert tree(timeline) == [
        "POST /orders 202",
        "shop.send_mail succeeded",
        "  Writing",
        "shop.bill revoked",
    ]
    spans = {span.label: (span.begin, span.end, span.timed) for _, span in timeline.walk()}
    assert spans["shop.send_mail succeeded"] == (44.5, 90.0, True)
    assert spans["shop.bill revoked"] == (200.0, 200.0, False)


def test_a_line_lies_within_what_its_own_service_did(path: Path) -> None:
    """Neither a service's lines lie in another's task, nor tasks at the same time in each other."""
    timeline = read(
        path,
        answered("POST", "/orders", 201, 40, 40.0),
        worked("shop.report", 1_000, 990.0),
        worked("shop.send_mail", 500, 450.0),
        said("Purchased", 20),
        said("Sent", 300, service="worker", task={"name": "shop.send_mail", "id": "task-500"}),
        said("Counted", 310, service="worker", task={"name": "shop.report", "id": "task-1000"}),
        answered("GET", "/items", 200, 700, 5.0, service="catalogue"),
        said("Read", 698, service="catalogue"),
    )
    assert tree(timeline) == [
        "POST /orders 201",
        "  shop.report succeeded",
        "    Counted",
        "  Purchased",
        "shop.send_mail succeeded",
        "  Sent",
        "GET /items 200",
        "  Read",
    ]


@pytest.mark.parametrize("names", [("a", "b"), (None, None)], ids=["named", "without names"])
def test_what_names_no_task_lies_in_none(path: Path, names: tuple[str | None, str | None]) -> None:
    """Where requests and tasks have one name, or none, a task holds the lines and the calls that
    name it, and what these reached; those of the request, and of a task beside it, it does not."""
    mail, bill = ({"name": "x", "id": id} for id in ("task-480", "task-460"))
    lines = (
        answered("GET", "/", 200, 500, 500.0),
        worked("mail", 480, 460.0),
        worked("bill", 460, 420.0),
        worked("silent", 490, 440.0),
        said("mailing", 60, task=mail),
        said("billing", 70, task=bill),
        call("/post", 350, 250.0, task=mail),
        answered("GET", "/post", 200, 150, 30.0, service="accounts"),
        call("/bank", 260, 60.0),
        said("requested", 300),
        said("late", 488),
    )
    for line in lines:
        line["service"] = names[line["service"] == "accounts"]
    assert tree(read(path, *lines)) == [
        "GET / 200",
        "  mail succeeded",
        "    mailing",
        "    GET /post 200",
        "      GET /post 200",
        "  bill succeeded",
        "    billing",
        "  silent succeeded",
        "  GET /bank 200",
        "  requested",
        "  late",
    ]


def test_a_line_without_an_id_lies_in_a_task_where_nothing_else_is(path: Path) -> None:
    """Where no line of a service names its task, as those of others do not, the task holds them,
    but for what a request of the service is around; where one does, the others are no task's."""
    silent = worked("mail", 90, 80.0, service="gateway")
    lines = (said("in both", 20), said("in the task", 60), answered("GET", "/", 200, 40, 40.0))
    expected = ["GET / 200", "  mail succeeded", "    in the task", "  in both"]
    assert tree(read(path, silent, *lines)) == expected
    named = said("named", 30, task={"name": "mail", "id": "task-90"})
    expected = ["GET / 200", "  mail succeeded", "    named", "  in both", "in the task"]
    assert tree(read(path, silent, named, *lines)) == expected


def test_a_task_lies_within_what_sent_it(path: Path) -> None:
    """The record of a task names the task that sent it, which may have ended by then; of several
    tries it is the last one before."""
    mail = worked("shop.send_mail", 500, 100.0)
    mail["task"]["parentId"] = "task-200"
    retried = worked("shop.bill", 100, 50.0, outcome="retried")
    retried["task"]["id"] = "task-200"
    timeline = read(path, retried, worked("shop.bill", 200, 50.0), worked("x", 600, 590.0), mail)
    assert tree(timeline) == [
        "x succeeded",
        "shop.bill retried",
        "shop.bill succeeded",
        "  shop.send_mail succeeded",
    ]


def test_tasks_that_name_each_other_are_all_shown(path: Path) -> None:
    """Ids that lead in a circle, which nobody but a forger writes, cost no line."""
    one, two = worked("one", 100, 100.0), worked("two", 100, 100.0)
    one["task"].update(id="a", parentId="b")
    two["task"].update(id="b", parentId="a")
    assert sorted(line.strip() for line in tree(read(path, one, two))) == [
        "one succeeded",
        "two succeeded",
    ]


def test_a_task_lies_within_no_call(path: Path) -> None:
    """A task that ran while its sender called another service is no part of that call."""
    timeline = read(
        path,
        worked("shop.send_mail", 20, 5.0),
        call("/b", 25, 20.0),
        answered("GET", "/", 200, 30, 30.0),
    )
    assert tree(timeline) == ["GET / 200", "  GET /b 200", "  shop.send_mail succeeded"]


def test_the_task_of_an_application_is_none(path: Path) -> None:
    """A field called task on any other line, even with a duration in it, says nothing of time."""
    line = said("Read", 5, task={"name": "dishes", "duration": 1_800_000})
    [(_, span)] = read(path, line).walk()
    assert (span.begin, span.end, span.timed) == (0, 0, False)


def test_gaps_are_named(path: Path) -> None:
    """A stretch of a tenth of its span in which nothing was logged is named by what lies
    around it; a shorter one, and the silence of a request without any line, is not."""
    timeline = read(
        path,
        said("first", 40),
        said("second", 45),
        said("third", 80),
        answered("GET", "/", 200, 100, 100.0),
    )
    assert gaps(timeline) == [
        (0, 40, "nothing logged before 'first'"),
        (45, 80, "nothing logged between 'second' and 'third'"),
        (80, 100, "nothing logged after 'third'"),
    ]
    silent = answered("GET", "/", 200, 1000, 1000.0)
    assert gaps(read(path, silent)) == []


@pytest.mark.parametrize("began", [0, 60_000, 3_600_000], ids=["with it", "later", "much later"])
def test_a_gap_is_measured_by_its_own_span(path: Path, began: int) -> None:
    """How long after a request its task runs tells nothing of a silence within the request, or in
    what it called; one of less than ten milliseconds is not named among so many."""
    timeline = read(
        path,
        answered("GET", "/", 200, 1000, 1000.0),
        said("early", 40),
        call("/b", 1000, 100.0),
        answered("GET", "/b", 200, 998, 98.0, service="b"),
        said("in b", 930, service="b"),
        *(answered("GET", "/c", 200, 100 + 5 * n, 5.0, service="c") for n in range(100)),
        *(said("in c", 102 + 5 * n, service="c") for n in range(100)),
        worked("shop.mail", began + 50, 50.0),
    )
    assert gaps(timeline) == [
        (595, 900, "nothing logged between 'GET /c 200' and 'GET /b 200'"),
        (900, 930, "nothing logged before 'in b'"),
        (930, 998, "nothing logged after 'in b'"),
    ]


def test_a_gap_lies_within_its_span(path: Path) -> None:
    """By the milliseconds of its time, a request's own line may lie before it, or behind it."""
    timeline = read(
        path,
        said("before", 4),
        answered("GET", "/", 200, 10, 5.0),
        said("behind", 12),
    )
    assert gaps(timeline) == [(1, 6, "nothing logged after 'before'")]


def test_the_way_to_another_service_is_named(path: Path) -> None:
    """The part of a call in which the other service was not yet, or no longer, at work."""
    timeline = read(
        path,
        answered("GET", "/b", 200, 80, 20.0, service="b"),
        call("/b", 100, 90.0),
        answered("GET", "/", 200, 100, 100.0),
    )
    assert gaps(timeline) == [
        (0, 10, "nothing logged before 'GET /b 200'"),
        (10, 60, "on the way, or waiting to be served"),
        (80, 100, "on the way"),
    ]


@each_row(
    ("line", "failed"),
    [
        (answered("GET", "/", 200, 5, 5.0), False),
        (answered("GET", "/", 404, 5, 5.0), False),
        (answered("GET", "/", 503, 5, 5.0), True),
        (answered("GET", "/", None, 5, 5.0, direction="outgoing", level="danger"), True),
        (answered("GET", "/", 200, 5, 5.0, outcome="error"), True),
        (answered("GET", "/", 200, 5, 5.0, outcome="aborted"), False),
        (said("declined", 5, level="danger"), True),
        (said("declined", 5, level="error"), True),
        (said("declined", 5, level="warning"), False),
        (said("caught", 5, exception={"type": "KeyError", "message": "x"}), True),
        (worked("shop.send_mail", 5, 5.0), False),
        (worked("shop.send_mail", 5, 5.0, outcome="failed"), True),
        (worked("shop.send_mail", 5, 5.0, outcome="revoked"), False),
    ],
)
def test_failures_are_known(line: dict[str, Any], failed: bool, path: Path) -> None:
    """A 5xx, an exception, an error outcome and a line that says so are failures."""
    [(_, span)] = read(path, line).walk()
    assert span.failed is failed


def test_an_event_says_what_it_was_about(path: Path) -> None:
    """The detail holds the business fields and the exception, on one line."""
    fields: dict[str, Any] = {
        "action": "PAY",
        "value": "order-1",
        "monetaryValue": 5,
        "comment": "two\nlines",
    }
    error = {"type": "shop.Declined", "message": "no\nmoney"}
    [(_, span)] = read(path, said("x", 1, **fields, exception=error)).walk()
    assert span.detail == "PAY order-1 5 two lines shop.Declined: no money"


def test_events_stay_in_the_order_of_their_beginning(path: Path) -> None:
    """On each level the earlier comes first, whatever the order of the lines in the file."""
    lines = [said(str(n), n, service="b") for n in (5, 3, 9, 1)]
    timeline = read(path, *lines, answered("GET", "/", 200, 10, 10.0))
    assert tree(timeline) == ["GET / 200", "  1", "  3", "  5", "  9"]


def test_an_unknown_request_has_an_empty_timeline(path: Path) -> None:
    """No event is no failure."""
    with answers.open(write(path, [said("x", 1)])) as logs:
        assert timeline_of(logs, Query.of(REQUEST_EVENTS, {"request": "r"})).spans == []


def test_a_timeline_can_be_narrowed(path: Path) -> None:
    """A timeline of one service leaves the others out."""
    lines = [said("a", 1, service="a"), said("b", 2, service="b")]
    assert tree(read(path, *lines, service="b")) == ["b"]


def test_many_events_are_nested_in_time(path: Path) -> None:
    """Thousands of events of one request come out, each once."""
    lines = [said(str(n), n) for n in range(3_000)]
    timeline = read(path, *lines, answered("GET", "/", 200, 3_000, 3_000.0))
    assert len(tree(timeline)) == 3_001
    assert all(isinstance(span, Span) for span in timeline.spans)


@pytest.mark.parametrize(
    ("ended", "took"),
    [(100, 4.0), (100, 3.0), (99, 3.0), (95, 1.0), (101, 5.0)],
    ids=["longer", "cut", "done before the service", "left by its client", "around"],
)
def test_a_proxy_holds_what_it_passed_on(path: Path, ended: int, took: float) -> None:
    """The request in a proxy's access log is around the service's, which may seem longer."""
    timeline = read(
        path,
        answered("GET", "/orders", 200, 100, 3.6),
        said("ordered", 99),
        proxied("/orders", ended, took),
    )
    assert tree(timeline) == ["GET /orders 200", "  GET /orders 200", "    ordered"]
    assert timeline.services == ["nginx", "gateway"]


def test_a_proxy_between_services(path: Path) -> None:
    """A proxy within a call holds what the called service did; two tries are both within it."""
    timeline = read(
        path,
        answered("GET", "/", 200, 30, 30.0),
        call("/users", 28, 24.0),
        proxied("/users", 27, 22.0),
        answered("GET", "/users", 503, 14, 8.0, service="accounts"),
        answered("GET", "/users", 200, 26, 10.0, service="accounts"),
        said("inner", 25, service="accounts"),
    )
    assert tree(timeline) == [
        "GET / 200",
        "  GET /users 200",
        "    GET /users 200",
        "      GET /users 503",
        "      GET /users 200",
        "        inner",
    ]


def test_two_proxied_requests_with_one_id(path: Path) -> None:
    """A client that sends a request again, with the same id, has both apart."""
    timeline = read(
        path,
        proxied("/orders", 10, 4.0),
        answered("GET", "/orders", 503, 10, 4.3),
        proxied("/orders", 50, 3.0),
        answered("GET", "/orders", 200, 50, 3.3),
    )
    assert tree(timeline) == [
        "GET /orders 200",
        "  GET /orders 503",
        "GET /orders 200",
        "  GET /orders 200",
    ]


def test_many_that_overlap_have_a_timeline(path: Path) -> None:
    """Thousands of requests that a client sent with one id, all in flight together, come out each
    once, one within the other."""
    timeline = read(path, *(answered("GET", "/x", 200, n, 50.0) for n in range(3_000)))
    assert len(tree(timeline)) == 3_000
    assert max(depth for depth, _ in timeline.walk()) > 1_000
