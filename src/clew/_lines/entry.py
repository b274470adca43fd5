r"""What one line says, whoever says it.

An `Entry` is made in three ways: of a call of clew's `Logger`, of a `logging.LogRecord`, and of
an HTTPLog or a TaskLog; structlog's and loguru's events make them as well. It is encoded by an
`Encoder`, and handed to the handlers by `deliver`::

    Logger.info(...)      \
    logging.LogRecord      >   Entry   ->   Encoder.encode(entry)   ->   LineHandler
    HTTPLog, TaskLog      /
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from logging import LogRecord
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from clew._context import context_of, current
from clew._text import printable, text_of
from clew.records import ExceptionInfo, HTTPLog, TaskLog, describe

# What every record has of its own; whatever else stands on one, somebody added.
_OWN = list(LogRecord("", 0, "", 0, "", (), None).__dict__)
STANDARD_ATTRIBUTES = frozenset((*_OWN, "asctime", "message", "taskName"))

# Attributes that are no fields: they are written as something else, or, as uvicorn's
# color_message, say again what the message says.
NEVER_FIELDS = frozenset(
    (
        *("asctime", "color_message", "exc_info", "exc_text", "message", "requestId"),
        *("stack_info", "taskName", "userId"),
    )
)
_SKIPPED = NEVER_FIELDS | STANDARD_ATTRIBUTES


class Entry(Struct):
    r"""What one line says.

    On a LogRecord it holds what must be known in the thread that made the record: the ids, the
    bound fields, the exception, and what a QueueHandler would put into one text.

    Attributes:
        level: A level of the logging module.
        message: The message, with its arguments in it.
        created: Seconds since the Unix epoch.
        logger: The logger's name.
        request_id: The request's id.
        user_id: The user's id.
        fields: The caller's own fields, by the names that the caller chose.
        bound: The fields that are bound to the context.
        ids: Further ids, as those of a `Context`.
        log: The record of a request, a call or a task, which the line is then about.
        exception: The exception, as text.
        stack: The stack, as text.
    """

    level: int
    message: str
    created: float
    logger: str
    request_id: str | None = None
    user_id: str | None = None
    fields: Mapping[Any, object] = {}
    bound: Mapping[str, object] = {}
    ids: Mapping[str, str | None] | None = None
    log: HTTPLog | TaskLog | None = None
    exception: ExceptionInfo | None = None
    stack: str | None = None

    @classmethod
    def now(cls, level: int, message: str, logger: str, fields: Mapping[Any, object]) -> Self:
        """Make the entry of a line that is logged in the current context."""
        context = current()
        if context is None:
            return cls(level, message, time.time(), logger, None, None, fields)
        request_id, user_id = context.request_id, context.user_id()
        return cls(level, message, time.time(), logger, request_id, user_id, fields, context.fields)

    @classmethod
    def of_event(
        cls,
        level: int,
        message: str,
        created: float,
        logger: str,
        fields: Mapping[Any, object],
        *,
        error: BaseException | None = None,
        record: LogRecord | None = None,
    ) -> Self:
        """Make the entry of what another logging library says, with *error*.

        The ids are those that *record* holds, else those of the current context, or of that
        which is attached to *error*.
        """
        entry = cls(level, message, created, logger, fields=fields)
        entry.take_ids(error, record)
        if error is not None:
            entry.exception = describe(error)
        return entry

    @classmethod
    def of_record(
        cls, record: LogRecord, skipped: Iterable[str] | None = None, *, last: bool = False
    ) -> Entry:
        """Make the entry of *record* as it is now: filters may have changed it since it was made.

        *skipped* are the attributes that are no fields, in place of the standard library's own.
        For the *last* who looks at the record, nothing is put on it.
        """
        attributes = record.__dict__
        held = attributes.get("_clew")
        if type(held) is Entry:
            if held.log is not None:
                whole = _is_whole(record, held.log)
                return held if whole else replace(held, fields=_fields(record, held, skipped))
            entry = replace(held)
            entry.level, entry.created, entry.logger = record.levelno, record.created, record.name
        else:
            entry = _captured(record)
            if not last or "requestId" in attributes or "userId" in attributes:
                entry.attach_to(record)
                entry = replace(entry)
        fields = _fields(record, entry, skipped)
        message: Any = attributes["msg"]
        args = attributes["args"]
        if args is None and (entry.message or entry.fields):
            entry.fields = {**fields, **entry.fields}
            return entry  # a QueueHandler has put all into the text by now
        if entry.exception is not None and not (record.exc_info or record.exc_text):
            entry.exception = None
        if args or type(message) is not str:
            message, mapping = _read(record)
            fields = {**fields, **mapping}
        entry.message, entry.fields, entry.stack = message, fields, attributes["stack_info"]
        return entry

    def take_ids(self, error: BaseException | None, record: LogRecord | None = None) -> None:
        """Take the ids and the bound fields that *record* holds, else the current context's, or
        those of that which is attached to *error*.
        """
        held = None if record is None else record.__dict__.get("_clew")
        if type(held) is Entry:
            self.request_id, self.user_id = held.request_id, held.user_id
            self.bound = held.bound
            return
        context = context_of(error)
        if context is not None:
            self.request_id, self.user_id = context.request_id, context.user_id()
            self.bound = context.fields

    def without_fields(self) -> Entry:
        """Return what a record holds of this: it has the message and the fields of its own."""
        return Entry(
            *(self.level, "", self.created, self.logger, self.request_id, self.user_id),
            bound=self.bound,
        )

    def attach_to(self, record: LogRecord) -> None:
        """Let *record* hold this, and give it its ``requestId`` and ``userId``."""
        attributes = record.__dict__
        for name in ("requestId", "userId"):
            if name in attributes:  # a caller wrote something there
                attributes[f"{name}_"] = attributes[name]
        attributes["requestId"] = self.request_id or ""
        attributes["userId"] = self.user_id or ""
        attributes["_clew"] = self

    def add_ids(self, record: LogRecord, ids: Mapping[str, str | None]) -> None:
        """Add further *ids*, and give them to *record*, whatever a caller wrote there."""
        attributes = record.__dict__
        for name, value in ids.items():
            if name in attributes:
                attributes[f"{name}_"] = attributes[name]
            attributes[name] = value or ""
        self.ids = dict(ids)


class UnattachedFields(dict[str, object]):
    """Fields that have no place among a record's attributes, on the attribute ``_clew_fields``."""


