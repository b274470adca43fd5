"""Questions about what takes long."""

from clew.answers.question import OF_REQUESTS, Question

from .quantiles import MEDIAN, OF_SPREAD, P95, SPREAD

ENDPOINT = {"service": "text", "method": "text", "endpoint": "text", "requests": "count"}
_WORK = {"failed": "count", "median": "duration", "p95": "duration", "total": "duration"}
_TOTAL = "CAST(coalesce(sum(durationUs), 0) AS DOUBLE) AS total"

QUESTIONS = (
    Question(
        name="slowest",
        title="Slowest endpoints",
        purpose="Which endpoints keep one request in twenty waiting longest: begin to tune here.",
        columns=ENDPOINT | dict.fromkeys(("median", "p95", "p99", "max"), "duration"),
        sql=f"""
            SELECT [by] service, method, endpoint, requests, {OF_SPREAD}, max
            FROM (
                SELECT [by] service, method, endpoint, count(*) AS requests, {SPREAD},
                    max(durationUs) AS max
                FROM answered
                GROUP BY [by] service, method, endpoint
            ) AS endpoints
        """,
        order=("-p95",),
        takes=OF_REQUESTS,
    ),
    Question(
        name="waited",
        title="Where users wait",
        purpose="Which endpoints take most of all the time that users wait: a tenth gained here"
        " is felt most.",
        columns={**ENDPOINT, "total": "duration", "share": "share"},
        sql="""
            SELECT [by] service, method, endpoint, requests, spent AS total,
                CASE WHEN everything > 0 THEN spent / everything ELSE 0 END AS share
            FROM (
                SELECT [by] service, method, endpoint, count(*) AS requests,
                    CAST(sum(durationUs) AS DOUBLE) AS spent,
                    CAST(sum(sum(durationUs)) OVER () AS DOUBLE) AS everything
                FROM answered
                GROUP BY [by] service, method, endpoint
            ) AS endpoints
        """,
        order=("-total",),
        takes=OF_REQUESTS,
    ),
    Question(
        name="latency",
        title="Response time over time",
        purpose="When the service was slow: a step is a release or a neighbour, a slope is growth.",
        columns={"bucket": "bucket", "requests": "count"}
        | dict.fromkeys(("median", "p95", "p99"), "duration"),
        sql=f"""
            SELECT bucket, [by] requests, {OF_SPREAD}
            FROM (
                SELECT [bucket] AS bucket, [by] count(*) AS requests, {SPREAD}
                FROM answered
                GROUP BY [by] bucket
            ) AS steps
        """,
        takes=OF_REQUESTS,
    ),
    Question(
        name="traffic",
        title="Requests over time",
        purpose="How many came, and what became of them: refused is 4xx, failed 5xx or lost.",
        columns={"bucket": "bucket"}
        | dict.fromkeys(("requests", "refused", "failed"), "count")
        | {"share": "share"},
        sql="""
            SELECT bucket, [by] requests, refused, failed, failed / requests AS share
            FROM (
                SELECT [bucket] AS bucket, [by] count(*) AS requests,
                    count(*) FILTER (status BETWEEN 400 AND 499) AS refused,
                    count(*) FILTER (failed) AS failed
                FROM requests
                GROUP BY [by] bucket
            ) AS steps
        """,
        takes=OF_REQUESTS,
    ),
    Question(
        name="tasks",
        title="Background tasks",
        purpose="Which tasks run how often, for how long, and which fail: what nobody waits for"
        " and so nobody sees.",
        columns={"service": "text", "task": "text", "runs": "count", **_WORK},
        sql=f"""
            SELECT [by] service, taskName AS task, count(*) AS runs,
                count(*) FILTER (failed) AS failed, {MEDIAN}, {P95}, {_TOTAL}
            FROM tasks
            GROUP BY [by] service, taskName
        """,
        order=("-total",),
    ),
    Question(
        name="calls",
        title="Calls to others",
        purpose="Which neighbour is slow or fails: 5xx, or no answer at all.",
        columns={"service": "text", "host": "text", "method": "text", "calls": "count", **_WORK},
        sql=f"""
            SELECT [by] service, host, method, count(*) AS calls,
                count(*) FILTER (failed) AS failed, {MEDIAN}, {P95}, {_TOTAL}
            FROM calls
            GROUP BY [by] service, host, method
        """,
        order=("-total",),
        takes=("method", "status"),
    ),
)
