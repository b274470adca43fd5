"""What a record takes along from its request, in the thread that makes it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from clew._context import Context, context_of
from clew._text import text_of
from clew.records import ExceptionInfo, HTTPLog, TaskLog, describe


class Captured(Struct):
    """What a record took along from its request, in the thread that made it."""

    request_id: str | None = None
    user_id: str | None = None
    fields: Mapping[str, object] = {}
    exception: ExceptionInfo | None = None
    log: HTTPLog | TaskLog | None = None
    # A QueueHandler puts the traceback, the stack and a dictionary into the message, as text.
    message: str | None = None
    stack_info: str | None = None
    mapping: Mapping[Any, object] | None = None
    ids: Mapping[str, str | None] | None = None  # further ones, as those of a `Context`

    def put_on(self, record: logging.LogRecord) -> Captured:
        """Give *record* its ``requestId`` and ``userId``, whatever a caller wrote there."""
        attributes = record.__dict__
        for name in ("requestId", "userId"):
            if name in attributes:
                attributes[f"{name}_"] = attributes[name]
        attributes["requestId"] = self.request_id or ""
        attributes["userId"] = self.user_id or ""
        attributes["_clew"] = self
        return self

    def take(self, record: logging.LogRecord) -> None:
        """Take along what a QueueHandler would put into one text."""
        given: Any = record.msg
        if issubclass(type(given), dict):  # some objects lie about their class
            self.mapping = dict(given)
            self.message = text_of(self.mapping.pop("message", ""))
        elif self.exception is not None or record.stack_info:
            self.message = message_of(record)
            self.stack_info = record.stack_info

    def follow(self, record: logging.LogRecord) -> None:
        """Take along what filters have made of *record* since."""
        if record.args is None:  # a QueueHandler has put all into the text by now
            return
        if not (record.exc_info or record.exc_text):
            self.exception = None
        self.message = self.mapping = self.stack_info = None
        self.take(record)

    def add_ids(self, record: logging.LogRecord, ids: Mapping[str, str | None]) -> None:
        """Take further *ids* along, and give them to *record*, whatever a caller wrote there."""
        attributes = record.__dict__
        for name, value in ids.items():
            if name in attributes:
                attributes[f"{name}_"] = attributes[name]
            attributes[name] = value or ""
        self.ids = dict(ids)


def taken_along(context: Context | None) -> Captured:
    """Return what a line takes along from *context*."""
    if context is None:
        return Captured()
    return Captured(context.request_id, context.user_id(), context.fields)


def capture(record: logging.LogRecord) -> Captured:
    """Return what *record* took along; the first to ask takes it."""
    captured = record.__dict__.get("_clew")
    if type(captured) is Captured:
        return captured
    error = _exception_of(record)
    captured = taken_along(context_of(error))
    if error is not None:
        captured.exception = describe(error)
    captured.take(record)
    return captured.put_on(record)


def _exception_of(record: logging.LogRecord) -> BaseException | None:
    error: Any = record.exc_info
    if isinstance(error, tuple) and len(error) > 1:
        error = error[1]
    return error if isinstance(error, BaseException) else None


def message_of(record: logging.LogRecord) -> str:
    """Return a record's message; with its arguments behind it where they do not fit it."""
    try:
        return record.getMessage()
    except Exception:
        pass
    try:
        return f"{record.msg} {record.args!r}"
    except Exception:
        pass
    args = record.args if isinstance(record.args, tuple) else (record.args,)
    return " ".join(text_of(part) for part in (record.msg, *args))


class Aside(dict[str, object]):
    """Fields that have no place among a record's attributes."""


class ContextFilter(logging.Filter):
    """Give every record the attributes ``requestId`` and ``userId``, empty without a request.

    Put it on a handler, so that the lines of every logger pass it; ``%(requestId)s`` then works
    in any format. It never drops a record. The exception and the bound fields are captured along
    with the id, so that they outlive a QueueHandler.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            capture(record)
        except Exception:
            record.__dict__.setdefault("requestId", "")
            record.__dict__.setdefault("userId", "")
        return True
