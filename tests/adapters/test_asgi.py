"""What only ASGI has: channels, messages, scopes, WebSockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from fastapi import FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute

import clew
import clew.asgi
from tests.rows import each_row

from .drive import Call, Reply, serve_asgi
from .stacks import CrashError, SimpleUser, bare_asgi
from .test_contract import only

try:  # the lowest versions are tested without it
    import litestar
except ImportError:
    pass


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def serve(app: Any, **call: Any) -> Reply:
    return asyncio.run(serve_asgi(app, Call(**call)))


def wrapped(app: Any, **options: Any) -> clew.asgi.RequestIDMiddleware:
    return clew.asgi.RequestIDMiddleware(app, **options)


def test_passes_lifespan_through(lines: Any) -> None:
    """A lifespan scope reaches the application untouched."""
    seen: list[Any] = []

    async def app(*channels: Any) -> None:
        seen.append(channels)

    scope = {"type": "lifespan"}
    asyncio.run(wrapped(app)(scope, None, None))  # type: ignore[arg-type]
    assert seen == [(scope, None, None)] and scope == {"type": "lifespan"}
    assert lines() == []


@each_row("headers", [None, (), [], iter([(b"x-request-id", b"mine")])])
def test_takes_any_headers(lines: Any, headers: Any) -> None:
    """Absent headers, tuples and generators are headers."""
    extra = {} if headers is None else {"headers": headers}
    app = wrapped(hello)

    async def without(scope: Any, receive: Any, send: Any) -> None:
        if headers is None:
            del scope["headers"]
        await app(scope, receive, send)

    assert serve(without, extra=extra).request_id
    assert len(lines.http()) == 1


@each_row("missing", ["client", "root_path", "query_string", "raw_path"])
def test_survives_a_sparse_scope(lines: Any, missing: str) -> None:
    """Optional keys of the scope may be absent."""
    app = wrapped(hello)

    async def without(scope: Any, receive: Any, send: Any) -> None:
        del scope[missing]
        await app(scope, receive, send)

    assert serve(without).status == 200
    assert only(lines.http())["request"]["path"] == "/ok"


def test_writes_the_mount_prefix_once(lines: Any) -> None:
    """A path that has the root path in it, or has it not, shows it once."""
    for path, root in (("/m/ok", "/m"), ("/ok", "/m"), ("/m", "/m"), ("/more", "/m")):
        lines.clear()
        serve(wrapped(hello), raw=False, extra={"path": path, "root_path": root})
        expected = path if path in ("/m/ok", "/m") else root + path
        assert only(lines.http())["request"]["path"] == expected


def test_a_request_within_another_gives_its_context_back() -> None:
    """An application that asks another one on its own connection is in its context again."""
    seen: list[str | None] = []
    inner = wrapped(hello)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def drop(message: Any) -> None:
            seen.append(clew.request_id())

        seen.append(clew.request_id())
        own = {key: scope[key] for key in scope if key != "clew"}
        await inner({**own, "headers": []}, receive, drop)
        seen.append(clew.request_id())
        await hello(scope, receive, send)

    serve(wrapped(app))
    first, *within, last = seen
    assert first == last
    assert first not in within
    assert within


def test_leaves_the_scope_and_the_messages_alone(lines: Any) -> None:
    """The server's and the application's header lists and messages are not changed."""
    given = [(b"host", b"a")]
    headers = [(b"x-request-id", b"app")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await send(start)
        await send({"type": "http.response.body"})

    serve(wrapped(app), extra={"headers": given})
    assert given == [(b"host", b"a")]
    assert "clew" not in scopes[0]
    assert start["headers"] is headers and headers == [(b"x-request-id", b"app")]


@pytest.mark.parametrize("headers", [[], [(b"x-request-id", b"b ad")]])
def test_shows_the_effective_id_to_what_outlives_the_response(lines: Any, headers: Any) -> None:
    """A task that reads the request's header after the response finds the effective id."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await hello(scope, receive, send)

    reply = serve(wrapped(app), extra={"headers": headers})
    assert scopes[0]["headers"] == [(b"x-request-id", reply.request_id.encode())]


