"""The application that the tests serve, as ASGI and as WSGI."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

import clew.asgi
import clew.wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = clew.get_logger("shop")

Message = MutableMapping[str, Any]


def answer(path: str) -> bytes:
    """Do what *path* says, and return the body."""
    kind, _, argument = path.strip("/").partition("/")
    if kind == "crash":
        raise RuntimeError("the crash of the test")
    if kind == "long":
        log.info("long", size=int(argument), pad="x" * int(argument))
    elif kind == "":
        log.info("short")
    return str(os.getpid()).encode()


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer with the id of this process."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = answer(scope["path"])
    if scope["path"].startswith("/slow"):
        await asyncio.sleep(0.1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def wsgi_application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the id of this process."""
    body = answer(environ["PATH_INFO"])
    if environ["PATH_INFO"].startswith("/slow"):
        time.sleep(0.1)
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


app = clew.asgi.RequestIDMiddleware(application)
wsgi = clew.wsgi.RequestIDMiddleware(wsgi_application)
