"""The kinds of requests: what a client does with each, and what a log must say of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Action = Literal[
    "read",  # read the whole response
    "close",  # the same, and close the connection at once
    "leave",  # leave as soon as something of the body is there
    "give-up",  # leave before there is an answer
    "upload",  # send a body
    "upload-half",  # leave in the midst of it
    "ws-close",  # a WebSocket that the client closes
    "ws-closed",  # one that the server closes, or refuses
]
Result = tuple[int, str | None]  # a record's status and outcome

CHUNK = b"x" * 65_536
CHUNKS = 60  # of a stream that its client leaves: more than the sockets' buffers take in its time
PART = b"y" * 1_000
PARTS = 3  # of a stream that is read whole
UPLOAD = b"z" * 50_000

FINE: Result = (200, None)
ABORTED: Result = (200, "aborted")
GONE: Result = (499, "aborted")
CRASH: Result = (500, "error")


@dataclass(frozen=True)
class Kind:
    """One kind: its share of 100 requests, how many lines its application writes, its records."""

    name: str
    share: int
    lines: tuple[int, int]  # at least, at most
    results: tuple[Result, ...] = (FINE,)
    action: Action = "read"
    # Whether the application breaks a response off that it has begun.
    breaks: bool = False
    # Whether the response carries the id, as far as the server lets it.
    echoes: bool = True
    # With which codes a record's WebSocket may be closed beside that which the client saw.
    codes: tuple[int, ...] = ()
    # Whether the count of lines is exact: nothing of it is left, or crashes.
    plain: bool = False
    # Whether it goes on when its client has all: a server that ends may cut that off.
    goes_on: bool = False


_SHARED = (
    Kind("threads", 5, (3, 3), plain=True),
    Kind("stream", 7, (4, 4), plain=True),
    Kind("closed", 6, (1, 1), action="close"),
    Kind("left", 2, (1, 2), (ABORTED, FINE), "leave"),
    Kind("background", 5, (2, 2), plain=True, goes_on=True),
    Kind("upload", 6, (2, 2), action="upload", plain=True),
    Kind("crash", 3, (1, 1), (CRASH,)),
    Kind("crash-late", 1, (1, 1), ((200, "error"),), breaks=True),
    Kind("handled", 3, (1, 1), (CRASH,)),
    Kind("refusal", 2, (1, 1), ((409, None),)),
)

ASGI: tuple[Kind, ...] = (
    *_SHARED,
    Kind("sync", 14, (2, 2), plain=True),
    Kind("async", 28, (2, 2), plain=True),
    Kind("stream-sync", 3, (4, 4), plain=True),
    Kind("left-sync", 2, (1, 2), (ABORTED, FINE), "leave"),
    Kind("wait", 2, (1, 1), (GONE,), "give-up"),
    Kind("upload-left", 1, (1, 1), (GONE,), "upload-half"),
    Kind("ws-client", 4, (2, 2), ((101, "websocket"),), "ws-close"),
    Kind("ws-server", 3, (2, 2), ((101, "websocket"),), "ws-closed"),
    Kind("ws-refused", 3, (1, 1), ((403, "websocket"),), "ws-closed", echoes=False),
)

# Nobody tells a WSGI application that its client has left: it ends as if there were one, or in
# the server's writing.
WSGI: tuple[Kind, ...] = (
    *_SHARED,
    Kind("sync", 57, (2, 2), plain=True),
    Kind("wait", 2, (1, 1), (FINE, ABORTED, GONE), "give-up"),
    Kind("upload-left", 1, (1, 2), (FINE, ABORTED, GONE, (400, None)), "upload-half"),
)


class HandledError(Exception):
    """What a handler of the application's answers with a 500."""


class RefusalError(Exception):
    """What a handler of the application's answers with a 409."""


def mixture(kinds: Sequence[Kind], *, seed: int = 1) -> list[Kind]:
    """Return *kinds*, each as often as its share says, in an order that is always the same."""
    mixed = [kind for kind in kinds for _ in range(kind.share)]
    random.Random(seed).shuffle(mixed)
    return mixed


@dataclass(slots=True)
class Note:
    """What a client saw of one request."""

    status: int | None = None  # of the response's head
    end: Literal["broken", "whole", "left"] = "broken"
    echoed: bool = True  # whether the response had the request's id
    code: int | None = None  # with which the WebSocket was closed


def request_id(kind: str, number: int) -> str:
    """Return the id of a request: it names its kind and its number."""
    return f"{kind}:{number}"


def user_of(number: str) -> str:
    """Return the user of a request."""
    return f"u{number}"


def tenant_of(number: str) -> str:
    """Return what a request binds as a field."""
    return f"t{number}"
