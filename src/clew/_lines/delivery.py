"""Entries on their way to the handlers, each of which is served in its own way.

clew's own handler takes an entry as it is. Any other gets a LogRecord, which is made once, when
there is one. What a filter on somebody else's handler does to that record does not reach
clew's line; filters on loggers and on clew's own handler do, since there the record comes first.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from logging import LogRecord
from operator import attrgetter
from types import FrameType
from typing import Any

from clew._faults import report_failure, warn
from clew.records import HTTPLog, TaskLog

from .entry import Entry
from .extract import place_of
from .handler import LineHandler, own_handlers
from .keeping import dispatch
from .log_record import make_record, own_method

_PATCHABLE = ("handle", "callHandlers", "makeRecord", "filter")
_methods_of = attrgetter(*_PATCHABLE)
# As the standard library has them.
_METHODS = tuple(map(own_method, _PATCHABLE))

# Set while handlers of others are at work; a task that one of them starts has it from there.
_handling: ContextVar[bool] = ContextVar("clew_handling", default=False)
# The frames below which a handler is at work, whoever called it.
_HANDLING = frozenset(
    id(getattr(function, "__code__", None))
    for function in (logging.Handler.handle, logging.Logger.callHandlers, LineHandler.write_line)
)
_DEEPEST = 500


class _Undisabled(logging.Logger):
    """A logger that stays on when a configuration disables what it does not name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name != "disabled":
            super().__setattr__(name, value)


def own_logger(name: str) -> logging.Logger:
    """Return clew's own logger *name*.

    ``fileConfig`` (alembic's env.py runs it) and ``dictConfig`` disable all loggers that there are
    but those that they name, unless ``disable_existing_loggers`` is false: every record of a
    request would end in silence. To turn it off, set its level.
    """
    logger = logging.getLogger(name)
    if not isinstance(logger, _Undisabled):
        logger.disabled = False
        kind = type(logger)
        with suppress(TypeError):  # somebody's logger class, with a layout of its own
            logger.__class__ = type(
                kind.__name__, (_Undisabled, kind), {"__module__": kind.__module__}
            )
    return logger


# How many attributes a logger has of its own.
_OWN = len(own_logger("clew").__dict__)


def put(logger: logging.Logger, level: int, entry: Entry) -> list[logging.Handler] | None:
    """Hand *entry* to those handlers of *logger* that take one; return the others.

    They need a record. None where one has to be made for all of them: a filter of the logger, a
    patched method or a record factory would see it, or change it, on its way to the handlers.
    """
    if (
        logger.filters
        or not (_methods_of(type(logger)) == _METHODS or _is_standard(type(logger), _METHODS))
        or not (len(logger.__dict__) <= _OWN or _is_own(logger))
        or logging._logRecordFactory is not LogRecord  # type: ignore[attr-defined]
    ):
        return None
    others: list[logging.Handler] = []
    if logger.disabled:
        return others
    keeper = dispatch.keeper
    if keeper is not None and level < keeper.below:
        route = keeper.route(logger, level)
        if route is not None:
            comes_here, others = route
            if comes_here:
                if keeper.handler.direct_encoder() is None:
                    return None
                keeper.keep(entry)
            return others
    found = False
    parent: logging.Logger | None = logger
    while parent is not None:
        for handler in parent.handlers:
            found = True
            if level >= handler.level and (
                type(handler) is not LineHandler or not handler.put(entry)
            ):
                others.append(handler)
        parent = parent.parent if parent.propagate else None
    if not found:
        if logging.lastResort is not None and level >= logging.lastResort.level:
            others.append(logging.lastResort)
        elif isinstance(entry.log, HTTPLog):
            hint_at_setup(logger)
    return others


def put_beside(logger: logging.Logger, level: int, entry: Entry) -> bool:
    """Write *entry* where clew's handler alone would, from a thread that may wait for no lock; tell
    whether that could be.
    """
    handlers, keeper = _handlers_of(logger, level), dispatch.keeper
    return (
        len(handlers) == 1
        and type(handlers[0]) is LineHandler
        and not (logger.filters or (keeper is not None and level < keeper.below))
        and _is_standard(type(logger), _METHODS)
        and handlers[0].put_beside(entry)
    )


def _is_standard(kind: type[logging.Logger], methods: tuple[Any, ...]) -> bool:
    """Tell whether *kind* has these first *methods*, but for what keeps lines."""
    handle, call, *others = _methods_of(kind)
    return (handle, getattr(call, "_clew", call), *others)[: len(methods)] == methods


def _is_own(logger: logging.Logger) -> bool:
    """Tell whether *logger* has its class's methods, and none of its own."""
    return not any(name in logger.__dict__ for name in _PATCHABLE)


