"""The forms in which neighbours write their lines: one entry each, its sample is its test.

The samples stand in ``tests/answers/sources/test_forms.py``.
"""

from __future__ import annotations

import re

from .access_forms import ACCESS_FORMS
from .fields import (
    ADDRESS,
    COMMON,
    IDS,
    LEVEL,
    PINO,
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
from .values import milliseconds_of, severity_of

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
    *ACCESS_FORMS,
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
    Form("pino", needs=(("level",), ("time",), ("pid",), ("msg", "hostname")), fields=PINO),
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
        "zap",
        needs=(("L",), ("T",), ("M",)),
        fields=(
            TIME(("T",)),
            LEVEL(("L",)),
            Field("message", ("M",)),
            Field("logger", ("N",)),
            Field("exception.message", ("error",)),
            Field("exception.stackTrace", ("S",)),
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
    # What says no more than this is a line where what it stands in says when.
    Form(
        "structlog",
        needs=(("event",),),
        fields=(Field("message", ("event",)),),
        only=frozenset({"event"}),
    ),
    Form(
        "python-json-logger",
        needs=(("message",),),
        fields=(Field("message", ("message",)),),
        only=frozenset({"message", "taskName"}),
    ),
    Form(
        "slog",
        needs=(("level",), ("msg",)),
        fields=(LEVEL(("level",)), Field("message", ("msg",))),
        only=frozenset({"level", "msg"}),
    ),
)
