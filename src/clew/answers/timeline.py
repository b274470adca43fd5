"""One request over all services: what happened within what, and where nothing was logged."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from clew.records import TASK_LOGGER

from .logs import Logs
from .lookups import REQUEST_EVENTS
from .query import Query

# Milliseconds: createdAt is cut to whole ones, and the clocks of machines differ a little.
_TOLERANCE = 2.0
# A gap is named from a tenth of the whole request on, and from a millisecond.
_GAP_SHARE = 0.1
_GAP_LEAST = 1.0


@dataclass(slots=True)
class Span:
    """A stretch of a request: an HTTP record, a task, an event of the application, or a gap.

    ``begin`` and ``end`` are milliseconds after the request's first event, and equal for an event
    without a duration. ``event`` holds the columns of the line; a gap has none, and says in
    ``label`` what it lies between.
    """

    begin: float
    end: float
    label: str
    service: str | None = None
    event: dict[str, Any] | None = None
    children: list[Span] = field(default_factory=list)

    @property
    def duration(self) -> float:
        """Return the length in milliseconds."""
        return self.end - self.begin

    @property
    def timed(self) -> bool:
        """Tell whether it took time, by its own account."""
        return self.event is None or self.event["durationUs"] is not None

    @property
    def outgoing(self) -> bool:
        """Tell whether it is a call to another service."""
        return self.event is not None and self.event["direction"] == "outgoing"

    @property
    def failed(self) -> bool:
        """Tell whether it is a failure: an exception, a 5xx, or a line that says so."""
        if self.event is None:
            return False
        status = self.event["graphqlStatus"] or self.event["httpStatus"] or 0
        return (
            status >= 500
            or self.event["exceptionType"] is not None
            or self.event["outcome"] == "error"
            or self.event["level"] in {"danger", "error", "critical"}
        )

    @property
    def detail(self) -> str:
        """Return what the event was about, on one line."""
        if self.event is None:
            return ""
        keys = ("action", "value", "monetaryValue", "quantity", "oldValue", "comment")
        parts = [str(self.event[key]) for key in keys if self.event[key] is not None]
        if self.event["outcome"] in {"aborted", "websocket"}:
            parts.append(self.event["outcome"])
        error, text = self.event["exceptionType"], self.event["exceptionMessage"]
        if error is not None:
            parts.append(f"{error}: {text}" if text else error)
        return " ".join(" ".join(part.split()) for part in parts)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Span]]:
        """Yield it and all within it, in order of their beginning, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is known of one request. ``duration`` is in milliseconds, ``began`` ISO 8601."""

    request_id: str
    began: str
    duration: float
    services: list[str]
    spans: list[Span]

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield all spans in order, each with its depth."""
        for span in self.spans:
            yield from span.walk()


def timeline_of(logs: Logs, query: Query) -> Timeline:
    """Return the timeline of the request that *query* names, narrowed as the query is."""
    # In order of their beginning.
    events = logs.find(query.about(REQUEST_EVENTS)).dicts()
    if not events:
        return Timeline(str(query.values["request"]), "", 0, [], [])
    request_id = str(events[0]["requestId"])
    first = events[0]["beganUs"]
    spans = []
    for event in events:
        begin = (event["beganUs"] - first) / 1000
        label = " ".join((event["message"] or event["path"] or "").split())
        end = begin + (event["durationUs"] or 0)
        spans.append(Span(begin, end, label, event["service"], event))
    # A span lies within a longer one, or, of two alike, within the earlier: never in a circle.
    begins = [span.begin for span in spans]
    lengths = {}
    for span in spans:
        since = bisect_left(begins, span.begin - _TOLERANCE)
        until = bisect_right(begins, span.end + _TOLERANCE)
        lengths[id(span)] = _length(span, spans[since:until]) if _is_proxy(span) else span.duration
    ranked = sorted(spans, key=lambda span: (-lengths[id(span)], not _is_proxy(span), span.begin))
    ranks = {id(span): rank for rank, span in enumerate(ranked)}
    parents: dict[int, Span | None] = {}
    for span, near in _with_near(spans):
        longer = [other for other in near if other.timed and ranks[id(other)] < ranks[id(span)]]
        parents[id(span)] = _parent(span, sorted(longer, key=lambda other: ranks[id(other)]))
    roots: list[Span] = []
    for span in ranked:
        parent = parents[id(span)]
        (roots if parent is None else parent.children).append(span)
    end = max(span.end for span in spans)
    roots.sort(key=_order)
    for _, span in [pair for root in roots for pair in root.walk()]:
        span.children.sort(key=_order)
        if span.children:
            _name_gaps(span, max(_GAP_LEAST, end * _GAP_SHARE))
    services = dict.fromkeys(span.service for root in roots for _, span in root.walk())
    return Timeline(request_id, events[0]["began"], end, [s for s in services if s], roots)


