"""For structlog: ``structlog.configure(processors=clew.structlog.processors(service="shop"))``."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any, Unpack

from ._context import rename_fields
from ._lines.entry import Entry
from ._lines.json_formatter import JSONFormatter
from ._lines.keeping import Keeper, dispatch
from ._lines.line_options import LINE_OPTIONS, LineOptions
from ._options import needed
from ._text import text_of

with needed("clew.structlog needs structlog: pip install structlog"):
    import structlog
    from structlog.processors import StackInfoRenderer

EventDict = MutableMapping[str, Any]

# The methods of structlog's loggers, whose names a processor is told.
_NUMBERS = {
    "debug": logging.DEBUG,
    **dict.fromkeys(("info", "msg", "log"), logging.INFO),
    **dict.fromkeys(("warning", "warn"), logging.WARNING),
    **dict.fromkeys(("error", "err", "exception", "failure"), logging.ERROR),
    **dict.fromkeys(("critical", "fatal"), logging.CRITICAL),
}

# What structlog says of a record of the logging module, besides what stands on that itself.
_OF_RECORDS = frozenset(
    (
        *("event", "level", "level_number", "logger", "positional_args"),
        *("exc_info", "exception", "stack_info", "stack", "requestId", "userId"),
    )
)

_stack = StackInfoRenderer(["clew.structlog"])


def processors(**options: Unpack[LineOptions]) -> list[Any]:
    """Return all the processors that turn events into ApplicationLogs, for structlog.configure.

    They are ``structlog.contextvars.merge_contextvars`` and a `Renderer`, which takes the
    *options*. Put processors of your own in front. Levels, times and exceptions are the
    Renderer's: ``add_log_level``, ``TimeStamper`` and ``format_exc_info`` are not needed.
    """
    return [structlog.contextvars.merge_contextvars, Renderer(**options)]


def add_ids(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Add ``requestId``, ``userId`` and the bound fields, for a renderer of your own.

    A processor. No event can forge the ids: what it gives under their names is written with an
    underscore behind. Without a request there are none.
    """
    record = event_dict.get("_record")
    if not issubclass(type(record), logging.LogRecord):
        record = None
    entry = Entry(0, "", 0.0, "")
    entry.take_ids(_error_of(event_dict.get("exc_info")), record)
    for key, own in (("requestId", entry.request_id), ("userId", entry.user_id)):
        if key in event_dict:
            given = event_dict.pop(key)
            if not _same(given, own or ""):  # clew's filter says "" where there is none
                event_dict[f"{key}_"] = given
        if own is not None:
            event_dict[key] = own
    for name, value in entry.bound.items():
        event_dict.setdefault(name, value)
    return event_dict


