"""What happened within what: by the clocks of the services, and by the ids that lines name."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Hashable, Iterator, Mapping

from .overlaps import ANY_SERVICE, TOLERANCE, Around, Peaks, Underway
from .span import Span

# A kind of spans, and the service whose spans do not count.
_Kind = tuple[Hashable, object]


def parents_of(spans: list[Span]) -> Iterator[tuple[Span, Span | None]]:
    """Yield each span with what it happened within, None where that is nothing.

    *spans* are in order of their beginning; they come with the longest first.
    """
    # A span lies within a longer one, or, of two alike, within the earlier: never in a circle.
    lengths = _lengths(spans)
    ranked = sorted(spans, key=lambda span: (-lengths[id(span)], not _is_proxy(span), span.begin))
    ranks = {id(span): rank for rank, span in enumerate(ranked)}
    nearby = _Nearby(spans, ranks)
    coming = 0
    parents: dict[int, Span | None] = {}
    for span in spans:
        while coming < len(spans) and spans[coming].begin <= span.begin + TOLERANCE:
            nearby.add(coming, spans[coming])
            coming += 1
        parents[id(span)] = nearby.sender(span) if span.is_task else nearby.parent(span)
    _part_circles(ranked, ranks, parents)
    for span in ranked:
        yield span, parents[id(span)]


class _Nearby:
    """What was going on at the beginning of a span, as near as clocks are."""

    def __init__(self, spans: list[Span], ranks: dict[int, int]) -> None:
        self._ranks = ranks
        self._timed = {span.service for span in spans if span.timed}
        self._runs: defaultdict[str, list[Span]] = defaultdict(list)
        for span in spans:
            if span.is_task and (task_id := _task_id(span)) is not None:
                self._runs[task_id].append(span)
        # The services whose lines name their tasks: what names none there is no task's.
        self._naming = {
            span.service for span in spans if _may_name(span) and _task_id(span) in self._runs
        }
        members: defaultdict[Hashable, list[Span]] = defaultdict(list)
        for span in spans:
            for kind in _kinds(span, self._naming) if span.timed else ():
                members[kind].append(span)
        self._around = {kind: Around(each, ranks) for kind, each in members.items()}
        self._proxies: defaultdict[Hashable, Underway] = defaultdict(Underway)
        self._tasks: defaultdict[object, Underway] = defaultdict(Underway)
        self._requests: defaultdict[object, Underway] = defaultdict(Underway)

    def add(self, place: int, span: Span) -> None:
        """Take in the next of the spans, which is at *place* in their order."""
        if span.timed:
            for kind in _kinds(span, self._naming):
                self._around[kind].add(span)
            if _is_proxy(span):
                self._proxies[_target(span)].add((span.duration, self._ranks[id(span)]), span)
        if span.is_task:
            self._tasks[_task_id(span)].add((-place,), span)
        if span.called:
            for service in (span.service, ANY_SERVICE):
                self._requests[service].add((-span.duration, place), span)

    def parent(self, span: Span) -> Span | None:
        """Return what *span*, which is no task, happened within.

        That is the task that it names, the proxy that passed it on, or the shortest around it of
        those that fit best.
        """
        task_id = _task_id(span)
        if task_id is not None and _may_name(span):
            task = self._tasks[task_id].first(span.begin)
            if task is not None:
                return task
        if _may_be_passed_on(span):
            proxy = self._proxies[_target(span)].first(span.begin)
            if proxy is not None:
                return proxy
        for kinds in _fitting(span, self._timed):
            around = (
                self._around[kind].shortest(span, but_of)
                for kind, but_of in kinds
                if kind in self._around
            )
            found = [each for each in around if each is not None]
            if found:
                return min(found, key=lambda each: (each.duration, self._ranks[id(each)]))
        return None

    def sender(self, task: Span) -> Span | None:
        """Return what sent *task*: the task that its record names, else a request going on.

        Whether the sender had ended by then does not tell, when it is named.
        """
        sent_by = task.event["taskParentId"] if task.event is not None else None
        runs = self._runs.get(sent_by, []) if sent_by is not None else []
        before = bisect_right(runs, task.begin, key=lambda run: run.begin)
        for run in reversed(runs[max(0, before - 2) : before]):
            if run is not task:
                return run
        own = self._requests[task.service].first(task.begin)
        return own or self._requests[ANY_SERVICE].first(task.begin)


def _kinds(span: Span, naming: Container[str | None]) -> Iterator[Hashable]:
    """Yield as what *span* may hold others, which do not name it.

    A task with an id, of a service whose lines are *naming* theirs, holds none of them.
    """
    is_named = span.service is not None
    task_id = _task_id(span)
    if span.outgoing:
        yield "call", is_named
        yield "call", is_named, _target(span)
        if not is_named:
            yield "call of", task_id
        return
    if span.is_task and task_id is not None:
        if span.service not in naming:
            yield "task", span.service
        return
    yield "of", span.service
    yield "within", is_named
    if not span.is_task:
        yield "no task"


def _fitting(span: Span, timed: Container[str | None]) -> Iterator[list[_Kind]]:
    """Yield what may hold *span*, which is no task: the kinds that fit best come first.

    With each kind comes the service whose spans do not count.

    A line lies within what its own service did: within a task with an id, which it does not name,
    only where nothing else is around it. Where its service left no record, as *timed* tells, it
    lies within any request around it. Within a call lies only what another service did.
    """
    of = span.service
    if span.called:
        for target in ((_target(span),), ()):
            calls: list[_Kind] = [(("call", True, *target), of)]
            if of is None:
                calls.append((("call", False, *target), ANY_SERVICE))
            yield calls
        yield [("no task", ANY_SERVICE)]
        return
    own: list[_Kind] = [(("of", of), ANY_SERVICE)]
    others: list[_Kind] = [(("call", True), of)]
    if of is None:
        # Of the caller or the called: in what a task called it would have the task's id.
        own.append((("call of", _task_id(span)), ANY_SERVICE))
        others.append((("within", True), ANY_SERVICE))
    else:
        others.append((("of", None), ANY_SERVICE))
        if of not in timed:
            others.append(("no task", ANY_SERVICE))
    yield own
    yield [(("task", of), ANY_SERVICE)]
    yield others


def _is_proxy(span: Span) -> bool:
    """Tell whether *span* is a request as a proxy's access log has it: logger ``nginx.access``."""
    return span.event is not None and (span.event["logger"] or "").endswith(".access")


