"""Questions about what goes wrong."""

from clew.answers.question import OF_REQUESTS, Question

from .quantiles import MEDIAN, P95
from .speed import ENDPOINT

QUESTIONS = (
    Question(
        name="errors",
        title="Failures",
        purpose="Which endpoints answer 5xx, or die: open the timeline of their latest one.",
        columns={**ENDPOINT, "errors": "count", "share": "share", "requestId": "text"},
        sql="""
            SELECT [by] service, method, endpoint, requests, errors, errors / requests AS share,
                requestId
            FROM (
                SELECT [by] service, method, endpoint, count(*) AS requests,
                    count(*) FILTER (failed) AS errors,
                    arg_max(requestId, (createdAt, requestId))
                        FILTER (failed AND requestId IS NOT NULL) AS requestId
                FROM requests
                GROUP BY [by] service, method, endpoint
            ) AS endpoints
            WHERE errors > 0
        """,
        order=("-errors",),
        takes=OF_REQUESTS,
    ),
    Question(
        name="exceptions",
        title="Exceptions",
        purpose="What was raised where, in requests, tasks, calls and lines: of the many, which"
        " are new.",
        columns={"type": "text", "place": "text", "service": "text"}
        | {"events": "count", "users": "count", "first": "instant", "last": "instant"}
        | {"message": "text", "requestId": "text"},
        sql="""
            SELECT [by] exceptionType AS type, exceptionPlace AS place, service,
                count(*) AS events, count(DISTINCT userId) AS users,
                min(createdAt) AS first, max(createdAt) AS last,
                arg_max(exceptionMessage, (createdAt, exceptionMessage))
                    FILTER (exceptionMessage IS NOT NULL) AS message,
                arg_max(requestId, (createdAt, requestId))
                    FILTER (requestId IS NOT NULL) AS requestId
            FROM events
            WHERE exceptionType IS NOT NULL
            GROUP BY [by] exceptionType, exceptionPlace, service
            HAVING min(createdAt) >= coalesce($new_since, 0)
        """,
        order=("-events",),
        takes=("new_since",),
    ),
    Question(
        name="statuses",
        title="Statuses over time",
        purpose="When a status came how often: a wave of 401 is an attack, of 400 a broken client.",
        columns={"bucket": "bucket", "status": "count", "requests": "count"},
        sql="""
            SELECT [bucket] AS bucket, [by] status, count(*) AS requests
            FROM requests
            WHERE status IS NOT NULL
            GROUP BY [by] bucket, status
        """,
        takes=OF_REQUESTS,
    ),
    Question(
        name="bad-links",
        title="Bad links",
        purpose="Which paths answered 404: mend the link, or redirect it.",
        columns={"path": "text", "requests": "count"},
        sql="""
            SELECT [by] path, count(*) AS requests FROM requests
            WHERE status = 404 GROUP BY [by] path
        """,
        order=("-requests",),
        takes=OF_REQUESTS,
    ),
    Question(
        name="releases",
        title="Releases side by side",
        purpose="What each release of a service did better or worse than the one before it.",
        columns={"service": "text", "serviceVersion": "text", "first": "instant"}
        | {"requests": "count", "share": "share", "median": "duration", "p95": "duration"}
        | {"exceptions": "count"},
        # An exception is new in the release that it comes from first.
        sql=f"""
            SELECT service, serviceVersion, first, requests,
                CASE WHEN requests > 0 THEN failed / requests ELSE 0 END AS share,
                median, p95, exceptions
            FROM (
                SELECT service, serviceVersion, min(createdAt) AS first,
                    coalesce(sum(request), 0) AS requests, coalesce(sum(failed), 0) AS failed,
                    {MEDIAN}, {P95}, coalesce(sum(fresh), 0) AS exceptions
                FROM (
                    SELECT service, serviceVersion, createdAt, 1 AS request,
                        CASE WHEN failed THEN 1 ELSE 0 END AS failed,
                        CASE WHEN NOT websocket THEN durationUs END AS durationUs, 0 AS fresh
                    FROM requests
                    UNION ALL
                    SELECT service, serviceVersion, createdAt, 0 AS request, 0 AS failed,
                        NULL AS durationUs, 0 AS fresh
                    FROM events
                    UNION ALL
                    SELECT service, serviceVersion, createdAt, 0 AS request, 0 AS failed,
                        NULL AS durationUs, CASE WHEN place = 1 THEN 1 ELSE 0 END AS fresh
                    FROM (
                        SELECT service, serviceVersion, createdAt,
                            row_number() OVER (
                                PARTITION BY service, exceptionType, exceptionPlace
                                ORDER BY createdAt, serviceVersion NULLS LAST
                            ) AS place
                        FROM events
                        WHERE exceptionType IS NOT NULL
                    ) AS raised
                ) AS facts
                WHERE serviceVersion IS NOT NULL
                GROUP BY service, serviceVersion
            ) AS versions
        """,
        order=("first",),
        takes=OF_REQUESTS,
    ),
    Question(
        name="clients",
        title="Clients",
        purpose="Which addresses send most, and what they get: whom to welcome, whom to slow down.",
        columns={"ipAddress": "text"}
        | dict.fromkeys(("requests", "refused", "failed", "users"), "count"),
        sql="""
            SELECT [by] ipAddress, count(*) AS requests,
                count(*) FILTER (status BETWEEN 400 AND 499) AS refused,
                count(*) FILTER (failed) AS failed,
                count(DISTINCT userId) AS users
            FROM requests
            GROUP BY [by] ipAddress
        """,
        order=("-requests",),
        takes=OF_REQUESTS,
    ),
)
