"""One request over all services: what happened within what, and where nothing was logged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .logs import Logs
from .lookups import REQUEST_EVENTS
from .nesting import parents_of
from .query import Query
from .span import Span

__all__ = ["Span", "Timeline", "timeline_of"]

# A gap is named from a tenth of its span on: how long the whole takes, with a task hours later,
# tells nothing of it. So that many short spans stay readable, it is a tenth of the whole, too, or
# ten milliseconds; and one at least.
_GAP_SHARE = 0.1
_GAP_LEAST = 1.0
_GAP_IN_LONG = 10.0


@dataclass(frozen=True, slots=True)
class Timeline:
    """All that is known of one request. ``duration`` is in milliseconds, ``began`` ISO 8601."""

    request_id: str
    began: str
    duration: float
    services: list[str]
    spans: list[Span]
    timezone: str = "UTC"

    def walk(self) -> Iterator[tuple[int, Span]]:
        """Yield all spans in order, each with its depth."""
        for span in self.spans:
            yield from span.walk()


def timeline_of(logs: Logs, query: Query) -> Timeline:
    """Return the timeline of the request that *query* names, narrowed as the query is."""
    # In order of their beginning.
    answer = logs.find(query.about(REQUEST_EVENTS))
    events = answer.dicts()
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
    roots: list[Span] = []
    for span, parent in parents_of(spans):
        (roots if parent is None else parent.children).append(span)
    end = max(span.end for span in spans)
    roots.sort(key=_order)
    least = max(_GAP_LEAST, min(_GAP_IN_LONG, end * _GAP_SHARE))
    for _, span in [pair for root in roots for pair in root.walk()]:
        span.children.sort(key=_order)
        if span.children:
            _name_gaps(span, max(least, span.duration * _GAP_SHARE))
    services = dict.fromkeys(span.service for root in roots for _, span in root.walk())
    named = [service for service in services if service]
    return Timeline(request_id, events[0]["began"], end, named, roots, answer.timezone)


def _order(span: Span) -> tuple[float, bool, float]:
    return span.begin, span.timed, -span.duration


def _name_gaps(span: Span, least: float) -> None:
    """Put the stretches of *span* in which nothing was logged among its children."""
    gaps = []
    at, before = span.begin, ""
    # By the clocks of others, or by its milliseconds, a child may lie beside the span.
    within = [child for child in span.children if child.begin <= span.end]
    for child in [*within, None]:
        begin = span.end if child is None else child.begin
        if begin - at >= least:
            after = "" if child is None else child.label
            gaps.append(Span(at, begin, _gap(span, before, after), span.service))
        if child is not None and (child.end >= at or not before):
            at, before = max(at, child.end), child.label
    span.children = sorted([*span.children, *gaps], key=_order)


def _gap(span: Span, before: str, after: str) -> str:
    if span.outgoing:
        return "on the way" if before else "on the way, or waiting to be served"
    if before and after:
        return f"nothing logged between {before!r} and {after!r}"
    return f"nothing logged after {before!r}" if before else f"nothing logged before {after!r}"
