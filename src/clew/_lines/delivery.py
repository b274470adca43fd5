"""Entries on their way to the handlers, each served in its own way."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from logging import LogRecord

from clew._faults import report_failure
from clew.records import HTTPLog, TaskLog

from .entry import Captured, ContextFilter
from .handler import LineHandler
from .json_formatter import JSONFormatter
from .log_record import make_record, own_method

_make = own_method("makeRecord")
_handle = own_method("handle")
_call_handlers = own_method("callHandlers")
_filter = own_method("filter")


def is_unpatched(logger: logging.Logger) -> bool:
    """Tell whether the records of *logger* are made and delivered as Python itself does it."""
    kind, own = type(logger), logger.__dict__
    return (
        kind.handle is _handle
        and kind.callHandlers is _call_handlers
        and kind.makeRecord is _make
        and kind.filter is _filter
        and "handle" not in own
        and "callHandlers" not in own
        and "makeRecord" not in own
        and "filter" not in own
        and logging.getLogRecordFactory() is LogRecord
    )


def lone_handler(logger: logging.Logger, level: int) -> tuple[LineHandler, JSONFormatter] | None:
    """Return clew's own handler and formatter where nobody else would see a record of *logger*.

    The line is the same with a record or without. Where a user's handler, filter, formatter,
    record factory or patch would see the record, this returns None, and a record is made.
    """
    if logger.filters or logger.disabled or not is_unpatched(logger):
        return None
    found: logging.Handler | None = None
    parent: logging.Logger | None = logger
    while parent is not None:
        if handlers := parent.handlers:
            if found is not None or len(handlers) > 1:
                return None
            found = handlers[0]
        parent = parent.parent if parent.propagate else None
    if type(found) is not LineHandler or level < found.level:
        return None
    formatter = found.formatter
    if type(formatter) is not JSONFormatter or not formatter.plain:
        return None
    for entry in found.filters:
        if type(entry) is not ContextFilter:
            return None
    return found, formatter


def deliver(logger: logging.Logger, record: logging.LogRecord) -> None:
    """Hand *record* to the handlers, as ``logger.handle`` does; one that raises harms no other.

    Where somebody replaced the standard way (Sentry does), theirs is taken.
    """
    kind, own = type(logger), logger.__dict__
    if (
        kind.handle is not _handle
        or kind.callHandlers is not _call_handlers
        or "handle" in own
        or "callHandlers" in own
    ):
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
                    report_failure()
        if not parent.propagate:
            break
        parent = parent.parent
    if not found and logging.lastResort is not None and record.levelno >= logging.lastResort.level:
        logging.lastResort.handle(record)


def emit(
    logger: logging.Logger,
    log: HTTPLog | TaskLog,
    fields: Mapping[str, object],
    level: int,
    error: BaseException | None,
    ids: Mapping[str, str | None] | None = None,
) -> None:
    """Hand *log*, with further *fields* and *ids*, to the handlers of *logger*."""
    alone = lone_handler(logger, level) if error is None and not ids else None
    if alone is not None:
        handler, formatter = alone
        line = formatter.log_line(log, fields)
        if line is not None:
            handler.put(line, logger.name, level, log.message)
            return
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = make_record(logger, level, __file__, 0, log.message, (), exc_info, "emit", None)
    if isinstance(log, HTTPLog):
        record.http = log
    else:
        record.task = log.task
    captured = Captured(log.request_id, log.user_id, fields, log.exception, log)
    captured.message = log.message
    captured.put_on(record)
    if ids:
        captured.add_ids(record, ids)
    deliver(logger, record)