def test_keeps_what_the_server_puts_into_the_scope(lines: Any) -> None:
    """Headers that the server puts into the scope meanwhile stay there."""
    accepted = [(b"x-accepted", b"1")]

    async def accepting_server(scope: Any, receive: Any, send: Any) -> None:
        scope["headers"] = accepted
        await hello(scope, receive, send)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await wrapped(accepting_server)(scope, receive, send)
        assert scope["headers"] is accepted

    assert serve(app).error is None


def test_keeps_other_headers_in_order() -> None:
    """Repeated headers of the application stay, in their order."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = ((b"set-cookie", b"a=1"), [b"Set-Cookie", b"b=2"])
        await send({"type": "http.response.start", "status": 200, "headers": iter(headers)})
        await send({"type": "http.response.body"})

    assert serve(wrapped(app)).all("set-cookie") == ["a=1", "b=2"]


def test_merges_exposed_headers() -> None:
    """The header joins those that the application exposes, once."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        exposed = [
            (b"access-control-expose-headers", b"X-A, x-request-id"),
            (b"Access-Control-Expose-Headers", b"X-B"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": exposed})
        await send({"type": "http.response.body"})

    reply = serve(wrapped(app, expose=True))
    assert reply.all("Access-Control-Expose-Headers") == ["X-A, x-request-id, X-B"]


def test_serves_once_when_installed_twice(lines: Any) -> None:
    """An application in an application: the outer one serves, one record comes out."""
    reply = serve(wrapped(wrapped(hello, generate=lambda: "inner"), generate=lambda: "outer"))
    assert reply.request_id == "outer"
    assert only(lines.http())["requestId"] == "outer"


def test_background_work_does_not_count(lines: Any) -> None:
    """What runs behind the last byte has the context, and no part in responseTime."""
    ended = 0.0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal ended
        await hello(scope, receive, send)
        ended = time.perf_counter()
        assert len(lines.http()) == 1
        await asyncio.sleep(0.05)
        clew.get_logger("task").info("later")

    begun = time.perf_counter()
    reply = serve(wrapped(app))
    assert lines()[-1]["requestId"] == reply.request_id
    assert only(lines.http())["response"]["responseTime"] <= (ended - begun) * 1000


def test_writes_what_it_kept_of_background_work_that_fails(lines: Any) -> None:
    """What fails behind a complete response, is cancelled before one, or ends a WebSocket by an
    exception, has the lines that were kept.
    """
    lines.configure(keep="DEBUG")
    log = clew.get_logger("task")

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        log.debug("before")
        await hello(scope, receive, send)
        log.debug("behind")
        raise CrashError("late")

    async def cancelled(scope: Any, receive: Any, send: Any) -> None:
        log.debug("before")
        await cancel_itself()

    serve(wrapped(behind))
    assert [line.get("kept") for line in lines()] == [None, True, True]
    lines.clear()
    with suppress(asyncio.CancelledError):
        serve(wrapped(cancelled))
    assert [line.get("outcome", "kept") for line in lines()] == ["kept", "aborted"]
    lines.clear()

    async def socket(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        log.debug("before")
        raise CrashError("in a socket")

    asyncio.run(serve_websocket(socket))
    assert [line.get("kept") for line in lines()] == [True, None]


def test_background_work_does_not_count_for_500s(lines: Any) -> None:
    """The record of a 500 waits for its exception, and still times the last byte."""

    ended, ended_at = 0.0, 0.0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal ended, ended_at
        await send({"type": "http.response.start", "status": 500})
        await send({"type": "http.response.body"})
        ended, ended_at = time.perf_counter(), time.time()
        await asyncio.sleep(0.05)
        raise CrashError("late")

    begun, begun_at = time.perf_counter(), time.time()
    serve(wrapped(app))
    record = only(lines.http())
    assert record["response"]["responseTime"] <= (ended - begun) * 1000
    assert begun_at * 1000 - 1 <= record["createdAt"] <= ended_at * 1000 + 1
    assert record["exception"]["message"] == "late"


def test_an_exception_after_a_complete_response_changes_nothing(lines: Any) -> None:
    """A record below 500 is written with the last byte, whatever is raised later."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hello(scope, receive, send)
        raise CrashError("late")

    reply = serve(wrapped(app))
    assert isinstance(reply.error, CrashError)
    record = only(lines.http())
    assert record["response"]["httpStatus"] == 200
    assert "outcome" not in record and "exception" not in record


def test_answers_a_crash_and_raises_again(lines: Any) -> None:
    """Around a bare application a crash is answered with the header, and raised again."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise CrashError("boom")

    reply = serve(wrapped(app))
    assert (reply.status, reply.body) == (500, b"Internal Server Error")
    assert reply.request_id and isinstance(reply.error, CrashError)


def test_leaves_the_answer_to_starlette(lines: Any) -> None:
    """Inside Starlette's add_middleware the response to a crash is Starlette's."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def crash(_request: Any) -> None:
        raise CrashError("boom")

    app = Starlette(
        routes=[Route("/crash", crash)],
        exception_handlers={Exception: lambda *_: PlainTextResponse("handled", 500)},
    )
    app.add_middleware(clew.asgi.RequestIDMiddleware)
    reply = serve(app, target="/crash")
    assert reply.body == b"handled"
    assert only(lines.http())["exception"]["message"] == "boom"


async def cancel_itself() -> None:
    """Cancel the task that calls it, as a server does."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(60)


@pytest.mark.parametrize("started", [False, True])
def test_records_a_cancelled_request(lines: Any, started: bool) -> None:
    """A cancelled request is 499 before the response began, else aborted with its status."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200})
        await cancel_itself()

    reply = serve(wrapped(app))
    assert isinstance(reply.error, asyncio.CancelledError)
    record = only(lines.http())
    status = 200 if started else 499
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", status)
    assert record["level"] == ("info" if started else "warning")
    assert "exception" not in record


def test_a_task_that_was_cancelled_is_an_error_of_who_waits_for_it(lines: Any) -> None:
    """The server answers it with a 500: nobody has cancelled the request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    assert isinstance(serve(wrapped(app)).error, asyncio.CancelledError)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("error", 500)
    assert record["exception"]["type"].endswith("CancelledError")


@pytest.mark.parametrize(("last", "outcome"), [(b"", None), (b"llo", "aborted")])
def test_a_cancellation_at_the_end_takes_nothing_back(
    lines: Any, last: bytes, outcome: str | None
) -> None:
    """A stream is complete when only its end was sent as it was cancelled, as hypercorn does."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def cancelled(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message["more_body"]:
                await cancel_itself()

        async def stream(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"he", "more_body": True})
            await send({"type": "http.response.body", "body": last, "more_body": False})

        await wrapped(stream)(scope, receive, cancelled)

    assert isinstance(serve(app).error, asyncio.CancelledError)
    record = only(lines.http())
    assert (record["response"]["httpStatus"], record.get("outcome")) == (200, outcome)


def serve_until(app: Any, wanted: int, backend: str) -> None:
    """Serve a request whose client leaves as it has *wanted* bytes, which the server tells then."""

    async def run() -> None:
        left = anyio.Event()
        coming = [{"type": "http.request", "body": b"", "more_body": False}]
        got = 0

        async def receive() -> Any:
            if coming:
                return coming.pop()
            if not left.is_set():
                await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal got
            got += len(message.get("body", b""))
            if got >= wanted and not left.is_set():
                left.set()
                for _ in range(5):  # who listens hears of it before this returns
                    await anyio.lowlevel.checkpoint()

        scope: Any = {"type": "http", "method": "GET", "path": "/ok", "headers": [], "client": None}
        await wrapped(app)(scope, receive, send)

    if backend == "trio":
        pytest.importorskip("trio")
    anyio.run(run, backend=backend)


def answering(*parts: bytes, length: bool, listens: bool) -> Any:
    """Return an application that sends *parts*, perhaps with their length, perhaps listening."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        size = b"%d" % sum(map(len, parts))
        headers = [(b"content-length", size)] if length else []
        async with anyio.create_task_group() as group:
            if listens:
                group.start_soon(receive)
            await anyio.lowlevel.checkpoint()
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for number, part in enumerate(parts, 1):
                more = number < len(parts)
                await send({"type": "http.response.body", "body": part, "more_body": more})
            group.cancel_scope.cancel()

    return app


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("last", [b"", b"llo"])
def test_a_response_is_complete_with_its_content_length(
    lines: Any, last: bytes, listens: bool, backend: str
) -> None:
    """A client that leaves as it has all the bytes that were announced has the whole response,
    also where an empty end is still to be sent, as behind a BaseHTTPMiddleware."""
    parts = (b"he", b"llo") if last else (b"he", b"llo", b"")
    serve_until(answering(*parts, length=True, listens=listens), 5, backend)
    record = only(lines.http())
    assert (record["response"]["httpStatus"], record.get("outcome")) == (200, None)
    assert record["response"]["bodySize"] == 5


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("parts", [(b"hello",), (b"he", b"llo")])
def test_a_response_is_complete_as_its_end_is_given_to_the_server(
    lines: Any, parts: tuple[bytes, ...], backend: str
) -> None:
    """A server that tells of the client's leaving while it sends the end takes nothing back."""
    serve_until(answering(*parts, length=False, listens=True), 5, backend)
    record = only(lines.http())
    assert (record["response"]["httpStatus"], record.get("outcome")) == (200, None)
    assert record["response"]["bodySize"] == 5


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("length", [False, True])
def test_a_client_that_leaves_before_the_end_is_recorded(
    lines: Any, length: bool, backend: str
) -> None:
    """A client that leaves with a part of the response has no whole one."""
    serve_until(answering(b"he", b"llo", length=length, listens=True), 2, backend)
    record = only(lines.http())
    assert (record["response"]["httpStatus"], record["outcome"]) == (200, "aborted")


def test_records_a_client_that_left_before_the_answer(lines: Any) -> None:
    """A client that is gone before the response began leaves a 499."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert message["type"] == "http.disconnect"

    serve(wrapped(app), leave_after=-1)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 499)


@pytest.mark.parametrize("body_to_come", [False, True])
def test_asks_whether_anybody_still_waits(
    lines: Any, monkeypatch: pytest.MonkeyPatch, body_to_come: bool
) -> None:
    """Before a late response the server is asked, unless a body is still to be read."""
    monkeypatch.setattr("clew._http.asgi._PROBE_AFTER", 0)
    headers = [("Content-Length", "5")] if body_to_come else []
    serve(wrapped(hello), leave_after=-1, headers=headers)
    record = only(lines.http())
    expected = (None, 200) if body_to_come else ("aborted", 499)
    assert (record.get("outcome"), record["response"]["httpStatus"]) == expected


def test_sees_behind_the_requests_body_that_nobody_waits(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may have the body to tell of before it tells that the client has left."""
    monkeypatch.setattr("clew._http.asgi._PROBE_AFTER", 0)
    coming = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def queued() -> Any:
            return coming.pop(0)

        await wrapped(hello)(scope, queued, send)

    serve(app)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 499)


def test_records_a_send_that_fails(lines: Any) -> None:
    """The OSError of a server after ASGI 2.4 means that the client has left."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def broken(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise OSError("gone")
            await send(message)

        await wrapped(hello)(scope, receive, broken)

    reply = serve(app)
    assert isinstance(reply.error, OSError)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 200)


@pytest.mark.parametrize("starts", [False, True])
def test_records_an_application_that_stops(lines: Any, starts: bool) -> None:
    """An application that returns before the end is no success."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if starts:
            await send({"type": "http.response.start", "status": 200})

    serve(wrapped(app))
    record = only(lines.http())
    expected = ("aborted", 200) if starts else ("error", 500)
    assert (record["outcome"], record["response"]["httpStatus"]) == expected


def test_keeps_what_it_took_from_the_server(lines: Any) -> None:
    """Looking for a disconnect takes no message away from the application."""
    got: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        got.extend([await receive(), await receive()])

    serve(wrapped(app))
    assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
    assert "outcome" not in only(lines.http())


def test_waits_for_trailers(lines: Any) -> None:
    """A response with trailers ends with them."""
    at_the_body: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"x"})
        at_the_body.append(len(lines.http()))
        await send({"type": "http.response.trailers", "headers": [], "more_trailers": False})

    serve(wrapped(app))
    assert at_the_body == [0]
    assert "outcome" not in only(lines.http())


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.pathsend", "path": "/tmp/x"},
        {"type": "http.response.zerocopysend", "file": 3},
    ],
)
def test_knows_no_size_of_a_sent_file(lines: Any, message: Any) -> None:
    """A file that the server sends ends the response, with a size that nobody knows."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send(message)

    reply = serve(wrapped(app))
    assert message in reply.messages
    record = only(lines.http())
    assert "bodySize" not in record["response"] and "outcome" not in record


def test_passes_early_hints(lines: Any) -> None:
    """Messages before the response are passed on, and are no response."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"a"]})
        await hello(scope, receive, send)

    reply = serve(wrapped(app))
    assert reply.messages[0]["type"] == "http.response.early_hint"
    assert only(lines.http())["response"]["httpStatus"] == 200


