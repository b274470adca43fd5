"""The endpoints of the soak on Starlette, for servers of asyncio and of trio."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

import clew
import clew.starlette

from . import logging_setup
from .kinds import CHUNK, CHUNKS, PART, PARTS, HandledError, RefusalError
from .logging_setup import chunks, legacy, log, say

logging_setup.set_up()
pool = ThreadPoolExecutor(8)


def begin(request: HTTPConnection) -> str:
    number: str = request.path_params["number"]
    logging_setup.begin(number)
    return number


async def work_async(request: Request) -> Response:
    number = begin(request)
    await anyio.sleep(0.002)
    log.info("done", own=number)
    return PlainTextResponse(number)


def work_sync(request: Request) -> Response:
    number = begin(request)
    time.sleep(0.001)
    legacy.info("done", extra={"own": number})
    return PlainTextResponse(number)


async def threads(request: Request) -> Response:
    number = begin(request)
    futures = [pool.submit(clew.carry(say), number) for _ in range(2)]
    for future in futures:
        await anyio.to_thread.run_sync(future.result)
    return PlainTextResponse(number)


async def stream(request: Request) -> Response:
    number = begin(request)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(PARTS):
            log.info("part", own=number)
            await anyio.sleep(0.001)
            yield PART

    return StreamingResponse(parts())


async def stream_sync(request: Request) -> Response:
    number = begin(request)

    def parts() -> Iterator[bytes]:
        for _ in range(PARTS):
            log.info("part", own=number)
            yield PART

    return StreamingResponse(parts())


async def closed(request: Request) -> Response:
    begin(request)

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(PARTS):
            yield PART

    return StreamingResponse(parts(), headers={"content-length": str(PARTS * len(PART))})


async def left(request: Request) -> Response:
    number = begin(request)

    async def parts() -> AsyncIterator[bytes]:
        try:
            for _ in range(CHUNKS):
                yield CHUNK
                await anyio.sleep(0.02)
        finally:
            log.info("closed", own=number)

    return StreamingResponse(parts())


async def left_sync(request: Request) -> Response:
    """Stream by a generator that a garbage collection closes, in the midst of other requests."""
    number = begin(request)

    return StreamingResponse(chunks(number))


async def wait(request: Request) -> Response:
    """Wait until the client leaves."""
    begin(request)
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return PlainTextResponse("nobody reads this")


async def background(request: Request) -> Response:
    number = begin(request)

    async def work() -> None:
        await anyio.sleep(0.002)
        log.info("worked", own=number)

    return PlainTextResponse(number, background=BackgroundTask(work))


async def upload(request: Request) -> Response:
    number = begin(request)
    size = len(await request.body())
    log.info("received", own=number, size=size)
    return PlainTextResponse(str(size))


async def crash(request: Request) -> Response:
    raise RuntimeError(f"the crash of {begin(request)}")


async def crash_late(request: Request) -> Response:
    number = begin(request)

    async def parts() -> AsyncIterator[bytes]:
        yield PART
        raise RuntimeError(f"the late crash of {number}")

    return StreamingResponse(parts())


async def handled(request: Request) -> Response:
    raise HandledError(f"the handled crash of {begin(request)}")


async def refusal(request: Request) -> Response:
    raise RefusalError(f"the refusal of {begin(request)}")


async def ws_client(websocket: WebSocket) -> None:
    """Echo until the client closes."""
    number = begin(websocket)
    await websocket.accept()
    async for text in websocket.iter_text():
        log.info("message", own=number)
        await websocket.send_text(text)


async def ws_server(websocket: WebSocket) -> None:
    number = begin(websocket)
    await websocket.accept()
    await websocket.receive_text()
    log.info("message", own=number)
    await websocket.close(4001)


async def ws_refused(websocket: WebSocket) -> None:
    begin(websocket)
    await websocket.close()


async def answer_handled(request: Request, error: Exception) -> Response:
    return PlainTextResponse("handled", 500)


async def answer_refusal(request: Request, error: Exception) -> Response:
    return PlainTextResponse("refused", 409)


routes: list[BaseRoute] = [
    Route("/async/{number}", work_async),
    Route("/sync/{number}", work_sync),
    Route("/threads/{number}", threads),
    Route("/stream/{number}", stream),
    Route("/stream-sync/{number}", stream_sync),
    Route("/closed/{number}", closed),
    Route("/left/{number}", left),
    Route("/left-sync/{number}", left_sync),
    Route("/wait/{number}", wait),
    Route("/background/{number}", background),
    Route("/upload/{number}", upload, methods=["POST"]),
    Route("/upload-left/{number}", upload, methods=["POST"]),
    Route("/crash/{number}", crash),
    Route("/crash-late/{number}", crash_late),
    Route("/handled/{number}", handled),
    Route("/refusal/{number}", refusal),
    WebSocketRoute("/ws-client/{number}", ws_client),
    WebSocketRoute("/ws-server/{number}", ws_server),
    WebSocketRoute("/ws-refused/{number}", ws_refused),
]

app = Starlette(
    routes=routes,
    exception_handlers={HandledError: answer_handled, RefusalError: answer_refusal},
)
if logging_setup.with_clew():
    clew.starlette.install(app)