def capture(record: LogRecord) -> Entry:
    """Return the entry that *record* holds; the first to ask makes it, in its thread."""
    held = record.__dict__.get("_clew")
    if type(held) is Entry:
        return held
    entry = _captured(record)
    entry.attach_to(record)
    return entry


def _captured(record: LogRecord) -> Entry:
    attributes = record.__dict__
    error = _error_of(record) if attributes["exc_info"] else None
    entry = Entry(attributes["levelno"], "", attributes["created"], attributes["name"])
    entry.take_ids(error)
    if error is not None:
        entry.exception = describe(error)
    if error is not None or attributes["stack_info"] or issubclass(type(record.msg), dict):
        # A QueueHandler would put all of it into one text.
        entry.message, entry.fields = _read(record)
        entry.stack = attributes["stack_info"]
    return entry


def _read(record: LogRecord) -> tuple[str, Mapping[Any, object]]:
    """Return the message of *record*, and the fields of a dictionary that stands in its place."""
    raw: Any = record.msg
    if issubclass(type(raw), dict):  # some objects lie about their class
        mapping = dict(raw)
        return text_of(mapping.pop("message", "")), mapping
    return message_of(record), {}


def _fields(record: LogRecord, entry: Entry, skipped: Iterable[str] | None) -> Mapping[Any, object]:
    """Return the caller's fields of *record*, under the names that the caller gave them."""
    attributes = record.__dict__
    names: Iterable[Any] = attributes
    if skipped is None:
        skipped = _SKIPPED
        # The caller's come behind the record's own, of which the last one shows where that is.
        added = islice(attributes, len(_OWN) - 1, None)
        if next(added, None) == _OWN[-1]:
            names = added
    fields: dict[Any, object] = {}
    for name in names:
        if name not in skipped and not (type(name) is str and name[:1] == "_"):
            fields[name] = attributes[name]
    if entry.ids:
        for name in entry.ids:
            fields.pop(name, None)
    if entry.log is not None:
        name, own = place_of(entry.log)
        if fields.get(name) is own:
            del fields[name]
    unattached = attributes.get("_clew_fields")
    if type(unattached) is UnattachedFields:
        fields.update(unattached)
    return fields


def _is_whole(record: LogRecord, log: HTTPLog | TaskLog) -> bool:
    """Tell whether *record*, which was made of *log*, is as it was made."""
    attributes = record.__dict__
    name, own = place_of(log)
    # Its own attributes, this one, both ids and the entry.
    return attributes.get(name) is own and len(attributes) == len(_OWN) + 4


def place_of(log: HTTPLog | TaskLog) -> tuple[str, object]:
    """Return the attribute by which a record shows *log* to others, and what stands there."""
    return ("http", log) if isinstance(log, HTTPLog) else ("task", log.task)


def _error_of(record: LogRecord) -> BaseException | None:
    error: Any = record.exc_info
    if isinstance(error, tuple) and len(error) > 1:
        error = error[1]
    return error if isinstance(error, BaseException) else None


def message_of(record: LogRecord) -> str:
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


def salvage(record: LogRecord) -> Entry:
    """Return what can be had of a *record* of which no whole entry can be made."""
    attributes = record.__dict__
    try:
        level, created = int(record.levelno), float(record.created)
    except Exception:  # a record that somebody made otherwise
        level, created = logging.INFO, time.time()
    return Entry(
        level,
        _raw_message(record),
        created,
        text_of(record.name),
        text_of(attributes.get("requestId", "")) or None,
        text_of(attributes.get("userId", "")) or None,
    )


def _raw_message(record: LogRecord) -> str:
    """Return the message of *record*; of a dictionary, whose other keys may be secrets, its own."""
    raw: Any = record.msg
    if not issubclass(type(raw), dict):
        return printable(message_of(record))
    try:
        return text_of(dict.get(raw, "message", ""))
    except Exception:
        return ""


class ContextFilter(logging.Filter):
    """Give every record the attributes ``requestId`` and ``userId``, empty without a request.

    Put it on a handler, so that the lines of every logger pass it; ``%(requestId)s`` then works
    in any format. It never drops a record. The exception and the bound fields are captured along
    with the id, so that they outlive a QueueHandler.
    """

    def filter(self, record: LogRecord) -> bool:
        try:
            capture(record)
        except Exception:
            record.__dict__.setdefault("requestId", "")
            record.__dict__.setdefault("userId", "")
        return True
