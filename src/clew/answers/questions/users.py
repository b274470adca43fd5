"""Questions about who did what."""

from clew.answers.question import Question

QUESTIONS = (
    Question(
        name="access",
        title="Who did it how often",
        purpose="How often each user did one thing: ask those who are far above the others why."
        " What nobody did who is known is the row without a user.",
        columns={"userId": "text", "events": "count", "unusual": "flag"},
        # The modified z-score of Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers.
        sql="""
            WITH users AS (
                SELECT [by] userId, count(*) AS events
                FROM own
                GROUP BY [by] userId
            ), distances AS (
                SELECT [by] userId, events, events - (
                        SELECT quantile_cont(events, 0.5) FROM users WHERE userId IS NOT NULL
                    ) AS distance
                FROM users
            ), spreads AS (
                SELECT quantile_cont(abs(distance), 0.5) AS mad, avg(abs(distance)) AS mean
                FROM distances
                WHERE userId IS NOT NULL
            )
            SELECT [by] userId, events,
                CASE
                    WHEN userId IS NULL THEN false
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
        # The edge began first, in whichever service and period. Whom a line does not name, another
        # of its request may know.
        sql="""
            WITH touched AS MATERIALIZED (
                SELECT createdAt, userId, action, requestId FROM own WHERE value = $value
            ), nearby AS MATERIALIZED (
                SELECT requestId, createdAt, durationUs, service, userId, ipAddress,
                    method IS NOT NULL AND coalesce(direction, '') <> 'outgoing' AS isInbound
                FROM logs
                WHERE requestId IN (SELECT requestId FROM touched)
            ), inbound AS (
                SELECT requestId, ipAddress,
                    row_number() OVER (
                        PARTITION BY requestId
                        ORDER BY createdAt * 1000 - coalesce(durationUs, 0),
                            coalesce(durationUs, 0) DESC, service, ipAddress
                    ) AS place
                FROM nearby
                WHERE isInbound
            ), edge AS (
                SELECT requestId, ipAddress FROM inbound WHERE place = 1
            ), known AS (
                SELECT requestId, arg_min(userId, (createdAt, userId)) AS userId
                FROM nearby
                WHERE userId IS NOT NULL
                GROUP BY requestId
            )
            SELECT touched.createdAt AS createdAt,
                coalesce(touched.userId, known.userId) AS userId, touched.action AS action,
                edge.ipAddress AS ipAddress, touched.requestId AS requestId
            FROM touched LEFT JOIN edge ON touched.requestId = edge.requestId
                LEFT JOIN known ON touched.requestId = known.requestId
        """,
        requires=("value",),
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
            FROM own
            WHERE value = $value AND (oldValue IS NOT NULL OR comment IS NOT NULL)
            UNION ALL
            SELECT createdAt, userId, action, oldValue, value, comment, requestId
            FROM own
            WHERE oldValue = $value AND (value IS NULL OR value <> $value)
        """,
        requires=("value",),
    ),
    Question(
        name="actions",
        title="What users do",
        purpose="Which business actions happened when: a quiet hour is news too.",
        columns={"bucket": "bucket", "action": "text", "events": "count"},
        sql="""
            SELECT [bucket] AS bucket, [by] action, count(*) AS events
            FROM own
            WHERE action IS NOT NULL
            GROUP BY [by] bucket, action
        """,
        takes=("action",),
    ),
)
