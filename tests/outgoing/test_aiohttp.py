"""What only aiohttp has: middlewares, timeouts further out, WebSockets, a development mode."""

from __future__ import annotations

import asyncio
import gc
import importlib
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

import clew
from tests.conftest import Lines, run_fresh

from .callers import HEADER, Aiohttp, Server, caller_of

aiohttp: Any = pytest.importorskip("aiohttp", reason="pip install aiohttp")
wrap: Any = importlib.import_module("clew.aiohttp").wrap
web: Any = pytest.importorskip("aiohttp.web", reason="pip install aiohttp")


@pytest.fixture
def caller() -> Iterator[Aiohttp]:
    caller = caller_of("aiohttp")
    assert isinstance(caller, Aiohttp)
    yield caller
    caller.end()


def adding(seen: list[str | None], value: str | None = None) -> Callable[..., Any]:
    """Return a middleware that notes the header, and sets it when *value* is given."""

    async def middleware(request: Any, handler: Any) -> Any:
        if value is not None:
            request.headers[HEADER] = value
        response = await handler(request)
        seen.append(request.headers.get(HEADER))
        return response

    return middleware


@pytest.mark.parametrize("where", ["session", "request"])
def test_middlewares_of_the_users_run(
    caller: Aiohttp, server: Server, lines: Lines, where: str
) -> None:
    """Middlewares of a session run, and those of a request in their place; the id is sent."""
    seen: list[str | None] = []
    options = {"middlewares": (adding(seen),)}

    async def run() -> None:
        made = aiohttp.ClientSession(**(options if where == "session" else {}))
        async with wrap(made) as session:
            await session.get(server.url(), **(options if where == "request" else {}))

    with clew.context(request_id="made-here"):
        caller.run(run())
    assert server.ids() == seen == ["made-here"]
    assert len(lines.http()) == 1


def test_a_header_that_a_middleware_sets_stays(caller: Aiohttp, server: Server) -> None:
    """A middleware that sets the header has set it."""
    client = caller.client()

    async def run() -> None:
        await client.get(server.url(), middlewares=(adding([], "the-middlewares"),))

    with clew.context():
        caller.run(run())
    assert server.ids() == ["the-middlewares"]


def test_every_attempt_of_a_middleware_is_a_sending(
    caller: Aiohttp, server: Server, lines: Lines
) -> None:
    """A middleware that sends again makes a second record, by the id of its context."""
    client = caller.client()

    async def twice(request: Any, handler: Any) -> Any:
        response = await handler(request)
        response.release()
        with clew.context(request_id="second"):
            return await handler(request)

    async def run() -> None:
        await client.get(server.url("/status/503"), middlewares=(twice,))

    with clew.context(request_id="first"):
        caller.run(run())
    assert server.ids() == ["first", "second"]
    assert [line["requestId"] for line in lines.http()] == ["first", "second"]


