"""The questions answered in plain Python: what every engine is held to.

Nothing here is shared with the package: the rules are those of the design, in words that a reader
can check by hand. All arithmetic is exact until a value is shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from math import floor
from operator import itemgetter
from typing import Any

from .oracle_events import Event, Log

BUCKETS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}

Row = tuple[Any, ...]


def ask(
    question: str,
    log: Log,
    *,
    since: int | None = None,
    until: int | None = None,
    service: str | None = None,
    route: str | None = None,
    bucket: str = "hour",
    limit: int | None = None,
    **asked: Any,
) -> list[Row]:
    """Return the rows of *question*; *since* and *until* are milliseconds since the epoch."""
    events = [
        event
        for event in log.events
        if (since is None or event["createdAt"] >= since)
        and (until is None or event["createdAt"] < until)
        and (service is None or event["service"] == service)
    ]
    requests = [
        event for event in events if _inbound(event) and (route is None or _place(event) == route)
    ]
    answered = [
        event
        for event in requests
        if event["outcome"] != "websocket" and event["durationUs"] is not None
    ]

    def start(event: Event) -> int:
        at: int = event["createdAt"]
        return at // BUCKETS[bucket] * BUCKETS[bucket]

    rows = _QUESTIONS[question](_Asked(log.events, events, requests, answered, start, asked))
    return rows[:limit]


@dataclass
class _Asked:
    logs: list[Event]
    events: list[Event]
    requests: list[Event]
    answered: list[Event]
    start: Callable[[Event], int]
    given: dict[str, Any]


def _inbound(event: Event) -> bool:
    return event["method"] is not None and event["direction"] != "outgoing"


def _place(event: Event) -> str | None:
    place: str | None = event["path"] if event["route"] is None else event["route"]
    return place


def _endpoint(event: Event) -> tuple[str | None, str | None]:
    place, operation = _place(event), event["operation"]
    if place is not None and operation is not None:
        place = f"{place} {operation}"
    return event["method"], place


def _status(event: Event) -> int | None:
    graphql, http = event["graphqlStatus"], event["httpStatus"]
    status: int | None = http if graphql is None else graphql
    return status


def _slowest(asked: _Asked) -> list[Row]:
    rows = [
        (*endpoint, len(events), *_spread(events))
        for endpoint, events in _grouped(asked.answered, _endpoint)
    ]
    return _ranked(rows, 4)


def _waited(asked: _Asked) -> list[Row]:
    everything = _waiting(asked.answered)
    rows = [
        (
            *endpoint,
            len(events),
            _milliseconds(Fraction(_waiting(events))),
            _waiting(events) / everything if everything else 0.0,
        )
        for endpoint, events in _grouped(asked.answered, _endpoint)
    ]
    return _ranked(rows, 3)


def _waiting(events: Iterable[Event]) -> int:
    return sum(event["durationUs"] for event in events)


def _latency(asked: _Asked) -> list[Row]:
    return [
        (_bucket(start), len(events), *_spread(events))
        for start, events in sorted(_grouped(asked.answered, asked.start))
    ]


def _errors(asked: _Asked) -> list[Row]:
    rows = []
    for endpoint, events in _grouped(asked.requests, _endpoint):
        failed = sum(1 for event in events if 500 <= (_status(event) or 0) <= 599)
        if failed:
            rows.append((*endpoint, len(events), failed, failed / len(events)))
    return _ranked(rows, 3)


def _statuses(asked: _Asked) -> list[Row]:
    those = [event for event in asked.requests if _status(event) == asked.given["status"]]
    return [(_bucket(start), len(of)) for start, of in sorted(_grouped(those, asked.start))]


def _bad_links(asked: _Asked) -> list[Row]:
    missed = [event for event in asked.requests if _status(event) == 404]
    return _ranked([(path, len(of)) for path, of in _grouped(missed, itemgetter("path"))], 1)


def _done(asked: _Asked, known: str) -> list[tuple[Any, list[Event]]]:
    those = [
        event
        for event in asked.events
        if event["action"] == asked.given["action"] and event[known] is not None
    ]
    return _grouped(those, itemgetter(known))


def _access(asked: _Asked) -> list[Row]:
    counts = {user: len(events) for user, events in _done(asked, "userId")}
    if not counts:
        return []
    middle = _quantile(list(counts.values()), Fraction(1, 2))
    away = [abs(count - middle) for count in counts.values()]
    mad, mean = _quantile(away, Fraction(1, 2)), Fraction(sum(away), len(away))
    scale = mad / Fraction("0.6745") if mad else mean * Fraction("1.2533")
    rows = [
        (user, count, bool(scale) and (count - middle) / scale > Fraction("3.5"))
        for user, count in counts.items()
    ]
    return _ranked(rows, 1)


def _accessed(asked: _Asked) -> list[Row]:
    edges: dict[str | None, Event] = {}
    for event in sorted(filter(_inbound, asked.logs), key=_edge):
        edges.setdefault(event["requestId"], event)
    edges.pop(None, None)
    return _ordered(
        (
            _instant(event["createdAt"]),
            event["userId"],
            event["action"],
            edges.get(event["requestId"], {}).get("ipAddress"),
            event["requestId"],
        )
        for event in asked.events
        if event["value"] == asked.given["value"]
    )


def _edge(event: Event) -> tuple[Any, ...]:
    """Return what the edge's record is the least by: its beginning; of two, the longer."""
    longest = -(event["durationUs"] or 0)
    return _began(event), longest, _last(event["service"]), _last(event["ipAddress"])


