"""Making records and handing them to the handlers, as the standard library's logging does."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from logging import LogRecord
from typing import Any

# What every record has of its own; whatever else stands on one, somebody added.
STANDARD_ATTRIBUTES = frozenset(LogRecord("", 0, "", 0, "", (), None).__dict__) | frozenset(
    ("asctime", "message", "taskName")
)


def _own(name: str) -> Any:
    """Return Logger's method *name*; None where somebody replaced it before clew came."""
    method = getattr(logging.Logger, name)
    return method if getattr(method, "__globals__", None) is vars(logging) else None


_make = _own("makeRecord")
_handle = _own("handle")
_call_handlers = _own("callHandlers")
_filter = _own("filter")
_new = LogRecord.__new__

# What the records of one source file have in common, by its path.
_templates: dict[str, dict[str, Any]] = {}
_MOST_TEMPLATES = 1_000
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_templates.clear)  # the child has another process id


def is_plain(logger: logging.Logger) -> bool:
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
) -> LogRecord:
    """Return a record as *logger* and the record factory make it; a plain one where they fail.

    Where both are the standard library's own, the record is put together here: most of what
    ``LogRecord`` works out is the same for all records of a source file.
    """
    if (
        type(logger).makeRecord is not _make
        or "makeRecord" in logger.__dict__
        or logging.getLogRecordFactory() is not LogRecord
    ):
        where = (logger.name, level, pathname, lineno)
        try:
            return logger.makeRecord(*where, message, args, exc_info, function, None, stack_info)
        except Exception:
            complain()
            return LogRecord(*where, message, args, exc_info, function, stack_info)
    template = _templates.get(pathname) or _template(pathname)
    record = _new(LogRecord)
    record.__dict__ = attributes = template.copy()
    attributes["name"] = logger.name
    attributes["levelno"] = level
    attributes["levelname"] = logging.getLevelName(level)
    attributes["lineno"] = lineno
    attributes["msg"] = message
    # "%(name)s" takes its values from a lone mapping.
    attributes["args"] = lone_mapping(args) or args
    attributes["exc_info"] = exc_info
    attributes["funcName"] = function
    attributes["stack_info"] = stack_info
    attributes["created"] = created = time.time()
    attributes["msecs"] = created % 1 * 1000 // 1
    attributes["relativeCreated"] += (created - template["created"]) * 1000
    if logging.logThreads:
        attributes["thread"] = threading.get_ident()
        attributes["threadName"] = threading.current_thread().name
    else:
        attributes["thread"] = attributes["threadName"] = None
    if not logging.logProcesses:
        attributes["process"] = None
    attributes["processName"] = _process_name() if logging.logMultiprocessing else None
    if "taskName" in attributes:  # from Python 3.12 on
        attributes["taskName"] = _task_name() if getattr(logging, "logAsyncioTasks", 0) else None
    return record


def lone_mapping(args: tuple[object, ...]) -> Mapping[Any, object] | None:
    """Return the mapping from which "%(name)s" takes its values; None where *args* are no such."""
    try:
        lone = len(args) == 1 and isinstance(args[0], Mapping) and args[0]
        return lone or None
    except Exception:  # some objects fail when they are asked what they are
        return None


def _template(pathname: str) -> dict[str, Any]:
    if len(_templates) >= _MOST_TEMPLATES:  # code that is made again and again
        _templates.clear()
    attributes = LogRecord("", 0, pathname, 0, "", (), None).__dict__
    attributes["process"] = os.getpid()
    _templates[pathname] = attributes
    return attributes


def _process_name() -> str:
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is not None:
        try:
            return str(multiprocessing.current_process().name)
        except Exception:  # it is just being imported
            pass
    return "MainProcess"


def _task_name() -> str | None:
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        try:
            return str(asyncio.current_task().get_name())
        except Exception:  # there is no loop here, or no task
            pass
    return None


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
