"""Questions about what it brought."""

from clew.answers.question import Question

QUESTIONS = (
    Question(
        name="revenue",
        title="What it brought over time",
        purpose="How often one thing was done, and what it brought: a dip is a broken step or a"
        " holiday.",
        columns={"bucket": "bucket", "events": "count", "total": "amount"},
        sql="""
            SELECT [bucket] AS bucket, [by] count(*) AS events,
                coalesce(sum(monetaryValue), 0) AS total,
                count(monetaryValueText) AS leftOut
            FROM own
            GROUP BY [by] bucket
        """,
        requires=("action",),
    ),
    Question(
        name="customers",
        title="Who brought it",
        purpose="Which users stand for most of it: know them by name.",
        columns={"userId": "text", "events": "count", "total": "amount"},
        sql="""
            SELECT [by] userId, count(*) AS events, coalesce(sum(monetaryValue), 0) AS total,
                count(monetaryValueText) AS leftOut
            FROM own
            WHERE userId IS NOT NULL
            GROUP BY [by] userId
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
            SELECT [by] value, count(*) AS events, sum(coalesce(quantity, 1)) AS quantity,
                coalesce(sum(monetaryValue), 0) AS total,
                count(coalesce(monetaryValueText, quantityText)) AS leftOut
            FROM own
            WHERE value IS NOT NULL
            GROUP BY [by] value
        """,
        order=("-total",),
        requires=("action",),
    ),
)
