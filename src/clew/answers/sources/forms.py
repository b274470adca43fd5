"""The forms in which neighbours write their lines: one entry each, its sample is its test.

A form is recognised by the paths that it `needs`. Its `fields` say where the fields of clew's own
line stand in it, the first that is there: `Field` names the paths, and what reads a value. A path
leads through objects, and also to keys that have dots themselves, as ECS writes both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .values import (
    address_of,
    integer_of,
    level_of,
    level_of_status,
    milliseconds_of,
    request_line_of,
    severity_of,
    target_of,
    text_of,
    time_of,
)

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field of clew's stands in another form, and what reads its value."""

    target: str
    paths: tuple[str, ...]
    read: Callable[[Any], object] = text_of


@dataclass(frozen=True, slots=True)
class Form:
    """A form of lines. ``needs`` are sets of paths: of each set one must be there.

    An access line is one with all of ``access``, and a request then; else it is an event.
    ``constants`` are the same in each line of the form.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    fields: tuple[Field, ...]
    access: tuple[tuple[str, ...], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()

    def fits(self, line: Mapping[str, Any]) -> bool:
        """Tell whether *line* is of this form."""
        return _has(line, self.needs)

    def convert(self, line: Line, at: int | None = None) -> Line | None:
        """Return *line* with clew's own fields in it; *at* is when, where it does not say.

        None is returned where nobody knows when it was.
        """
        fields: Line = dict(self.constants)
        is_access = bool(self.access) and _has(line, self.access)
        for field in self.fields:
            if is_access or not field.target.startswith(("request.", "response.")):
                _put(fields, field, line)
        fields.setdefault("createdAt", at)
        if fields["createdAt"] is None:
            return None
        if is_access:
            _complete(fields)
        return _merged(line, fields)


def find(line: Mapping[str, Any], path: str) -> Any:
    """Return what stands at *path* in *line*, None where nothing does."""
    if path in line:
        return line[path]
    at = path.find(".")
    while at >= 0:
        inner = line.get(path[:at])
        if isinstance(inner, Mapping) and (found := find(inner, path[at + 1 :])) is not None:
            return found
        at = path.find(".", at + 1)
    return None


def _has(line: Mapping[str, Any], sets: Iterable[Iterable[str]]) -> bool:
    return all(any(find(line, path) is not None for path in paths) for paths in sets)


def _put(fields: Line, field: Field, line: Line) -> None:
    if field.target in fields:
        return
    for path in field.paths:
        value = find(line, path)
        if value is not None and (read := field.read(value)) is not None:
            fields[field.target] = read
            return


def _complete(fields: Line) -> None:
    """Take apart what says several things at once, and say what a request's record says."""
    method, target = fields.pop("request.line", None) or (None, None)
    if method is not None:
        fields.setdefault("request.method", method)
    path, query, host = target_of(target or fields.pop("request.target", None)) or (None,) * 3
    fields.pop("request.target", None)
    for name, value in (("path", path), ("query", query), ("host", host)):
        if value:
            fields.setdefault(f"request.{name}", value)
    status = fields.get("response.httpStatus")
    if status is not None:
        fields.setdefault("level", level_of_status(status))
    parts = (fields.get("request.method"), fields.get("request.path"), status)
    said = " ".join(str(part) for part in parts if part is not None)
    fields.setdefault("message", said)


def _merged(line: Line, fields: Line) -> Line:
    """Return *line*, with *fields* in the place of what has their names."""
    merged = dict(line)
    nested: dict[str, Line] = {}
    for target, value in fields.items():
        parent, _, name = target.rpartition(".")
        if parent:
            nested.setdefault(parent, {})[name] = value
        else:
            merged[name] = value
    for parent in ("request", "response", "exception"):
        merged.pop(parent, None)
    return merged | nested


_exception_line = re.compile(r"([\w.$]+(?:Error|Exception|[A-Z]\w*))(?:: (.*))?")


def _trace_type(text: object) -> str | None:
    """Return the exception's type of a traceback of Python's, or of another language's."""
    match = _exception_line_of(text)
    return match[1] if match else None


def _trace_message(text: object) -> str | None:
    match = _exception_line_of(text)
    return match[2] if match else None


def _exception_line_of(text: object) -> re.Match[str] | None:
    if not isinstance(text, str) or not text.strip():
        return None
    lines = text.strip().splitlines()
    # Python names the exception last, others first.
    return _exception_line.fullmatch(lines[-1 if lines[0].startswith("Traceback") else 0].strip())


def _trace_id(value: object) -> str | None:
    """Return the id of a trace, which Google writes as a path; zeros are none."""
    text = text_of(value)
    last = text.rpartition("/")[2] if text else ""
    return last if last.strip("0x") else None


def _first(name: str) -> Callable[[Any], str | None]:
    """Return what reads *name* of structlog's tracebacks as lists of objects."""

    def read(value: object) -> str | None:
        first = value[0] if isinstance(value, list) and value else None
        return text_of(first.get(name)) if isinstance(first, dict) else None

    return read


