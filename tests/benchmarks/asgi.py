"""What one request costs over the bare ASGI application."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import Any

import orjson
import structlog
from asgi_correlation_id import CorrelationIdFilter, CorrelationIdMiddleware, correlation_id
from pythonjsonlogger.json import JsonFormatter
from pythonjsonlogger.msgspec import MsgspecFormatter
from starlette.middleware.base import BaseHTTPMiddleware
from starlette_context.middleware import RawContextMiddleware
from starlette_context.plugins import RequestIdPlugin
from uvicorn.logging import AccessFormatter

import clew.asgi

from . import floor
from .logs import Logs, Run, contender
from .measuring import Contender

BARE = "the bare application"
RIVAL = "asgi-correlation-id"
STRAIGHT = "floor: everything, straight into the file"
THROUGH = "floor: everything, through logging"
ALONE = "clew: the id alone"
CONFIGURED = "clew: everything, configure_logging"
TO_FILE = "clew: everything, a FileHandler"
BODY = b'{"id":42,"name":"lamp"}'
HEADERS = [
    (b"host", b"shop.example"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"accept-language", b"en"),
    (
        b"authorization",
        b"Bearer eyJhbGciOiJIUzI1NiJ9.e30.ZRrHA1JJJW8opsbCGfG_HACGpVUMN_a9IV7pAx_Zmeo",
    ),
    (b"connection", b"keep-alive"),
]

Scope = Any


async def bare(scope: Scope, receive: Any, send: Any) -> None:
    """Answer with a little JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"23")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None:
    pass


def scope_of(request_id: str | None) -> Scope:
    """Return a request as uvicorn shows it."""
    inbound = [(b"x-request-id", request_id.encode())] if request_id else []
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 51234),
        "scheme": "http",
        "method": "GET",
        "path": "/orders/42",
        "raw_path": b"/orders/42",
        "query_string": b"page=2",
        "root_path": "",
        "headers": [*HEADERS, *inbound],
        "state": {},
    }


def runner(loop: asyncio.AbstractEventLoop, app: Any, *, inbound: bool) -> Run:
    """Return what sends *app* so many requests, with an id of the client's or without."""
    chance = random.Random(1)

    def made() -> str:  # asgi-correlation-id takes these alone, and is told the same
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    async def serve(scopes: list[Scope]) -> float:
        began = thread_time()
        for scope in scopes:
            await app(scope, receive, send)
        return thread_time() - began

    def run(count: int) -> float:
        scopes = [scope_of(made() if inbound else None) for _ in range(count)]
        return loop.run_until_complete(serve(scopes))

    return run


class AccessLine:
    """What people put around their application for a line a request."""

    def __init__(self, app: Any, log: Callable[[str, str, str, int, float], object]) -> None:
        self.app = app
        self.log = log

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        began = perf_counter()
        status = 500

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            elapsed = round((perf_counter() - began) * 1000, 3)
            self.log(scope["method"], scope["path"], scope["client"][0], status, elapsed)


def with_extra(logger: logging.Logger) -> Callable[[str, str, str, int, float], object]:
    def log(method: str, path: str, peer: str, status: int, elapsed: float) -> None:
        logger.info(
            "%s %s %s",
            *(method, path, status),
            extra={
                "method": method,
                "path": path,
                "ipAddress": peer,
                "httpStatus": status,
                "responseTime": elapsed,
            },
        )

    return log


def with_structlog(file: Any) -> Callable[[str, str, str, int, float], object]:
    def add_id(_: Any, __: str, event: Any) -> Any:
        event["requestId"] = correlation_id.get()
        return event

    logger = structlog.wrap_logger(
        structlog.BytesLogger(file),
        processors=[
            add_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    ).bind()

    def log(method: str, path: str, peer: str, status: int, elapsed: float) -> None:
        logger.info(
            "request",
            method=method,
            path=path,
            ipAddress=peer,
            httpStatus=status,
            responseTime=elapsed,
        )

    return log


class UvicornAccess:
    """What uvicorn does for its own access line, around the application."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.logger = logging.getLogger("bench.access")  # clew turns uvicorn's own off

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                peer = "{}:{}".format(*scope["client"])
                path = f"{scope['path']}?{scope['query_string'].decode('ascii')}"
                self.logger.info(
                    '%s - "%s %s HTTP/%s" %d',
                    *(peer, scope["method"], path, scope["http_version"], message["status"]),
                )
            await send(message)

        await self.app(scope, receive, sending)


class Nothing(BaseHTTPMiddleware):
    """An empty BaseHTTPMiddleware."""

    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


def contenders(logs: Logs, loop: asyncio.AbstractEventLoop, *, inbound: bool) -> list[Contender]:
    """Return the rows of the table."""
    logger = logging.getLogger("bench.access")
    kind = "inbound" if inbound else "generated"
    json = "%(levelname)s%(message)s%(name)s%(correlation_id)s"
    found: list[Contender] = []

    def add(name: str, app: Any, *handlers: logging.Handler, **options: Any) -> None:
        run = runner(loop, app, inbound=inbound)
        file = logs.path(f"{kind} {name}") if options.pop("writes", bool(handlers)) else None
        found.append(contender(name, run, handlers, file=file, **options))

    def file_of(name: str) -> str:
        return f"{kind} {name}"

    def with_id(app: Any) -> Any:
        return CorrelationIdMiddleware(app)

    add(BARE, bare)
    add("floor: the id alone", floor.ASGI(bare))
    name = STRAIGHT
    raw: Any = logs.path(file_of(name)).open("wb", buffering=0)
    add(name, floor.ASGI(bare, floor.straight(raw)), writes=True)
    name = THROUGH
    to_file = logs.to_file(file_of(name), floor.Formatter())
    add(name, floor.ASGI(bare, floor.through(logging.getLogger("clew.http"))), to_file)

    add(ALONE, clew.asgi.RequestIDMiddleware(bare, log=False))
    add("clew: the id alone, uuid6", clew.asgi.RequestIDMiddleware(bare, log=False), fast=False)
    everything = clew.asgi.RequestIDMiddleware(bare)
    name = CONFIGURED
    add(name, everything, logs.configured(file_of(name)))
    name = f"{CONFIGURED}, and a NullHandler"
    add(name, everything, logs.configured(file_of(name)), logging.NullHandler(), writes=True)
    name = TO_FILE
    add(name, everything, logs.of_clew(file_of(name)))
    name = "clew: everything, a FileHandler, uuid6"
    add(name, everything, logs.of_clew(file_of(name)), fast=False)

    add(RIVAL, with_id(bare))
    for name, formatter in (
        (f"{RIVAL} + python-json-logger", JsonFormatter(json)),
        (f"{RIVAL} + python-json-logger, msgspec", MsgspecFormatter(json)),
    ):
        handler = logs.to_file(file_of(name), formatter, CorrelationIdFilter())
        add(name, with_id(AccessLine(bare, with_extra(logger))), handler)
    name = f"{RIVAL} + structlog, orjson"
    raw = logs.path(file_of(name)).open("wb")
    add(name, with_id(AccessLine(bare, with_structlog(raw))), writes=True)
    add(
        "starlette-context",
        RawContextMiddleware(bare, plugins=(RequestIdPlugin(),)),
    )
    name = "uvicorn's access line"
    handler = logs.to_file(
        file_of(name),
        AccessFormatter(
            '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s', use_colors=False
        ),
    )
    add(name, UvicornAccess(bare), handler, text=True)
    add("an empty BaseHTTPMiddleware", Nothing(bare))
    return found
