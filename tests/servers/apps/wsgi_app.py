"""The endpoints as a bare WSGI application."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import clew
import clew.wsgi

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

if "LOGGING_BY_SERVER" not in os.environ:
    clew.configure_logging()
log = clew.get_logger("app")
log.info("loaded", example=clew.new_id())


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    first = environ["PATH_INFO"].split("/")[1]
    headers: list[tuple[str, str]] = []
    status, chunks, chunk, wait = "200 OK", 1, b"hello", 0.0
    if first == "crash":
        raise RuntimeError("the crash of the test")
    if first == "own":
        headers = [("x-request-id", "of-the-app"), ("X-Request-Id", "of-the-app-too")]
    elif first == "unchanged":
        status, chunks = "304 Not Modified", 0
    elif first == "slow":
        log.info("waiting")
        time.sleep(0.15)
    elif first == "crash-early":
        headers = [("Content-Length", "5"), ("Set-Cookie", "basket=lamp")]
    elif first == "crash-late":
        chunks = 2
    elif first == "stream":
        chunks, chunk = 3, b"x" * 1000
    elif first == "endless":
        chunks, chunk, wait = 2000, b"x" * 65536, 0.005
    elif first == "hints" and "wsgi.early_hints" in environ:
        environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload")])
    elif first == "hang":
        time.sleep(60)
    elif first == "pid":
        time.sleep(0.005)
        chunk = str(os.getpid()).encode()
    elif first not in {"", "items"}:
        status = "404 Not Found"

    if chunks == 1 and first != "crash-early":
        headers.append(("Content-Length", str(len(chunk))))

    def body() -> Iterator[bytes]:
        for _ in range(chunks):
            if first == "crash-early":
                raise RuntimeError("the crash of the test")
            yield chunk
            if first == "crash-late":
                raise RuntimeError("the crash of the test")
            time.sleep(wait)

    start_response(status, headers)
    return body()


app = clew.wsgi.RequestIDMiddleware(application)