def _revenue(asked: _Asked) -> list[Row]:
    those = [event for event in asked.events if event["action"] == asked.given["action"]]
    return [
        (_bucket(start), len(events), _sum(events, "monetaryValue"))
        for start, events in sorted(_grouped(those, asked.start))
    ]


def _customers(asked: _Asked) -> list[Row]:
    rows = [
        (user, len(events), _sum(events, "monetaryValue"))
        for user, events in _done(asked, "userId")
    ]
    return _ranked(rows, 2)


def _products(asked: _Asked) -> list[Row]:
    rows = [
        (value, len(events), _sum(events, "quantity", 1), _sum(events, "monetaryValue"))
        for value, events in _done(asked, "value")
    ]
    return _ranked(rows, 3)


def _actions(asked: _Asked) -> list[Row]:
    wanted = asked.given.get("action")
    those = [
        event
        for event in asked.events
        if event["action"] is not None and wanted in (None, event["action"])
    ]
    grouped = _grouped(those, lambda event: (asked.start(event), event["action"]))
    return [(_bucket(start), action, len(of)) for (start, action), of in sorted(grouped)]


def _changes(asked: _Asked) -> list[Row]:
    columns = ("userId", "action", "oldValue", "value", "comment", "requestId")
    return _ordered(
        (_instant(event["createdAt"]), *(event[column] for column in columns))
        for event in asked.events
        if asked.given["value"] in (event["value"], event["oldValue"])
        and not event["oldValue"] is event["comment"] is None
    )


def _timeline(asked: _Asked) -> list[Row]:
    those = [event for event in asked.events if event["requestId"] == asked.given["request"]]
    first = min(map(_began, those), default=0)
    columns = ("service", "level", "message", "durationUs", "requestId")
    rows = [
        (_began(event) - first, _began(event), *(event[column] for column in columns))
        for event in those
    ]
    return [
        (_milliseconds(Fraction(offset)), _beginning(began), *said, _took(duration), request)
        for offset, began, *said, duration, request in _ordered(rows)
    ]


def _began(event: Event) -> int:
    began: int = event["createdAt"] * 1000 - (event["durationUs"] or 0)
    return began


_QUESTIONS: dict[str, Callable[[_Asked], list[Row]]] = {
    "slowest": _slowest,
    "waited": _waited,
    "latency": _latency,
    "errors": _errors,
    "statuses": _statuses,
    "bad-links": _bad_links,
    "access": _access,
    "accessed": _accessed,
    "revenue": _revenue,
    "customers": _customers,
    "products": _products,
    "actions": _actions,
    "changes": _changes,
    "timeline": _timeline,
}


def _grouped(events: Iterable[Event], key: Callable[[Event], Any]) -> list[tuple[Any, list[Event]]]:
    groups: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        groups[key(event)].append(event)
    return list(groups.items())


def _ordered(rows: Iterable[Row]) -> list[Row]:
    """Return *rows* by their columns left to right, what is not known last."""
    return sorted(rows, key=lambda row: tuple(map(_last, row)))


def _ranked(rows: Iterable[Row], place: int) -> list[Row]:
    """Return *rows*, those with the largest at *place* first."""
    return sorted(_ordered(rows), key=itemgetter(place), reverse=True)


def _last(value: Any) -> tuple[Any, ...]:
    return (1,) if value is None else (0, value)


def _quantile(values: list[Any], level: Fraction) -> Fraction:
    """Return the quantile of *values*, linearly interpolated between the two next to it."""
    ordered = sorted(values)
    at = level * (len(ordered) - 1)
    low = floor(at)
    high = min(low + 1, len(ordered) - 1)
    return Fraction(ordered[low]) + (at - low) * Fraction(ordered[high] - ordered[low])


def _spread(events: list[Event]) -> tuple[float, float]:
    durations = [event["durationUs"] for event in events]
    return (
        _milliseconds(_quantile(durations, Fraction(1, 2))),
        _milliseconds(_quantile(durations, Fraction(95, 100))),
    )


def _sum(events: list[Event], column: str, missing: int = 0) -> Decimal | int:
    """Return an exact sum: an int, or a Decimal where it has a fraction."""
    total = sum(
        (Fraction(missing if event[column] is None else event[column]) for event in events),
        Fraction(0),
    )
    if total.denominator == 1:
        return int(total)
    return Decimal(int(total * 1_000_000)).scaleb(-6, Context(prec=60))


def _milliseconds(microseconds: Fraction) -> float:
    return float(microseconds / 1000)


def _took(microseconds: int | None) -> float | None:
    return None if microseconds is None else _milliseconds(Fraction(microseconds))


def _moment(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _bucket(milliseconds: int) -> str:
    return f"{_moment(milliseconds * 1000):%Y-%m-%dT%H:%M:%S}Z"


def _instant(milliseconds: int) -> str:
    return _beginning(milliseconds * 1000)


def _beginning(microseconds: int) -> str:
    digits = "microseconds" if microseconds % 1000 else "milliseconds"
    return _moment(microseconds).isoformat(timespec=digits)[:-6] + "Z"
