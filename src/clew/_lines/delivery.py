"""Entries on their way to the handlers, each of which is served in its own way.

clew's own handler takes an entry as it is. Any other gets a LogRecord, which is made when the
first one needs it. What a filter on somebody else's handler does to that record does not reach
clew's line; filters on loggers and on clew's own handler do, since there the record comes first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from logging import LogRecord

from clew._faults import report_failure
from clew.records import HTTPLog, TaskLog

from .entry import Entry, place_of
from .handler import LineHandler
from .log_record import make_record, own_method

_make = own_method("makeRecord")
_handle = own_method("handle")
_call_handlers = own_method("callHandlers")
_filter = own_method("filter")

# How many attributes a logger has of its own.
_OWN = len(logging.getLogger("clew").__dict__)


def is_unpatched(logger: logging.Logger) -> bool:
    """Tell whether the records of *logger* are made and delivered as Python itself does it."""
    kind, own = type(logger), logger.__dict__
    return (
        kind.handle is _handle
        and kind.callHandlers is _call_handlers
        and kind.makeRecord is _make
        and kind.filter is _filter
        and (
            len(own) <= _OWN or not {"handle", "callHandlers", "makeRecord", "filter"} & own.keys()
        )
        and logging.getLogRecordFactory() is LogRecord
    )


def deliver(
    logger: logging.Logger, level: int, entry: Entry | None, make: Callable[[], LogRecord]
) -> None:
    """Hand a line to the handlers of *logger*, as ``logger.handle`` does; one that raises harms no
    other.

    Without an *entry*, or where somebody would see or change the record on its way to all
    handlers, the record that *make* returns is handed to each.
    """
    record: LogRecord | None = None
    if entry is None or logger.filters or not is_unpatched(logger):
        record = make()
        kind, own = type(logger), logger.__dict__
        if (
            kind.handle is not _handle
            or kind.callHandlers is not _call_handlers
            or "handle" in own
            or "callHandlers" in own
        ):
            logger.handle(record)  # somebody replaced the standard way, as Sentry does
            return
        passed: bool | LogRecord = logger.filter(record)
        if not passed:
            return
        if isinstance(passed, LogRecord):  # a filter may replace it, from Python 3.12 on
            record = passed
        level, entry = record.levelno, None
    if logger.disabled:
        return
    found = False
    parent: logging.Logger | None = logger
    while parent is not None:
        for handler in parent.handlers:
            found = True
            if level < handler.level:
                continue
            try:
                if entry is None or type(handler) is not LineHandler or not handler.put(entry):
                    if record is None:
                        record = make()
                    handler.handle(record)
            except Exception:
                report_failure()
        if not parent.propagate:
            break
        parent = parent.parent
    if not found and logging.lastResort is not None and level >= logging.lastResort.level:
        logging.lastResort.handle(make() if record is None else record)


def emit(
    logger: logging.Logger,
    log: HTTPLog | TaskLog,
    fields: Mapping[str, object],
    level: int,
    error: BaseException | None,
    ids: Mapping[str, str | None] | None = None,
) -> None:
    """Hand *log*, with further *fields* and *ids*, to the handlers of *logger*."""
    entry = Entry.of_log(log, fields, level, ids)

    def make() -> LogRecord:
        exc_info = None if error is None else (type(error), error, error.__traceback__)
        record = make_record(logger, level, __file__, 0, log.message, (), exc_info, "emit", None)
        name, own = place_of(log)
        record.__dict__[name] = own
        entry.attach_to(record)
        if ids:
            entry.add_ids(record, ids)
        return record

    deliver(logger, level, entry, make)
