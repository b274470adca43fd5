"""What the answers mean, rule by rule, on logs that a reader can count by hand, on both engines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clew import answers

from .logs_of import DAY, MIDNIGHT

Line = dict[str, Any]
Rows = list[tuple[Any, ...]]
Ask = Callable[..., Rows]
HOUR, MINUTE = 3_600_000, 60_000


@pytest.fixture(params=["duckdb", pytest.param("clickhouse", marks=pytest.mark.outside)])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ask]:
    """Give a function that asks a question of lines, on one of the engines."""
    opener: Callable[[Path], answers.Logs] = answers.open
    if request.param == "clickhouse":
        opener = request.getfixturevalue("server_logs")
    opened: dict[str, answers.Logs] = {}

    def asked(lines: list[Line], question: str, **parameters: Any) -> Rows:
        content = "".join(json.dumps(line) + "\n" for line in lines)
        if content not in opened:
            path = tmp_path / "app.log"
            path.write_text(content)
            opened[content] = opener(path)
        return opened[content].ask(question, **parameters).rows

    yield asked
    for logs in opened.values():
        logs.close()


def said(at: int = 0, **fields: Any) -> Line:
    """Return an event of the application, *at* milliseconds after midnight."""
    return {"createdAt": MIDNIGHT + at, "level": "info", "message": "said", **fields}


def http(
    path: str | None = "/",
    took: float | None = 1,
    status: int | None = 200,
    *,
    at: int = 0,
    method: str = "GET",
    request: Line | None = None,
    response: Line | None = None,
    **fields: Any,
) -> Line:
    """Return an HTTPLog that was written *at* milliseconds after midnight."""
    return {
        "createdAt": MIDNIGHT + at,
        "message": "answered",
        "request": {"method": method, "path": path, **(request or {})},
        "response": {"httpStatus": status, "responseTime": took, **(response or {})},
        **fields,
    }


def bought(at: int = 0, **fields: Any) -> Line:
    return said(at, action="BUY", **fields)


def test_median_and_p95_interpolate_linearly(ask: Ask) -> None:
    """Between 1 and 2 lies 1.5, and the 95th percentile 1.95."""
    assert ask([http(took=1), http(took=2)], "slowest") == [
        (None, "GET", "/", 2, 1.5, 1.95, 1.99, 2.0)
    ]
    eleven = [http(took=took) for took in range(11)]
    assert ask(eleven, "slowest") == [(None, "GET", "/", 11, 5.0, 9.5, 9.9, 10.0)]
    assert ask([http(took=0.001), http(took=0.002)], "slowest") == [
        (None, "GET", "/", 2, 0.0015, 0.00195, 0.00199, 0.002)
    ]


def test_slowest_goes_by_p95_not_by_median(ask: Ask) -> None:
    """One request in twenty is what makes an endpoint slow."""
    steady = [http("/steady", 50) for _ in range(20)]
    now_and_then = [http("/now-and-then", 1) for _ in range(18)]
    now_and_then += [http("/now-and-then", 900)] * 2
    rows = ask(steady + now_and_then, "slowest")
    assert [row[2] for row in rows] == ["/now-and-then", "/steady"]


def test_an_endpoint_is_the_route_else_the_path(ask: Ask) -> None:
    """Requests of one route are one endpoint; where nothing matched, the path stands in."""
    lines = [http(f"/orders/{n}", n, request={"route": "/orders/{id}"}) for n in (1, 2, 3)]
    lines += [http("/lost", 1, 400), http(None, 0.5)]
    endpoints = [row[1:4] for row in ask(lines, "slowest")]
    assert endpoints == [("GET", "/orders/{id}", 3), ("GET", "/lost", 1), ("GET", None, 1)]


def test_what_scanners_look_for_is_one_endpoint(ask: Ask) -> None:
    """404s without a route are one row, whatever their paths; one with a route is its own."""
    lines = [http(f"/wp-{n}.php", n, 404) for n in range(3)]
    lines += [http("/orders/9", 5, 404, request={"route": "/orders/{id}"})]
    endpoints = [row[2:4] for row in ask(lines, "slowest")]
    assert endpoints == [("/orders/{id}", 1), ("(no route)", 3)]
    assert [row[2] for row in ask(lines, "slowest", route="(no route)")] == ["(no route)"]
    assert len(ask(lines, "bad-links")) == 4


def test_a_route_of_two_services_is_two_endpoints(ask: Ask) -> None:
    """What is called alike in two services is not the same."""
    lines = [http("/health", 1, service="shop"), http("/health", 2, service="accounts")]
    rows = [row[:4] for row in ask(lines, "slowest")]
    assert rows == [("accounts", "GET", "/health", 1), ("shop", "GET", "/health", 1)]
    assert [row[0] for row in ask(lines, "waited")] == ["accounts", "shop"]


def test_an_operation_stands_behind_its_endpoint(ask: Ask) -> None:
    """GraphQL operations are endpoints of their own; a route narrows to all of them."""
    lines = [
        http("/graphql", took, request={"operation": operation})
        for took, operation in ((3, "query Orders"), (2, "mutation Pay"), (1, None))
    ]
    expected = ["/graphql query Orders", "/graphql mutation Pay", "/graphql"]
    assert [row[2] for row in ask(lines, "slowest")] == expected
    assert [row[2] for row in ask(lines, "slowest", route="/graphql")] == expected
    assert ask(lines, "slowest", route="/graphql query Orders") == []


def test_the_methods_of_a_path_are_endpoints_of_their_own(ask: Ask) -> None:
    """Reading and writing one thing are two things."""
    lines = [http(took=1, method="GET"), http(took=2, method="POST")]
    assert [row[1:4] for row in ask(lines, "waited")] == [("POST", "/", 1), ("GET", "/", 1)]


def test_a_graphql_status_is_the_status(ask: Ask) -> None:
    """GraphQL answers 200 whatever happens: the status that its errors mean counts."""
    failed = http("/graphql", response={"graphqlStatus": 500})
    lost = http("/graphql", response={"graphqlStatus": 404})
    fine = http("/graphql", status=500, response={"graphqlStatus": 200})
    lines = [failed, lost, fine]
    assert ask(lines, "errors") == [(None, "GET", "/graphql", 3, 1, 1 / 3, None)]
    assert ask(lines, "bad-links") == [("/graphql", 1)]
    assert [row[1:] for row in ask(lines, "statuses", status=200)] == [(200, 1)]
    assert ask([failed], "statuses", status=200) == []


def test_outgoing_records_count_only_in_the_timeline(ask: Ask) -> None:
    """A call to another service is no request of this one's users."""
    lines = [http("/out", 5, status, direction="outgoing", requestId="r") for status in (404, 500)]
    for question in ("slowest", "waited", "latency", "errors", "bad-links"):
        assert ask(lines, question) == []
    assert ask(lines, "statuses", status=404) == []
    assert len(ask(lines, "timeline", request="r")) == 2


