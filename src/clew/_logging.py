"""A line's way from the caller to the handlers, and what it takes along from the context."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any

from ._context import context_of, rename_fields
from ._privacy import text_of
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


@dataclass
class Captured:
    """What a record took along from its request, in the thread that made it."""

    request_id: str | None = None
    user_id: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    exception: ExceptionInfo | None = None
    http: HTTPLog | None = None
    # A QueueHandler puts the traceback, the stack and a dictionary into the message, as text.
    message: str | None = None
    stack_info: str | None = None
    mapping: Mapping[Any, object] | None = None

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
    captured = Captured()
    if context is not None:
        captured.request_id = context.request_id
        captured.fields = context.fields
        captured.user_id = context.user_id()
    if error is not None:
        captured.exception = describe(error)
    given: Any = record.msg
    if issubclass(type(given), dict):  # some objects lie about their class
        mapping = dict(given)
        captured.message = text_of(mapping.pop("message", ""))
        captured.mapping = mapping
    elif error is not None or record.stack_info:
        captured.message = message_of(record)
        captured.stack_info = record.stack_info
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
                given = extra if isinstance(extra, Mapping) else {"extra": extra}
                fields = {**given, **fields}
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
                _stack_info(frame) if stack_info else None,
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
    while isinstance(stacklevel, int) and stacklevel > 1 and frame.f_back is not None:
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


def _stack_info(frame: FrameType) -> str:
    stack = "".join(traceback.format_stack(frame)).rstrip()
    return f"Stack (most recent call last):\n{stack}"


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
    """Put *fields* on *record* as attributes, as ``extra`` does; those that have no place there,
    since a record has one of that name or keeps it to itself, aside for the formatter.
    """
    aside = {
        name: value
        for name, value in fields.items()
        if name in STANDARD_ATTRIBUTES or not isinstance(name, str) or name.startswith("_")
    }
    if aside:
        fields = {name: value for name, value in fields.items() if name not in aside}
        record.__dict__["_clew_aside"] = Aside(aside)
    record.__dict__.update(fields)


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
