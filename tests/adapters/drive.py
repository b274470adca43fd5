"""Serving an application as a server does, in process, with nothing hidden by a test client."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

Pairs = Sequence[tuple[str, str]]

PEER = ("203.0.113.7", 50_000)


@dataclass
class Reply:
    """What the client got, and what the server caught."""

    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    complete: bool = False
    error: BaseException | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """The body's chunks together."""
        return b"".join(self.chunks)

    def all(self, name: str) -> list[str]:
        """Return the values of all headers called *name*."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def request_id(self) -> str:
        """The one X-Request-ID of the response."""
        (value,) = self.all("X-Request-ID")
        return value


@dataclass
class Call:
    """A request, before it is an ASGI scope or a WSGI environ."""

    method: str = "GET"
    target: str = "/ok"
    headers: Pairs = ()
    peer: tuple[str, int] | None = PEER
    raw: bool = True  # whether the server tells the path as on the wire
    root: str = ""  # the server's root path, SCRIPT_NAME
    leave_after: int | None = None  # the client leaves after so many chunks of the body
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> bytes:
        return unquote_to_bytes(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


async def serve_asgi(app: Any, call: Call) -> Reply:
    """Serve *call* by *app*, as an ASGI server of version 2.3 does."""
    reply = Reply()
    left = asyncio.Event()
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 1 and not left.is_set():
            return {"type": "http.request", "body": b"", "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        reply.messages.append(message)
        if left.is_set():
            return  # servers before 2.4 say nothing
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in message.get("headers", ())
            ]
            if call.leave_after == 0:
                left.set()
        elif message["type"] == "http.response.body":
            reply.chunks.append(bytes(message.get("body", b"")))
            if len(reply.chunks) == call.leave_after:
                left.set()
            reply.complete = not message.get("more_body", False)
        if reply.complete:
            left.set()

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": call.method,
        "scheme": "http",
        "path": call.root + call.path.decode("utf-8", "replace"),
        "query_string": call.query.encode("latin-1"),
        "root_path": call.root,
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in (("Host", "testserver"), *call.headers)
        ],
        "client": call.peer,
        "server": ("testserver", 80),
    }
    if call.raw:
        scope["raw_path"] = (call.root + call.target.partition("?")[0]).encode("latin-1")
    scope.update(call.extra)
    if call.leave_after == -1:  # before the answer
        left.set()
        asked = 1 if call.method == "GET" else 0
    try:
        await asyncio.wait_for(app(scope, receive, send), 10)
    except BaseException as error:
        reply.error = error
    return reply


def serve_wsgi(app: Any, call: Call) -> Reply:
    """Serve *call* by *app*, as a WSGI server does."""
    reply = Reply()
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def write(data: bytes) -> None:
        send_headers()
        reply.chunks.append(data)

    def send_headers() -> None:
        if reply.status is None:
            status, headers = started[-1]
            reply.status, reply.headers = int(status[:3]), list(headers)

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info and reply.status is not None:
            raise exc_info[1]
        assert exc_info or not started, "start_response was called twice"
        started.append((status, headers))
        return write

    names: dict[str, str] = {}
    for name, value in (("Host", "testserver"), *call.headers):
        key = "HTTP_" + name.upper().replace("-", "_")
        names[key] = f"{names[key]},{value}" if key in names else value
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": call.root,
        "PATH_INFO": call.path.decode("latin-1"),
        "QUERY_STRING": call.query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **names,
    }
    if call.peer is not None:
        environ["REMOTE_ADDR"] = call.peer[0]
    if call.raw:
        environ["RAW_URI"] = call.root + call.target
    environ.update(call.extra)
    body: Iterable[bytes] = ()
    try:
        try:
            body = app(environ, start_response)
            if call.leave_after != -1:
                for chunk in body:
                    if chunk:
                        write(chunk)
                    if call.leave_after is not None and len(reply.chunks) >= call.leave_after:
                        break
                else:
                    send_headers()
                    reply.complete = True
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
    except BaseException as error:
        reply.error = error
    return reply