def test_what_is_bound_counts_once(ask: Ask) -> None:
    """An action that a request is bound to counts as the request's own, and not again as that of
    each call; a direction that the application gives a line says nothing."""
    bound: Line = {"action": "BUY", "value": "v", "oldValue": "u", "userId": "7"}
    bound["monetaryValue"] = 5
    lines = [http(**bound), http("/out", direction="outgoing", **bound)]
    lines += [said(direction="outgoing", **bound)]
    for question, given in (
        ("revenue", {"action": "BUY"}),
        ("customers", {"action": "BUY"}),
        ("products", {"action": "BUY"}),
        ("access", {"action": "BUY"}),
        ("actions", {}),
    ):
        [row] = ask(lines, question, **given)
        assert 2 in row and 3 not in row
    for question in ("accessed", "changes"):
        assert len(ask(lines, question, value="v")) == 2
    assert len(ask(lines, "events", action="BUY")) == 3


def test_websockets_have_no_response_time(ask: Ask) -> None:
    """How long a connection was open says nothing of how slow it was; its status counts."""
    lines = [http("/socket", 60_000, 101, outcome="websocket")]
    lines += [http("/socket", 5, 500, outcome="websocket")]
    for question in ("slowest", "waited", "latency"):
        assert ask(lines, question) == []
    assert ask(lines, "errors") == [(None, "GET", "/socket", 2, 1, 0.5, None)]
    assert [row[1:] for row in ask(lines, "statuses", status=101)] == [(101, 1)]


def test_a_record_without_a_response_time_is_a_request(ask: Ask) -> None:
    """It counts where no time is asked for."""
    lines = [http(took=None, status=500), http(took=4, status=200)]
    assert ask(lines, "errors") == [(None, "GET", "/", 2, 1, 0.5, None)]
    assert ask(lines, "slowest") == [(None, "GET", "/", 1, 4.0, 4.0, 4.0, 4.0)]