def _may_be_passed_on(span: Span) -> bool:
    """Tell whether a proxy may have passed *span* on: one of its method and path, when it began.

    Its times do not tell: a proxy's may be whole milliseconds, and it may be done with the
    response before the service itself is, or when the client has left.
    """
    return not _is_proxy(span) and not span.outgoing


def _target(span: Span) -> tuple[str | None, str | None] | None:
    return None if span.event is None else (span.event["method"], span.event["path"])


def _may_name(span: Span) -> bool:
    """Tell whether *span* is a line or a call, which lies within the task that it names."""
    return not span.is_task and not span.called


def _task_id(span: Span) -> str | None:
    task_id: str | None = span.event["taskId"] if span.event is not None else None
    return task_id


def _lengths(spans: list[Span]) -> dict[int, float]:
    """Return how long each took; a proxy at least as long as what it passed on."""
    lengths = {id(span): span.duration for span in spans}
    proxies = [span for span in spans if _is_proxy(span)]
    passed: dict[Hashable, list[Span]] = {_target(proxy): [] for proxy in proxies}
    for span in spans:
        if _target(span) in passed and _may_be_passed_on(span):
            passed[_target(span)].append(span)
    begins = {target: [span.begin for span in each] for target, each in passed.items()}
    peaks = {target: Peaks([span.duration for span in each]) for target, each in passed.items()}
    for proxy in proxies:
        of = _target(proxy)
        since = bisect_left(begins[of], proxy.begin - TOLERANCE)
        until = bisect_right(begins[of], proxy.end + TOLERANCE)
        lengths[id(proxy)] = max(proxy.duration, peaks[of].between(since, until))
    return lengths


def _part_circles(
    ranked: list[Span], ranks: Mapping[int, int], parents: dict[int, Span | None]
) -> None:
    """Take from the first of each circle what it lies within: there ids name each other."""
    done: set[int] = set()
    for span in ranked:
        way: dict[int, Span] = {}
        at: Span | None = span
        while at is not None and id(at) not in done and id(at) not in way:
            way[id(at)] = at
            at = parents[id(at)]
        if at is not None and id(at) in way:
            steps = list(way)
            circle = steps[steps.index(id(at)) :]
            parents[min(circle, key=ranks.__getitem__)] = None
        done.update(way)
