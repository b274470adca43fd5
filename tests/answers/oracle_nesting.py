"""What happened within what, in plain Python: each span is compared with each other.

The rules are those of the design, in words that a reader can check by hand.
"""

from __future__ import annotations

from clew.answers.timeline import Span

TOLERANCE = 2.0

Parents = dict[str, str | None]


def nested(spans: list[Span]) -> Parents:
    """Return of each span what it happened within; *spans* are in order of their beginning."""
    lengths = {span.label: length(span, spans) for span in spans}
    ranked = sorted(spans, key=lambda span: (-lengths[span.label], not is_proxy(span), span.begin))
    ranks = {span.label: rank for rank, span in enumerate(ranked)}
    timed = {span.service for span in spans if span.timed}
    naming = {span.service for span in spans if names_any(span, spans)}
    parents: Parents = {}
    for span in spans:
        near = [
            other
            for other in spans
            if other.begin <= span.begin + TOLERANCE and other.end + TOLERANCE >= span.begin
        ]
        if span.is_task:
            parent = sender(span, near, spans)
        else:
            longer = [
                other
                for other in ranked
                if other in near and ranks[other.label] < ranks[span.label]
            ]
            parent = task_of(span, near) or around(span, longer, timed, naming)
        parents[span.label] = None if parent is None else parent.label
    for span in ranked:  # of ids that name each other in a circle, the first is within nothing
        seen: list[str] = []
        at = parents[span.label]
        while at is not None and at not in seen:
            seen.append(at)
            at = parents[at]
        if span.label in seen:
            parents[span.label] = None
    return parents


def is_proxy(span: Span) -> bool:
    return str(of(span, "logger")).endswith(".access")


def forwards(proxy: Span, span: Span) -> bool:
    """Tell whether *proxy* passed *span* on: of its method and path, and begun within it."""
    return (
        is_proxy(proxy)
        and not is_proxy(span)
        and not span.outgoing
        and target(proxy) == target(span)
        and proxy.begin - TOLERANCE <= span.begin <= proxy.end + TOLERANCE
    )


def length(span: Span, spans: list[Span]) -> float:
    """Return how long a span took; a proxy at least as long as what it passed on."""
    return max([span.duration, *(each.duration for each in spans if forwards(span, each))])


def around(
    span: Span, longer: list[Span], timed: set[str | None], naming: set[str | None]
) -> Span | None:
    fitting = [
        other
        for other in longer
        if other.timed
        and (
            forwards(other, span)
            or (span.end <= other.end + TOLERANCE and may_hold(other, span, timed, naming))
        )
    ]
    return min(fitting, key=lambda other: (distance(other, span), other.duration), default=None)


def may_hold(other: Span, span: Span, timed: set[str | None], naming: set[str | None]) -> bool:
    same = other.service == span.service or None in (other.service, span.service)
    if other.outgoing:  # what another service did
        if other.service is span.service is None and not span.called:
            return of(other, "taskId") == of(span, "taskId")
        return not same or span.service is None
    if span.called:
        return not other.is_task
    if has_id(other):  # lines that clew writes in a task have its id
        return other.service == span.service and span.service not in naming
    return same or (not other.is_task and span.service not in timed)


def distance(other: Span, span: Span) -> int:
    if forwards(other, span):
        return -1
    if span.called:
        return 2 if not other.outgoing else 0 if target(other) == target(span) else 1
    if other.service == span.service:
        return 1 if has_id(other) else 0
    return 3


def sender(task: Span, near: list[Span], spans: list[Span]) -> Span | None:
    """Return the last run of the task that is named, else the longest request going on."""
    named = of(task, "taskParentId")
    runs = [
        span
        for span in spans
        if span is not task
        and span.is_task
        and named is not None
        and of(span, "taskId") == named
        and span.begin <= task.begin
    ]
    requests = [span for span in near if span.called]
    own = [span for span in requests if span.service == task.service]
    longest = max(own or requests, key=lambda span: span.duration, default=None)
    return runs[-1] if runs else longest


def task_of(span: Span, near: list[Span]) -> Span | None:
    named = of(span, "taskId")
    runs = [other for other in near if other.is_task and of(other, "taskId") == named]
    return runs[-1] if runs and named is not None and not span.called else None


def has_id(span: Span) -> bool:
    return span.is_task and of(span, "taskId") is not None


def names_any(span: Span, spans: list[Span]) -> bool:
    """Tell whether a line or a call names a task that left a record."""
    named = of(span, "taskId")
    return (
        not span.is_task
        and not span.called
        and any(has_id(other) and of(other, "taskId") == named for other in spans)
    )


def of(span: Span, name: str) -> object:
    assert span.event is not None
    return span.event[name]


def target(span: Span) -> tuple[object, object]:
    return of(span, "method"), of(span, "path")