def test_shares_of_the_time_waited(ask: Ask) -> None:
    """The share is of all the time waited, after the filters and before the limit."""
    lines = [http("/a", 60), http("/b", 30, service="shop"), http("/c", 10, service="shop")]
    assert ask(lines, "waited", limit=1) == [(None, "GET", "/a", 1, 60.0, 0.6)]
    assert [row[4:] for row in ask(lines, "waited", service="shop")] == [(30.0, 0.75), (10.0, 0.25)]
    assert ask([http(took=0)], "waited") == [(None, "GET", "/", 1, 0.0, 0.0)]


def test_errors_are_5xx(ask: Ask) -> None:
    """From 500 to 599, most first, with the latest id; an endpoint without one is left out."""
    statuses = {"/a": (499, 500, 599, 600), "/b": (200, 404), "/c": (503, 503, 503)}
    answers = [(path, status) for path, of in statuses.items() for status in of]
    lines = [
        http(path, 1, status, at=-at, requestId=f"r-{at}")
        for at, (path, status) in enumerate(answers)
    ]
    lines.append(http("/a", 1, 599, at=5))
    assert ask(lines, "errors") == [
        (None, "GET", "/a", 5, 3, 0.6, "r-1"),
        (None, "GET", "/c", 3, 3, 1.0, "r-6"),
    ]


def test_ties_go_by_the_columns_left_to_right(ask: Ask) -> None:
    """Rows that rank alike are in the order of their texts, what is not known last."""
    paths = ("/b", "/B", "/ä", "/a", None, "/a/")
    rows = ask([http(path, 1, 404) for path in paths], "bad-links")
    assert [row[0] for row in rows] == ["/B", "/a", "/a/", "/b", "/ä", None]
    lines = [http("/b", method="GET"), http("/a", method="POST"), http("/a", method="GET")]
    order = [("GET", "/a"), ("GET", "/b"), ("POST", "/a")]
    assert [row[1:3] for row in ask(lines, "slowest")] == order
    assert [row[1:3] for row in ask(lines, "slowest", limit=2)] == order[:2]


def test_a_limit_of_a_history_shows_the_last(ask: Ask) -> None:
    """A limit shows the same rows as none does, only fewer: of what runs over time the end."""
    lines = [bought(at * HOUR, value="v", comment=str(at)) for at in range(5)]
    for question, given in (
        ("revenue", {"action": "BUY", "bucket": "hour"}),
        ("changes", {"value": "v"}),
        ("events", {}),
    ):
        rows = ask(lines, question, **given)
        assert len(rows) == 5
        assert ask(lines, question, limit=2, **given) == rows[-2:]


def test_buckets_lie_in_utc_and_run_over_midnight(ask: Ask) -> None:
    """A bucket begins with it and ends before the next; one without events is left out."""
    offsets = (-HOUR - 1, -1, 0, MINUTE - 1, MINUTE, HOUR, DAY - 1, DAY)
    lines = [bought(at) for at in offsets]

    def buckets(bucket: str | None) -> dict[str, int]:
        return {row[0]: row[1] for row in ask(lines, "revenue", action="BUY", bucket=bucket)}

    hours = {
        "2026-10-31T22:00:00Z": 1,
        "2026-10-31T23:00:00Z": 1,
        "2026-11-01T00:00:00Z": 3,
        "2026-11-01T01:00:00Z": 1,
        "2026-11-01T23:00:00Z": 1,
        "2026-11-02T00:00:00Z": 1,
    }
    assert buckets("hour") == buckets("1h") == hours
    assert buckets("day") == {
        "2026-10-31T00:00:00Z": 2,
        "2026-11-01T00:00:00Z": 5,
        "2026-11-02T00:00:00Z": 1,
    }
    assert buckets("minute")["2026-11-01T00:00:00Z"] == 2
    assert list(buckets("minute")) == sorted(buckets("minute"))


def test_since_is_inclusive_and_until_exclusive(ask: Ask) -> None:
    """A date is its midnight in UTC: a day is from one to the next."""
    lines = [bought(at, userId=str(at)) for at in (-1, 0, 1, DAY - 1, DAY)]
    rows = ask(lines, "customers", action="BUY", since="2026-11-01", until="2026-11-02")
    assert sorted(row[0] for row in rows) == ["0", "1", str(DAY - 1)]


def test_a_service_narrows_every_question(ask: Ask) -> None:
    """What another service wrote, or one without a name, does not count."""
    lines = [bought(userId=str(service), service=service) for service in ("shop", "shop2", None)]
    assert ask(lines, "customers", action="BUY", service="shop") == [("shop", 1, 0)]


def uses(**counts: int) -> list[Line]:
    return [
        said(action="READ", userId=user) for user, count in counts.items() for _ in range(count)
    ]


def unusual(rows: Rows) -> list[str]:
    return [row[0] for row in rows if row[2]]


