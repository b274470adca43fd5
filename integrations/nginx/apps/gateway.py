"""The gateway: FastAPI on uvicorn, which asks the stock. Its other endpoints are the tests'."""

from __future__ import annotations

import asyncio
import os

import httpx
from fastapi import Request

import clew
import clew.httpx
from tests.servers.apps.fastapi_app import app, log

clew.configure_logging(service="gateway")
stock = clew.httpx.wrap(httpx.AsyncClient(base_url=os.environ["STOCK_URL"], trust_env=False))


@app.post("/orders")
async def order() -> str:
    (await stock.get("/stock/lamp")).raise_for_status()
    log.info("Ordered", action="ORDER", value="lamp")
    return "ordered"


@app.get("/last")
async def last(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "at last"


@app.get("/captured/{rest}")
async def captured(request: Request) -> str:
    """Tell the headers in which the configuration put what it captured, and the id."""
    return f"{request.headers['x-captured']} {request.headers.getlist('x-request-id')}"


@app.get("/large")
async def large() -> str:
    return "x" * 3_000_000


@app.get("/huge")
async def huge() -> str:
    return "x" * 30_000_000  # more than all buffers on the way hold


@app.get("/tried")
async def tried() -> str:
    return "tried again"