_hinted: set[str] = set()  # the loggers that were looked at


def hint_at_setup(logger: logging.Logger) -> None:
    """Say of the first record that nothing writes those of *logger*, if nobody set logging up."""
    if logger.name in _hinted:
        return
    _hinted.add(logger.name)
    parent: logging.Logger | None = logger
    while parent is not None and parent.parent is not None:
        if parent.level or parent.disabled or not parent.propagate:
            return  # somebody did not want them
        parent = parent.parent
    root = logging.root
    if root.level not in (logging.NOTSET, logging.WARNING) and root.handlers:
        return
    if root.manager.disable or own_handlers():
        return
    warn(
        "No handler writes the HTTPLogs of clew: call clew.configure_logging() at the start, or "
        "set the logger %r to INFO and give a handler clew.JSONFormatter; log=False leaves them "
        "out",
        logger.name,
    )


def deliver(
    logger: logging.Logger, record: LogRecord, handlers: list[logging.Handler] | None = None
) -> None:
    """Hand *record* to *handlers*, or to all of *logger* as ``logger.handle`` does.

    A handler that raises harms no other. Where somebody replaced the standard way (Sentry does),
    theirs is taken.
    """
    if handlers is None:
        # Their first two are on a record's way.
        if not (_is_standard(type(logger), _METHODS[:2]) and _is_own(logger)):
            outer = _handling.get()
            try:
                _handling.set(True)
                logger.handle(record)
            finally:
                _handling.set(outer)
            return
        if logger.disabled:
            return
        passed: bool | LogRecord = logger.filter(record)
        if not passed:
            return
        if isinstance(passed, LogRecord):  # a filter may replace it, from Python 3.12 on
            record = passed
        if dispatch.serve(logger, record):
            return
        handlers = _handlers_of(logger, record.levelno)
    outer = _handling.get()
    # A signal may raise as soon as it is set, when there is no token yet.
    try:
        _handling.set(True)
        for handler in handlers:
            try:
                handler.handle(record)
            except Exception:
                report_failure()
    finally:
        _handling.set(outer)


def in_handler() -> bool:
    """Tell whether a log handler is at work here: what it logs would come to it again."""
    if _handling.get():
        return True
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEEPEST):
        if frame is None:
            return False
        if id(frame.f_code) in _HANDLING:
            return True
        frame = frame.f_back
    return False


def _handlers_of(logger: logging.Logger, level: int) -> list[logging.Handler]:
    found = []
    parent: logging.Logger | None = logger
    while parent is not None:
        found += parent.handlers
        parent = parent.parent if parent.propagate else None
    if not found and logging.lastResort is not None:
        found = [logging.lastResort]
    return [handler for handler in found if level >= handler.level]


def emit(
    logger: logging.Logger,
    log: HTTPLog | TaskLog,
    fields: Mapping[str, object],
    level: int,
    error: BaseException | None,
    ids: Mapping[str, str | None] | None = None,
) -> None:
    """Hand *log*, with further *fields* and *ids*, to the handlers of *logger*."""
    entry = Entry(
        level,
        log.message,
        log.created_at / 1000,
        log.logger,
        log.request_id,
        log.user_id,
        bound=fields,
        ids=dict(ids) if ids else None,
        log=log,
        exception=log.exception,
    )
    others = put(logger, level, entry)
    if others is not None and not others:
        return
    _emit_record(logger, log, entry, error, others)


def _emit_record(
    logger: logging.Logger,
    log: HTTPLog | TaskLog,
    entry: Entry,
    error: BaseException | None = None,
    handlers: list[logging.Handler] | None = None,
) -> None:
    """Hand the record of *entry*, which is about *log*, to *handlers*, or to all of *logger*."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    level, message = entry.level, entry.message
    record = make_record(logger, level, __file__, 0, message, (), exc_info, "emit", None, entry)
    name, own = place_of(log)
    record.__dict__[name] = own
    if entry.ids:
        entry.add_ids(record, entry.ids)
    deliver(logger, record, handlers)


def emit_lost(log: HTTPLog | TaskLog, fields: Mapping[str, object]) -> None:
    """Hand the *log* of what another process died at, whose lines had *fields*, to the handlers."""
    if isinstance(log, TaskLog):  # which has that key itself, as its other lines have
        fields = {name: value for name, value in fields.items() if name != "task"}
    entry = Entry(
        logging.ERROR,
        log.message,
        log.created_at / 1000,
        log.logger,
        log.request_id,
        log.user_id,
        bound=fields,
        ids={},  # that there are any has an encoder look at what the record says
        log=log,
    )
    _emit_record(own_logger(log.logger), log, entry)
