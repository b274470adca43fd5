"""The applications that the benchmark of a real server drives, each behind uvicorn.

LOG=/tmp/a.log uvicorn tests.benchmarks.served:clew_everything
"""

from __future__ import annotations

import logging
import os
from typing import Any

from asgi_correlation_id import CorrelationIdFilter, CorrelationIdMiddleware
from pythonjsonlogger.msgspec import MsgspecFormatter

from .asgi import AccessLine, bare, with_extra


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """A plain endpoint."""
    if scope["type"] == "http":
        await bare(scope, receive, send)


def clew_everything() -> Any:
    """The endpoint with clew, set up as the README says."""
    import clew
    import clew.asgi

    clew.configure_logging(service="shop", stream=open(os.environ["LOG"], "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    return clew.asgi.RequestIDMiddleware(plain)


def correlated() -> Any:
    """The endpoint with asgi-correlation-id and a JSON line for each request."""
    handler = logging.FileHandler(os.environ["LOG"])
    handler.setFormatter(MsgspecFormatter("%(levelname)s%(message)s%(name)s%(correlation_id)s"))
    handler.addFilter(CorrelationIdFilter())
    logger = logging.getLogger("bench.access")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return CorrelationIdMiddleware(AccessLine(plain, with_extra(logger)))
