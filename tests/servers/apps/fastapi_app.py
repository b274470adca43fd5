"""The endpoints on FastAPI, async and sync, with a Starlette application mounted in it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest
from starlette.routing import Route

import clew
import clew.fastapi

if "LOGGING_BY_SERVER" not in os.environ:
    clew.configure_logging()
log = clew.get_logger("app")

app = FastAPI(default_response_class=PlainTextResponse)
clew.fastapi.install(app)
items = APIRouter(prefix="/items")


@app.get("/")
async def hello() -> str:
    return "hello"


@app.head("/")
async def hello_head() -> Response:
    return PlainTextResponse("hello")


@items.get("/{item}")
async def item(item: str) -> str:
    return f"item {item}"


@app.get("/own")
async def own() -> Response:
    response = PlainTextResponse("own", headers={"x-request-id": "of-the-application"})
    response.headers.append("X-Request-Id", "of-the-application-too")
    return response


@app.get("/unchanged")
async def unchanged() -> Response:
    return Response(status_code=304, headers={"etag": '"1"'})


@app.get("/crash")
async def crash() -> None:
    raise RuntimeError("the crash of the test")


@app.get("/crash-sync")
def crash_sync() -> None:
    raise RuntimeError("the crash of the test")


@app.get("/crash-late")
async def crash_late() -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"hello"
        raise RuntimeError("the crash of the test")

    return StreamingResponse(chunks())


@app.get("/slow")
async def slow() -> str:
    log.info("waiting")
    await asyncio.sleep(0.15)
    return "slow"


@app.post("/upload")
async def upload(request: Request) -> str:
    log.info("waiting")
    return f"{len(await request.body())} bytes"


@app.get("/background")
async def background() -> Response:
    async def work() -> None:
        await asyncio.sleep(0.15)
        log.info("worked")

    return PlainTextResponse("hello", background=BackgroundTask(work))


@app.get("/wait")
async def wait(request: Request) -> str:
    """Wait until the client leaves."""
    log.info("waiting")
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return "nobody reads this"


@app.get("/stream")
async def stream() -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0.01)
            yield b"x" * 1000

    return StreamingResponse(chunks())


@app.get("/endless")
async def endless() -> Response:
    """Send until the client leaves, or a test's patience is over."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(2000):
            yield b"x" * 65536
            await asyncio.sleep(0.005)

    return StreamingResponse(chunks())


@app.get("/busy/{own}")
async def work(own: str) -> str:
    clew.bind(user_id=own)
    log.info("begun", path=f"/busy/{own}")
    await asyncio.sleep(0.05)
    log.info("done", path=f"/busy/{own}")
    return own


@app.get("/busy-sync/{own}")
def work_sync(own: str) -> str:
    clew.bind(user_id=own)
    log.info("begun", path=f"/busy-sync/{own}")
    time.sleep(0.02)
    log.info("done", path=f"/busy-sync/{own}")
    return own


@app.get("/busy-stream/{own}")
async def work_stream(own: str) -> Response:
    clew.bind(user_id=own)

    async def chunks() -> AsyncIterator[str]:
        for _ in range(3):
            log.info("chunk", path=f"/busy-stream/{own}")
            await asyncio.sleep(0.01)
            yield own

    return StreamingResponse(chunks())


@app.get("/busy-stream-sync/{own}")
def work_stream_sync(own: str) -> Response:
    clew.bind(user_id=own)

    def chunks() -> Iterator[str]:
        for _ in range(3):
            log.info("chunk", path=f"/busy-stream-sync/{own}")
            time.sleep(0.01)
            yield own

    return StreamingResponse(chunks())


@app.websocket("/socket")
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        log.info("message")
        await websocket.send_text(text)
        if text == "bye":
            await websocket.close(4001)
            return


@app.websocket("/refused")
async def refused(websocket: WebSocket) -> None:
    await websocket.close()


@app.websocket("/socket-crash")
async def socket_crash(websocket: WebSocket) -> None:
    await websocket.accept()
    raise RuntimeError("the crash of the test")


async def inner(request: StarletteRequest) -> Response:
    return PlainTextResponse(f"inner {request.path_params['name']}")


app.include_router(items)
app.mount("/mounted/{tenant}", Starlette(routes=[Route("/inner/{name}", inner)]))
