"""A request that runs for too long says so while it does, with the stack at which it stands."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults

import flask
import pytest
import trio
import trio.lowlevel
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

import clew
import clew.asgi
import clew.flask
import clew.starlette
from clew._current import current
from clew._http.exchange import Exchange
from clew._http.settings import Settings
from clew._http.watch import Watch, _watcher, say_slow
from clew._http.wsgi import WSGIExchange
from tests.adapters.drive import Call, serve_asgi
from tests.conftest import Lines, parse_line, run_fresh, serve
from tests.rows import each_row

SLOW = 0.02


# Without a request it only asks the thread to look again after so many seconds.
_OFTEN = Watch(SLOW)


@pytest.fixture(autouse=True)
def _looks_often() -> None:
    """Let the thread look every 20 ms."""
    if _OFTEN not in _watcher.watches:
        _watcher.watches.append(_OFTEN)


def patient(**options: Any) -> Settings:
    """Return settings by which no request is slow until it calls `be_slow`."""
    return Settings(slow=3_600.0, **options)


def be_slow() -> None:
    """Let the request that is served here be a slow one, now that it stands where it should.

    On a busy machine it may take longer than any short time until it does.
    """
    exchange = current()
    assert isinstance(exchange, Exchange) and exchange.settings.watch is not None
    exchange.settings.watch.seconds = SLOW


def until_said(lines: Lines) -> None:
    """Be slow, until the line is written; fail where it is not in time."""
    be_slow()
    deadline = time.monotonic() + 10
    while "SLOW_REQUEST" not in lines.raw():
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def until(lines: Lines) -> None:
    """Be slow, and wait until the line is written."""
    be_slow()
    while "SLOW_REQUEST" not in lines.raw():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def line_of(lines: Lines) -> dict[str, Any]:
    """Return the one line about a slow request."""
    (line,) = [line for line in lines() if line.get("action") == "SLOW_REQUEST"]
    return line


def test_says_once_where_a_thread_stands(lines: Lines) -> None:
    """One warning, while the request runs, with ids, bound fields and the thread's stack."""

    def work() -> None:
        clew.bind(user_id=7, tenant="acme")
        until_said(lines)
        time.sleep(2 * SLOW)

    serve(work, environ={"PATH_INFO": "/orders/42"}, settings=patient())
    line, http = lines()
    assert line["message"] == "GET /orders/42 is still running after 0.02 s"
    assert (line["level"], line["logger"]) == ("warning", "clew.http")
    assert (line["userId"], line["tenant"]) == ("7", "acme")
    assert line["requestId"] == http["requestId"]
    assert line["createdAt"] <= http["createdAt"]
    assert "until_said(lines)" in line["stackInfo"]


def test_says_nothing_of_what_is_over_in_time(lines: Lines) -> None:
    """A request, a complete response with work behind it, and a WebSocket are not slow."""

    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})
        be_slow()
        await asyncio.sleep(3 * SLOW)

    serve(lambda: None, settings=patient())
    serve(lambda: None, settings=patient(log=False))
    asyncio.run(serve_asgi(clew.asgi.RequestIDMiddleware(behind, settings=patient()), Call()))
    assert [line["message"] for line in lines()] == ["GET / 200", "GET /ok 200"]


def endpoints(lines: Lines) -> dict[str, Callable[..., Any]]:
    """Return the endpoints, which stand at different things, by what their stack shows."""

    async def waits(_request: Any) -> Any:
        async def deep() -> None:
            await until(lines)

        await asyncio.gather(deep())
        return PlainTextResponse("ok")

    async def blocks(_request: Any) -> Any:
        until_said(lines)
        return PlainTextResponse("ok")

    def threaded(_request: Any) -> Any:
        until_said(lines)
        return PlainTextResponse("ok")

    async def to_thread(_request: Any) -> Any:
        await asyncio.to_thread(until_said, lines)
        return PlainTextResponse("ok")

    async def executor(_request: Any) -> Any:
        work = clew.carry(until_said)
        await asyncio.get_running_loop().run_in_executor(None, work, lines)
        return PlainTextResponse("ok")

    async def streams(_request: Any) -> Any:
        def body() -> Iterator[bytes]:
            until_said(lines)
            yield b"ok"

        return StreamingResponse(body())

    async def generates(_request: Any) -> Any:
        async def body() -> AsyncIterator[bytes]:
            async for part in parts():
                await anext(parts(), None)
                yield part

        return StreamingResponse(body())

    async def parts() -> AsyncIterator[bytes]:
        await until(lines)
        yield b"ok"

    found = (waits, blocks, threaded, to_thread, streams, generates)
    return {"executor": executor, **{function.__name__: function for function in found}}


