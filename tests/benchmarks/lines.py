"""What one line of the application costs: an event with two fields, an id and a user."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import loguru
import orjson
import structlog
from pythonjsonlogger.json import JsonFormatter
from pythonjsonlogger.msgspec import MsgspecFormatter
from pythonjsonlogger.orjson import OrjsonFormatter

import clew

from .logs import Logs, contender
from .measuring import Contender, timed

STRUCTLOG = "structlog, BytesLogger and orjson"
JSON_LOGGER = "python-json-logger: JsonFormatter"
ID, USER = "01a205d4-9482-729d-87ff-ef10180acba2", "12345"
_FIELDS = "%(levelname)s%(message)s%(name)s%(requestId)s%(userId)s"

_bound: ContextVar[tuple[str, str]] = ContextVar("bound", default=(ID, USER))


class BoundFilter(logging.Filter):
    """What people write to have the id and the user on their lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.requestId, record.userId = _bound.get()
        return True


def contenders(logs: Logs) -> list[Contender]:
    """Return the rows of the table."""
    logger = logging.getLogger("shop.orders")
    log = clew.get_logger("shop.orders")
    found: list[Contender] = []

    def ours() -> None:
        log.info("Purchase completed", action="PURCHASE_COMPLETED", value="order-77")

    def with_extra() -> None:
        logger.info(
            "Purchase completed", extra={"action": "PURCHASE_COMPLETED", "value": "order-77"}
        )

    def add(name: str, work: Callable[[], object], *handlers: logging.Handler, **more: Any) -> None:
        found.append(contender(name, partial(timed, work), handlers, file=logs.path(name), **more))

    def bound(work: Callable[[], object], count: int) -> float:
        with clew.context(request_id=ID, user_id=USER):
            return timed(work, count)

    name = "clew's Logger, configure_logging"
    add(name, ours, logs.configured(name))
    name = "clew's Logger, a FileHandler"
    add(name, ours, logs.of_clew(name))
    name = "logging and extra, configure_logging"
    add(name, with_extra, logs.configured(name))
    name = "logging and extra, a FileHandler"
    add(name, with_extra, logs.of_clew(name))
    for row in found:
        row.run = partial(bound, row.run.args[0])  # type: ignore[attr-defined]
    for name, formatter in (
        (JSON_LOGGER, JsonFormatter(_FIELDS)),
        ("python-json-logger: OrjsonFormatter", OrjsonFormatter(_FIELDS)),
        ("python-json-logger: MsgspecFormatter", MsgspecFormatter(_FIELDS)),
    ):
        add(name, with_extra, logs.to_file(name, formatter, BoundFilter()))
    add(STRUCTLOG, _with_structlog(logs.path(STRUCTLOG).open("wb")))
    add("loguru, serialized", *_with_loguru(logs, "loguru, serialized"))
    name = "logging, text"
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(requestId)s %(message)s")
    add(name, with_extra, logs.to_file(name, text, BoundFilter()), text=True)
    logger.setLevel(logging.NOTSET)
    off = clew.get_logger("shop.off")
    logging.getLogger("shop.off").setLevel(logging.WARNING)
    run = partial(timed, lambda: off.info("Purchase completed", value="order-77"))
    found.append(contender("clew's Logger, a level that is off", run))
    plain = logging.getLogger("shop.off")
    run = partial(timed, lambda: plain.info("Purchase completed"))
    found.append(contender("logging, a level that is off", run))
    return found


def _with_structlog(file: Any) -> Callable[[], object]:
    structlog.contextvars.bind_contextvars(requestId=ID, userId=USER)
    logger = structlog.wrap_logger(
        structlog.BytesLogger(file),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    ).bind(logger="shop.orders")

    def work() -> None:
        logger.info("Purchase completed", action="PURCHASE_COMPLETED", value="order-77")

    return work


def _with_loguru(logs: Logs, name: str) -> tuple[Callable[[], object]]:
    loguru.logger.remove()
    loguru.logger.add(logs.path(name), serialize=True, format="{message}")
    logger = loguru.logger.bind(requestId=ID, userId=USER)

    def work() -> None:
        logger.bind(action="PURCHASE_COMPLETED", value="order-77").info("Purchase completed")

    return (work,)