def test_leaks_nothing_into_a_caller_in_process(lines: Any) -> None:
    """Under httpx.ASGITransport the caller's context stays the caller's."""

    async def call() -> None:
        transport = httpx.ASGITransport(wrapped(hello))
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            await client.get("/")
            assert clew.request_id() is None
            with clew.context(request_id="outer"):
                response = await client.get("/")
                assert clew.request_id() == "outer"
            assert response.headers["X-Request-ID"] != "outer"

    asyncio.run(call())


def test_keeps_the_context_under_base_http_middleware(lines: Any) -> None:
    """What is bound behind a BaseHTTPMiddleware, in a sync endpoint, reaches the record."""
    from starlette.applications import Starlette
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    def endpoint(_request: Any) -> PlainTextResponse:
        clew.bind(user_id=7)
        return PlainTextResponse("x")

    async def passing(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app = Starlette(routes=[Route("/ok", endpoint)])
    app.add_middleware(BaseHTTPMiddleware, dispatch=passing)
    serve(wrapped(app))
    assert only(lines.http())["userId"] == "7"


def test_mixes_nothing_among_concurrent_requests(lines: Any) -> None:
    """Lines of 200 concurrent requests, in tasks and threads, carry each their own id."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        mine = scope["path"][1:]
        await asyncio.sleep(0)
        clew.bind(user_id=f"user-{mine}")
        await asyncio.to_thread(clew.get_logger("app").info, "in thread", mine=mine)
        await asyncio.gather(*(part(mine) for _ in range(2)))
        await hello(scope, receive, send)

    async def part(mine: str) -> None:
        await asyncio.sleep(0)
        clew.get_logger("app").info("in task", mine=mine)

    async def all_of_them() -> None:
        app_ = wrapped(app)
        await asyncio.gather(
            *(
                serve_asgi(app_, Call(target=f"/{n}", headers=[("X-Request-ID", f"{n}")]))
                for n in range(200)
            )
        )

    asyncio.run(all_of_them())
    for line in lines():
        assert line["userId"] == f"user-{line['requestId']}"
        assert line.get("mine", line["requestId"]) == line["requestId"]
    assert sorted(int(record["requestId"]) for record in lines.http()) == list(range(200))


class User:
    """A user with attributes that must not be read."""

    is_authenticated = True

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)

    @property
    def display_name(self) -> str:
        raise AssertionError("display_name was read")

    username = email = display_name


class Starlettes(User):
    """A user as Starlette's BaseUser makes one."""

    @property
    def identity(self) -> str:
        raise NotImplementedError


@each_row(
    ("user", "expected"),
    [
        (User(id=5), "5"),
        (User(id=None, pk="abc"), "abc"),
        (User(identity="sub|1"), "sub|1"),
        (Starlettes(), None),
        (User(id=5, is_authenticated=False), None),
        (User(id=True), None),
        (User(id=object()), None),
        (object(), None),
    ],
)
def test_reads_the_user_of_the_scope(lines: Any, user: object, expected: str | None) -> None:
    """The user's id is id, pk, or identity; only of an authenticated user; never a name."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["user"] = user
        await hello(scope, receive, send)

    serve(wrapped(app))
    assert only(lines.http()).get("userId") == expected


# WebSockets.


async def serve_websocket(
    app: Any,
    *incoming: dict[str, Any],
    path: str = "/ws",
    extensions: Any = None,
    sending_raises: Exception | None = None,
) -> list[dict[str, Any]]:
    """Serve one connection by *app*; return what it sent, until *sending_raises*."""
    sent: list[dict[str, Any]] = []
    waiting = iter([{"type": "websocket.connect"}, *incoming])

    async def receive() -> dict[str, Any]:
        message = next(waiting)
        for _ in range(100):  # a client leaves after it was accepted, as far as it is
            if message["type"] != "websocket.disconnect" or sent:
                break
            await asyncio.sleep(0)
        return message

    async def send(message: Any) -> None:
        if sending_raises is not None and sent:
            raise sending_raises
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": path,
        "query_string": b"",
        "scheme": "ws",
        "http_version": "1.1",
        "headers": [(b"x-request-id", b"mine")],
        "client": ("203.0.113.7", 1),
        "extensions": extensions,
    }
    try:
        await wrapped(app)(scope, receive, send)
    except Exception as error:
        if not isinstance(error, CrashError) and not incoming and sending_raises is None:
            raise
        sent.append({"type": "raised"})
    return sent


async def accepting(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-other", b"1")]})
    clew.get_logger("ws").info("connected")
    while (await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": "pong"})


def test_records_a_websocket(lines: Any) -> None:
    """A connection is one record at its end, with the header on the handshake."""
    received: list[dict[str, Any]] = [
        {"type": "websocket.receive", "text": "ping"},
        {"type": "websocket.disconnect", "code": 1001},
    ]
    sent = asyncio.run(serve_websocket(accepting, *received))
    assert sent[0]["headers"] == [(b"x-other", b"1"), (b"x-request-id", b"mine")]
    assert lines()[0]["requestId"] == "mine"
    record = only(lines.http())
    assert (record["message"], record["outcome"]) == ("GET /ws 101", "websocket")
    assert record["response"]["closeCode"] == 1001
    assert "bodySize" not in record["response"]


@pytest.mark.parametrize("extension", [True, False])
def test_records_a_refused_websocket(lines: Any, extension: bool) -> None:
    """A handshake that the application closes is a 403; the server hears what it said."""

    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 1008, "reason": "no token"})

    extensions: dict[str, Any] = {"websocket.http.response": {}} if extension else {}
    sent = asyncio.run(serve_websocket(refusing, extensions=extensions))
    record = only(lines.http())
    assert (record["response"]["httpStatus"], record["outcome"]) == (403, "websocket")
    assert record["level"] == "warning"
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "no token"}]


def test_records_a_websocket_denied_with_a_response(lines: Any) -> None:
    """A denial response of the application keeps its status, and gets the header."""

    async def denying(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    sent = asyncio.run(serve_websocket(denying, extensions={"websocket.http.response": {}}))
    assert (b"x-request-id", b"mine") in sent[0]["headers"]
    assert only(lines.http())["response"]["httpStatus"] == 401


@pytest.mark.parametrize("extensions", [{}, {"websocket.http.response": {}}])
@pytest.mark.parametrize("accepts", [True, False])
def test_records_a_crashed_websocket(lines: Any, accepts: bool, extensions: Any) -> None:
    """A crash in a connection is an error, with 101 when it had been accepted."""

    async def crashing(scope: Any, receive: Any, send: Any) -> None:
        if accepts:
            await send({"type": "websocket.accept"})
        raise CrashError("boom")

    sent = asyncio.run(serve_websocket(crashing, extensions=extensions))
    assert [message["type"] for message in sent][accepts:] == ["raised"]
    record = only(lines.http())
    assert record["outcome"] == "error"
    assert record["response"]["httpStatus"] == (101 if accepts else 500)
    assert record["exception"]["message"] == "boom"


async def receiving(websocket: Any) -> None:
    await websocket.accept()
    while True:
        await websocket.receive_text()


def starlettes() -> Any:
    return Starlette(routes=[WebSocketRoute("/ws", receiving)])


def fastapis() -> Any:
    app = FastAPI()

    @app.websocket("/ws")
    async def serve(websocket: WebSocket) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(receiving(websocket))

    return app


def litestars() -> Any:
    pytest.importorskip("litestar")
    import clew.litestar

    @litestar.websocket("/ws")
    async def serve(socket: litestar.WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        while True:
            await socket.receive_text()

    app = litestar.Litestar([serve], openapi_config=None, logging_config=None)
    clew.litestar.install(app)
    return app


def quarts() -> Any:
    pytest.importorskip("quart")
    from quart import Quart, websocket

    import clew.quart

    app = Quart("shop")

    @app.websocket("/ws")
    async def serve() -> None:
        await websocket.accept()
        while True:
            await websocket.receive()

    clew.quart.install(app)
    return app


@pytest.mark.parametrize(("status", "outcome"), [(503, "error"), (418, None)])
def test_quarts_error_handlers_are_known(lines: Any, status: int, outcome: str | None) -> None:
    """A crash that a handler of Quart's answers with a 5xx is in the record."""
    app = quarts()

    @app.get("/ok")  # type: ignore[untyped-decorator]
    async def crash() -> None:
        raise CrashError("boom")

    @app.errorhandler(Exception)  # type: ignore[untyped-decorator]
    async def answer(_error: Exception) -> tuple[str, int]:
        return "sorry", status

    assert serve(app).status == status
    record = only(lines.http())
    assert (record.get("outcome"), "exception" in record) == (outcome, outcome is not None)


@each_row(
    ("code", "outcome"),
    [*((code, "websocket") for code in (1000, 1001, 1005, 1012)), (1006, "error")],
)
@each_row("make", [starlettes, fastapis, litestars, quarts])
def test_a_client_that_closes_its_websocket_is_no_error(
    lines: Any, make: Any, code: int, outcome: str
) -> None:
    """A close in order is no error, whatever the framework raises in the endpoint."""
    incoming: dict[str, Any] = {"type": "websocket.disconnect", "code": code}
    asyncio.run(serve_websocket(make(), incoming))
    record = only(lines.http())
    if make is not quarts:  # it cancels the endpoint
        assert record["outcome"] == outcome
        assert record["response"]["closeCode"] == code
    if outcome == "websocket":
        assert (record["outcome"], record["level"]) == ("websocket", "info")
        assert "exception" not in record


def test_a_crash_after_the_client_closed_is_an_error(lines: Any) -> None:
    """Any other exception is an error, also behind a normal close."""

    async def crashing(scope: Any, receive: Any, send: Any) -> None:
        await accepting(scope, receive, send)
        raise CrashError("boom")

    asyncio.run(serve_websocket(crashing, {"type": "websocket.disconnect", "code": 1000}))
    assert only(lines.http())["outcome"] == "error"


def test_sending_to_a_websocket_that_the_client_closed_is_no_error(lines: Any) -> None:
    """An endpoint that only sends hears of the close by the framework's exception."""

    class Disconnected(OSError):
        pass

    async def sending(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("tick")

    app = Starlette(routes=[WebSocketRoute("/ws", sending)])
    asyncio.run(serve_websocket(app, sending_raises=Disconnected()))
    record = only(lines.http())
    assert (record["outcome"], record["level"]) == ("websocket", "info")


def test_streams_without_a_chunk(lines: Any) -> None:
    """An empty stream is complete."""

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    app = wrapped(Starlette(routes=[Route("/ok", lambda _: StreamingResponse(nothing()))]))
    serve(app)
    record = only(lines.http())
    assert record["response"]["bodySize"] == 0 and "outcome" not in record


def test_a_user_who_was_seen_stays(lines: Any) -> None:
    """A user whom the application takes out of the scope again is on the record all the same."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["user"] = SimpleUser(7)
        clew.get_logger("app").info("seen")
        del scope["user"]
        await bare_asgi(scope, receive, send)

    serve(clew.asgi.RequestIDMiddleware(app), target="/status/200")
    assert [line["userId"] for line in lines()] == ["7", "7"]


def test_a_response_without_headers_keeps_having_a_list(lines: Any) -> None:
    """Where clew adds no header, a server that looks at the list finds an empty one."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    reply = serve(clew.asgi.RequestIDMiddleware(app, response_header=False))
    assert reply.messages[0]["headers"] == []
