"""What is killed: a WSGI and an ASGI application, which say when a request arrives.

The file ``arrived`` gets the id of each request as soon as the application has it.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from typing import Any

import clew
import clew.asgi
import clew.wsgi

FOLDER = os.environ["KILLS"]
STREAM = open(f"{FOLDER}/app.log", "a", encoding="utf-8")  # noqa: SIM115 - as long as it lives
ARRIVED = os.open(f"{FOLDER}/arrived", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

clew.configure_logging(
    stream=STREAM, service="shop", unfinished=f"{FOLDER}/run", keep="DEBUG", uncaught=True
)


def arrive() -> None:
    """Say that the request is here."""
    os.write(ARRIVED, f"{clew.request_id()}\n".encode())


def application(environ: Any, start_response: Any) -> Any:
    """Work for a moment, and answer."""
    if environ["PATH_INFO"] == "/pid":
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
    arrive()
    time.sleep(random.random() * 0.01)  # noqa: S311
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


wsgi = clew.wsgi.RequestIDMiddleware(application, exclude=["/pid"])


async def asgi_application(scope: Any, receive: Any, send: Any) -> None:
    """Do the same under ASGI."""
    if scope["type"] != "http":
        return
    arrive()
    await asyncio.sleep(random.random() * 0.01)  # noqa: S311
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


asgi = clew.asgi.RequestIDMiddleware(asgi_application)
