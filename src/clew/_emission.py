"""Records of requests, calls and tasks on their way to the handlers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy

from ._capture import Captured
from ._context import rename_fields
from ._delivery import deliver, make_record
from ._handler import lone_handler
from ._levels import level_word
from ._privacy import text_of
from ._records import HTTPLog, TaskLog
from ._settings import Settings


def emit(
    logger: logging.Logger,
    log: HTTPLog | TaskLog,
    settings: Settings | None,
    fields: Mapping[str, object],
    level: int,
    error: BaseException | None,
    ids: Mapping[str, str | None] | None = None,
) -> None:
    """Ask the ``level`` and ``enrich`` options, and hand *log* to the handlers of *logger*.

    The records of calls and of tasks come without *settings*.
    """
    if settings is not None and isinstance(log, HTTPLog):
        if settings.level is not None:
            level = _asked_level(settings, log, level)
            log.level = level_word(level)
            if not logger.isEnabledFor(level):
                return
        if settings.enrich is not None:
            fields = {**fields, **_enrichment(settings, log)}
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


def _asked_level(settings: Settings, log: HTTPLog, default: int) -> int:
    try:
        level = settings.level(deepcopy(log)) if settings.level is not None else default
    except Exception as error:
        settings.report("level", error)
        return default
    if not isinstance(level, int) or isinstance(level, bool):
        settings.report("level", f"it returned {level!r}, which is no level of the logging module")
        return default
    return level


def _enrichment(settings: Settings, log: HTTPLog) -> dict[str, object]:
    try:
        given = settings.enrich(deepcopy(log)) if settings.enrich is not None else {}
        return rename_fields({text_of(name): value for name, value in (given or {}).items()})
    except Exception as error:
        settings.report("enrich", error)
        return {}
