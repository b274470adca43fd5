"""The questions answered in plain Python: what every engine is held to.

Nothing here is shared with the package: the rules are those of the design, in words that a reader
can check by hand. All arithmetic is exact until a value is shown.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from math import floor
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from .oracle_events import Event, Log, text_of

SIZES = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000, "week": 604_800_000}
SIZES |= {"30s": 30_000, "5m": 300_000, "6h": 21_600_000}
_MONDAY = 4 * 86_400_000  # the first one of the epoch

Row = tuple[Any, ...]


def ask(
    question: str,
    log: Log,
    *,
    since: int | None = None,
    until: int | None = None,
    service: str | list[str] | None = None,
    route: str | None = None,
    method: str | None = None,
    status: int | str | list[int | str] | None = None,
    where: str | None = None,
    grep: str | None = None,
    by: str | None = None,
    timezone: str | None = None,
    bucket: str | None = None,
    limit: int | None = None,
    **asked: Any,
) -> list[Row]:
    """Return the rows of *question*; *since* and *until* are milliseconds since the epoch."""
    services = [service] if isinstance(service, str) else service
    equal = {"user": "userId", "action": "action", "value": "value", "request": "requestId"}
    if question in ("accessed", "changes"):
        del equal["value"]  # not only those lines are looked at
    events = [
        event
        for event in log.events
        if (since is None or event["createdAt"] >= since)
        and (until is None or event["createdAt"] < until)
        and (services is None or event["service"] in services)
        and all(event[of] == asked[name] for name, of in equal.items() if name in asked)
        and (where is None or WHERE[where](event))
        and (grep is None or _mentions(event, grep))
    ]
    http = [
        event
        for event in events
        if event["method"] is not None
        and (route is None or route in (_place(event), event["route"] or event["path"]))
        and (method is None or event["method"] == method)
        and (status is None or _is_status(event, status))
    ]
    requests = [event for event in http if _inbound(event)]
    answered = [
        event
        for event in requests
        if event["outcome"] != "websocket" and event["durationUs"] is not None
    ]
    calls = [event for event in http if not _inbound(event)]
    times = [event["createdAt"] for event in events]
    size = SIZES[bucket] if bucket else _fitting(max(times, default=0) - min(times, default=0))
    zone = ZoneInfo(timezone or "UTC")

    def start(event: Event) -> int:
        return _start(event["createdAt"], size, zone)

    def key(event: Event) -> tuple[Any, ...]:
        return () if by is None else (BY[by](event),)

    order = asked.pop("order", None)
    asking = _Asked(log.events, events, requests, answered, calls, start, key, order, asked)
    rows = _QUESTIONS[question](asking)
    if timezone:
        columns = _TIMES.get(question, ())
        rows = [
            tuple(_moved(of, zone) if at in columns else of for at, of in enumerate(row))
            for row in rows
        ]
    if limit is not None and question in _HISTORIES:
        return rows[-limit:]
    return rows[:limit]


# Conditions as they are asked, and what they mean. A comparison with nothing is not met.
WHERE: dict[str, Callable[[Event], bool]] = {
    "status >= 500": lambda event: (_status(event) or 0) >= 500,
    "not (level = 'info' or service = 'shop')": lambda event: (
        None not in (event["level"], event["service"])
        and event["level"] != "info"
        and event["service"] != "shop"
    ),
    "tenant.action = 'SIGNUP'": lambda event: _field(event, "tenant", "action") == "SIGNUP",
    "tenant.createdAt between 1 and 1e3": lambda event: (
        (number := _numeric(_field(event, "tenant", "createdAt"))) is not None
        and 1 <= number <= 1000
    ),
    "message ilike 'pUR%ed' or value like '%-7_'": lambda event: bool(
        re.fullmatch("(?is)pur.*ed", event["message"] or "")
        or re.fullmatch("(?s).*-7.", event["value"] or "")
    ),
    "userId in ('1', '2') and request.method is null": lambda event: (
        event["userId"] in ("1", "2") and event["method"] is None
    ),
    "duration > 12.345 and quantity <> 3 or monetaryValue < 10": lambda event: (
        (
            (event["durationUs"] or 0) > 12_345
            and event["quantity"] is not None
            and event["quantity"] != 3
        )
        or (event["monetaryValue"] is not None and event["monetaryValue"] < 10)
    ),
    "createdAt >= '2026-11-01' and userId = 12345": lambda event: (
        event["createdAt"] >= 1_793_491_200_000 and _numeric(event["userId"]) == 12345
    ),
    "'''; DROP TABLE logs; --' = value": lambda event: event["value"] == "'; DROP TABLE logs; --",
}
BY: dict[str, Callable[[Event], Any]] = {
    "tenant.action": lambda event: _field(event, "tenant", "action"),
    "level": itemgetter("level"),
    "status": lambda event: _status(event),
    "no such": lambda _: None,
}
_HISTORIES = {"latency", "traffic", "statuses", "events", "accessed", "changes", "actions"}
_HISTORIES |= {"revenue"}
_TIMES: dict[str, tuple[int, ...]] = dict.fromkeys(_HISTORIES | {"requests"}, (0,))
_TIMES |= {"timeline": (1,), "exceptions": (5, 6), "releases": (2,)}


def _field(event: Event, *path: str) -> str | None:
    at: Any = event["fields"]
    for name in path:
        at = at.get(name) if isinstance(at, dict) else None
    return text_of(at)


def _numeric(text: str | None) -> float | None:
    looks = re.fullmatch(r"-?[0-9]{1,300}(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?", text or "", re.ASCII)
    return float(looks[0]) if looks else None


def _mentions(event: Event, text: str) -> bool:
    said = (event[of] for of in ("message", "exceptionType", "exceptionMessage", "stackTrace"))
    return any(text.lower() in (each or "").lower() for each in said)


def _is_status(event: Event, status: int | str | list[int | str]) -> bool:
    wanted = status if isinstance(status, list) else [status]
    has = _status(event)
    return any(
        has is not None and (has == each or (each == "5xx" and 500 <= has <= 599))
        for each in wanted
    )


def _fitting(span: int) -> int:
    """Return the finest of some steps of which a period has up to sixty."""
    minute, hour, day = 60_000, 3_600_000, 86_400_000
    sizes = (minute, 5 * minute, 15 * minute, hour, 6 * hour, day)
    return next((size for size in sizes if span < 60 * size), 7 * day)


# Two days before the year 10000.
_LATEST = 253_402_300_800_000 - 2 * 86_400_000


def _start(at: int, size: int, zone: ZoneInfo) -> int:
    """Return when the step of *size* began: by the clock, and with its hours and days."""
    # Python's years end at 9999, where a zone may be ahead of it already.
    known = _moment(min(at, _LATEST) * 1000).astimezone(zone)
    ahead = (known.utcoffset() or timedelta()) // timedelta(milliseconds=1)
    passed = at + ahead
    if size <= 3_600_000:
        return at - passed % size
    since = _MONDAY if size % 604_800_000 == 0 else 0
    begin = passed - (passed - since) % size
    if begin > _LATEST:
        return begin - ahead
    clock = datetime(1970, 1, 1) + timedelta(milliseconds=begin)
    return (clock.replace(tzinfo=zone) - _moment(0)) // timedelta(milliseconds=1)


def _moved(instant: str, zone: ZoneInfo) -> str:
    """Return *instant* in the time of *zone*, with as many digits."""
    digits = len(instant.partition(".")[2]) - 1
    precision = {-1: "seconds", 3: "milliseconds", 6: "microseconds"}[digits]
    moment = datetime.fromisoformat(instant)
    with suppress(OverflowError):  # the zone has no such time: Python's years end at 9999
        moment = moment.astimezone(zone)
    return moment.isoformat(timespec=precision)


@dataclass
class _Asked:
    logs: list[Event]
    events: list[Event]
    requests: list[Event]
    answered: list[Event]
    calls: list[Event]
    start: Callable[[Event], int]
    by: Callable[[Event], tuple[Any, ...]]
    order: str | None
    given: dict[str, Any]

    def groups(
        self, events: Iterable[Event], key: Callable[[Event], tuple[Any, ...]]
    ) -> list[tuple[tuple[Any, ...], list[Event]]]:
        """Return *events* by what ``by`` names and by *key*."""
        return _grouped(events, lambda event: (*self.by(event), *key(event)))

    def steps(
        self, events: Iterable[Event], key: Callable[[Event], tuple[Any, ...]] = lambda _: ()
    ) -> list[tuple[tuple[Any, ...], list[Event]]]:
        """Return *events* by their step, by what ``by`` names and by *key*, in order."""
        groups = _grouped(events, lambda each: (self.start(each), *self.by(each), *key(each)))
        groups.sort(key=lambda group: tuple(map(_last, group[0])))
        return [((_bucket(start), *of), events) for (start, *of), events in groups]


def _inbound(event: Event) -> bool:
    return event["method"] is not None and event["direction"] != "outgoing"


def _place(event: Event) -> str | None:
    if event["route"] is None and event["httpStatus"] == 404:
        return "(no route)"
    place: str | None = event["path"] if event["route"] is None else event["route"]
    return place


def _endpoint(event: Event) -> tuple[str | None, str | None, str | None]:
    place, operation = _place(event), event["operation"]
    if place is not None and operation is not None:
        place = f"{place} {operation}"
    return event["service"], event["method"], place


def _status(event: Event) -> int | None:
    graphql, http = event["graphqlStatus"], event["httpStatus"]
    status: int | None = http if graphql is None else graphql
    return status


def _slowest(asked: _Asked) -> list[Row]:
    rows = [
        (*endpoint, len(events), *_spread(events, 50, 95, 99, 100))
        for endpoint, events in asked.groups(asked.answered, _endpoint)
    ]
    return _ranked(rows, -3)


def _waited(asked: _Asked) -> list[Row]:
    everything = _waiting(asked.answered)
    rows = [
        (
            *endpoint,
            len(events),
            _milliseconds(Fraction(_waiting(events))),
            _waiting(events) / everything if everything else 0.0,
        )
        for endpoint, events in asked.groups(asked.answered, _endpoint)
    ]
    return _ranked(rows, -2)


def _waiting(events: Iterable[Event]) -> int:
    return sum(event["durationUs"] or 0 for event in events)


def _latency(asked: _Asked) -> list[Row]:
    return [
        (*start, len(events), *_spread(events, 50, 95, 99))
        for start, events in asked.steps(asked.answered)
    ]


def _traffic(asked: _Asked) -> list[Row]:
    return [
        (*start, len(events), _hundreds(events, 4), failed, failed / len(events))
        for start, events in asked.steps(asked.requests)
        for failed in [len(_failed(events))]
    ]


def _failed(events: Iterable[Event]) -> list[Event]:
    """Return those that were answered by a 5xx, or that their process died at."""
    return [
        event for event in events if (_status(event) or 0) // 100 == 5 or event["outcome"] == "lost"
    ]


def _hundreds(events: Iterable[Event], of: int) -> int:
    return sum(1 for event in events if (_status(event) or 0) // 100 == of)


def _work(asked: _Asked, events: list[Event], key: Any, failed: Any) -> list[Row]:
    rows = []
    for name, runs in asked.groups(events, key):
        count = sum(1 for run in runs if failed(run))
        total = _milliseconds(Fraction(_waiting(runs)))
        rows.append((*name, len(runs), count, *_spread(runs, 50, 95), total))
    return _ranked(rows, -1)


def _tasks(asked: _Asked) -> list[Row]:
    runs = [
        event
        for event in asked.events
        if event["logger"] == "clew.task" and event["taskName"] is not None
    ]
    return _work(
        asked,
        runs,
        itemgetter("service", "taskName"),
        lambda run: run["taskOutcome"] in ("failed", "lost"),
    )


def _calls(asked: _Asked) -> list[Row]:
    def failed(call: Event) -> bool:
        status = _status(call)
        return status is None or 500 <= status <= 599 or call["outcome"] == "error"

    return _work(asked, asked.calls, itemgetter("service", "host", "method"), failed)


def _errors(asked: _Asked) -> list[Row]:
    rows = []
    for endpoint, events in asked.groups(asked.requests, _endpoint):
        failed = _failed(events)
        if failed:
            share = len(failed) / len(events)
            rows.append((*endpoint, len(events), len(failed), share, _latest(failed, "requestId")))
    return _ranked(rows, -3)


def _latest(events: Iterable[Event], column: str) -> Any:
    """Return what the last of *events* has in *column*, of those that have anything."""
    known = [(event["createdAt"], event[column]) for event in events if event[column] is not None]
    return max(known)[1] if known else None


def _exceptions(asked: _Asked) -> list[Row]:
    raised = [event for event in asked.events if event["exceptionType"] is not None]
    key = itemgetter("exceptionType", "exceptionPlace", "service")
    rows = []
    for group, events in asked.groups(raised, key):
        users = {event["userId"] for event in events} - {None}
        times = [event["createdAt"] for event in events]
        if min(times) >= asked.given.get("new_since", 0):
            period = (_instant(min(times)), _instant(max(times)))
            last = _latest(events, "exceptionMessage"), _latest(events, "requestId")
            rows.append((*group, len(events), len(users), *period, *last))
    return _ranked(rows, -6)


def _statuses(asked: _Asked) -> list[Row]:
    those = [event for event in asked.requests if _status(event) is not None]
    return [(*key, len(of)) for key, of in asked.steps(those, lambda event: (_status(event),))]


def _bad_links(asked: _Asked) -> list[Row]:
    missed = [event for event in asked.requests if _status(event) == 404]
    groups = asked.groups(missed, lambda event: (event["path"],))
    return _ranked([(*path, len(of)) for path, of in groups], -1)


def _releases(asked: _Asked) -> list[Row]:
    first_raised: dict[Any, Event] = {}
    for event in sorted(
        asked.events, key=lambda each: (each["createdAt"], _last(each["serviceVersion"]))
    ):
        if event["exceptionType"] is not None:
            fault = event["service"], event["exceptionType"], event["exceptionPlace"]
            first_raised.setdefault(fault, event)
    rows = []
    for version, events in _grouped(asked.events, itemgetter("service", "serviceVersion")):
        requests = [each for each in asked.requests if any(each is of for of in events)]
        timed = [each for each in requests if each["outcome"] != "websocket"]
        first = min(event["createdAt"] for event in events)
        fresh = sum(1 for each in first_raised.values() if any(each is of for of in events))
        share = len(_failed(requests)) / len(requests) if requests else 0.0
        if version[1] is not None:
            median, p95 = _spread(timed, 50, 95)
            rows.append((*version, _instant(first), len(requests), share, median, p95, fresh))
    return sorted(_ordered(rows), key=itemgetter(2))


def _clients(asked: _Asked) -> list[Row]:
    rows = []
    for address, events in asked.groups(asked.requests, lambda event: (event["ipAddress"],)):
        users = {event["userId"] for event in events} - {None}
        counts = len(events), _hundreds(events, 4), len(_failed(events)), len(users)
        rows.append((*address, *counts))
    return _ranked(rows, -4)


def _requests(asked: _Asked) -> list[Row]:
    rows = _ordered(
        (
            _instant(event["createdAt"]),
            *_endpoint(event),
            _status(event),
            _took(event["durationUs"]),
            *(event[column] for column in ("userId", "ipAddress", "requestId")),
        )
        for event in asked.requests
    )
    if asked.order == "slowest":
        return sorted(rows, key=lambda row: -1.0 if row[5] is None else row[5], reverse=True)
    return sorted(rows, key=itemgetter(0), reverse=True)


def _lines(asked: _Asked) -> list[Row]:
    columns = ("service", "level", "message", "userId", "action", "value", "requestId")
    return _ordered(
        (_instant(event["createdAt"]), *(event[column] for column in columns))
        for event in asked.events
    )


def _own(events: Iterable[Event]) -> list[Event]:
    """Return those that are no outgoing records."""
    return [event for event in events if event["method"] is None or _inbound(event)]


def _done(
    asked: _Asked, column: str, *, known: bool = True
) -> list[tuple[tuple[Any, ...], list[Event]]]:
    those = [
        event
        for event in _own(asked.events)
        if event["action"] == asked.given["action"] and not (known and event[column] is None)
    ]
    return asked.groups(those, lambda event: (event[column],))


def _access(asked: _Asked) -> list[Row]:
    counts = {user: len(events) for user, events in _done(asked, "userId", known=False)}
    known = [count for user, count in counts.items() if user[-1] is not None]
    middle = _quantile(known, Fraction(1, 2)) if known else Fraction(0)
    away = [abs(count - middle) for count in known]
    mad = _quantile(away, Fraction(1, 2)) if known else Fraction(0)
    mean = Fraction(sum(away), len(away)) if known else Fraction(0)
    scale = mad / Fraction("0.6745") if mad else mean * Fraction("1.2533")
    rows = [
        (
            *user,
            count,
            user[-1] is not None and bool(scale) and (count - middle) / scale > Fraction("3.5"),
        )
        for user, count in counts.items()
    ]
    return _ranked(rows, -2)


def _accessed(asked: _Asked) -> list[Row]:
    edges: dict[str | None, Event] = {}
    for event in sorted(filter(_inbound, asked.logs), key=_edge):
        edges.setdefault(event["requestId"], event)
    edges.pop(None, None)
    users: dict[str | None, Any] = {}
    for event in sorted(asked.logs, key=lambda each: (each["createdAt"], each["userId"] or "")):
        if event["userId"] is not None and event["requestId"] is not None:
            users.setdefault(event["requestId"], event["userId"])
    return _ordered(
        (
            _instant(event["createdAt"]),
            users.get(event["requestId"]) if event["userId"] is None else event["userId"],
            event["action"],
            edges.get(event["requestId"], {}).get("ipAddress"),
            event["requestId"],
        )
        for event in _own(asked.events)
        if event["value"] == asked.given["value"]
    )


def _edge(event: Event) -> tuple[Any, ...]:
    """Return what the edge's record is the least by: its beginning; of two, the longer."""
    longest = -(event["durationUs"] or 0)
    return _began(event), longest, _last(event["service"]), _last(event["ipAddress"])


