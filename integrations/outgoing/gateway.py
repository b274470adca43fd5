"""A service that calls a sibling, by each client: ``uvicorn integrations.outgoing.gateway:app``."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

import clew
import clew.fastapi

clew.configure_logging(service="gateway")
SIBLING = os.environ["SIBLING"]  # its URL, which ends in a slash
HOSTS = ["127.0.0.1", "*.internal"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    import aiohttp

    import clew.aiohttp

    # A session of aiohttp's is made while the loop runs.
    async with clew.aiohttp.wrap(aiohttp.ClientSession(), hosts=HOSTS) as app.state.session:
        yield


app = FastAPI(lifespan=lifespan)
clew.fastapi.install(app)


@app.get("/aiohttp/{path:path}")
async def by_aiohttp(path: str) -> str:
    async with app.state.session.get(SIBLING + path) as response:
        return str(await response.text())


@app.get("/httpx/{path:path}")
async def by_httpx(path: str) -> str:
    import httpx

    import clew.httpx

    async with clew.httpx.wrap(httpx.AsyncClient(), hosts=HOSTS) as client:
        return (await client.get(SIBLING + path)).text


@app.get("/requests/{path:path}")
def by_requests(path: str) -> str:
    import requests

    import clew.requests

    with clew.requests.wrap(requests.Session(), hosts=HOSTS) as session:
        return session.get(SIBLING + path).text


@app.get("/urllib3/{path:path}")
def by_urllib3(path: str) -> str:
    import urllib3

    import clew.urllib3

    with clew.urllib3.wrap(urllib3.PoolManager(), hosts=HOSTS) as pool:
        return pool.request("GET", SIBLING + path).data.decode()
