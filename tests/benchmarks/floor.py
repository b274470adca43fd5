"""The floor: what a request must cost, written by hand for one application and one log format.

It reads or makes the id, checks it, binds it, gives it to the application and to the client, and
writes one line. It has no options, finds no user, masks nothing, and fails when anything is odd.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any, BinaryIO

import msgspec
from uuid_utils import uuid7

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Write = Callable[[dict[str, Any]], object]

_SAFE = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,200}").fullmatch
_NAME = b"x-request-id"
_encode = msgspec.json.Encoder().encode


class Bound:
    """What is known of the request."""

    __slots__ = ("request_id",)

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id


current: ContextVar[Bound | None] = ContextVar("floor", default=None)


class ASGI:
    """The floor around an ASGI application; without *write*, the id alone."""

    def __init__(self, app: Any, write: Write | None = None) -> None:
        self.app = app
        self.write = write

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        arrived = time.perf_counter()
        request_id = None
        for name, value in scope["headers"]:
            if name == _NAME:
                request_id = value.decode("latin-1")
        if request_id is None or not _SAFE(request_id):
            request_id = str(uuid7())
            scope["headers"] = [*scope["headers"], (_NAME, request_id.encode())]
        raw = request_id.encode()
        token = current.set(Bound(request_id))
        status = size = 0

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (_NAME, raw)]
                status = message["status"]
            else:
                size += len(message["body"])
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            current.reset(token)
        if self.write is not None:
            path = scope["raw_path"].decode("latin-1")
            query = scope["query_string"].decode("latin-1")
            request = scope["method"], path, query, scope["client"][0]
            self.write(line(request, request_id, status, arrived, size))


class WSGI:
    """The floor around a WSGI application; without *write*, the id alone."""

    def __init__(self, app: Any, write: Write | None = None) -> None:
        self.app = app
        self.write = write

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        arrived = time.perf_counter()
        request_id = environ.get("HTTP_X_REQUEST_ID")
        if request_id is None or not _SAFE(request_id):
            request_id = environ["HTTP_X_REQUEST_ID"] = str(uuid7())
        token = current.set(Bound(request_id))
        status = 0

        def starting(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            nonlocal status
            status = int(line[:3])
            return start_response(line, [*headers, ("X-Request-ID", request_id)], exc_info)

        try:
            body: list[bytes] = self.app(environ, starting)
        finally:
            current.reset(token)
        if self.write is not None:
            keys = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR")
            method, path, query, peer = [environ[key] for key in keys]
            size = sum(map(len, body))
            self.write(line((method, path, query, peer), request_id, status, arrived, size))
        return body


def line(
    request: tuple[str, str, str, str], request_id: str, status: int, arrived: float, size: int
) -> dict[str, Any]:
    """Return the fields of a line; *request* is the method, the path, the query and the peer."""
    method, path, query, peer = request
    return {
        "level": "info",
        "message": f"{method} {path} {status}",
        "createdAt": int(time.time() * 1000),
        "logger": "clew.http",
        "service": "shop",
        "requestId": request_id,
        "request": {
            "method": method,
            "path": path,
            "query": query,
            "ipAddress": peer,
            "headers": {"requestId": request_id},
        },
        "response": {
            "httpStatus": status,
            "responseTime": round((time.perf_counter() - arrived) * 1000, 3),
            "bodySize": size,
        },
    }


def straight(file: BinaryIO) -> Write:
    """Return what writes a line into *file*, an unbuffered one."""
    write = file.write

    def writing(fields: dict[str, Any]) -> None:
        write(_encode(fields) + b"\n")

    return writing


class Formatter(logging.Formatter):
    """Writes the dictionary that a record carries."""

    def format(self, record: logging.LogRecord) -> str:
        return _encode(record.fields).decode()  # type: ignore[attr-defined]


def through(logger: logging.Logger) -> Write:
    """Return what writes a line with a LogRecord through *logger*."""

    def writing(fields: dict[str, Any]) -> None:
        record = logging.LogRecord(
            logger.name, logging.INFO, __file__, 0, fields["message"], (), None, "writing"
        )
        record.fields = fields
        logger.handle(record)

    return writing
