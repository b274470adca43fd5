"""What happened within what: by the clocks of the services, and by the ids that lines name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping

from .span import Span

# Milliseconds: createdAt is cut to whole ones, and the clocks of machines differ a little.
_TOLERANCE = 2.0


def parents_of(spans: list[Span]) -> Iterator[tuple[Span, Span | None]]:
    """Yield each span with what it happened within, None where that is nothing.

    *spans* are in order of their beginning; they come with the longest first.
    """
    # A span lies within a longer one, or, of two alike, within the earlier: never in a circle.
    begins = [span.begin for span in spans]
    lengths = {}
    for span in spans:
        since = bisect_left(begins, span.begin - _TOLERANCE)
        until = bisect_right(begins, span.end + _TOLERANCE)
        lengths[id(span)] = _length(span, spans[since:until]) if _is_proxy(span) else span.duration
    ranked = sorted(spans, key=lambda span: (-lengths[id(span)], not _is_proxy(span), span.begin))
    ranks = {id(span): rank for rank, span in enumerate(ranked)}
    timed = {span.service for span in spans if span.timed}
    parents: dict[int, Span | None] = {}
    for span, near in _with_near(spans):
        longer = [other for other in near if other.timed and ranks[id(other)] < ranks[id(span)]]
        found = _sender(span, near, spans) if span.is_task else _task_of(span, near)
        parents[id(span)] = found or (
            None
            if span.is_task
            else _parent(span, sorted(longer, key=lambda of: ranks[id(of)]), timed)
        )
    for span in ranked:
        parent = parents[id(span)]
        if parent is not None and _leads_to(span, parent, parents):
            parent = parents[id(span)] = None  # ids that name each other
        yield span, parent


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


def _parent(span: Span, longer: list[Span], timed: Container[str | None]) -> Span | None:
    """Return the span that *span* happened within: the shortest around it that fits best."""
    around = [
        other
        for other in longer
        if _forwards(other, span)
        or (
            other.begin - _TOLERANCE <= span.begin
            and span.end <= other.end + _TOLERANCE
            and _may_hold(other, span, timed)
        )
    ]
    return min(around, key=lambda other: (_distance(other, span), other.duration), default=None)


def _leads_to(span: Span, parent: Span, parents: Mapping[int, Span | None]) -> bool:
    """Tell whether *parent* lies within *span* itself, by way of others too."""
    at: Span | None = parent
    for _ in parents:
        if at is None or at is span:
            break
        at = parents.get(id(at))
    return at is not None


def _sender(task: Span, near: list[Span], spans: list[Span]) -> Span | None:
    """Return what sent *task*: the task that its record names, else a request that was going on.

    Whether the sender had ended by then does not tell, when it is named.
    """
    sent_by = task.event["taskParentId"] if task.event is not None else None
    if sent_by is not None:
        runs = [
            span
            for span in spans
            if span is not task
            and span.is_task
            and _task_id(span) == sent_by
            and span.begin <= task.begin
        ]
        if runs:
            return runs[-1]
    requests = [span for span in near if span.called and span.begin - _TOLERANCE <= task.begin]
    own = [span for span in requests if span.service == task.service]
    return max(own or requests, key=lambda span: span.duration, default=None)


def _task_of(span: Span, near: list[Span]) -> Span | None:
    """Return the run of the task that a line was said in, when the line names it."""
    task_id = _task_id(span)
    runs = [other for other in near if other.is_task and _task_id(other) == task_id]
    return runs[-1] if runs and task_id is not None and not span.called else None


def _task_id(span: Span) -> str | None:
    task_id: str | None = span.event["taskId"] if span.event is not None else None
    return task_id


def _may_hold(other: Span, span: Span, timed: Container[str | None]) -> bool:
    """Tell whether *span*, which is no task, can have happened within *other*.

    A line lies within what its own service did; where that left no record, as *timed* tells,
    within any request around it. Within a call lies only what another service did.
    """
    same = other.service == span.service or None in (other.service, span.service)
    if other.outgoing:
        return not same or span.service is None
    if span.called:
        return not other.is_task
    return same or (not other.is_task and span.service not in timed)


def _distance(other: Span, span: Span) -> int:
    """Return how badly *other* fits as what *span* happened within, 0 for best."""
    if other.event is None or span.event is None:
        return 9
    if _forwards(other, span):
        return -1
    if span.called and other.outgoing:
        same = all(other.event[key] == span.event[key] for key in ("method", "path"))
        return 0 if same else 1
    if span.called:
        return 2
    return 0 if other.service == span.service else 3