def _with_near(spans: list[Span]) -> Iterator[tuple[Span, list[Span]]]:
    """Yield each span with those that were going on at its beginning, as near as clocks are.

    *spans* are in order of their beginning, so that only those are looked at.
    """
    near: list[Span] = []
    coming = 0
    for span in spans:
        near = [other for other in near if other.end + _TOLERANCE >= span.begin]
        while coming < len(spans) and spans[coming].begin <= span.begin + _TOLERANCE:
            near.append(spans[coming])
            coming += 1
        yield span, near


def _order(span: Span) -> tuple[float, bool, float]:
    return span.begin, span.timed, -span.duration


def _is_proxy(span: Span) -> bool:
    """Tell whether *span* is a request as a proxy's access log has it: logger ``nginx.access``."""
    return span.event is not None and (span.event["logger"] or "").endswith(".access")


def _forwards(proxy: Span, span: Span) -> bool:
    """Tell whether *span* is the request that *proxy* has passed on to a service.

    Its times do not tell: a proxy's may be whole milliseconds, and it may be done with the
    response before the service itself is, or when the client has left.
    """
    if not _is_proxy(proxy) or _is_proxy(span) or span.outgoing:
        return False
    first, then = proxy.event, span.event
    return (
        first is not None
        and then is not None
        and (first["method"], first["path"]) == (then["method"], then["path"])
        and proxy.begin - _TOLERANCE <= span.begin <= proxy.end + _TOLERANCE
    )


def _length(proxy: Span, spans: list[Span]) -> float:
    """Return how long *proxy* took, which is at least as long as what it passed on."""
    return max([proxy.duration, *(each.duration for each in spans if _forwards(proxy, each))])


def _parent(span: Span, longer: list[Span]) -> Span | None:
    """Return the span that *span* happened within: the shortest around it that fits best."""
    around = [
        other
        for other in longer
        if _forwards(other, span)
        or (
            other.begin - _TOLERANCE <= span.begin
            and span.end <= other.end + _TOLERANCE
            and _may_hold(other, span)
        )
    ]
    return min(around, key=lambda other: (_distance(other, span), other.duration), default=None)


def _may_hold(other: Span, span: Span) -> bool:
    """Tell whether *span* can have happened within *other*.

    Within a call lies only what another service did; within a request all that its service did.
    A task is nobody's call: who sent it did not wait for it.
    """
    if other.outgoing:
        if span.event is not None and span.event["logger"] == TASK_LOGGER:
            return False
        return other.service != span.service or span.service is None
    return True


def _distance(other: Span, span: Span) -> int:
    """Return how badly *other* fits as what *span* happened within, 0 for best."""
    if other.event is None or span.event is None:
        return 9
    if _forwards(other, span):
        return -1
    called = span.event["method"] is not None and not span.outgoing
    if called and other.outgoing:
        same = all(other.event[key] == span.event[key] for key in ("method", "path"))
        return 0 if same else 1
    if called:
        return 2
    return 0 if other.service == span.service else 3


def _name_gaps(span: Span, least: float) -> None:
    """Put the stretches of *span* in which nothing was logged among its children."""
    gaps = []
    at, before = span.begin, ""
    for child in [*span.children, None]:
        begin = span.end if child is None else child.begin
        # A span that was silent from end to end says so by its own bar.
        if least <= begin - at < span.duration * 0.95:
            after = "" if child is None else child.label
            gaps.append(Span(at, begin, _gap(span, before, after), span.service))
        if child is not None and child.end >= at:
            at, before = child.end, child.label
    span.children = sorted([*span.children, *gaps], key=_order)


def _gap(span: Span, before: str, after: str) -> str:
    if span.outgoing:
        return "on the way" if before else "on the way, or waiting to be served"
    if before and after:
        return f"nothing logged between {before!r} and {after!r}"
    return f"nothing logged after {before!r}" if before else f"nothing logged before {after!r}"
