"""The questions: each is defined once, here, in DuckDB's SQL.

A question is asked of four relations:

``logs``      every event, with the columns of `engines.columns.COLUMNS`;
``events``    those within ``since`` and ``until`` and of ``service``;
``requests``  the inbound HTTP records among them, of ``route``, with ``endpoint`` (the route, else
              the path, with a GraphQL operation behind it), ``status`` and ``websocket``;
``answered``  those that have a response time and are no WebSocket.

Its parameters are written ``$action``, and are always bound. The rows are put in order, and cut to
the limit, outside its SQL.
"""

from __future__ import annotations

from .question import Question

# Engines interpolate in different orders of operations. As durations are whole microseconds, a
# median has one further decimal and a p95 two: rounding to more than that leaves all the same.
_MEDIAN = "round(quantile_cont(durationUs, 0.5), 4)"
_P95 = "round(quantile_cont(durationUs, 0.95), 4)"
_BUCKET = "createdAt - createdAt % $bucket"
_ENDPOINT = {"method": "text", "endpoint": "text", "requests": "count"}

_QUESTIONS = (
    Question(
        name="slowest",
        title="Slowest endpoints",
        purpose="Which endpoints keep one request in twenty waiting longest: begin to tune here.",
        columns={**_ENDPOINT, "median": "duration", "p95": "duration"},
        sql=f"""
            SELECT method, endpoint, count(*) AS requests, {_MEDIAN} AS median, {_P95} AS p95
            FROM answered
            GROUP BY method, endpoint
        """,
        order=("-p95",),
        takes=("route",),
    ),
    Question(
        name="waited",
        title="Where users wait",
        purpose="Which endpoints take most of all the time that users wait: a tenth gained here"
        " is felt most.",
        columns={**_ENDPOINT, "total": "duration", "share": "share"},
        sql="""
            SELECT method, endpoint, requests, spent AS total,
                CASE WHEN everything > 0 THEN spent / everything ELSE 0 END AS share
            FROM (
                SELECT method, endpoint, count(*) AS requests,
                    CAST(sum(durationUs) AS DOUBLE) AS spent,
                    CAST(sum(sum(durationUs)) OVER () AS DOUBLE) AS everything
                FROM answered
                GROUP BY method, endpoint
            ) AS endpoints
        """,
        order=("-total",),
        takes=("route",),
    ),
    Question(
        name="latency",
        title="Response time over time",
        purpose="When the service was slow: a step is a release or a neighbour, a slope is growth.",
        columns={"bucket": "bucket", "requests": "count", "median": "duration", "p95": "duration"},
        sql=f"""
            SELECT {_BUCKET} AS bucket, count(*) AS requests, {_MEDIAN} AS median, {_P95} AS p95
            FROM answered
            GROUP BY bucket
        """,
        takes=("route", "bucket"),
    ),
    Question(
        name="errors",
        title="Failures",
        purpose="Which endpoints answer 5xx: open the timeline of one of their requests.",
        columns={**_ENDPOINT, "errors": "count", "share": "share"},
        sql="""
            SELECT method, endpoint, requests, errors, errors / requests AS share
            FROM (
                SELECT method, endpoint, count(*) AS requests,
                    count(*) FILTER (status BETWEEN 500 AND 599) AS errors
                FROM requests
                GROUP BY method, endpoint
            ) AS endpoints
            WHERE errors > 0
        """,
        order=("-errors",),
        takes=("route",),
    ),
    Question(
        name="statuses",
        title="One status over time",
        purpose="When a status came how often: a wave of 401 is an attack, of 400 a broken client.",
        columns={"bucket": "bucket", "requests": "count"},
        sql=f"""
            SELECT {_BUCKET} AS bucket, count(*) AS requests
            FROM requests
            WHERE status = $status
            GROUP BY bucket
        """,
        requires=("status",),
        takes=("route", "bucket"),
    ),
    Question(
        name="bad-links",
        title="Bad links",
        purpose="Which paths answered 404: mend the link, or redirect it.",
        columns={"path": "text", "requests": "count"},
        sql="SELECT path, count(*) AS requests FROM requests WHERE status = 404 GROUP BY path",
        order=("-requests",),
        takes=("route",),
    ),
    Question(
        name="access",
        title="Who did it how often",
        purpose="How often each user did one thing: ask those who are far above the others why.",
        columns={"userId": "text", "events": "count", "unusual": "flag"},
        # The modified z-score of Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers.
        sql="""
            WITH users AS (
                SELECT userId, count(*) AS events
                FROM events
                WHERE action = $action AND userId IS NOT NULL
                GROUP BY userId
            ), distances AS (
                SELECT userId, events,
                    events - (SELECT quantile_cont(events, 0.5) FROM users) AS distance
                FROM users
            ), spreads AS (
                SELECT quantile_cont(abs(distance), 0.5) AS mad, avg(abs(distance)) AS mean
                FROM distances
            )
            SELECT userId, events,
                CASE
                    WHEN mad > 0 THEN 0.6745 * distance / mad > 3.5
                    WHEN mean > 0 THEN distance / (1.2533 * mean) > 3.5
                    ELSE false
                END AS unusual
            FROM distances CROSS JOIN spreads
        """,
        order=("-events",),
        requires=("action",),
    ),
    Question(
        name="accessed",
        title="Who touched it",
        purpose="Who did what to one thing, when, and from which address: each needs a reason.",
        columns={"createdAt": "instant"}
        | dict.fromkeys(("userId", "action", "ipAddress", "requestId"), "text"),
        # The edge began first, in whichever service and period.
        sql="""
            WITH touched AS MATERIALIZED (
                SELECT createdAt, userId, action, requestId FROM events WHERE value = $value
            ), inbound AS (
                SELECT requestId, ipAddress,
                    row_number() OVER (
                        PARTITION BY requestId
                        ORDER BY createdAt * 1000 - coalesce(durationUs, 0),
                            coalesce(durationUs, 0) DESC, service, ipAddress
                    ) AS place
                FROM logs
                WHERE method IS NOT NULL AND coalesce(direction, '') <> 'outgoing'
                    AND requestId IN (SELECT requestId FROM touched)
            ), edge AS (
                SELECT requestId, ipAddress FROM inbound WHERE place = 1
            )
            SELECT touched.createdAt AS createdAt, touched.userId AS userId,
                touched.action AS action, edge.ipAddress AS ipAddress,
                touched.requestId AS requestId
            FROM touched LEFT JOIN edge ON touched.requestId = edge.requestId
        """,
        requires=("value",),
    ),
    Question(
        name="revenue",
        title="What it brought over time",
        purpose="How often one thing was done, and what it brought: a dip is a broken step or a"
        " holiday.",
        columns={"bucket": "bucket", "events": "count", "total": "amount"},
        sql=f"""
            SELECT {_BUCKET} AS bucket, count(*) AS events,
                coalesce(sum(monetaryValue), 0) AS total
            FROM events
            WHERE action = $action
            GROUP BY bucket
        """,
        requires=("action",),
        takes=("bucket",),
    ),
    Question(
        name="customers",
        title="Who brought it",
        purpose="Which users stand for most of it: know them by name.",
        columns={"userId": "text", "events": "count", "total": "amount"},
        sql="""
            SELECT userId, count(*) AS events, coalesce(sum(monetaryValue), 0) AS total
            FROM events
            WHERE action = $action AND userId IS NOT NULL
            GROUP BY userId
        """,
        order=("-total",),
        requires=("action",),
    ),
    Question(
        name="products",
        title="What sold",
        purpose="Which values brought most, and how many of each went: keep these in stock.",
        columns={"value": "text", "events": "count", "quantity": "amount", "total": "amount"},
        sql="""
            SELECT value, count(*) AS events, sum(coalesce(quantity, 1)) AS quantity,
                coalesce(sum(monetaryValue), 0) AS total
            FROM events
            WHERE action = $action AND value IS NOT NULL
            GROUP BY value
        """,
        order=("-total",),
        requires=("action",),
    ),
    Question(
        name="actions",
        title="What users do",
        purpose="Which business actions happened when: a quiet hour is news too.",
        columns={"bucket": "bucket", "action": "text", "events": "count"},
        sql=f"""
            SELECT {_BUCKET} AS bucket, action, count(*) AS events
            FROM events
            WHERE action IS NOT NULL AND coalesce($action, action) = action
            GROUP BY bucket, action
        """,
        takes=("action", "bucket"),
    ),
    Question(
        name="changes",
        title="Who changed it",
        purpose="Who changed one thing, when, from what to what, and why: whom to ask before"
        " undoing it.",
        columns={"createdAt": "instant"}
        | dict.fromkeys(("userId", "action", "oldValue", "value", "comment", "requestId"), "text"),
        # In two steps, as engines find one equal text without looking at the other columns.
        sql="""
            SELECT createdAt, userId, action, oldValue, value, comment, requestId
            FROM events
            WHERE value = $value AND (oldValue IS NOT NULL OR comment IS NOT NULL)
            UNION ALL
            SELECT createdAt, userId, action, oldValue, value, comment, requestId
            FROM events
            WHERE oldValue = $value AND (value IS NULL OR value <> $value)
        """,
        requires=("value",),
    ),
    Question(
        name="timeline",
        title="What happened in one request",
        purpose="Every event of one request, over all services, in the order of their beginning.",
        columns={"offset": "duration", "createdAt": "beginning"}
        | dict.fromkeys(("service", "level", "message"), "text")
        | {"duration": "duration", "requestId": "text"},
        sql="""
            SELECT began - min(began) OVER () AS "offset", began AS createdAt, service, level,
                message, durationUs AS duration, requestId
            FROM (
                SELECT createdAt * 1000 - coalesce(durationUs, 0) AS began, service, level,
                    message, durationUs, requestId
                FROM events
                WHERE requestId = $request
            ) AS begun
        """,
        requires=("request",),
    ),
)

QUESTIONS: dict[str, Question] = {question.name: question for question in _QUESTIONS}
