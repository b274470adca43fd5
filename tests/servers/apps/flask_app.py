"""The endpoints on Flask, mounted a second time in itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from flask import Flask, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import clew
import clew.flask

if "LOGGING_BY_SERVER" not in os.environ:
    clew.configure_logging()
log = clew.get_logger("app")

flask = Flask(__name__)
clew.flask.install(flask)


@flask.get("/")
def hello() -> str:
    return "hello"


@flask.get("/items/<item>")
def item(item: str) -> str:
    return f"item {item}"


@flask.get("/own")
def own() -> Response:
    response = Response("own", headers={"x-request-id": "of-the-application"})
    response.headers.add("X-Request-Id", "of-the-application-too")
    return response


@flask.get("/unchanged")
def unchanged() -> Response:
    return Response(status=304, headers={"etag": '"1"'})


@flask.get("/crash")
def crash() -> str:
    raise RuntimeError("the crash of the test")


@flask.get("/crash-late")
def crash_late() -> Response:
    def chunks() -> Iterator[bytes]:
        yield b"hello"
        raise RuntimeError("the crash of the test")

    return Response(chunks())


@flask.get("/crash-early")
def crash_early() -> Response:
    def chunks() -> Iterator[bytes]:
        raise RuntimeError("the crash of the test")
        yield b"hello"

    return Response(chunks(), headers={"Content-Length": "5", "Set-Cookie": "basket=lamp"})


@flask.get("/slow")
def slow() -> str:
    log.info("waiting")
    time.sleep(0.15)
    return "slow"


@flask.get("/stream")
def stream() -> Response:
    return Response(b"x" * 1000 for _ in range(3))


@flask.get("/endless")
def endless() -> Response:
    """Send until the client leaves, or a test's patience is over."""

    def chunks() -> Iterator[bytes]:
        for _ in range(2000):
            yield b"x" * 65536
            time.sleep(0.005)

    return Response(chunks())


@flask.get("/busy/<own>")
def work(own: str) -> str:
    clew.bind(user_id=own)
    log.info("begun", path=f"/busy/{own}")
    time.sleep(0.02)
    log.info("done", path=f"/busy/{own}")
    return own


@flask.get("/busy-stream/<own>")
def work_stream(own: str) -> Response:
    clew.bind(user_id=own)

    def chunks() -> Iterator[str]:
        for _ in range(3):
            log.info("chunk", path=f"/busy-stream/{own}")
            time.sleep(0.01)
            yield own

    return Response(chunks())


app = DispatcherMiddleware(flask, {"/mounted": flask})