def _trace(*paths: str) -> tuple[Field, ...]:
    return (
        Field("exception.type", paths, _trace_type),
        Field("exception.type", paths, _first("exc_type")),
        Field("exception.message", paths, _trace_message),
        Field("exception.message", paths, _first("exc_value")),
        Field(
            "exception.stackTrace", paths, lambda value: value if isinstance(value, str) else None
        ),
    )


_SEQUENCE = re.compile(r"\{[@$]?(\w+)[^}]*\}")


def _rendered(line: Line) -> Line:
    """Return a line of Serilog's with its message, which its template makes of its fields."""
    template = line.get("@mt")
    if "@m" in line or not isinstance(template, str):
        return line
    return line | {"@m": _SEQUENCE.sub(lambda hole: str(line.get(hole[1], hole[0])), template)}


class _Serilog(Form):
    def convert(self, line: Line, at: int | None = None) -> Line | None:
        return super().convert({"@l": "Information"} | _rendered(line), at)


IDS = ("request_id", "requestId", "correlation_id", "correlationId", "req_id", "reqId")
USERS = ("user_id", "userId")
_seconds, _nanoseconds = partial(milliseconds_of, unit="s"), partial(milliseconds_of, unit="ns")

_COMMON = (
    Field("requestId", IDS),
    Field("requestId", ("trace_id", "traceId"), _trace_id),
    Field("userId", USERS),
    Field("service", ("service", "service.name", "app", "application")),
    Field("serviceVersion", ("serviceVersion", "service.version", "version")),
)
_STATUS = partial(Field, "response.httpStatus", read=integer_of)
_SIZE = partial(Field, "response.bodySize", read=integer_of)
_TIME = partial(Field, "createdAt", read=time_of)
_LEVEL = partial(Field, "level", read=level_of)
_ADDRESS = partial(Field, "request.ipAddress", read=address_of)
_TARGET = partial(Field, "request.target", read=lambda value: value)
_PINO = (
    _TIME(("time",)),
    _LEVEL(("level",)),
    Field("message", ("msg",)),
    Field("requestId", ("req.id", *IDS)),
    Field("logger", ("name",)),
    Field("exception.type", ("err.type",)),
    Field("exception.message", ("err.message",)),
    Field("exception.stackTrace", ("err.stack",)),
    *_COMMON,
)
_SEMANTIC = (
    Field("request.method", ("http.request.method", "http.method")),
    Field("request.path", ("url.path",)),
    Field("request.query", ("url.query",)),
    _TARGET(("url.original", "url.full", "http.target", "http.url")),
    Field("request.route", ("http.route",)),
    _STATUS(("http.response.status_code", "http.status_code")),
    _SIZE(("http.response.body.bytes", "http.response.body.size")),
    _ADDRESS(("client.ip", "client.address", "source.ip", "network.peer.address")),
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
            _TARGET(("req.url",)),
            _ADDRESS(("req.remoteAddress",)),
            _STATUS(("res.statusCode",)),
            Field("response.responseTime", ("responseTime",), milliseconds_of),
        ),
        access=(("req.method",), ("res.statusCode",)),
        constants=(("logger", "pino-http"),),
    ),
    Form(
        "Traefik",
        needs=(("RequestMethod",), ("DownstreamStatus", "OriginStatus"), ("RequestPath",)),
        fields=(
            _TIME(("time", "StartUTC", "StartLocal")),
            Field("requestId", ("request_X-Request-Id", "downstream_X-Request-Id")),
            Field("userId", ("ClientUsername",)),
            Field("request.method", ("RequestMethod",)),
            _TARGET(("RequestPath",)),
            _ADDRESS(("ClientHost", "ClientAddr")),
            _STATUS(("DownstreamStatus", "OriginStatus")),
            _SIZE(("DownstreamContentSize",)),
            Field("response.responseTime", ("Duration",), _nanoseconds),
        ),
        access=(("RequestMethod",),),
        constants=(("logger", "traefik.access"),),
    ),
    Form(
        "Caddy",
        needs=(("request.uri",), ("request.method",), ("status",), ("ts",)),
        fields=(
            _TIME(("ts",)),
            Field(
                "requestId",
                (
                    *("request.headers.X-Request-Id", "resp_headers.X-Request-Id"),
                    *("request.headers.X-Request-ID", "uuid"),
                ),
            ),
            Field("userId", ("user_id",)),
            Field("request.method", ("request.method",)),
            _TARGET(("request.uri",)),
            _ADDRESS(("request.client_ip", "request.remote_ip", "request.remote_addr")),
            _STATUS(("status",)),
            _SIZE(("size",)),
            Field("response.responseTime", ("duration",), _seconds),
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
            _TIME(("msec", "time_iso8601", "time_local", "@timestamp", "timestamp", "time")),
            Field("requestId", ("http_x_request_id", "request_id", "x_request_id")),
            Field("userId", ("remote_user",)),
            Field("request.method", ("request_method", "method")),
            Field("request.line", ("request",), request_line_of),
            _TARGET(("request_uri", "uri")),
            _ADDRESS(("remote_addr", "remote_ip")),
            _STATUS(("status",)),
            _SIZE(("body_bytes_sent", "bytes_sent")),
            Field("response.responseTime", ("request_time",), _seconds),
        ),
        access=(("status",),),
        constants=(("logger", "nginx.access"),),
    ),
    Form(
        "ECS",
        needs=(("@timestamp",), ("ecs.version", "log.level", "event.duration", "ecs")),
        fields=(
            _TIME(("@timestamp",)),
            _LEVEL(("log.level",)),
            Field("message", ("message",)),
            Field("logger", ("log.logger",)),
            Field("requestId", ("http.request.id", *IDS, "trace.id")),
            Field("service", ("service.name",)),
            Field("serviceVersion", ("service.version",)),
            *_SEMANTIC,
            Field("response.responseTime", ("event.duration",), _nanoseconds),
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
            _TIME(("timeUnixNano", "Timestamp", "timestamp", "observedTimeUnixNano")),
            Field("level", ("severityNumber", "severity_number", "SeverityNumber"), severity_of),
            _LEVEL(("severityText", "severity_text", "SeverityText")),
            Field("message", ("body", "Body")),
            Field("requestId", IDS),
            Field("requestId", ("traceId", "trace_id", "TraceId"), _trace_id),
            Field("service", ("service.name",)),
            Field("serviceVersion", ("service.version",)),
            Field("logger", ("scope.name", "InstrumentationScope.Name")),
            *_SEMANTIC,
            Field("response.responseTime", ("http.server.request.duration",), _seconds),
        ),
        access=_SEMANTIC_ACCESS,
    ),
    Form(
        "Google's httpRequest",
        needs=(("httpRequest.requestMethod",), ("httpRequest.requestUrl", "httpRequest.status")),
        fields=(
            _TIME(("timestamp", "time", "receiveTimestamp", "timestampSeconds")),
            _LEVEL(("severity", "level")),
            Field("message", ("message", "textPayload")),
            Field("requestId", IDS),
            Field("requestId", ("logging.googleapis.com/trace", "trace"), _trace_id),
            Field("request.method", ("httpRequest.requestMethod",)),
            _TARGET(("httpRequest.requestUrl",)),
            _ADDRESS(("httpRequest.remoteIp",)),
            _STATUS(("httpRequest.status",)),
            _SIZE(("httpRequest.responseSize",)),
            Field("response.responseTime", ("httpRequest.latency",), _seconds),
            *_COMMON,
        ),
        access=(("httpRequest.requestMethod",), ("httpRequest.status",)),
    ),
    Form(
        "Google's severity",
        needs=(("severity",), ("message", "textPayload")),
        fields=(
            _TIME(("timestamp", "time", "receiveTimestamp", "timestampSeconds")),
            _LEVEL(("severity",)),
            Field("message", ("message", "textPayload")),
            Field("requestId", IDS),
            Field("requestId", ("logging.googleapis.com/trace", "trace"), _trace_id),
            *_trace("stack_trace", "exception"),
            *_COMMON,
        ),
    ),
    _Serilog(
        "Serilog's compact form",
        needs=(("@t",), ("@m", "@mt")),
        fields=(
            _TIME(("@t",)),
            _LEVEL(("@l",)),
            Field("message", ("@m",)),
            Field("logger", ("SourceContext",)),
            Field("requestId", ("CorrelationId", "RequestId", "@tr")),
            Field("userId", ("UserId",)),
            Field("service", ("Application", "ApplicationName")),
            Field("request.method", ("RequestMethod",)),
            _TARGET(("RequestPath",)),
            _ADDRESS(("ClientIp", "RemoteIpAddress")),
            _STATUS(("StatusCode",)),
            Field("response.responseTime", ("Elapsed",), milliseconds_of),
            *_trace("@x"),
        ),
        access=(("RequestMethod",), ("StatusCode",)),
    ),
    Form("pino", needs=(("level",), ("time",), ("msg",), ("pid",)), fields=_PINO),
    Form(
        "zap",
        needs=(("level",), ("ts",), ("msg",)),
        fields=(
            _TIME(("ts",)),
            _LEVEL(("level",)),
            Field("message", ("msg",)),
            Field("logger", ("logger",)),
            Field("exception.message", ("error",)),
            Field("exception.stackTrace", ("stacktrace",)),
            *_COMMON,
        ),
    ),
    Form(
        "slog",
        needs=(("level",), ("time",), ("msg",)),
        fields=(_TIME(("time",)), _LEVEL(("level",)), Field("message", ("msg",)), *_COMMON),
    ),
    Form(
        "structlog",
        needs=(("event",), ("level", "log_level", "timestamp")),
        fields=(
            _TIME(("timestamp",)),
            _LEVEL(("level", "log_level")),
            Field("message", ("event",)),
            Field("logger", ("logger", "logger_name")),
            *_trace("exception"),
            *_COMMON,
        ),
    ),
    Form(
        "python-json-logger",
        needs=(("message",), ("asctime", "levelname", "timestamp", "created")),
        fields=(
            _TIME(("created", "timestamp", "asctime")),
            _LEVEL(("levelname", "level")),
            Field("message", ("message",)),
            Field("logger", ("name", "logger")),
            *_trace("exc_info"),
            *_COMMON,
        ),
    ),
)
