"""The endpoints of the soak on Flask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from flask import Flask, Response, request

import clew
import clew.flask

from . import logging_setup
from .kinds import PART, PARTS, HandledError, RefusalError
from .logging_setup import begin, chunks, legacy, log, say

logging_setup.set_up()
app = Flask(__name__)
if logging_setup.with_clew():
    clew.flask.install(app)


@app.get("/sync/<number>")
def work_sync(number: str) -> str:
    begin(number)
    time.sleep(0.001)
    legacy.info("done", extra={"own": number})
    return number


@app.get("/threads/<number>")
def threads(number: str) -> str:
    begin(number)
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(clew.carry(say), number) for _ in range(2)]:
            future.result()
    return number


@app.get("/stream/<number>")
def stream(number: str) -> Response:
    begin(number)

    def parts() -> Iterator[bytes]:
        for _ in range(PARTS):
            log.info("part", own=number)
            yield PART

    return Response(parts())


@app.get("/closed/<number>")
def closed(number: str) -> Response:
    begin(number)
    length = str(PARTS * len(PART))
    return Response((PART for _ in range(PARTS)), headers={"content-length": length})


@app.get("/left/<number>")
def left(number: str) -> Response:
    begin(number)

    return Response(chunks(number))


@app.get("/wait/<number>")
def wait(number: str) -> str:
    """Take longer than the client has patience."""
    begin(number)
    time.sleep(0.02)
    return number


@app.get("/background/<number>")
def background(number: str) -> Response:
    begin(number)
    response = Response(number)
    response.call_on_close(lambda: log.info("worked", own=number))
    return response


@app.post("/upload/<number>")
@app.post("/upload-left/<number>", endpoint="upload-left")
def upload(number: str) -> str:
    begin(number)
    size = len(request.get_data())
    log.info("received", own=number, size=size)
    return str(size)


@app.get("/crash/<number>")
def crash(number: str) -> str:
    begin(number)
    raise RuntimeError(f"the crash of {number}")


@app.get("/crash-late/<number>")
def crash_late(number: str) -> Response:
    begin(number)

    def parts() -> Iterator[bytes]:
        yield PART
        raise RuntimeError(f"the late crash of {number}")

    return Response(parts())


@app.get("/handled/<number>")
def handled(number: str) -> str:
    begin(number)
    raise HandledError(f"the handled crash of {number}")


@app.get("/refusal/<number>")
def refusal(number: str) -> str:
    begin(number)
    raise RefusalError(f"the refusal of {number}")


@app.errorhandler(HandledError)
def answer_handled(error: Exception) -> tuple[str, int]:
    return "handled", 500


@app.errorhandler(RefusalError)
def answer_refusal(error: Exception) -> tuple[str, int]:
    return "refused", 409
