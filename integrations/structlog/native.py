"""structlog writes by itself, the fastest way; logging's lines join it on stdout."""

from __future__ import annotations

import logging

import structlog
from fastapi import FastAPI

import clew
import clew.fastapi
import clew.structlog

# The HTTPLog, and the lines of all loggers of the standard library.
clew.configure_logging(service="shop")
# structlog's lines.
structlog.configure(
    processors=clew.structlog.processors(service="shop"),
    wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    logger_factory=structlog.BytesLoggerFactory(),
    cache_logger_on_first_use=True,
)
log = structlog.get_logger().bind(logger="shop.orders")

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
