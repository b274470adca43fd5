"""What was going on beside a span, found without looking at all of it."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf

from .span import Span

# Milliseconds: createdAt is cut to whole ones, and the clocks of machines differ a little.
TOLERANCE = 2.0
# Stands where a service could: spans of any do.
ANY_SERVICE = object()


class Around:
    """Spans that came so far, of which the shortest around another is found by halving.

    It is a tree over all that may come, the longest first, in which each knot says how late what
    came below it ends.
    """

    def __init__(self, spans: Sequence[Span], ranks: dict[int, int]) -> None:
        self._ranks_of = ranks
        self._spans = sorted(spans, key=lambda span: (-span.duration, -ranks[id(span)]))
        self._places = {id(span): place for place, span in enumerate(self._spans)}
        self._size = 1 << (len(spans) - 1).bit_length()
        self._ranks: list[float] = [inf] * (2 * self._size)
        # Of what ends last: when, and of which service; and when the last of the others does.
        self._ends = [-inf] * (2 * self._size)
        self._services: list[str | None] = [None] * (2 * self._size)
        self._other_ends = [-inf] * (2 * self._size)

    def add(self, span: Span) -> None:
        """Take in *span*, one of those that the tree is made for."""
        end, service, rank = span.end, span.service, self._ranks_of[id(span)]
        at = self._size + self._places[id(span)]
        while at:
            self._ranks[at] = min(self._ranks[at], rank)
            if service == self._services[at]:
                self._ends[at] = max(self._ends[at], end)
            elif end > self._ends[at]:
                self._other_ends[at] = self._ends[at]
                self._ends[at], self._services[at] = end, service
            else:
                self._other_ends[at] = max(self._other_ends[at], end)
            at >>= 1

    def shortest(self, span: Span, but_of: object = ANY_SERVICE) -> Span | None:
        """Return the shortest that ends with *span* or later, ranks before it, and is not *but_of*.

        Of several as short it is the one that ranks first.
        """
        rank, last = self._ranks_of[id(span)], max(span.begin, span.end)
        pending = [1]
        while pending:
            at = pending.pop()
            ends = self._other_ends if self._services[at] == but_of else self._ends
            if self._ranks[at] >= rank or ends[at] + TOLERANCE < last:
                continue
            if at >= self._size:
                return self._spans[at - self._size]
            pending += (2 * at, 2 * at + 1)
        return None


class Underway:
    """Spans that came so far and are not over, of which the first by a key is at hand."""

    def __init__(self) -> None:
        self._heap: list[tuple[tuple[float, ...], Span]] = []

    def add(self, key: tuple[float, ...], span: Span) -> None:
        """Take in *span*, with a *key* that no other has."""
        heappush(self._heap, (key, span))

    def first(self, at: float) -> Span | None:
        """Return that of the least key. It is asked of ever later moments."""
        while self._heap and self._heap[0][1].end + TOLERANCE < at:
            heappop(self._heap)
        return self._heap[0][1] if self._heap else None


class Peaks:
    """The highest of *numbers* between two places, found by halving."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._size = len(numbers)
        self._highest = [-inf] * self._size + list(numbers)
        for at in range(self._size - 1, 0, -1):
            self._highest[at] = max(self._highest[2 * at], self._highest[2 * at + 1])

    def between(self, since: int, until: int) -> float:
        """Return the highest from the place *since* to before *until*."""
        highest = -inf
        since, until = since + self._size, until + self._size
        while since < until:
            if since & 1:
                highest = max(highest, self._highest[since])
                since += 1
            if until & 1:
                until -= 1
                highest = max(highest, self._highest[until])
            since, until = since >> 1, until >> 1
        return highest
