"""A bare ASGI application, with Sentry's middleware outside of clew's, or inside."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

import clew
import clew.asgi
import clew.sentry
from integrations.sentry.apps import sdk

sdk.init()
clew.configure_logging()
clew.sentry.install()

Message = MutableMapping[str, Any]


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    clew.bind(user_id="ada")
    if scope["path"] == "/crash":
        raise RuntimeError("the crash of the test")
    if scope["path"] == "/flush":
        sentry_sdk.flush()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


app: Any
if "SENTRY_INSIDE" in os.environ:
    app = clew.asgi.RequestIDMiddleware(SentryAsgiMiddleware(application))
else:
    app = SentryAsgiMiddleware(clew.asgi.RequestIDMiddleware(application))