def test_far_above_the_others_is_unusual(ask: Ask) -> None:
    """A modified z-score above 3.5: with 4, 5, 6 and a MAD of 1, that is from 11 on."""
    others = {"a": 4, "b": 4, "c": 5, "d": 5, "e": 6, "f": 6}
    assert unusual(ask(uses(**others, x=10), "access", action="READ")) == []
    assert unusual(ask(uses(**others, x=11), "access", action="READ")) == ["x"]
    rows = ask(uses(**others, x=11), "access", action="READ", limit=1)
    assert rows == [("x", 11, True)]


def test_far_below_the_others_is_not_unusual(ask: Ask) -> None:
    """Only who does it too often is looked for."""
    counts = {"a": 99, "b": 100, "c": 101, "d": 100, "e": 99, "x": 1}
    assert unusual(ask(uses(**counts), "access", action="READ")) == []


def test_the_mean_distance_stands_in_where_most_are_alike(ask: Ask) -> None:
    """With a MAD of 0, x is 9 off while the mean is 9/n off: n is 5 at least."""
    for others, expected in ((3, []), (4, ["x"])):
        counts = {f"user-{n}": 1 for n in range(others)}
        assert unusual(ask(uses(**counts, x=10), "access", action="READ")) == expected


def test_nobody_is_unusual_where_all_are_alike(ask: Ask) -> None:
    """Neither of several with the same count, nor one alone."""
    assert unusual(ask(uses(a=7, b=7, c=7), "access", action="READ")) == []
    assert ask(uses(a=7), "access", action="READ") == [("a", 7, False)]


def test_unusual_is_judged_after_the_filters(ask: Ask) -> None:
    """Who is usual among all may be unusual in one service."""
    inside = [line | {"service": "shop"} for line in uses(a=4, b=4, c=5, d=5, e=6, f=6, x=11)]
    outside = uses(g=40, h=50, i=60, j=70, k=80, l=90, m=100, n=110, o=120)
    assert unusual(ask(inside + outside, "access", action="READ")) == []
    assert unusual(ask(inside + outside, "access", action="READ", service="shop")) == ["x"]


def test_lines_without_a_user_are_a_row_of_their_own(ask: Ask) -> None:
    """What nobody did counts as access, and is never unusual; a customer is somebody."""
    lines = [bought(monetaryValue=5), bought(monetaryValue=7, userId="a")]
    assert ask(lines, "access", action="BUY") == [("a", 1, False), (None, 1, False)]
    assert ask(lines, "customers", action="BUY") == [("a", 1, 7)]
    assert [row[1:] for row in ask(lines, "revenue", action="BUY")] == [(2, 12)]


def test_the_address_is_the_edges(ask: Ask) -> None:
    """Of several services' records, that which began first, whenever it was written."""
    inner = http("/inner", 10, at=50, request={"ipAddress": "10.0.0.1"}, requestId="r")
    edge = http("/", 100, at=100, request={"ipAddress": "203.0.113.7"}, requestId="r")
    call = http("/inner", 99, at=60, direction="outgoing", requestId="r")
    call["request"]["ipAddress"] = "10.9.9.9"
    touched = said(45, action="READ", value="user:1", userId="7", requestId="r", service="inner")
    row = ("2026-11-01T00:00:00.045Z", "7", "READ", "203.0.113.7", "r")
    for lines in ([inner, edge, call, touched], [touched, call, edge, inner]):
        assert ask(lines, "accessed", value="user:1") == [row]
        # The edge is another service's, and its record comes later.
        narrowed = {"service": "inner", "until": "2026-11-01T00:00:00.046Z"}
        assert ask(lines, "accessed", value="user:1", **narrowed) == [row]


def test_accessed_is_one_row_an_event(ask: Ask) -> None:
    """Two events of one request are two rows; one without request or record has no address."""
    edge = http(request={"ipAddress": "203.0.113.7"}, requestId="r")
    touched = [
        said(1, action="READ", value="v", requestId="r"),
        said(1, action="READ", value="v", requestId="r"),
        said(2, action="READ", value="v", requestId="job"),
        said(3, action="READ", value="v"),
        said(4, action="READ", value="w", requestId="r"),
    ]
    rows = ask([edge, http(requestId=None), *touched], "accessed", value="v")
    assert [row[3] for row in rows] == ["203.0.113.7", "203.0.113.7", None, None]


