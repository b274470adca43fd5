"""What the pages and the timeline look up beside the questions: not asked by name."""

from __future__ import annotations

from functools import partial

from .engines.columns import COLUMNS
from .question import Question

_lookup = partial(Question, title="", purpose="")
_KINDS = {"time": "instant", "microseconds": "duration", "integer": "count", "word": "text"}
_EVENT = {"began": "beginning", "beganUs": "count"}
_EVENT |= {column.name: _KINDS.get(column.kind, column.kind) for column in COLUMNS}
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
                count(*) FILTER (status BETWEEN 500 AND 599) AS failed
            FROM requests
        ) AS of_requests
    """,
    takes=("route",),
)
# The end of the logs, which periods are counted from.
LAST_EVENT = _lookup(
    "last event", columns={"last": "instant"}, sql="SELECT max(createdAt) AS last FROM events"
)
SERVICES = _lookup(
    "services",
    columns={"service": "text", "events": "count"},
    sql="""
        SELECT service, count(*) AS events FROM events
        WHERE service IS NOT NULL GROUP BY service
    """,
    order=("-events",),
)
ROUTES = _lookup(
    "routes",
    columns={"route": "text", "requests": "count"},
    sql="SELECT route, count(*) AS requests FROM requests WHERE route IS NOT NULL GROUP BY route",
    order=("-requests",),
)
STATUSES = _lookup(
    "frequent statuses",
    columns={"status": "count", "requests": "count"},
    sql="""
        SELECT status, count(*) AS requests FROM requests
        WHERE status BETWEEN 400 AND 599 GROUP BY status
    """,
    order=("-requests",),
    takes=("route",),
)
ACTIONS = _lookup(
    "frequent actions",
    columns={"action": "text", "events": "count", "paid": "count"},
    sql="""
        SELECT action, count(*) AS events, count(monetaryValue) AS paid FROM events
        WHERE action IS NOT NULL GROUP BY action
    """,
    order=("-events",),
)
VALUES = _lookup(
    "frequent values",
    columns={"value": "text", "events": "count"},
    sql="SELECT value, count(*) AS events FROM events WHERE value IS NOT NULL GROUP BY value",
    order=("-events",),
)
CHANGED_VALUES = _lookup(
    "frequently changed values",
    columns={"value": "text", "events": "count"},
    sql="""
        SELECT value, count(*) AS events FROM events
        WHERE value IS NOT NULL AND (oldValue IS NOT NULL OR comment IS NOT NULL) GROUP BY value
    """,
    order=("-events",),
)
SLOW_REQUESTS = _lookup(
    "slow requests",
    columns=_REQUEST,
    sql=f"{_REQUESTS} AND NOT websocket AND durationUs IS NOT NULL",
    order=("-duration", "-began"),
    takes=("route",),
)
FAILED_REQUESTS = _lookup(
    "failed requests",
    columns=_REQUEST,
    sql=f"{_REQUESTS} AND (status BETWEEN 500 AND 599 OR outcome = 'error')",
    order=("-began",),
    takes=("route",),
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