def test_a_timeout_while_connecting_is_an_error(
    caller: Aiohttp, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call given up by its total timeout before it was connected failed; it was not aborted."""
    client = caller.client()

    async def connect(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(client.connector, "connect", connect)

    async def run() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await client.get("http://a.internal/x", timeout=aiohttp.ClientTimeout(total=0.02))

    caller.run(run())
    (line,) = lines.http()
    assert (line["level"], line["outcome"]) == ("danger", "error")
    assert line["exception"]["type"] == "TimeoutError"


@pytest.mark.parametrize("how", ["read", "content"])
def test_a_timeout_while_a_body_is_read_is_an_error(
    caller: Aiohttp, server: Server, lines: Lines, how: str
) -> None:
    """A call given up by its timeout while its body was read failed, with its status."""
    client = caller.client()

    async def run() -> None:
        limit = aiohttp.ClientTimeout(total=0.2)
        with pytest.raises(asyncio.TimeoutError):
            async with client.get(server.url("/dripping"), timeout=limit) as response:
                await (response.read() if how == "read" else response.content.read())

    caller.run(run())
    (line,) = lines.http()
    assert (line["level"], line["outcome"]) == ("danger", "error")
    assert line["exception"]["type"] == "TimeoutError"
    assert (line["response"]["httpStatus"], line["response"]["bodySize"]) == (200, 3)


def test_a_stream_cancelled_in_its_block_is_aborted(
    caller: Aiohttp, server: Server, lines: Lines
) -> None:
    """A call that is cancelled while its body is streamed is aborted."""
    client, reading = caller.client(), asyncio.Event()

    async def read() -> None:
        async with client.get(server.url("/dripping")) as response:
            async for _ in response.content.iter_any():
                reading.set()

    async def run() -> None:
        call = asyncio.create_task(read())
        await reading.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    caller.run(run())
    (line,) = lines.http()
    assert (line["outcome"], line["response"]["bodySize"]) == ("aborted", 3)


def test_a_body_that_nobody_asks_for_is_complete(
    caller: Aiohttp, server: Server, lines: Lines
) -> None:
    """aiohttp reads a body that is short before it is asked to: its end ends the call."""
    client = caller.client()

    async def run() -> Any:
        response = await client.get(server.url())
        await response.content.wait_eof()
        assert [line["response"]["bodySize"] for line in lines.http()] == [5]
        return response

    response = caller.run(run())
    response.close()
    assert len(lines.http()) == 1


def test_a_lost_connection_is_tried_again_and_logged_twice(caller: Aiohttp, lines: Lines) -> None:
    """When a kept connection turns out to be closed, aiohttp sends again: two records."""
    ids: list[str | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        ids.extend(line.split(": ")[1] for line in head.split("\r\n") if line.startswith(HEADER))
        if len(ids) != 2:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
        if len(ids) == 1:
            await reader.readuntil(b"\r\n\r\n")
            ids.append("lost")
        writer.close()

    client = caller.client()

    async def run() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            for _ in range(2):
                async with client.get(url) as response:
                    assert await response.read() == b"ok"

    with clew.context(request_id="made-here"):
        caller.run(run())
    assert ids == ["made-here", "lost", "made-here"]
    assert [line.get("outcome") for line in lines.http()] == [None, "error", None]


def test_the_handshake_of_a_websocket_is_a_sending(caller: Aiohttp, lines: Lines) -> None:
    """A WebSocket carries the id, and is logged when it has been accepted."""
    ids: list[str | None] = []

    async def echo(request: Any) -> Any:
        ids.append(request.headers.get(HEADER))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    client = caller.client()

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/echo", echo)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with client.ws_connect(f"http://127.0.0.1:{port}/echo") as connection:
            assert [line["message"] for line in lines.http()] == ["GET /echo 101"]
            await connection.send_str("hello")
            assert (await connection.receive()).data == "hello"
        await runner.cleanup()

    with clew.context(request_id="made-here"):
        caller.run(run())
    assert ids == ["made-here"]
    assert len(lines.http()) == 1


def test_a_session_may_have_a_response_class(caller: Aiohttp, server: Server, lines: Lines) -> None:
    """Responses of a class of the user's stay of it."""

    class Own(aiohttp.ClientResponse):  # type: ignore[misc]
        pass

    async def run() -> None:
        made = aiohttp.ClientSession(response_class=Own)
        async with (
            wrap(made) as session,
            session.get(server.url()) as response,
        ):
            assert isinstance(response, Own)
            assert type(response).__name__ == "Own"

    caller.run(run())
    assert len(lines.http()) == 1


def test_what_is_patched_on_the_class_is_what_runs(caller: Aiohttp, lines: Lines) -> None:
    """aioresponses answers a wrapped session, and sees the id; afterwards all is as before."""
    aioresponses = pytest.importorskip("aioresponses", reason="pip install aioresponses")

    class Answer(aiohttp.ClientResponse):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            # aiohttp 3.14 asks for one, which aioresponses 0.7 does not give.
            super().__init__(*args, **{"stream_writer": mock.Mock(), **options})

    client = caller.client()
    url = "http://a.internal/x?token=hunter2"
    with aioresponses.aioresponses() as mocked, clew.context(request_id="made-here"):
        mocked.get(url, status=404, body=b"none", response_class=Answer)
        mocked.get(url, status=200, response_class=Answer)
        assert caller.call(client, url) == (404, b"none")
        assert caller.call(client, url, headers={HEADER: "mine"})[0] == 200
        ((first, second),) = mocked.requests.values()
        assert [one.kwargs["headers"][HEADER] for one in (first, second)] == ["made-here", "mine"]
        with pytest.raises(aiohttp.ClientConnectionError):
            caller.call(client, "http://a.internal/y")
    assert [line["message"] for line in lines.http()] == [
        "GET /x 404",
        "GET /x 200",
        "GET /y ClientConnectionError",
    ]
    assert lines.http()[0]["request"]["query"] == "token=***"


def test_a_mock_on_the_class_is_what_runs(caller: Aiohttp, server: Server, lines: Lines) -> None:
    """A Mock in place of the class's method is called; when it is gone, the server is."""
    client = caller.client()
    with mock.patch("aiohttp.ClientSession._request") as mocked, clew.context(request_id="one"):
        mocked.return_value = "answer"

        async def run() -> Any:
            return await client.get("http://a.internal/")

        assert caller.run(run()) == "answer"
        assert mocked.call_args.kwargs["headers"] == {HEADER: "one"}
    with clew.context(request_id="two"):
        caller.call(client, server.url())
    assert server.ids() == ["two"]
    assert len(lines.http()) == 2


def test_a_mock_gets_what_the_caller_gives(caller: Aiohttp, lines: Lines) -> None:
    """A request's middlewares are handed on; an id that the session itself sends stays."""
    own = adding([])

    async def run(mocked: Any) -> None:
        async with wrap(aiohttp.ClientSession(headers={HEADER: "own"})) as session:
            await session.get("http://shop.example/", middlewares=(own,))
            [call] = mocked.await_args_list
            assert call.kwargs["middlewares"] == (own,)
            assert HEADER not in (call.kwargs.get("headers") or {})

    with mock.patch("aiohttp.ClientSession._request") as mocked, clew.context(request_id="made"):
        caller.run(run(mocked))
    [record] = lines.http()
    assert record["request"]["headers"]["requestId"] == "own"


def test_an_aiohttp_without_middlewares_is_too_old(caller: Aiohttp) -> None:
    """What clew needs of a session is said in a sentence, with what to install."""

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            kept = vars(session).pop("_middlewares")
            with pytest.raises(RuntimeError, match=r"needs aiohttp 3.13 or later, not [\d.]+: pip"):
                wrap(session)
            vars(session)["_middlewares"] = kept

    caller.run(run())


def test_a_mock_is_called_at_once(caller: Aiohttp) -> None:
    """A Mock that gives nothing to await is called before anything is awaited."""
    client = caller.client()
    with mock.patch("aiohttp.ClientSession._request", new_callable=mock.Mock) as mocked:
        client.get("http://a.internal/")
    mocked.assert_called_once_with("GET", "http://a.internal/", allow_redirects=True)


def test_a_response_without_content_is_returned(
    caller: Aiohttp, server: Server, lines: Lines
) -> None:
    """A response without a body to read, of a class of one's own, is the caller's."""

    class Bare(aiohttp.ClientResponse):  # type: ignore[misc, unused-ignore]
        @property
        def content(self) -> Any:
            return None

        @content.setter
        def content(self, value: object) -> None:
            pass

    async def run(url: str) -> int:
        async with wrap(aiohttp.ClientSession(response_class=Bare)) as session:
            response = await session.get(url)
            response.close()
            return int(response.status)

    assert caller.run(run(server.url())) == 200
    assert [line["response"]["httpStatus"] for line in lines.http()] == [200]


def test_a_request_that_cannot_be_read_is_sent(
    caller: Aiohttp, server: Server, lines: Lines
) -> None:
    """A request of a class of one's own whose URL clew cannot read costs the record alone."""

    class Odd(aiohttp.ClientRequest):  # type: ignore[misc, unused-ignore]
        @property
        def url(self) -> Any:
            if sys._getframe(1).f_globals["__name__"] == "clew.aiohttp":
                raise ValueError("not for everybody")
            return self._url

        @url.setter
        def url(self, value: object) -> None:
            self._url = value

    async def run() -> int:
        async with wrap(aiohttp.ClientSession(request_class=Odd)) as session:
            return int((await session.get(server.url())).status)

    with clew.context(request_id="made-here"):
        assert caller.run(run()) == 200
    assert server.ids() == ["made-here"]
    assert not lines.http()


def test_a_session_may_be_wrapped_while_a_mock_is_there(caller: Aiohttp, server: Server) -> None:
    """A session that was wrapped beneath a mock is a wrapped one without it."""
    with mock.patch("aiohttp.ClientSession._request"):
        client = caller.client()
    with clew.context(request_id="made-here"):
        caller.call(client, server.url())
    assert server.ids() == ["made-here"]


def test_a_response_that_nobody_keeps_is_freed_at_once(caller: Aiohttp, server: Server) -> None:
    """A response goes with its last reference: it gives its connection back then."""

    async def run() -> object:
        async with wrap(aiohttp.ClientSession()) as session:
            response = await session.get(server.url())
            kept = weakref.ref(response)
            await response.read()
            del response
            return kept()

    gc.disable()
    try:
        assert caller.run(run()) is None
    finally:
        gc.enable()


def test_in_development_mode_nothing_warns(server: Server) -> None:
    """In Python's development mode, where aiohttp watches its sessions, nothing warns."""
    told = run_fresh(
        f"""
import asyncio, subprocess, sys
script = '''
import asyncio, aiohttp, clew, clew.aiohttp
async def run():
    asyncio.get_running_loop().slow_callback_duration = 60  # a busy machine is slow
    async with clew.aiohttp.wrap(aiohttp.ClientSession()) as session:
        clew.aiohttp.wrap(session)
        async with session.get("{server.url()}") as response:
            print(await response.text())
asyncio.run(run())
'''
done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", script],
                      capture_output=True, text=True, timeout=60)
print(done.stdout, done.stderr)
"""
    )
    assert told.split() == ["hello"]
