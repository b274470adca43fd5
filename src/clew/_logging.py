"""A line's way from the caller to the handlers, and what it takes along from the context."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

from ._context import context_of, rename_fields
from ._records import ExceptionInfo, HTTPLog, describe

ExcInfo = (
    bool
    | BaseException
    | tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
    | None
)

# What every record has of its own; whatever else stands on one, somebody added.
STANDARD_ATTRIBUTES = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | frozenset(
    ("asctime", "message", "taskName")
)

_HERE = frozenset((__file__, logging.__file__))


class Captured:
    """What a record took along from its request, in the thread that made it."""

    __slots__ = ("exception", "fields", "http", "message", "request_id", "user_id")

    def __init__(
        self,
        request_id: str | None,
        user_id: str | None,
        fields: Mapping[str, object],
        exception: ExceptionInfo | None = None,
        message: str | None = None,
        http: HTTPLog | None = None,
    ) -> None:
        self.request_id = request_id
        self.user_id = user_id
        self.fields = fields
        self.exception = exception
        self.message = message
        self.http = http

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


def capture(record: logging.LogRecord) -> Captured:
    """Return what *record* took along; the first to ask takes it."""
    captured = record.__dict__.get("_clew")
    if type(captured) is Captured:
        return captured
    error = _exception_of(record)
    context = context_of(error)
    # A QueueHandler puts the traceback into the message and drops the exception.
    exception = message = None
    if error is not None:
        exception, message = describe(error), message_of(record)
    if context is None:
        return Captured(None, None, {}, exception, message).put_on(record)
    try:
        user_id = context.user_id()
    except Exception:
        user_id = None
    return Captured(context.request_id, user_id, context.fields, exception, message).put_on(record)


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
        return f"<{type(record.msg).__qualname__} without a text>"


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


class Logger:
    """A thin face of the standard library's logger of the same name; see `get_logger`.

    Every method takes ``%``-arguments behind the message, as usual, and any fields by keyword::

        log.info("Read user journal", action="READ_JOURNAL", value="user:12345")

    ``action``, ``value``, ``old_value``, ``monetary_value``, ``quantity`` and ``comment`` are the
    fields that the answers ask for. ``exc_info``, ``stack_info``, ``stacklevel`` and ``extra``
    mean what they mean in the standard library. A line never raises, and a handler that raises
    does not keep the line from the others.
    """

    __slots__ = ("_logger", "name")

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)
        self.name = self._logger.name

    def __repr__(self) -> str:
        return f"<clew.Logger {self.name!r}>"

    def debug(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``debug``."""
        if self._logger.isEnabledFor(logging.DEBUG):
            self._log(logging.DEBUG, message, args, **fields)

    def info(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``info``."""
        if self._logger.isEnabledFor(logging.INFO):
            self._log(logging.INFO, message, args, **fields)

    def warning(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``warning``."""
        if self._logger.isEnabledFor(logging.WARNING):
            self._log(logging.WARNING, message, args, **fields)

    def danger(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``danger``, which is Python's ERROR."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._log(logging.ERROR, message, args, **fields)

    error = danger

    def critical(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``critical``."""
        if self._logger.isEnabledFor(logging.CRITICAL):
            self._log(logging.CRITICAL, message, args, **fields)

    def exception(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``danger``, with the exception that is being handled."""
        fields.setdefault("exc_info", True)
        if self._logger.isEnabledFor(logging.ERROR):
            self._log(logging.ERROR, message, args, **fields)

    def log(self, level: int, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* at *level*, a number of the logging module."""
        if self._logger.isEnabledFor(level):
            self._log(level, message, args, **fields)

    def _log(
        self,
        level: int,
        message: object,
        args: tuple[object, ...],
        /,
        *,
        exc_info: ExcInfo = None,
        stack_info: bool = False,
        stacklevel: int = 1,
        extra: Mapping[str, object] | None = None,
        **fields: object,
    ) -> None:
        try:
            if extra:
                fields = {**extra, **fields}
            frame = _caller(stacklevel)
            code = frame.f_code
            record = make_record(
                self._logger,
                level,
                code.co_filename,
                frame.f_lineno,
                message,
                args,
                _exc_info(exc_info),
                code.co_name,
                "".join(traceback.format_stack(frame)).rstrip() if stack_info else None,
            )
            if fields:
                _put(record, rename_fields(fields))
            deliver(self._logger, record)
        except Exception:
            complain()


def get_logger(name: str | None = None) -> Logger:
    """Return the Logger of *name*, a face of ``logging.getLogger(name)``."""
    return Logger(name or "root")


def _caller(stacklevel: int) -> FrameType:
    """Return the frame that called a Logger, *stacklevel* - 1 callers further out."""
    frame = sys._getframe(3)
    while stacklevel > 1 and frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename not in _HERE:
            stacklevel -= 1
    return frame


def _exc_info(value: ExcInfo) -> Any:
    if not value:
        return None
    if isinstance(value, BaseException):
        return (type(value), value, value.__traceback__)
    return value if isinstance(value, tuple) else sys.exc_info()


def make_record(
    logger: logging.Logger,
    level: int,
    pathname: str,
    lineno: int,
    message: object,
    args: tuple[object, ...],
    exc_info: Any,
    function: str,
    stack_info: str | None,
) -> logging.LogRecord:
    """Return a record as *logger* and the record factory make it; a plain one where they fail."""
    try:
        return logger.makeRecord(
            logger.name,
            level,
            pathname,
            lineno,
            message,
            args,
            exc_info,
            function,
            None,
            stack_info,
        )
    except Exception:
        complain()
        return logging.LogRecord(
            logger.name, level, pathname, lineno, message, args, exc_info, function, stack_info
        )


def _put(record: logging.LogRecord, fields: Mapping[str, object]) -> None:
    """Put *fields* on *record* as attributes, as ``extra`` does; those whose name a record has of
    its own aside, where the formatter finds them.
    """
    if STANDARD_ATTRIBUTES.isdisjoint(fields):
        record.__dict__.update(fields)
        return
    aside = {name: value for name, value in fields.items() if name in STANDARD_ATTRIBUTES}
    record.__dict__.update({n: value for n, value in fields.items() if n not in aside})
    record.__dict__["_clew_fields"] = aside


_call_handlers = logging.Logger.callHandlers


def deliver(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Hand *record* to the handlers, as ``logger.handle`` does; one that raises harms no other.

    Where somebody replaced the standard way (Sentry does), theirs is taken.
    """
    kind = type(logger)
    if kind.handle is not logging.Logger.handle or kind.callHandlers is not _call_handlers:
        logger.handle(record)
        return
    if logger.disabled:
        return
    passed: bool | logging.LogRecord = logger.filter(record)
    if not passed:
        return
    if isinstance(passed, logging.LogRecord):  # a filter may replace it, from Python 3.12 on
        record = passed
    found = False
    parent: logging.Logger | None = logger
    while parent is not None:
        for handler in parent.handlers:
            found = True
            if record.levelno >= handler.level:
                try:
                    handler.handle(record)
                except Exception:
                    complain()
        if not parent.propagate:
            break
        parent = parent.parent
    if not found and logging.lastResort is not None and record.levelno >= logging.lastResort.level:
        logging.lastResort.handle(record)


def complain() -> None:
    """Say on stderr that logging failed, as the standard library does, and go on."""
    if logging.raiseExceptions:
        try:
            sys.stderr.write("--- Logging error ---\n" + traceback.format_exc())
        except Exception:  # there may be no stderr, or a closed one
            pass