SHOWN = {
    "waits": "in until",
    "blocks": "in until_said",
    "threaded": "in until_said",
    "to_thread": "in until_said",
    "streams": "in until_said",
    "generates": "in parts",
    "executor": "await asyncio.get_running_loop()",
}


@pytest.mark.parametrize("behind", [False, True], ids=["straight", "behind a BaseHTTPMiddleware"])
@pytest.mark.parametrize("name", SHOWN)
def test_shows_where_a_task_stands(name: str, behind: bool, lines: Lines) -> None:
    """The stack is that of the request's task, or of the thread that works for it."""

    async def dispatch(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    app = Starlette(
        routes=[Route("/slow/{id}", endpoints(lines)[name])],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=dispatch)] if behind else [],
    )
    clew.starlette.install(app, settings=patient())
    reply = asyncio.run(serve_asgi(app, Call(target="/slow/7?token=secret")))
    assert reply.body == b"ok"
    line = line_of(lines)
    assert line["message"].startswith("GET /slow/7 is still running")
    assert line.get("route", "/slow/{id}") == "/slow/{id}"
    *_, last = line["stackInfo"].split("Stack (most recent call last):")
    assert SHOWN[name] in last


def test_shows_where_an_async_view_stands_below_a_thread(lines: Lines) -> None:
    """Under WSGI a coroutine is run by a loop of another thread, whose stack comes last."""
    app = flask.Flask("shop")
    clew.flask.install(app, settings=patient())

    @app.get("/")
    async def view() -> str:
        await until(lines)
        return "ok"

    assert app.test_client().get("/").text == "ok"
    *_, last = line_of(lines)["stackInfo"].split("Stack (most recent call last):")
    assert "in view" in last and "in until" in last


def test_shows_where_a_task_of_trios_stands(lines: Lines) -> None:
    """On trio it is the stack of the task that serves the request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await trio_until_said()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    async def trio_until_said() -> None:
        be_slow()
        while "SLOW_REQUEST" not in lines.raw():  # noqa: ASYNC110
            await trio.sleep(0.001)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(_message: Any) -> None:
        await trio.lowlevel.checkpoint()

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    middleware = clew.asgi.RequestIDMiddleware(app, settings=patient())
    trio.run(middleware, scope, receive, send)
    assert "in trio_until_said" in line_of(lines)["stackInfo"]


def test_masks_what_is_masked_elsewhere(lines: Lines) -> None:
    """In strict mode neither the path nor the stack holds an address in clear."""
    lines.configure(redact="strict")

    def work() -> None:
        until_said(lines)  # bob@example.com

    path = "/users/bob@example.com"
    environ = {"PATH_INFO": path, "RAW_URI": path}
    serve(work, environ=environ, settings=patient(redact="strict"))
    assert "until_said" in line_of(lines)["stackInfo"]
    assert "bob@" not in lines.raw()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_watches_for_itself(lines: Lines) -> None:
    """A forked process says nothing of its parent's requests, and watches its own."""
    settings = Settings(slow=SLOW)

    def work() -> None:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                time.sleep(3 * SLOW)
                assert "SLOW_REQUEST" not in lines.raw()
                serve(lambda: until_said(lines), settings=settings)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    serve(work, settings=settings)
    assert line_of(lines)["message"].startswith("GET / is still")
    assert sum(thread.name == "clew-watch" for thread in threading.enumerate()) == 1


def request_of(kind: type[WSGIExchange]) -> WSGIExchange:
    """Return a request that has just begun."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    return kind(Settings(), environ, lambda *_: lambda _: None)


def test_goes_on_looking_whatever_comes_in_between(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A request that begins in the midst of a look, one that is complete, and one of which nothing
    can be said keep no other from being looked at.
    """

    class Odd(WSGIExchange):
        def outline(self) -> Any:
            raise LookupError("an odd environ")

    over, odd, running, late = map(request_of, (WSGIExchange, Odd, WSGIExchange, WSGIExchange))
    coming = [late]

    class Requests(dict[int, Any]):
        """Requests, to which one comes while the first is looked up."""

        def values(self) -> Any:
            return self

        def __iter__(self) -> Iterator[Any]:
            found = iter(super().values())
            while coming:
                newest = coming.pop()
                self[id(newest)] = newest
            return found

    over.started(200)
    over.finished()
    lines.clear()
    watch = Watch(0.0)
    watch._running = Requests({id(one): one for one in (over, odd, running)})
    assert watch.look() == 0.0
    said = [line["requestId"] for line in lines() if line.get("action") == "SLOW_REQUEST"]
    assert said == [running.request_id, late.request_id]
    assert "an odd environ" in capsys.readouterr().err + lines.raw()


