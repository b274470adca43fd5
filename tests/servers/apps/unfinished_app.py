"""What a killed worker was at, and what takes too long: for WSGI and ASGI servers."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import clew
import clew.asgi
import clew.wsgi

clew.configure_logging(service="shop", keep="DEBUG", unfinished=os.environ["UNFINISHED"])
log = clew.get_logger("app")


def application(environ: Any, start_response: Any) -> Any:
    """Hang at ``/hang``."""
    if environ["PATH_INFO"] == "/hang":
        log.info("hanging", pid=os.getpid())
        time.sleep(60)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]


async def asgi_application(scope: Any, receive: Any, send: Any) -> None:
    """Hang at ``/hang``, too."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/hang":
        log.info("hanging", pid=os.getpid())
        await asyncio.sleep(60)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"ok"})


wsgi = clew.wsgi.RequestIDMiddleware(application, slow=0.2)
asgi = clew.asgi.RequestIDMiddleware(asgi_application, slow=0.2)