class Renderer:
    """The last processor: renders each event as the line of an ApplicationLog.

    It renders bytes for structlog's BytesLogger, and text for any other logger. It never fails,
    whatever an event holds. As a processor of ``structlog.stdlib.ProcessorFormatter`` it also
    renders the records of the logging module, the HTTPLog among them.

    Args:
        binary: Whether to render bytes, for a logger class of your own.
        options: ``service``, ``version``, ``fields``, ``levels``, ``redact`` and ``frames``, as in
            `clew.configure_logging`.
    """

    def __init__(self, *, binary: bool | None = None, **options: Unpack[LineOptions]) -> None:
        if unknown := options.keys() - set(LINE_OPTIONS):
            raise TypeError(f"{unknown.pop()} is no option: allowed are {', '.join(LINE_OPTIONS)}")
        self.formatter = JSONFormatter(**options)
        self.binary = binary

    def __call__(self, logger: object, method: str, event_dict: EventDict) -> str | bytes:
        try:
            line = self._line(logger, method, event_dict)
        except structlog.DropEvent:
            raise
        except Exception:  # what the processors before made of it is no dictionary, or worse
            line = self.formatter.encoder.encode(
                Entry(_level(method), text_of(event_dict), time.time(), "structlog")
            )
        return self._rendered(logger, line)

    def _rendered(self, logger: object, line: bytes) -> str | bytes:
        binary = self.binary
        if binary is None:
            binary = isinstance(logger, structlog.BytesLogger)
        return line if binary else line.decode()

    def _keep(self, keeper: Keeper, logger: Any, method: str, entry: Entry) -> None:
        """Keep the line of *entry* until it is known whether its request fails."""
        entry.kept = True
        write = getattr(logger, method)
        line = self.formatter.encoder.encode(entry)
        keeper.keep_line(line, lambda line: write(self._rendered(logger, line)))
        raise structlog.DropEvent

    def _line(self, logger: object, method: str, fields: EventDict) -> bytes:
        record = fields.pop("_record", None)
        if record is not None and not issubclass(type(record), logging.LogRecord):
            fields["_record"], record = record, None  # it is the caller's
        if record is not None and not fields.pop("_from_structlog", True):
            return self._line_of_record(record, fields)
        error = stack = None
        if "exc_info" in fields:
            error = _error_of(fields.pop("exc_info"))
        wanted = fields.pop("stack_info", None)
        if wanted is not None and wanted is not False:
            stack = str(_stack(logger, method, {"stack_info": True}).get("stack"))
        message = _message_of(fields)
        name = fields.pop("logger", None)
        if name is None:
            name = getattr(logger, "name", None)
        word = fields.get("level")
        if type(word) is str and _NUMBERS.get(word) == _level(method):
            del fields["level"]  # add_log_level has put it there
        entry = Entry.of_event(
            _level(method) if record is None else record.levelno,
            message,
            time.time() if record is None else record.created,
            name if type(name) is str else "structlog" if name is None else text_of(name),
            fields,
            record=record,
            error=error,
        )
        entry.stack = stack
        if "requestId" in fields:  # add_ids has put them there
            for key, own in (("requestId", entry.request_id), ("userId", entry.user_id)):
                if key in fields and _same(fields[key], own):
                    del fields[key]
        entry.fields = rename_fields(fields)  # type: ignore[arg-type]
        keeper = dispatch.keeper
        if (
            keeper is not None
            and entry.level < keeper.below
            and record is None
            and not isinstance(logger, logging.Logger)  # which comes to it
        ):
            self._keep(keeper, logger, method, entry)
        return self.formatter.encoder.encode(entry)

    def _line_of_record(self, record: logging.LogRecord, fields: EventDict) -> bytes:
        """Return the line of a record that no logger of structlog's made."""
        known = record.__dict__
        before = record.msg, record.exc_info, record.stack_info
        added = {name: value for name, value in fields.items() if name not in known}
        # The record is ProcessorFormatter's copy, from which it has taken these off.
        if not issubclass(type(record.msg), dict):
            record.msg = _message_of(fields)
        record.exc_info = fields.get("exc_info", record.exc_info)
        record.stack_info = fields.get("stack_info", record.stack_info)
        known.update((name, added[name]) for name in added if name not in _OF_RECORDS)
        try:
            return self.formatter.format(record).encode()
        finally:
            record.msg, record.exc_info, record.stack_info = before


def _same(value: object, own: str | None) -> bool:
    return type(value) is str and value == own


def _level(method: str) -> int:
    return _NUMBERS.get(method, logging.INFO)


def _message_of(fields: EventDict) -> str:
    """Take the message out of *fields*, whatever EventRenamer has made of its name."""
    for name in ("event", "message", "msg"):
        if name in fields:
            message = fields.pop(name)
            break
    else:
        message = ""
    if "positional_args" in fields:
        args = fields.pop("positional_args")
        try:
            message %= args
        except Exception:
            message = f"{text_of(message)} {text_of(args)}"
    return message if type(message) is str else text_of(message)


def _error_of(exc_info: Any) -> BaseException | None:
    kind = type(exc_info)  # some objects lie about their class
    if issubclass(kind, tuple):
        exc_info = exc_info[1] if len(exc_info) > 1 else None
    elif not (exc_info is None or exc_info is False or issubclass(kind, BaseException)):
        exc_info = sys.exc_info()[1]
    return exc_info if issubclass(type(exc_info), BaseException) else None