def _revenue(asked: _Asked) -> list[Row]:
    those = [event for event in _own(asked.events) if event["action"] == asked.given["action"]]
    return [
        (*start, len(events), _sum(events, "monetaryValue")) for start, events in asked.steps(those)
    ]


def _customers(asked: _Asked) -> list[Row]:
    rows = [
        (*user, len(events), _sum(events, "monetaryValue"))
        for user, events in _done(asked, "userId")
    ]
    return _ranked(rows, -1)


def _products(asked: _Asked) -> list[Row]:
    rows = [
        (*value, len(events), _sum(events, "quantity", 1), _sum(events, "monetaryValue"))
        for value, events in _done(asked, "value")
    ]
    return _ranked(rows, -1)


def _actions(asked: _Asked) -> list[Row]:
    those = [event for event in _own(asked.events) if event["action"] is not None]
    groups = asked.steps(those, lambda event: (event["action"],))
    return [(*key, len(of)) for key, of in groups]


def _changes(asked: _Asked) -> list[Row]:
    columns = ("userId", "action", "oldValue", "value", "comment", "requestId")
    return _ordered(
        (_instant(event["createdAt"]), *(event[column] for column in columns))
        for event in _own(asked.events)
        if asked.given["value"] in (event["value"], event["oldValue"])
        and not event["oldValue"] is event["comment"] is None
    )


