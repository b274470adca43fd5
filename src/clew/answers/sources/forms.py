"""The forms in which neighbours write their lines: one entry each, its sample is its test.

The samples stand in ``tests/answers/sources/test_forms.py``.
"""

from __future__ import annotations

import re

from .fields import (
    ADDRESS,
    COMMON,
    IDS,
    LEVEL,
    SIZE,
    STATUS,
    TARGET,
    TIME,
    USERS,
    nanoseconds_of,
    seconds_of,
    trace_id_of,
)
from .form import Field, Form, Line
from .traces import trace
from .values import milliseconds_of, request_line_of, severity_of

_SEQUENCE = re.compile(r"\{[@$]?(\w+)[^}]*\}")


def _render(line: Line) -> Line:
    """Return a line of Serilog's with its message, which its template makes of its fields."""
    template = line.get("@mt")
    if "@m" in line or not isinstance(template, str):
        return line
    return line | {"@m": _SEQUENCE.sub(lambda hole: str(line.get(hole[1], hole[0])), template)}


class _Serilog(Form):
    def convert(self, line: Line, at: int | None = None) -> Line | None:
        return super().convert({"@l": "Information"} | _render(line), at)


_PINO = (
    TIME(("time",)),
    LEVEL(("level",)),
    Field("message", ("msg",)),
    Field("requestId", ("req.id", *IDS)),
    Field("logger", ("name",)),
    Field("exception.type", ("err.type",)),
    Field("exception.message", ("err.message",)),
    Field("exception.stackTrace", ("err.stack",)),
    *COMMON,
)
_SEMANTIC = (
    Field("request.method", ("http.request.method", "http.method")),
    Field("request.path", ("url.path",)),
    Field("request.query", ("url.query",)),
    TARGET(("url.original", "url.full", "http.target", "http.url")),
    Field("request.route", ("http.route",)),
    STATUS(("http.response.status_code", "http.status_code")),
    SIZE(("http.response.body.bytes", "http.response.body.size")),
    ADDRESS(("client.ip", "client.address", "source.ip", "network.peer.address")),
    Field("userId", ("user.id", "enduser.id", *USERS)),
    Field("exception.type", ("error.type", "exception.type")),
    Field("exception.message", ("error.message", "exception.message")),
    Field("exception.stackTrace", ("error.stack_trace", "exception.stacktrace")),
)
_SEMANTIC_ACCESS = (
    ("http.request.method", "http.method"),
    ("http.response.status_code", "http.status_code"),
)

