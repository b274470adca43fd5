"""A shop on Litestar."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from litestar import Controller, Litestar, Router, WebSocket, get, post, websocket
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

import clew
import clew.litestar

log = clew.get_logger("shop")


@dataclass
class User:
    """Whom the application knows."""

    id: int


class Authentication(AbstractAuthenticationMiddleware):
    """Takes the user's number from a header, in this example."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Return the user, or nobody."""
        number = connection.headers.get("x-user")
        return AuthenticationResult(user=User(int(number)) if number else None, auth=None)


class Items(Controller):
    """What the shop sells."""

    path = "/items"

    @get("/{item:str}")
    async def item(self, item: FromPath[str]) -> str:
        """Return one."""
        log.info("Read item", action="READ_ITEM", value=item)
        return item


@get("/")
async def hello() -> str:
    """Answer."""
    return "hello"


@post("/orders")
async def order(data: JSONBody[dict[str, int]]) -> dict[str, int]:
    """Take an order."""
    return data


@get("/crash")
async def crash() -> None:
    """Raise."""
    raise ValueError("no such lamp")


def broken_handler(_request: Any, _error: Exception) -> Any:
    """Fail to answer."""
    raise RuntimeError("the handler failed")


@get("/broken", exception_handlers={KeyError: broken_handler})
async def broken() -> None:
    """Raise what the handler has no answer to."""
    raise KeyError("lamp")


@get("/refused")
async def refused() -> None:
    """Raise what Litestar answers as it says."""
    raise HTTPException(status_code=403, detail="no")


@get("/stream")
async def stream() -> Stream:
    """Raise when the response has begun."""

    async def chunks() -> AsyncIterator[str]:
        yield "hello"
        await asyncio.sleep(0)
        raise ValueError("no more lamps")

    return Stream(chunks())


@websocket("/socket")
async def socket(socket: WebSocket[Any, Any, Any]) -> None:
    """Say one thing."""
    await socket.accept()
    await socket.send_text("hello")
    await socket.close(code=4001)


tenants = Router("/tenants/{tenant:str}", route_handlers=[Items])

# Litestar's own logging would take the root logger for itself, without this.
app = Litestar(
    [hello, Items, tenants, order, crash, broken, refused, stream, socket],
    middleware=[Authentication],
    logging_config=None,
)
clew.configure_logging(service="shop")
clew.litestar.install(app)