def _timeline(asked: _Asked) -> list[Row]:
    first = min(map(_began, asked.events), default=0)
    columns = ("service", "level", "message", "durationUs", "requestId")
    further = ("userId", "ipAddress", "exceptionType", "exceptionMessage", "stackTrace")
    rows = [
        (
            _began(event) - first,
            _began(event),
            *(event[column] for column in columns),
            _status(event),
            *(event[column] for column in further),
        )
        for event in asked.events
    ]
    return [
        (_milliseconds(Fraction(row[0])), _beginning(row[1]), *row[2:5], _took(row[5]), *row[6:])
        for row in _ordered(rows)
    ]


def _began(event: Event) -> int:
    began: int = event["createdAt"] * 1000 - (event["durationUs"] or 0)
    return began


_QUESTIONS: dict[str, Callable[[_Asked], list[Row]]] = {
    "slowest": _slowest,
    "waited": _waited,
    "latency": _latency,
    "traffic": _traffic,
    "tasks": _tasks,
    "calls": _calls,
    "exceptions": _exceptions,
    "releases": _releases,
    "clients": _clients,
    "requests": _requests,
    "events": _lines,
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


def _spread(events: list[Event], *percents: int) -> tuple[float | None, ...]:
    durations = [event["durationUs"] for event in events if event["durationUs"] is not None]
    if not durations:
        return (None,) * len(percents)
    return tuple(_milliseconds(_quantile(durations, Fraction(of, 100))) for of in percents)


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
