"""loguru writes its lines, clew's handler those of logging; both go to stdout."""

from __future__ import annotations

import logging
import sys

from fastapi import FastAPI
from loguru import logger

import clew
import clew.fastapi
import clew.loguru

# The HTTPLog, and the lines of all loggers of the standard library.
clew.configure_logging(service="shop")
# loguru's lines.
logger.configure(handlers=[clew.loguru.handler(sys.stdout, service="shop")])

app = FastAPI()
clew.fastapi.install(app)


@app.post("/orders/{order_id}")
async def purchase(order_id: str) -> str:
    """Log with each library."""
    clew.bind(user_id="12345")
    logger.info("Purchase completed", action="PURCHASE_COMPLETED", value=order_id, quantity=1)
    logging.getLogger("legacy").info("Old code")
    return order_id


@app.get("/crash")
async def crash() -> None:
    """Log an exception, and raise it."""
    secret = "hunter2"  # noqa: S105 - it is not written
    try:
        raise ValueError("no such lamp")
    except ValueError:
        logger.exception("Purchase failed", password=secret)
        raise
