"""A service without OpenTelemetry's SDK: what it has is the caller's traceparent.

Starlette and WSGI need no package of OpenTelemetry's; FastAPI brings the API along, and makes
spans that are none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Route

import clew
import clew.httpx
import clew.opentelemetry
import clew.starlette
import clew.wsgi

clew.configure_logging()
clew.opentelemetry.install()
log = clew.get_logger("app")
client = clew.httpx.wrap(httpx.AsyncClient(trust_env=False))


async def hello(_: Request) -> PlainTextResponse:
    log.info("hello")
    return PlainTextResponse("hello")


async def call(_: Request) -> PlainTextResponse:
    """Call a sibling service."""
    return PlainTextResponse((await client.get(os.environ["SIBLING"])).text)


async def forge(_: Request) -> PlainTextResponse:
    clew.bind(spanId="bound")
    log.info("forged", traceId="of a caller")
    return PlainTextResponse("forged")


routes: list[BaseRoute] = [Route("/", hello), Route("/call", call), Route("/forge", forge)]
app: Starlette
if "FASTAPI" in os.environ:
    import fastapi

    app = fastapi.FastAPI(routes=routes)
else:
    app = Starlette(routes=routes)
clew.starlette.install(app)


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    log.info("hello")
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


wsgi = clew.wsgi.RequestIDMiddleware(application)
