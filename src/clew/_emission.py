"""Records of requests, calls and tasks on their way to the handlers."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ._capture import Captured
from ._delivery import deliver, make_record
from ._handler import lone_handler
from ._records import HTTPLog, TaskLog


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
