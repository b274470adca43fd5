"""Questions that are answered by single requests and lines."""

from clew.answers.question import OF_REQUESTS, Question

_BEGAN = "createdAt * 1000 - coalesce(durationUs, 0)"

QUESTIONS = (
    Question(
        name="requests",
        title="Requests",
        purpose="The single requests, latest first, or --order slowest: pick one, and open its"
        " timeline.",
        columns={"createdAt": "instant", "service": "text", "method": "text", "endpoint": "text"}
        | {"status": "count", "duration": "duration"}
        | dict.fromkeys(("userId", "ipAddress", "requestId"), "text"),
        sql="""
            SELECT createdAt, service, method, endpoint, status, durationUs AS duration, userId,
                ipAddress, requestId
            FROM requests
        """,
        order=("-createdAt",),
        orders={"latest": ("-createdAt",), "slowest": ("-duration",)},
        takes=(*OF_REQUESTS, "user"),
    ),
    Question(
        name="events",
        title="Lines",
        purpose="What was said: by a user, of an action, with a text.",
        columns={"createdAt": "instant"}
        | dict.fromkeys(
            ("service", "level", "message", "userId", "action", "value", "requestId"), "text"
        ),
        sql="""
            SELECT createdAt, service, level, message, userId, action, value, requestId
            FROM events
        """,
        takes=("user", "action", "value", "request"),
    ),
    Question(
        name="timeline",
        title="What happened in one request",
        purpose="Every event of one request, over all services, in the order of their beginning.",
        columns={"offset": "duration", "createdAt": "beginning"}
        | dict.fromkeys(("service", "level", "message"), "text")
        | {"duration": "duration", "requestId": "text", "status": "count"}
        | dict.fromkeys(("userId", "ipAddress"), "text")
        | dict.fromkeys(("exceptionType", "exceptionMessage", "stackTrace"), "text"),
        sql=f"""
            SELECT began - min(began) OVER () AS "offset", began AS createdAt, service, level,
                message, durationUs AS duration, requestId,
                coalesce(graphqlStatus, httpStatus) AS status, userId, ipAddress, exceptionType,
                exceptionMessage, stackTrace
            FROM (
                SELECT {_BEGAN} AS began, service, level, message, durationUs, requestId,
                    graphqlStatus, httpStatus, userId, ipAddress, exceptionType, exceptionMessage,
                    stackTrace
                FROM events
                WHERE requestId = $request
            ) AS begun
        """,
        order=("offset",),
        requires=("request",),
    ),
)
