"""The endpoints as a bare ASGI application, which never listens for what the client does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import clew
import clew.asgi

if "LOGGING_BY_SERVER" not in os.environ:
    clew.configure_logging()
log = clew.get_logger("app")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path: str = scope["path"]
    first = path.split("/")[1]
    headers: list[tuple[bytes, bytes]] = []
    status, chunks, chunk, wait = 200, 1, b"hello", 0.0
    if first == "crash":
        raise RuntimeError("the crash of the test")
    if first == "own":
        headers = [(b"x-request-id", b"of-the-app"), (b"x-request-id", b"of-the-app-too")]
    elif first == "unchanged":
        status, chunk = 304, b""
    elif first == "slow":
        log.info("waiting")
        await asyncio.sleep(0.15)
    elif first == "crash-late":
        chunks = 2
    elif first == "stream":
        chunks, chunk, wait = 3, b"x" * 1000, 0.01
    elif first == "endless":
        # Long enough for a client to leave meanwhile; nothing tells this application.
        chunks, chunk, wait = 40, b"x" * 65536, 0.02
    elif first not in {"", "items"}:
        status = 404
    if chunks == 1:
        headers.append((b"content-length", b"%d" % len(chunk)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for left in reversed(range(chunks)):
        await asyncio.sleep(wait)
        await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
        if first == "crash-late":
            raise RuntimeError("the crash of the test")


app = clew.asgi.RequestIDMiddleware(application)
