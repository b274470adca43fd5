"""The forms of lines that are requests: one entry each, as in `forms`."""

from __future__ import annotations

from .fields import ADDRESS, PINO, SIZE, STATUS, TARGET, TIME, nanoseconds_of, seconds_of
from .form import Field, Form
from .values import milliseconds_of, request_line_of

_NGINX = (
    TIME(("msec", "time_iso8601", "time_local", "@timestamp", "timestamp", "time")),
    Field("requestId", ("http_x_request_id", "request_id", "x_request_id")),
    Field("userId", ("remote_user",)),
    Field("request.method", ("request_method", "method")),
    Field("request.line", ("request",), request_line_of),
    TARGET(("request_uri", "uri")),
    ADDRESS(("remote_addr", "remote_ip")),
    STATUS(("status",)),
    SIZE(("body_bytes_sent", "bytes_sent")),
    Field("response.responseTime", ("request_time",), seconds_of),
)

ACCESS_FORMS: tuple[Form, ...] = (
    Form(
        "pino-http",
        needs=(("req.method",), ("res.statusCode",), ("time",)),
        fields=(
            *PINO,
            Field("request.method", ("req.method",)),
            TARGET(("req.url",)),
            ADDRESS(("req.remoteAddress",)),
            STATUS(("res.statusCode",)),
            Field("response.responseTime", ("responseTime",), milliseconds_of),
        ),
        access=(("req.method",), ("res.statusCode",)),
        constants=(("logger", "pino-http"),),
    ),
    Form(
        "Traefik",
        needs=(("RequestMethod",), ("DownstreamStatus", "OriginStatus"), ("RequestPath",)),
        fields=(
            TIME(("time", "StartUTC", "StartLocal")),
            Field("requestId", ("request_X-Request-Id", "downstream_X-Request-Id")),
            Field("userId", ("ClientUsername",)),
            Field("request.method", ("RequestMethod",)),
            TARGET(("RequestPath",)),
            ADDRESS(("ClientHost", "ClientAddr")),
            STATUS(("DownstreamStatus", "OriginStatus")),
            SIZE(("DownstreamContentSize",)),
            Field("response.responseTime", ("Duration",), nanoseconds_of),
        ),
        access=(("RequestMethod",),),
        constants=(("logger", "traefik.access"),),
    ),
    Form(
        "Caddy",
        needs=(("request.uri",), ("request.method",), ("status",), ("ts",)),
        fields=(
            TIME(("ts",)),
            Field(
                "requestId",
                (
                    *("request.headers.X-Request-Id", "resp_headers.X-Request-Id"),
                    *("request.headers.X-Request-ID", "uuid"),
                ),
            ),
            Field("userId", ("user_id",)),
            Field("request.method", ("request.method",)),
            TARGET(("request.uri",)),
            ADDRESS(("request.client_ip", "request.remote_ip", "request.remote_addr")),
            STATUS(("status",)),
            SIZE(("size",)),
            Field("response.responseTime", ("duration",), seconds_of),
        ),
        access=(("request.uri",),),
        constants=(("logger", "caddy.access"),),
    ),
    Form(
        "nginx",
        needs=(
            ("status",),
            ("request", "request_uri", "uri"),
            ("remote_addr", "remote_ip", "http_x_forwarded_for"),
        ),
        fields=_NGINX,
        access=(("status",),),
        constants=(("logger", "nginx.access"),),
    ),
    Form(
        "ingress-nginx",
        needs=(("status",), ("path",), ("request_proto",), ("request_query",)),
        fields=(
            *_NGINX,
            Field("request.path", ("path",)),
            Field("request.query", ("request_query",)),
            # Without the proxy protocol the first is empty.
            ADDRESS(("x_forwarded_for", "x-forward-for")),
        ),
        access=(("status",),),
        constants=(("logger", "nginx.access"),),
    ),
)
