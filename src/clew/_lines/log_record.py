"""A logging.LogRecord, quickly: as the standard library makes it, attribute by attribute."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from logging import LogRecord
from typing import Any

from clew._faults import report_failure
from clew._interruptions import raise_interruption

from .entry import Entry


def own_method(name: str) -> Any:
    """Return Logger's method *name*; None if it was patched before clew was imported."""
    method = getattr(logging.Logger, name)
    return method if getattr(method, "__globals__", None) is vars(logging) else None


_make = own_method("makeRecord")
_new = LogRecord.__new__

# What the records of one source file have in common, by its path: their attributes, those of one
# that holds an entry, and when the program started.
_Attributes = dict[str, Any]
_templates: dict[str, tuple[_Attributes, _Attributes, float]] = {}
_MOST_TEMPLATES = 1_000
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_templates.clear)  # the child has another process id

_LEVEL_NAMES: dict[int, str] = logging._levelToName


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
    held: Entry | None = None,
) -> LogRecord:
    """Return a record as *logger* and the record factory make it; a plain one where they fail.

    The record holds the entry *held*, and has its ids.

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
            record = logger.makeRecord(*where, message, args, exc_info, function, None, stack_info)
        except Exception:
            report_failure()
            record = LogRecord(*where, message, args, exc_info, function, stack_info)
        if held is not None:
            held.attach_to(record)
        return record
    plain, holding, started = _templates.get(pathname) or _template(pathname)
    created = time.time()
    # A copy takes a third of what it takes to make a dictionary, or to let it grow.
    if held is None:
        attributes = plain.copy()
    else:
        attributes = holding.copy()
        attributes["requestId"] = held.request_id or ""
        attributes["userId"] = held.user_id or ""
        attributes["_clew"] = held
    attributes["name"] = logger.name
    attributes["msg"] = message
    # "%(name)s" takes its values from a single mapping.
    attributes["args"] = (mapping_argument(args) or args) if args else args
    attributes["levelname"] = _LEVEL_NAMES.get(level) or logging.getLevelName(level)
    attributes["levelno"] = level
    attributes["exc_info"] = exc_info
    attributes["stack_info"] = stack_info
    attributes["lineno"] = lineno
    attributes["funcName"] = function
    attributes["created"] = created
    attributes["msecs"] = created % 1 * 1000 // 1
    attributes["relativeCreated"] = (created - started) * 1000
    if logging.logThreads:
        attributes["thread"] = threading.get_ident()
        attributes["threadName"] = threading.current_thread().name
    if logging.logMultiprocessing:
        attributes["processName"] = _process_name()
    if not logging.logProcesses:
        attributes["process"] = None
    if getattr(logging, "logAsyncioTasks", False):  # from Python 3.12 on
        attributes["taskName"] = _task_name()
    record = _new(LogRecord)
    record.__dict__ = attributes
    return record


def mapping_argument(args: tuple[object, ...]) -> Mapping[Any, object] | None:
    """Return the mapping from which "%(name)s" takes its values; None where *args* are no such."""
    try:
        single = len(args) == 1 and isinstance(args[0], Mapping) and args[0]
        return single or None
    except Exception:  # some objects fail when they are asked what they are
        raise_interruption()
        return None


def _template(pathname: str) -> tuple[_Attributes, _Attributes, float]:
    if len(_templates) >= _MOST_TEMPLATES:  # code that is made again and again
        _templates.clear()
    record = LogRecord("", 0, pathname, 0, "", (), None)
    started = record.created - record.relativeCreated / 1000
    # What logging may be told to leave out.
    own = dict.fromkeys(("thread", "threadName", "processName", "taskName"))
    plain = {name: own.get(name, value) for name, value in record.__dict__.items()}
    plain["process"] = os.getpid()
    holding = {**plain, "requestId": "", "userId": "", "_clew": None}
    _templates[pathname] = plain, holding, started
    return _templates[pathname]


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
