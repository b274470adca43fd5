"""structlog hands its events to logging, whose one handler renders every line."""

from __future__ import annotations

import logging
import logging.config

import structlog
from fastapi import FastAPI

import clew
import clew.fastapi
import clew.structlog

shared = [structlog.contextvars.merge_contextvars]
# The servers' loggers as clew sets them up; one handler, with structlog's formatter.
logging.config.dictConfig(
    {
        **clew.logging_config(),
        "formatters": {
            "structlog": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [clew.structlog.Renderer(service="shop")],
                "foreign_pre_chain": shared,
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "structlog",
                "filters": ["context"],
            }
        },
        "root": {"level": "INFO", "handlers": ["stdout"]},
    }
)
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *shared,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
log = structlog.get_logger("shop.orders")

app = FastAPI()
clew.fastapi.install(app)


@app.post("/orders/{order_id}")
async def purchase(order_id: str) -> str:
    """Log with each library."""
    clew.bind(user_id="12345")
    log.info("Purchase completed", action="PURCHASE_COMPLETED", value=order_id, monetary_value=90)
    logging.getLogger("legacy").info("Old code")
    return order_id


@app.get("/crash")
async def crash() -> None:
    """Log an exception, and raise it."""
    try:
        raise ValueError("no such lamp")
    except ValueError:
        log.exception("Purchase failed", password="hunter2")  # noqa: S106 - it is masked
        raise
