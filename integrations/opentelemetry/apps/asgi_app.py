"""A bare ASGI application, with OpenTelemetry's middleware outside of clew's, or inside."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

import clew
import clew.asgi
from integrations.opentelemetry.apps import telemetry

telemetry.set_up()

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
    body = b"hello"
    if scope["path"] == "/work":
        telemetry.work()
    elif scope["path"] == "/crash":
        raise RuntimeError("the crash of the test")
    elif scope["path"] == "/spans":
        body = telemetry.spans().encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


app: Any
if os.environ["WAY"] == "outside":
    app = OpenTelemetryMiddleware(clew.asgi.RequestIDMiddleware(application))
else:
    app = clew.asgi.RequestIDMiddleware(OpenTelemetryMiddleware(application))
