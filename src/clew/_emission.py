"""Records of requests, calls and tasks on their way to the handlers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from copy import deepcopy

from ._capture import Captured
from ._context import rename_fields
from ._delivery import deliver, make_record
from ._formatters import level_word
from ._handler import lone_handler
from ._privacy import text_of
from ._records import HTTPLog, TaskLog
from ._settings import Settings


def emit(
    logger: logging.Logger,
    http: HTTPLog | TaskLog,
    settings: Settings | None,
    fields: Mapping[str, object],
    level: int,
    error: BaseException | None,
    ids: Mapping[str, str | None] | None = None,
) -> None:
    """Ask the ``level`` and ``enrich`` options, and hand *http* to the handlers of *logger*.

    A TaskLog comes without *settings*.
    """
    if settings is not None and isinstance(http, HTTPLog):
        if settings.level is not None:
            level = _asked_level(settings, http, level)
            http.level = level_word(level)
            if not logger.isEnabledFor(level):
                return
        if settings.enrich is not None:
            fields = {**fields, **_enrichment(settings, http)}
    alone = lone_handler(logger, level) if error is None and not ids else None
    if alone is not None:
        handler, formatter = alone
        line = formatter.http_line(http, fields)
        if line is not None:
            handler.put(line, logger.name, level, http.message)
            return
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = make_record(logger, level, __file__, 0, http.message, (), exc_info, "emit", None)
    if isinstance(http, HTTPLog):
        record.http = http
    else:
        record.task = http.task
    captured = Captured(http.request_id, http.user_id, fields, http.exception, http)
    captured.message = http.message
    captured.put_on(record)
    if ids:
        captured.add_ids(record, ids)
    deliver(logger, record)


def _asked_level(settings: Settings, http: HTTPLog, default: int) -> int:
    try:
        level = settings.level(deepcopy(http)) if settings.level is not None else default
    except Exception as error:
        settings.report("level", error)
        return default
    if not isinstance(level, int) or isinstance(level, bool):
        settings.report("level", f"it returned {level!r}, which is no level of the logging module")
        return default
    return level


def _enrichment(settings: Settings, http: HTTPLog) -> dict[str, object]:
    try:
        given = settings.enrich(deepcopy(http)) if settings.enrich is not None else {}
        return rename_fields({text_of(name): value for name, value in (given or {}).items()})
    except Exception as error:
        settings.report("enrich", error)
        return {}
