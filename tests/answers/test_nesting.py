"""What happened within what, of many spans: by the rules, at any depth, and in little work."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.answers.nesting import parents_of
from clew.answers.timeline import Span
from clew.records import TASK_LOGGER

from .oracle_nesting import nested

NOTHING = dict.fromkeys(
    ("durationUs", "direction", "method", "path", "taskId", "taskParentId"), None
)


def span(begin: float, took: float | None, service: str | None = "a", **event: Any) -> Span:
    """Return a span of a line that has the columns *event* and no others."""
    columns = {**NOTHING, "logger": "clew.http", "durationUs": took, **event}
    return Span(begin, begin + (took or 0), "", service, columns)


times = st.integers(0, 30).map(float)
lengths = st.one_of(st.none(), times)
services = st.sampled_from(["a", "b", None])
ids = st.sampled_from(["1", "2", None])
requests = st.builds(
    span,
    times,
    lengths,
    services,
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(["/a", "/b"]),
    direction=st.sampled_from([None, None, "outgoing"]),
    taskId=ids,
    logger=st.sampled_from(["clew.http", "clew.http", "nginx.access"]),
)
tasks = st.builds(
    span, times, lengths, services, taskId=ids, taskParentId=ids, logger=st.just(TASK_LOGGER)
)
lines = st.builds(span, times, st.none(), services, taskId=ids, logger=st.just("shop"))


@settings(max_examples=300)
@given(st.lists(st.one_of(requests, tasks, lines), max_size=25))
def test_all_is_nested_by_the_rules(spans: list[Span]) -> None:
    """Requests, calls, proxies, tasks and lines of several services lie within what they lie in
    when each is compared with each other; the longest come first."""
    spans.sort(key=lambda each: each.begin)
    for place, each in enumerate(spans):
        each.label = str(place)
    found = list(parents_of(spans))
    assert {each.label: parent and parent.label for each, parent in found} == nested(spans)
    longest = [each.duration for each, _ in found if not str(each.event).count(".access")]
    assert longest == sorted(longest, reverse=True)


def overlapping(count: int, took: float) -> list[Span]:
    """Return so many requests, one begun each millisecond."""
    return [span(float(n), took, method="GET", path="/x") for n in range(count)]


def shells(count: int) -> list[Span]:
    """Return so many requests, each around all that follow."""
    return [span(float(n), 2.0 * (count - n), method="GET", path="/x") for n in range(count)]


def chain(count: int) -> list[Span]:
    """Return so many tasks, each sent by the one before."""
    return [
        span(float(n), 1.0, taskId=str(n), taskParentId=str(n - 1), logger=TASK_LOGGER)
        for n in range(count)
    ]


def passed_on(count: int) -> list[Span]:
    """Return so many requests of clients that have left a proxy before the service was done."""
    event = {"method": "GET", "path": "/x"}
    proxied = [span(float(n), 1.0, "nginx", logger="nginx.access", **event) for n in range(count)]
    return sorted(proxied + overlapping(count, 1000.0), key=lambda each: each.begin)


@pytest.mark.parametrize(
    "make",
    [lambda n: overlapping(n, 50.0), lambda n: overlapping(n, 1e6), shells, chain, passed_on],
    ids=["short", "long", "shells", "tasks", "proxied"],
)
def test_the_work_grows_with_the_spans(make: Any) -> None:
    """Of four times as many spans that overlap, four times the work is done, or a little more."""
    few, many = (calls_for(make(count)) for count in (500, 2_000))
    assert many < 7 * few


def calls_for(spans: list[Span]) -> int:
    """Return how many functions are called to nest *spans*."""
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        list(parents_of(spans))
    finally:
        sys.setprofile(before)
    return calls


def test_a_span_of_any_depth_is_walked() -> None:
    """Spans within spans, 3,000 deep, come out each once, in order, with their depth."""
    spans = chain(3_000)
    for each, parent in parents_of(spans):
        if parent is not None:
            parent.children.append(each)
    found = [(depth, each.begin) for depth, each in spans[0].walk()]
    assert found == [(n, float(n)) for n in range(3_000)]
