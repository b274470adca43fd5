"""Fields that many forms have: partly named, each form says where."""

from __future__ import annotations

from functools import partial

from .form import Field
from .values import address_of, integer_of, level_of, milliseconds_of, text_of, time_of


def trace_id_of(value: object) -> str | None:
    """Return the id of a trace, which Google writes as a path, Python as a number; 0 is none."""
    text = text_of(value)
    last = text.rpartition("/")[2].removeprefix("0x") if text else ""
    return last if last.strip("0") else None


IDS = ("request_id", "requestId", "correlation_id", "correlationId", "req_id", "reqId")
USERS = ("user_id", "userId")
seconds_of, nanoseconds_of = partial(milliseconds_of, unit="s"), partial(milliseconds_of, unit="ns")

COMMON = (
    Field("requestId", IDS),
    Field("requestId", ("trace_id", "traceId"), trace_id_of),
    Field("userId", USERS),
    Field("service", ("service", "service.name", "app", "application")),
    Field("serviceVersion", ("serviceVersion", "service.version", "version")),
)
STATUS = partial(Field, "response.httpStatus", read=integer_of)
SIZE = partial(Field, "response.bodySize", read=integer_of)
TIME = partial(Field, "createdAt", read=time_of)
LEVEL = partial(Field, "level", read=level_of)
ADDRESS = partial(Field, "request.ipAddress", read=address_of)
TARGET = partial(Field, "request.target", read=lambda value: value)
PINO = (
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