def test_changes_carry_an_old_value_or_a_comment(ask: Ask) -> None:
    """What only mentions a value has not changed it; what replaced it has."""
    lines = [
        said(1, value="v"),
        said(2, value="v", oldValue="u", userId="7", action="SET"),
        said(3, value="w", oldValue="v"),
        said(4, value="v", comment="why"),
        said(5, value="x", comment="v"),
        said(6, value="v", oldValue=""),
    ]
    rows = ask(lines, "changes", value="v")
    assert rows == [
        ("2026-11-01T00:00:00.002Z", "7", "SET", "u", "v", None, None),
        ("2026-11-01T00:00:00.003Z", None, None, "v", "w", None, None),
        ("2026-11-01T00:00:00.004Z", None, None, None, "v", "why", None),
        ("2026-11-01T00:00:00.006Z", None, None, "", "v", None, None),
    ]


def test_a_quantity_is_one_unless_it_is_given(ask: Ask) -> None:
    """Products sum their quantities, of which a line without one is one."""
    lines = [
        bought(value="lamp", quantity=3),
        bought(value="lamp"),
        bought(value="lamp", quantity=0),
    ]
    lines += [bought(value="desk", quantity=0.5, monetaryValue=9), bought(quantity=99)]
    rows = [("desk", 1, Decimal("0.5"), 9), ("lamp", 3, 4, 0)]
    assert ask(lines, "products", action="BUY") == rows


def test_sums_are_exact(ask: Ask) -> None:
    """Neither 2**53 nor 2**64 is a bound, and a tenth is a tenth."""
    large = [bought(userId="a", monetaryValue=2**64 - 1) for _ in range(3)]
    small = [bought(userId="b", monetaryValue=amount) for amount in (2**53, 1)]
    tenths = [bought(userId="c", monetaryValue=0.1) for _ in range(3)]
    back = [bought(userId="d", monetaryValue=amount) for amount in (5, -7.25, 2.25)]
    rows = ask(large + small + tenths + back, "customers", action="BUY")
    assert rows == [
        ("a", 3, 3 * (2**64 - 1)),
        ("b", 2, 2**53 + 1),
        ("c", 3, Decimal("0.3")),
        ("d", 3, 0),
    ]
    assert [type(row[2]) for row in rows] == [int, int, Decimal, int]


def test_actions_are_counted_by_name(ask: Ask) -> None:
    """All of them, or one; a line without one is no action."""
    lines = [bought(), bought(), said(action="SIGNUP"), said(HOUR, action="BUY"), said()]
    midnight, one = "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z"
    rows = [(midnight, "BUY", 2), (midnight, "SIGNUP", 1), (one, "BUY", 1)]
    assert ask(lines, "actions", bucket="hour") == rows
    assert ask(lines, "actions", bucket="hour", action="BUY") == [rows[0], rows[2]]


def test_a_timeline_goes_by_beginnings(ask: Ask) -> None:
    """A record's beginning is what it was written at less what it took, over all services."""
    lines = [
        http("/", 42.5, at=100, requestId="r", service="gateway", level="info"),
        said(70, requestId="r", service="gateway"),
        http("/inner", 10, at=90, requestId="r", service="shop", level="danger"),
        said(70, requestId="other"),
    ]
    rows = ask(lines, "timeline", request="r")
    assert [row[:7] for row in rows] == [
        (0.0, "2026-11-01T00:00:00.057500Z", "gateway", "info", "answered", 42.5, "r"),
        (12.5, "2026-11-01T00:00:00.070Z", "gateway", "info", "said", None, "r"),
        (22.5, "2026-11-01T00:00:00.080Z", "shop", "danger", "answered", 10.0, "r"),
    ]
    assert [row[7] for row in rows] == [200, None, 200]
    [row] = ask(lines, "timeline", request="r", service="shop")
    assert row[0] == 0.0


def test_what_its_process_died_at_has_failed(ask: Ask) -> None:
    """A lost request has no status and no time: it is a failure, and slows nothing down; a lost
    task has failed.
    """
    lost = http("/a", None, None, outcome="lost", requestId="r-1", userId="1")
    task = {"name": "mail", "id": "1", "outcome": "lost"}
    lines = [lost, http("/a", 5), said(logger="clew.task", task=task)]
    assert [row[3:] for row in ask(lines, "errors")] == [(2, 1, 0.5, "r-1")]
    assert [row[1:] for row in ask(lines, "traffic")] == [(2, 0, 1, 0.5)]
    assert [row[1:] for row in ask(lines, "clients")] == [(2, 0, 1, 1)]
    assert [row[3:5] for row in ask(lines, "slowest")] == [(1, 5.0)]
    assert [row[1:4] for row in ask(lines, "tasks")] == [("mail", 1, 1)]
