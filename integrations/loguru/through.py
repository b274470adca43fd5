"""Everything goes through loguru: logging's lines and the HTTPLog too, into loguru's sinks."""

from __future__ import annotations

import logging
import sys

from fastapi import FastAPI
from loguru import logger

import clew
import clew.fastapi
import clew.loguru

# Brings the servers' lines to the root logger; there loguru takes the place of clew's handler.
clew.configure_logging()
logging.basicConfig(handlers=[clew.loguru.InterceptHandler()], level="INFO", force=True)
logger.configure(handlers=[clew.loguru.handler(sys.stdout, service="shop", enqueue=True)])

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
