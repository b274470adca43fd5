"""clew's Logger: a line's way from the caller to the handlers."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Any

from clew._context import RENAMED_FIELDS, rename_fields
from clew._faults import report_failure
from clew._interruptions import raise_interruption

from .delivery import deliver, put
from .entry import Entry
from .extract import STANDARD_ATTRIBUTES, UnattachedFields
from .keeping import dispatch
from .log_record import make_record, mapping_argument

ExcInfo = (
    bool
    | BaseException
    | tuple[type[BaseException], BaseException, TracebackType | None]
    | tuple[None, None, None]
    | None
)

# What is no field, but means what it means in the standard library.
_OPTIONS = frozenset(("exc_info", "stack_info", "stacklevel"))
_NO_OPTIONS: dict[str, Any] = {}

# Fields of these names have no place among a record's attributes, or another name in a line.
_SPECIAL = STANDARD_ATTRIBUTES | RENAMED_FIELDS.keys() | _OPTIONS
_SPECIAL |= {"requestId", "userId", "color_message", "extra"}

_HERE = frozenset((__file__, logging.__file__))


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

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - its name in logging
        """Tell whether a line at *level* would be written."""
        return self._logger.isEnabledFor(level)

    def debug(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``debug``."""
        if self._logger.isEnabledFor(logging.DEBUG):
            self._log(logging.DEBUG, message, args, fields)

    def info(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``info``."""
        if self._logger.isEnabledFor(logging.INFO):
            self._log(logging.INFO, message, args, fields)

    def warning(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``warning``."""
        if self._logger.isEnabledFor(logging.WARNING):
            self._log(logging.WARNING, message, args, fields)

    def danger(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``danger``, which is Python's ERROR."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._log(logging.ERROR, message, args, fields)

    error = danger

    def critical(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``critical``."""
        if self._logger.isEnabledFor(logging.CRITICAL):
            self._log(logging.CRITICAL, message, args, fields)

    def exception(self, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* as ``danger``, with the exception that is being handled."""
        fields.setdefault("exc_info", True)
        if self._logger.isEnabledFor(logging.ERROR):
            self._log(logging.ERROR, message, args, fields)

    def log(self, level: int, message: object, /, *args: object, **fields: Any) -> None:
        """Log *message* at *level*, a number of the logging module."""
        if self._logger.isEnabledFor(level):
            self._log(level, message, args, fields)

    def _log(
        self, level: int, message: object, args: tuple[object, ...], fields: dict[str, Any]
    ) -> None:
        try:
            logger, handlers, entry, options = self._logger, None, None, _NO_OPTIONS
            is_plain = _SPECIAL.isdisjoint(fields)
            if (
                (keeper := dispatch.keeper) is not None
                and level < keeper.below
                and (is_plain and keeper.keep_call(logger, level, message, args, fields))
            ):
                return
            if not is_plain:
                options, fields = _parted(fields)
                is_plain = not options and _SPECIAL.isdisjoint(fields)
            if is_plain and type(message) is str:
                entry = _entry(level, message, args, self.name, fields)
            if entry is not None:
                handlers = put(logger, level, entry)
                if handlers is not None and not handlers:
                    return
            frame = _caller(options.get("stacklevel", 1))
            code = frame.f_code
            stack = _stack_info(frame) if options.get("stack_info") else None
            record = make_record(
                *(logger, level, code.co_filename, frame.f_lineno, message, args),
                *(_exc_info(options.get("exc_info")), code.co_name, stack),
                None if entry is None else entry.without_fields(),
            )
            _attach(record, fields)
            deliver(logger, record, handlers)
        except Exception:
            report_failure()


def _entry(
    level: int, message: str, args: tuple[object, ...], name: str, fields: dict[str, object]
) -> Entry | None:
    """Return the entry of a line; None where *message* does not fit its arguments."""
    if args:
        try:
            message %= mapping_argument(args) or args
        except Exception:  # with a record, what is good of it is saved
            raise_interruption()
            return None
    return Entry.now(level, message, name, fields)


def get_logger(name: str | None = None) -> Logger:
    """Return the Logger of *name*, a face of ``logging.getLogger(name)``."""
    return Logger(name or "root")


def _parted(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is an option of *fields*, and what is a field, under its name in a line."""
    options = {name: fields.pop(name) for name in _OPTIONS if name in fields}
    extra = fields.pop("extra", None)
    if extra is not None:
        fields = {**_fields_of(extra), **fields}
    return options, rename_fields(fields)


def _caller(stacklevel: int) -> FrameType:
    """Return the frame that called a Logger, *stacklevel* - 1 callers further out."""
    frame = sys._getframe(3)
    while isinstance(stacklevel, int) and stacklevel > 1 and frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_filename not in _HERE:
            stacklevel -= 1
    return frame


def _fields_of(extra: object) -> dict[Any, object]:
    """Return *extra* as fields; as one of them where it is no mapping, or a broken one."""
    try:
        if not extra:
            return {}
        if isinstance(extra, Mapping):
            return {**extra}
    except Exception:
        pass
    return {"extra": extra}


def _exc_info(value: ExcInfo) -> Any:
    if not value:
        return None
    if isinstance(value, BaseException):
        return (type(value), value, value.__traceback__)
    return value if isinstance(value, tuple) else sys.exc_info()


def _stack_info(frame: FrameType) -> str:
    stack = "".join(traceback.format_stack(frame)).rstrip()
    return f"Stack (most recent call last):\n{stack}"


def _attach(record: logging.LogRecord, fields: Mapping[str, object]) -> None:
    """Attach *fields* to *record* as attributes, as ``extra`` does; those that have no place there,
    since a record has one of that name or keeps it to itself, beside them for the formatter.
    """
    unattached = {
        name: value
        for name, value in fields.items()
        if name in STANDARD_ATTRIBUTES or not isinstance(name, str) or name.startswith("_")
    }
    if unattached:
        fields = {name: value for name, value in fields.items() if name not in unattached}
        record.__dict__["_clew_fields"] = UnattachedFields(unattached)
    record.__dict__.update(fields)