FORMS: tuple[Form, ...] = (
    Form(
        "pino-http",
        needs=(("req.method",), ("res.statusCode",), ("time",)),
        fields=(
            *_PINO,
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
        fields=(
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
        ),
        access=(("status",),),
        constants=(("logger", "nginx.access"),),
    ),
    Form(
        "ECS",
        needs=(("@timestamp",), ("ecs.version", "log.level", "event.duration", "ecs")),
        fields=(
            TIME(("@timestamp",)),
            LEVEL(("log.level",)),
            Field("message", ("message",)),
            Field("logger", ("log.logger",)),
            Field("requestId", ("http.request.id", *IDS, "trace.id")),
            Field("service", ("service.name",)),
            Field("serviceVersion", ("service.version",)),
            *_SEMANTIC,
            Field("response.responseTime", ("event.duration",), nanoseconds_of),
        ),
        access=_SEMANTIC_ACCESS,
    ),
    Form(
        "OpenTelemetry",
        needs=(
            ("timeUnixNano", "timestamp", "observedTimeUnixNano", "Timestamp"),
            ("body", "Body"),
            (
                "severityNumber",
                "severity_number",
                "SeverityNumber",
                "severity_text",
                "SeverityText",
            ),
        ),
        fields=(
            TIME(("timeUnixNano", "Timestamp", "timestamp", "observedTimeUnixNano")),
            Field("level", ("severityNumber", "severity_number", "SeverityNumber"), severity_of),
            LEVEL(("severityText", "severity_text", "SeverityText")),
            Field("message", ("body", "Body")),
            Field("requestId", IDS),
            Field("requestId", ("traceId", "trace_id", "TraceId"), trace_id_of),
            Field("service", ("service.name",)),
            Field("serviceVersion", ("service.version",)),
            Field("logger", ("scope.name", "InstrumentationScope.Name")),
            *_SEMANTIC,
            Field("response.responseTime", ("http.server.request.duration",), seconds_of),
        ),
        access=_SEMANTIC_ACCESS,
    ),
    Form(
        "Google's httpRequest",
        needs=(("httpRequest.requestMethod",), ("httpRequest.requestUrl", "httpRequest.status")),
        fields=(
            TIME(("timestamp", "time", "receiveTimestamp", "timestampSeconds")),
            LEVEL(("severity", "level")),
            Field("message", ("message", "textPayload")),
            Field("requestId", IDS),
            Field("requestId", ("logging.googleapis.com/trace", "trace"), trace_id_of),
            Field("request.method", ("httpRequest.requestMethod",)),
            TARGET(("httpRequest.requestUrl",)),
            ADDRESS(("httpRequest.remoteIp",)),
            STATUS(("httpRequest.status",)),
            SIZE(("httpRequest.responseSize",)),
            Field("response.responseTime", ("httpRequest.latency",), seconds_of),
            *COMMON,
        ),
        access=(("httpRequest.requestMethod",), ("httpRequest.status",)),
    ),
    Form(
        "Google's severity",
        needs=(("severity",), ("message", "textPayload")),
        fields=(
            TIME(("timestamp", "time", "receiveTimestamp", "timestampSeconds")),
            LEVEL(("severity",)),
            Field("message", ("message", "textPayload")),
            Field("requestId", IDS),
            Field("requestId", ("logging.googleapis.com/trace", "trace"), trace_id_of),
            *trace("stack_trace", "exception"),
            *COMMON,
        ),
    ),
    _Serilog(
        "Serilog's compact form",
        needs=(("@t",), ("@m", "@mt")),
        fields=(
            TIME(("@t",)),
            LEVEL(("@l",)),
            Field("message", ("@m",)),
            Field("logger", ("SourceContext",)),
            Field("requestId", ("CorrelationId", "RequestId", "@tr")),
            Field("userId", ("UserId",)),
            Field("service", ("Application", "ApplicationName")),
            Field("request.method", ("RequestMethod",)),
            TARGET(("RequestPath",)),
            ADDRESS(("ClientIp", "RemoteIpAddress")),
            STATUS(("StatusCode",)),
            Field("response.responseTime", ("Elapsed",), milliseconds_of),
            *trace("@x"),
        ),
        access=(("RequestMethod",), ("StatusCode",)),
    ),
    Form("pino", needs=(("level",), ("time",), ("msg",), ("pid",)), fields=_PINO),
    Form(
        "zap",
        needs=(("level",), ("ts",), ("msg",)),
        fields=(
            TIME(("ts",)),
            LEVEL(("level",)),
            Field("message", ("msg",)),
            Field("logger", ("logger",)),
            Field("exception.message", ("error",)),
            Field("exception.stackTrace", ("stacktrace",)),
            *COMMON,
        ),
    ),
    Form(
        "slog",
        needs=(("level",), ("time",), ("msg",)),
        fields=(TIME(("time",)), LEVEL(("level",)), Field("message", ("msg",)), *COMMON),
    ),
    Form(
        "structlog",
        needs=(("event",), ("level", "log_level", "timestamp")),
        fields=(
            TIME(("timestamp",)),
            LEVEL(("level", "log_level")),
            Field("message", ("event",)),
            Field("logger", ("logger", "logger_name")),
            *trace("exception"),
            *COMMON,
        ),
    ),
    Form(
        "python-json-logger",
        needs=(("message",), ("asctime", "levelname", "timestamp", "created")),
        fields=(
            TIME(("created", "timestamp", "asctime")),
            LEVEL(("levelname", "level")),
            Field("message", ("message",)),
            Field("logger", ("name", "logger")),
            *trace("exc_info"),
            *COMMON,
        ),
    ),
)
