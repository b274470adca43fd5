"""uvicorn examples.shortest.asgi_app:app"""

from collections.abc import Awaitable, Callable
from typing import Any

import clew
import clew.asgi

clew.configure_logging()
log = clew.get_logger(__name__)


async def hello(scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    log.info("Said hello", action="HELLO", value=scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


app = clew.asgi.RequestIDMiddleware(hello)