GEVENT = """
import sys
if sys.argv[1] == "patched first":
    import gevent.monkey
    gevent.monkey.patch_all()
import time
import clew, clew.wsgi, gevent.monkey
gevent.monkey.patch_all()
from wsgiref.util import setup_testing_defaults

def computes():
    while time.monotonic() < end and not waits.dead:
        pass

def waits_for_it():
    gevent.sleep(5 * SLOW)

def app(environ, start_response):
    {"/computes": computes, "/waits": waits_for_it}[environ["PATH_INFO"]]()
    start_response("200 OK", [])
    return []

SLOW = 0.05
clew.configure_logging()
served = clew.wsgi.RequestIDMiddleware(app, slow=SLOW)

def serve(path):
    environ = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    list(served(environ, lambda *_: None))

end = time.monotonic() + 10 * SLOW
waits = gevent.spawn(serve, "/waits")
gevent.sleep(0)
serve("/computes")
waits.join()
"""


@pytest.mark.parametrize("order", ["patched first", "patched later"])
def test_says_so_on_gevent_while_a_request_computes(order: str) -> None:
    """Where no greenlet comes to its turn, both the one that computes and one that waits are said
    to be slow, with where each stands.
    """
    pytest.importorskip("gevent")
    lines = [parse_line(line) for line in run_fresh(GEVENT, order).splitlines()]
    assert [line["message"].partition(" is ")[0] for line in lines] == [
        *("GET /waits", "GET /computes", "GET /computes 200", "GET /waits 200")
    ]
    assert "in waits_for_it" in lines[0]["stackInfo"]
    # Python 3.13 shows the line of code as well.
    assert "in computes" in lines[1]["stackInfo"].rpartition("  File ")[2]


BESIDE = """
import gevent.monkey
gevent.monkey.patch_all()
import logging, gevent, clew, clew.wsgi
from wsgiref.util import setup_testing_defaults

class Other(logging.Handler):
    def emit(self, record):
        gevent.sleep(0.001)  # others come to their turn while its lock is held

def app(environ, start_response):
    for _ in range(20):
        clew.get_logger("shop").info("line")
        gevent.sleep(0.001)
    start_response("200 OK", [])
    return []

def serve():
    environ = {}
    setup_testing_defaults(environ)
    list(served(environ, lambda *_: None))

clew.configure_logging()
logging.root.addHandler(Other())
served = clew.wsgi.RequestIDMiddleware(app, slow=0.02)
gevent.joinall([gevent.spawn(serve) for _ in range(20)], raise_error=True)
"""


def test_waits_for_no_lock_of_gevents() -> None:
    """Beside a handler whose lock a greenlet holds, each line comes, and no greenlet is lost."""
    pytest.importorskip("gevent")
    lines = [parse_line(line) for line in run_fresh(BESIDE, errors="").splitlines()]
    assert sum(line.get("action") == "SLOW_REQUEST" for line in lines) == 20
    assert sum("response" in line for line in lines) == 20


WRONG: list[tuple[object, str]] = [
    (0, "slow must be a number of seconds above 0 and below 1e9, as 5.0, not 0"),
    (True, "slow must be a number of seconds or None, not True"),
    ("5s", "slow must be a number of seconds or None, not '5s'"),
]


@each_row(("value", "named"), WRONG)
def test_refuses_what_is_no_time(value: Any, named: str) -> None:
    """A wrong option is named with its value."""
    with pytest.raises((TypeError, ValueError), match=named):
        Settings(slow=value)


def test_says_nothing_where_nobody_listens(lines: Lines) -> None:
    """With clew's logger at ERROR there is no warning; a route that cannot be asked is left out."""
    logging.getLogger("clew.http").setLevel(logging.ERROR)
    serve(lambda: time.sleep(3 * SLOW), slow=SLOW)
    logging.getLogger("clew.http").setLevel(logging.NOTSET)
    assert lines() == []

    class Odd(WSGIExchange):
        def route(self) -> str | None:
            raise LookupError

    say_slow(request_of(Odd), 5.0)
    assert lines()[0]["message"] == "GET / is still running after 5 s"
    assert "route" not in lines()[0]
