"""From a logging.LogRecord to an entry: what it says now, and what it took along when made."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from logging import LogRecord
from typing import Any

from msgspec.structs import replace

from clew._context import Context
from clew._current import attached_context, context_of, current
from clew._exceptions import describe
from clew._interruptions import raise_interruption
from clew._objects import fields_of
from clew._text import printable, text_of
from clew.records import HTTPLog, TaskLog

from .entry import Entry

# What every record has of its own; whatever else stands on one, somebody added.
_OWN = list(LogRecord("", 0, "", 0, "", (), None).__dict__)
STANDARD_ATTRIBUTES = frozenset((*_OWN, "asctime", "message", "taskName"))

# Whose lines about a crash say what an HTTPLog says.
_TELLERS = ("django.request", "uvicorn", "gunicorn", "hypercorn", "daphne", "waitress", "litestar")

# Attributes that are no fields: they are written as something else, or, as uvicorn's
# color_message, say again what the message says.
NEVER_FIELDS = frozenset(
    (
        *("asctime", "color_message", "exc_info", "exc_text", "message", "requestId"),
        *("stack_info", "taskName", "userId"),
    )
)
_SKIPPED = NEVER_FIELDS | STANDARD_ATTRIBUTES


def extract(
    record: LogRecord, skipped: Iterable[str] | None = None, *, last: bool = False
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
    if args is None and type(entry.fields) is _EarlyFields:
        entry.fields = {**fields, **entry.fields}
        return entry  # a QueueHandler has put all into the text by now
    if entry.exception is not None and not (record.exc_info or record.exc_text):
        entry.exception = None
    if args or type(message) is not str:
        message, mapping = _read(record)
        fields = {**fields, **mapping}
    entry.message, entry.fields, entry.stack = message, fields, attributes["stack_info"]
    return entry


class UnattachedFields(dict[str, object]):
    """Fields that have no place among a record's attributes, on the attribute ``_clew_fields``."""


class _EarlyFields(dict[Any, object]):
    """Fields of a message that was read when it was captured."""


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
    context = context_of_record(record, error)
    if context is not None:
        entry.request_id, entry.user_id = context.request_id, context.user_id()
        entry.bound = context.fields
    if error is not None:
        entry.exception = describe(error)
    if error is not None or attributes["stack_info"] or type(record.msg) is not str:
        # A QueueHandler would put all of it into one text.
        entry.message, fields = _read(record)
        entry.fields = _EarlyFields(fields)
        entry.stack = attributes["stack_info"]
    return entry


def context_of_record(record: LogRecord, error: BaseException | None) -> Context | None:
    """Return the context in which *record* was made, else that which is attached to *error*.

    It is the current one where the record was made in this thread, and not before that began: a
    QueueHandler or a MemoryHandler may have kept it until now.
    """
    context = current()
    if context is not None:
        attributes = record.__dict__
        age = time.time() - attributes["created"]
        # The clocks are read one after the other: what counts as before is a microsecond older.
        if attributes["thread"] not in (None, threading.get_ident()) or (
            age > 0 and time.perf_counter() - age < context.arrived - 1e-6
        ):
            return attached_context(error)
    return context_of(error)


def is_twin(record: LogRecord) -> bool:
    """Tell whether the HTTPLog of a request says what a server's or a framework's *record* says."""
    try:
        error = _error_of(record)
        if error is None:
            says = record.name == "django.request" and hasattr(record, "status_code")
        else:  # Flask and Quart log by the application's own logger
            says = record.name.startswith(_TELLERS) or record.funcName == "log_exception"
        context = context_of_record(record, error) if says else None
        return context is not None and context.tells_of(error)
    except Exception:  # a record that somebody made otherwise
        raise_interruption()
        return False


def _read(record: LogRecord) -> tuple[str, Mapping[Any, object]]:
    """Return the message of *record*, and the fields of a dictionary or a model in its place."""
    raw: Any = record.msg
    kind = type(raw)
    if issubclass(kind, dict):  # some objects lie about their class
        mapping = dict(raw)
        return text_of(mapping.pop("message", "")), mapping
    if kind is not str and (fields := _fields_of_message(raw)) is not None:
        own = _has_own_text(kind) and "message" not in fields
        return message_of(record) if own else text_of(fields.pop("message", "")), fields
    return message_of(record), {}


def _fields_of_message(raw: object) -> dict[Any, object] | None:
    try:
        fields = fields_of(raw)
        return None if fields is None else dict(fields)
    except Exception:  # it lies about what it is
        return None


def _has_own_text(kind: type) -> bool:
    """Tell whether whoever wrote the class *kind* says what its text is."""
    writer = next((base for base in kind.__mro__ if "__str__" in base.__dict__), object)
    return writer.__module__.partition(".")[0] not in _MODELS


# Whose classes have a text that shows all of their fields.
_MODELS = frozenset(("builtins", "django", "msgspec", "pydantic", "sqlmodel"))


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
        raise_interruption()
    try:
        return f"{record.msg} {record.args!r}"
    except Exception:
        raise_interruption()
    args = record.args if isinstance(record.args, tuple) else (record.args,)
    return " ".join(text_of(part) for part in (record.msg, *args))


def salvage(record: LogRecord) -> Entry:
    """Return what can be had of a *record* of which no whole entry can be made."""
    attributes = record.__dict__
    try:
        level, created = int(record.levelno), float(record.created)
    except Exception:  # a record that somebody made otherwise
        level, created = logging.INFO, time.time()
    held = attributes.get("_clew")
    ids = (held.request_id, held.user_id) if type(held) is Entry else (None, None)
    return Entry(level, _raw_message(record), created, text_of(record.name), *ids)


def _raw_message(record: LogRecord) -> str:
    """Return the message of *record*; of a dictionary, whose other keys may be secrets, its own."""
    raw: Any = record.msg
    try:
        if issubclass(type(raw), dict):
            return text_of(dict.get(raw, "message", ""))
        return printable(_read(record)[0])
    except Exception:
        return ""


class ContextFilter(logging.Filter):
    """Give every record the attributes ``requestId`` and ``userId``, empty without a request.

    Put it on a handler, so that the lines of every logger pass it; ``%(requestId)s`` then works
    in any format. It never drops a record. The exception and the bound fields are captured along
    with the id, so that they outlive a QueueHandler.

    Args:
        name: As of a `logging.Filter`, and of no effect: every record passes.
        default: What the attributes are without a request, or without a user, as ``"-"``.
    """

    def __init__(self, name: str = "", *, default: str = "") -> None:
        super().__init__(name)
        if not isinstance(default, str):
            raise TypeError(f'default must be a string, as "-", not {default!r}')
        self.default = default

    def filter(self, record: LogRecord) -> bool:
        try:
            capture(record)
        except Exception:
            raise_interruption()
            record.__dict__.setdefault("requestId", "")
            record.__dict__.setdefault("userId", "")
        if self.default:
            attributes = record.__dict__
            for name in ("requestId", "userId"):
                attributes[name] = attributes[name] or self.default
        return True
