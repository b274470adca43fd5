"""What the pages and the timeline look up beside the questions: not asked by name."""

from __future__ import annotations

from functools import partial
from typing import Any

from .engines.columns import COLUMNS
from .question import OF_REQUESTS, Question

_lookup = partial(Question, title="", purpose="")


def _frequent(
    name: str, column: str, relation: str, where: str = "", kind: str = "text", **options: Any
) -> Question:
    """Return a lookup of what is in *column*, the most frequent first."""
    return _lookup(
        name,
        columns={column: kind, "number": "count"},
        sql=f"""
            SELECT {column}, count(*) AS number FROM {relation}
            WHERE {where or f"{column} IS NOT NULL"} GROUP BY {column}
        """,
        order=("-number",),
        **options,
    )


_KINDS = {"time": "instant", "microseconds": "duration", "integer": "count", "amount": "amount"}
_EVENT = {"began": "beginning", "beganUs": "count"}
_EVENT |= {column.name: _KINDS.get(column.kind, "text") for column in COLUMNS[:-1]}
_BEGAN = "createdAt * 1000 - coalesce(durationUs, 0)"
_EVENTS = f"SELECT {_BEGAN} AS began, {_BEGAN} AS beganUs, events.* FROM events"
_REQUEST = {
    "requestId": "text",
    "began": "beginning",
    "service": "text",
    "method": "text",
    "endpoint": "text",
    "status": "count",
    "duration": "duration",
    "userId": "text",
    "exceptionType": "text",
}
_REQUESTS = f"""
    SELECT requestId, {_BEGAN} AS began, service, method, endpoint, status,
        durationUs AS duration, userId, exceptionType
    FROM requests
    WHERE requestId IS NOT NULL
"""

OVERVIEW = _lookup(
    "overview",
    columns={"first": "instant", "last": "instant"}
    | dict.fromkeys(("events", "requests", "failed", "users"), "count"),
    sql="""
        SELECT first, last, events, requests, failed, users
        FROM (
            SELECT min(createdAt) AS first, max(createdAt) AS last, count(*) AS events,
                count(DISTINCT userId) AS users
            FROM events
        ) AS of_events CROSS JOIN (
            SELECT count(*) AS requests,
                count(*) FILTER (failed) AS failed
            FROM requests
        ) AS of_requests
    """,
    takes=OF_REQUESTS,
)
# The end of the logs, which periods are counted from.
LAST_EVENT = _lookup(
    "last event", columns={"last": "instant"}, sql="SELECT max(createdAt) AS last FROM events"
)
SERVICES = _frequent("services", "service", "events")
ROUTES = _frequent("routes", "route", "requests")
METHODS = _frequent("methods", "method", "requests")
METHODS_OF_CALLS = _frequent("methods of calls", "method", "calls")
STATUSES = _frequent("frequent statuses", "status", "requests", kind="count")
STATUSES_OF_CALLS = _frequent("statuses of calls", "status", "calls", kind="count")
USERS = _frequent("frequent users", "userId", "events")
# The names at the top of the lines, of so many as tell.
FIELDS = _lookup(
    "fields",
    columns={"field": "text", "events": "count"},
    sql="""
        SELECT field, count(*) AS events
        FROM (
            SELECT unnest(json_keys(fields)) AS field
            FROM (SELECT fields FROM logs LIMIT 10000) AS lines
        ) AS names
        GROUP BY field
    """,
    order=("-events",),
)
ACTIONS = _lookup(
    "frequent actions",
    columns={"action": "text", "events": "count", "paid": "count"},
    sql="""
        SELECT action, count(*) AS events, count(monetaryValue) AS paid FROM own
        WHERE action IS NOT NULL GROUP BY action
    """,
    order=("-events",),
)
PAID_ACTIONS = _frequent(
    "paid actions", "action", "own", "action IS NOT NULL AND monetaryValue IS NOT NULL"
)
VALUES = _frequent("frequent values", "value", "own")
# What the columns hold of which a log has few texts, and those that a parameter names, too.
NAMES = {
    column.name: _frequent(f"of {column.name}", column.name, "events")
    for column in COLUMNS
    if column.kind == "word" or column.name in {"userId", "value"}
}
CHANGED_VALUES = _frequent(
    "frequently changed values",
    "value",
    "own",
    "value IS NOT NULL AND (oldValue IS NOT NULL OR comment IS NOT NULL)",
)
SLOW_REQUESTS = _lookup(
    "slow requests",
    columns=_REQUEST,
    sql=f"{_REQUESTS} AND NOT websocket AND durationUs IS NOT NULL",
    order=("-duration", "-began"),
    takes=OF_REQUESTS,
)
FAILED_REQUESTS = _lookup(
    "failed requests",
    columns=_REQUEST,
    sql=f"{_REQUESTS} AND (failed OR outcome = 'error')",
    order=("-began",),
    takes=OF_REQUESTS,
)
# The ids that begin with a text; one that is the text itself comes first.
IDS = _lookup(
    "ids",
    columns={"requestId": "text"},
    sql="SELECT DISTINCT requestId FROM logs WHERE starts_with(requestId, $request)",
    order=("requestId",),
    requires=("request",),
)
# Every event of one request.
REQUEST_EVENTS = _lookup(
    "events of a request",
    columns=_EVENT,
    sql=f"{_EVENTS} WHERE requestId = $request",
    order=("began", "service", "level", "message"),
    requires=("request",),
)
# The events that have a text as their id, user, action or value.
SEARCH = _lookup(
    "found",
    columns=_EVENT,
    sql=f"""
        {_EVENTS}
        WHERE requestId = $text OR userId = $text OR action = $text
            OR value = $text OR oldValue = $text
    """,
    order=("-createdAt",),
    requires=("text",),
)
