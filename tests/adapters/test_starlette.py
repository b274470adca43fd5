"""Starlette's and FastAPI's own: where clew is installed, and the route templates."""

from __future__ import annotations

import asyncio
import functools
import types
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Request, WebSocket, WebSocketException
from fastapi import __version__ as FASTAPI
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    BaseUser,
)
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import clew
import clew.asgi
import clew.fastapi
import clew.starlette
from tests.rows import each_row

from .stacks import CrashError
from .test_asgi import serve, serve_websocket
from .test_contract import only


def answer(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("x")


async def api_answer() -> str:
    return "x"


def current_user() -> int:
    clew.bind(user_id=5)
    return 5


def crash(_request: Request) -> PlainTextResponse:
    raise CrashError("boom")


def routes(lines: Any, app: Any, *targets: str, **call: Any) -> list[str | None]:
    """Return the routes that the records of requests to *targets* hold."""
    lines.clear()
    for target in targets:
        serve(app, target=target, **call)
    return [record["request"].get("route") for record in lines.http()]


# The place.


def test_is_outside_of_custom_500_handlers(lines: Any) -> None:
    """The answer of an application's own 500 handler has the header, and its lines the id."""

    def handler(_request: Request, _error: Exception) -> PlainTextResponse:
        clew.get_logger("app").info("handling")
        return PlainTextResponse("handled", 500)

    app = Starlette(routes=[Route("/crash", crash)], exception_handlers={Exception: handler})
    clew.starlette.install(app)
    reply = serve(app, target="/crash", headers=[("X-Request-ID", "mine")])
    assert (reply.body, reply.request_id) == (b"handled", "mine")
    assert lines()[0]["requestId"] == "mine"
    assert isinstance(reply.error, CrashError)


class _BareMiddleware(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


def answer_sync(_request: Any, _error: Exception) -> PlainTextResponse:
    return PlainTextResponse("sorry", 503)


async def answer_async(_request: Any, _error: Exception) -> PlainTextResponse:
    return PlainTextResponse("sorry", 503)


def answer_teapot(_request: Any, _error: Exception) -> PlainTextResponse:
    return PlainTextResponse("teapot", 418)


@pytest.mark.parametrize("handler", [answer_sync, answer_async, functools.partial(answer_async)])
@pytest.mark.parametrize("make", [Starlette, FastAPI])
def test_a_handlers_5xx_has_its_exception(lines: Any, make: Any, handler: Any) -> None:
    """A crash that a handler of its class answers is in the record, with its traceback."""
    handlers = {CrashError: handler}
    app = make(routes=[Route("/crash", crash)], exception_handlers=handlers)
    app.add_middleware(_BareMiddleware)
    clew.starlette.install(app)
    reply = serve(app, target="/crash")
    assert (reply.status, reply.body, reply.error) == (503, b"sorry", None)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("error", 503)
    assert 'CrashError("boom")' in record["exception"]["stackTrace"]
    assert app.exception_handlers[CrashError] is handler


def test_a_handlers_4xx_is_no_error(lines: Any) -> None:
    """An exception that a handler answers below 500 is none in the record; an answer is none."""
    handlers: Any = {CrashError: answer_teapot, HTTPException: answer_sync}
    app = Starlette(routes=[Route("/crash", crash)], exception_handlers=handlers)
    clew.starlette.install(app)
    assert serve(app, target="/crash").status == 418
    assert serve(app, target="/nowhere").status == 503
    for record in lines.http():
        assert "outcome" not in record and "exception" not in record


def test_answers_when_the_500_handler_crashes(lines: Any) -> None:
    """A 500 handler that itself raises still leaves an answer with the header."""

    def handler(_request: Request, _error: Exception) -> PlainTextResponse:
        raise CrashError("handler")

    app = Starlette(routes=[Route("/crash", crash)], exception_handlers={500: handler})
    clew.starlette.install(app)
    reply = serve(app, target="/crash")
    assert reply.status == 500 and reply.request_id
    assert len(lines.http()) == 1


def test_debug_pages_have_the_header(lines: Any) -> None:
    """The debug page of an application in debug mode has the header."""
    app = Starlette(debug=True, routes=[Route("/crash", crash)])
    clew.starlette.install(app)
    assert serve(app, target="/crash").request_id


def test_is_installed_after_serving(lines: Any) -> None:
    """install() works in an application that has served already."""
    app = Starlette(routes=[Route("/ok", answer)])
    serve(app)
    clew.starlette.install(app)
    assert serve(app).request_id


def test_a_stack_that_cannot_be_built_changes_nothing() -> None:
    """The application has its own middleware and handlers alone, as before."""

    def refuse(app: ASGIApp) -> ASGIApp:
        raise CrashError("no")

    handlers: Any = {CrashError: crash}
    app = Starlette(middleware=[Middleware(refuse)], exception_handlers=handlers)
    clew.starlette.install(app)
    assert isinstance(serve(app).error, CrashError)
    assert len(app.user_middleware) == 1
    assert app.exception_handlers == handlers


@pytest.mark.parametrize("first", ["lifespan", "a request"])
def test_stack_that_is_taken_apart(lines: Any, first: str) -> None:
    """Who wraps the stack later, and takes Starlette's own apart, as OpenTelemetry does, finds it,
    and clew goes outside of both: from the first request on, or right behind it.
    """
    app = Starlette(routes=[Route("/crash", crash), Route("/ok", answer)])
    clew.starlette.install(app)
    build = app.build_middleware_stack
    seen: list[str | None] = []

    def wrapping() -> ASGIApp:
        stack = build()
        assert isinstance(stack, ServerErrorMiddleware)

        async def inner(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(clew.request_id())
            await stack.app(scope, receive, send)

        return ServerErrorMiddleware(inner)

    app.build_middleware_stack = wrapping  # type: ignore[method-assign]
    if first == "lifespan":
        sent = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(sent)

        async def send(_message: Message) -> None:
            pass

        asyncio.run(app({"type": "lifespan"}, receive, send))
    else:
        assert serve(app, target="/ok").request_id == only(lines.http())["requestId"]
    lines.clear()
    reply = serve(app, target="/crash")
    assert reply.status == 500
    assert reply.request_id == only(lines.http())["requestId"] == seen[-1]


def test_is_installed_in_both_of_two_applications(lines: Any) -> None:
    """Installed in a mounted application too, one record comes out, of the outer one."""
    inner = Starlette(routes=[Route("/ok", answer)])
    outer = Starlette(routes=[Mount("/m", inner)])
    clew.starlette.install(inner, generate=lambda: "inner")
    clew.starlette.install(outer, generate=lambda: "outer")
    assert serve(outer, target="/m/ok").request_id == "outer"
    record = only(lines.http())
    assert (record["request"]["path"], record["request"]["route"]) == ("/m/ok", "/m/ok")


def test_is_installed_in_a_mounted_application_only(lines: Any) -> None:
    """Installed only in a mounted application, its record has the whole path and route."""
    inner = FastAPI()
    inner.get("/items/{id}")(api_answer)
    clew.fastapi.install(inner)
    outer = Starlette(routes=[Mount("/m", inner)])
    serve(outer, target="/m/items/5")
    request = only(lines.http())["request"]
    assert (request["path"], request["route"]) == ("/m/items/5", "/m/items/{id}")


def test_takes_the_settings_object(lines: Any) -> None:
    """A Settings may be given in place of single options, and not beside them."""
    app = Starlette(routes=[Route("/ok", answer)])
    settings = clew.Settings(generate=lambda: "made")
    clew.starlette.install(app, settings=settings)
    assert serve(app).request_id == "made"
    with pytest.raises(TypeError, match="not both"):
        clew.starlette.install(app, settings=settings, log=False)
    with pytest.raises(TypeError, match="settings must be"):
        clew.starlette.install(app, settings={})  # type: ignore[arg-type]


class _StrictHeaders(BaseModel):
    model_config = {"extra": "forbid"}

    host: str


@pytest.mark.parametrize("headers", [[], [("X-Request-ID", "b ad")]])
def test_serves_a_model_that_forbids_other_headers(lines: Any, headers: Any) -> None:
    """With inject=False a header model that forbids extra ones sees none of clew's."""
    if tuple(map(int, FASTAPI.split(".")[:2])) < (0, 115):
        pytest.skip("models of headers came with FastAPI 0.115")
    app = FastAPI()

    @app.get("/ok")
    async def get_ok(headers: Annotated[_StrictHeaders, Header()]) -> str:
        return headers.host

    clew.fastapi.install(app, inject=False)
    assert serve(app, headers=headers).status == 200


def test_background_tasks_have_the_context(lines: Any) -> None:
    """Starlette's background tasks, sync ones too, log with the id, after the record."""

    def task() -> None:
        clew.get_logger("task").info("later")

    def endpoint(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("x", background=BackgroundTask(task))

    app = Starlette(routes=[Route("/ok", endpoint)])
    clew.starlette.install(app)
    reply = serve(app)
    assert [line["logger"] for line in lines()] == ["clew.http", "task"]
    assert lines()[1]["requestId"] == reply.request_id


def test_knows_the_user_of_the_authentication_middleware(lines: Any) -> None:
    """The user of Starlette's AuthenticationMiddleware is known by its identity, if it has one."""

    class Known(BaseUser):
        is_authenticated = True
        display_name = "Bob"
        identity = "user-1"

    class Named(BaseUser):
        is_authenticated = True
        display_name = "Ann"

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            if conn.url.path == "/nobody":
                return None
            user = Named() if conn.url.path == "/named" else Known()
            return AuthCredentials(), user

    app = Starlette(
        routes=[Route("/{path}", answer)],
        middleware=[Middleware(AuthenticationMiddleware, backend=Backend())],
    )
    clew.starlette.install(app)
    for target in ("/known", "/named", "/nobody"):
        serve(app, target=target)
    assert [record.get("userId") for record in lines.http()] == ["user-1", None, None]


# The routes.


@pytest.fixture
def starlette(lines: Any) -> Starlette:
    """An application with mounts in mounts."""
    inner = Starlette(routes=[Route("/users/{id:int}", answer)])
    wrapped = CORSMiddleware(Starlette(routes=[Route("/x/{n:uuid}", answer)]))
    app = Starlette(
        routes=[
            Route("/", answer),
            Route("/files/{rest:path}", answer),
            Route("/twice/{a}", answer),
            Route("/only-post", answer, methods=["POST"]),
            Mount("/tenants/{t}", inner),
            Mount("/again/{t}", inner),
            Mount("/wrapped", wrapped),
            Mount("/opaque", lambda *_: PlainTextResponse("x")(*_)),
            Mount("/deep", routes=[Mount("/er", routes=[Route("/est", answer)])]),
            Host("api.example.org", Starlette(routes=[Route("/hosted/{id}", answer)])),
        ]
    )
    clew.starlette.install(app)
    return app


@each_row(
    ("target", "route"),
    [
        ("/", "/"),
        ("/files/a/b/c", "/files/{rest}"),
        ("/twice/1", "/twice/{a}"),
        ("/only-post", "/only-post"),
        ("/tenants/acme/users/5", "/tenants/{t}/users/{id}"),
        ("/again/acme/users/5", "/again/{t}/users/{id}"),
        ("/wrapped/x/018f6b0e-0000-7000-8000-000000000000", "/wrapped/x/{n}"),
        ("/opaque/a/b", "/opaque/{path}"),
        ("/deep/er/est", "/deep/er/est"),
        ("/tenants/acme/nothing", None),
        ("/tenants/acme/users/nobody", None),
        ("/nothing", None),
        ("/deep/er", None),
    ],
)
@each_row("root", ["", "/root"])
def test_finds_starlettes_routes(
    starlette: Starlette, lines: Any, target: str, route: str | None, root: str
) -> None:
    """A template has the templates of the mounts around it, and not the server's root path."""
    assert routes(lines, starlette, target, root=root) == [route]


def test_finds_routes_behind_hosts(starlette: Starlette, lines: Any) -> None:
    """A route behind a Host has its template."""
    found = routes(
        lines,
        starlette,
        "/hosted/1",
        extra={"headers": [(b"host", b"api.example.org")]},
    )
    assert found == ["/hosted/{id}"]


def test_finds_routes_added_later(starlette: Starlette, lines: Any) -> None:
    """Routes added after the first request are found."""
    routes(lines, starlette, "/")
    starlette.router.routes.append(Route("/late/{id}", crash))
    assert routes(lines, starlette, "/late/1") == ["/late/{id}"]


def test_finds_routes_added_later_within(lines: Any) -> None:
    """So are those that a mounted router gets, and those of a route in the place of another."""

    async def other(request: Any) -> PlainTextResponse:
        return PlainTextResponse("")

    async def late(request: Any) -> PlainTextResponse:
        return PlainTextResponse("")

    mounted = Starlette(routes=[Route("/a/{x}", other)])
    app = Starlette(routes=[Mount("/sub", mounted)])
    clew.starlette.install(app)
    assert routes(lines, app, "/sub/a/1") == ["/sub/a/{x}"]
    mounted.router.routes.append(Route("/b/{x}", late))
    assert routes(lines, app, "/sub/b/1")[-1] == "/sub/b/{x}"
    app.router.routes[0] = Mount("/moved", mounted)
    assert routes(lines, app, "/moved/a/1")[-1] == "/moved/a/{x}"


def test_finds_routes_beside_another_frameworks(lines: Any) -> None:
    """A mounted application whose routes are not Starlette's has the mount's template."""

    class Foreign:
        def __init__(self) -> None:
            self.routes = [types.SimpleNamespace(path="/u/{id}", path_format="/u/{id}")]

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await PlainTextResponse("x")(scope, receive, send)

    app = Starlette(routes=[Mount("/m/{t}", Foreign()), Route("/items/{id}", answer)])
    clew.starlette.install(app)
    assert routes(lines, app, "/m/acme/u/4", "/items/5") == ["/m/{t}/{path}", "/items/{id}"]


@pytest.fixture
def fastapi(lines: Any) -> FastAPI:
    """An application with routers in routers, includes, plain routes and a mounted one."""
    app = FastAPI()
    clew.fastapi.install(app)
    inner = APIRouter(prefix="/inner/{i}")
    inner.get("/leaf")(api_answer)
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner, prefix="/via/{v}")
    app.include_router(outer, prefix="/api/{version}")
    app.include_router(inner)
    plain = APIRouter()
    plain.add_route("/plain/{p}", answer)
    app.include_router(plain, prefix="/included")
    mounted = FastAPI()
    mounted.get("/things/{id}")(api_answer)
    app.mount("/mounted/{m}", mounted)
    app.mount("/static", StaticFiles(directory="."), name="static")
    app.add_route("/direct/{id:int}", answer)
    app.post("/posted")(api_answer)
    return app


@each_row(
    ("target", "route"),
    [
        ("/api/v1/outer/via/x/inner/y/leaf", "/api/{version}/outer/via/{v}/inner/{i}/leaf"),
        ("/included/plain/z", "/included/plain/{p}"),
        ("/inner/y/leaf", "/inner/{i}/leaf"),
        ("/mounted/acme/things/1", "/mounted/{m}/things/{id}"),
        ("/direct/1", "/direct/{id}"),
        ("/openapi.json", "/openapi.json"),
        ("/docs", "/docs"),
        ("/static/README.md", "/static/{path}"),
        ("/nothing", None),
        ("/mounted/acme/nothing", None),
    ],
)
def test_finds_fastapis_routes(
    fastapi: FastAPI, lines: Any, target: str, route: str | None
) -> None:
    """A template has the prefixes of routers, includes and mounts; plain routes have theirs."""
    assert routes(lines, fastapi, target) == [route]


def test_a_405_has_its_route_or_none(fastapi: FastAPI, lines: Any) -> None:
    """A method that is not allowed leaves the matched template, or none, never the path."""
    assert routes(lines, fastapi, "/posted") in (["/posted"], [None])


def test_finds_the_routes_of_websockets(lines: Any) -> None:
    """A WebSocket's route has its template."""

    async def endpoint(websocket: Any) -> None:
        await websocket.accept()
        await websocket.close(4000)

    app = Starlette(routes=[Mount("/m", routes=[WebSocketRoute("/ws/{room}", endpoint)])])
    clew.starlette.install(app)

    async def connect() -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(_message: Any) -> None: ...

        scope = {"type": "websocket", "path": "/m/ws/1", "headers": [], "root_path": ""}
        await app(scope, receive, send)

    asyncio.run(connect())
    record = only(lines.http())
    assert record["request"]["route"] == "/m/ws/{room}"
    assert record["response"]["closeCode"] == 4000


# FastAPI's dependencies.


def test_a_refused_websocket_is_the_applications(lines: Any) -> None:
    """The server hears the code by which the application refuses, or what it raises."""
    app = FastAPI()

    @app.websocket("/refused")
    async def refuse(websocket: WebSocket) -> None:
        raise WebSocketException(1008, "no token")

    @app.websocket("/crashed")
    async def crash(websocket: WebSocket) -> None:
        raise CrashError("boom")

    extensions: dict[str, Any] = {"websocket.http.response": {}}
    (refused,) = asyncio.run(serve_websocket(app, path="/refused", extensions=extensions))
    assert refused == {"type": "websocket.close", "code": 1008, "reason": "no token"}
    (crashed,) = asyncio.run(serve_websocket(app, path="/crashed", extensions=extensions))
    assert crashed == {"type": "raised"}
    assert [record["response"]["httpStatus"] for record in lines.http()] == [403, 500]


def test_injects_the_ids(lines: Any) -> None:
    """RequestID and UserID give the ids to an endpoint, and to the schema nothing."""
    app = FastAPI()
    clew.fastapi.install(app)

    def authenticated() -> None:
        clew.bind(user_id=5)

    @app.get("/ok", dependencies=[Depends(authenticated)])
    def endpoint(request_id: clew.fastapi.RequestID, user_id: clew.fastapi.UserID) -> list[Any]:
        return [request_id, user_id]

    reply = serve(app, headers=[("X-Request-ID", "mine")])
    assert reply.body == b'["mine","5"]'
    assert "parameters" not in app.openapi()["paths"]["/ok"]["get"]


def test_tells_when_it_is_not_installed() -> None:
    """RequestID without install() says what is missing."""
    app = FastAPI()

    @app.get("/ok")
    def endpoint(request_id: clew.fastapi.RequestID) -> str:
        return request_id

    with pytest.raises(RuntimeError, match=r"clew\.fastapi\.install\(app\)"):
        raise serve(app).error or AssertionError


def test_keeps_the_user_bound_in_a_threaded_dependency(lines: Any) -> None:
    """A user bound in a sync dependency, which runs in a thread, is on all later lines."""
    app = FastAPI()
    clew.fastapi.install(app)

    @app.get("/ok")
    async def endpoint(user: Annotated[int, Depends(current_user)]) -> int:
        clew.get_logger("app").info("inside")
        return user

    serve(app)
    assert [line["userId"] for line in lines()] == ["5", "5"]


class Copying:
    """A middleware that hands a copy of the scope on, as the specification asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(dict(scope), receive, send)


def copying() -> FastAPI:
    """Return an application that knows the user behind a copy of the scope, with clew in it."""

    class Seven(BaseUser):
        is_authenticated = True
        id = 7

    class Knowing(AuthenticationBackend):
        async def authenticate(self, _connection: Any) -> Any:
            return AuthCredentials(), Seven()

    authentication = Middleware(AuthenticationMiddleware, backend=Knowing())
    app = FastAPI(middleware=[Middleware(Copying), authentication])
    clew.fastapi.install(app)
    app.get("/items/{id}")(api_answer)
    return app


def test_a_copied_scope_has_the_user_and_the_route(lines: Any) -> None:
    """A middleware hands a copy of the scope on, as the specification asks; nothing is lost."""
    app = copying()
    assert serve(app, target="/items/1").status == 200
    record = only(lines.http())
    assert (record["userId"], record["request"]["route"]) == ("7", "/items/{id}")
    assert len(app.user_middleware) == 2


def installed(app: ASGIApp) -> ASGIApp:
    around = Starlette(routes=[Mount("/m/{t}", app)])
    clew.starlette.install(around)
    return around


@pytest.mark.parametrize("between", [lambda app: app, Copying], ids=["within", "around it too"])
@pytest.mark.parametrize(
    "around",
    [
        pytest.param(installed, id="installed in both"),
        pytest.param(
            lambda app: clew.asgi.RequestIDMiddleware(Starlette(routes=[Mount("/m/{t}", app)])),
            id="clew.asgi around",
        ),
        pytest.param(lambda app: Starlette(routes=[Mount("/m/{t}", app)]), id="within alone"),
    ],
)
def test_a_copied_scope_in_a_mounted_application(lines: Any, between: Any, around: Any) -> None:
    """With clew in a mounted application, a copy of the scope there loses nothing."""
    assert serve(around(between(copying())), target="/m/acme/items/1").status == 200
    record = only(lines.http())
    assert (record["userId"], record["request"]["route"]) == ("7", "/m/{t}/items/{id}")


def test_a_request_within_keeps_its_route_to_itself(lines: Any) -> None:
    """An application that serves a copy of the scope itself has the route that it matched."""
    app = FastAPI()
    clew.fastapi.install(app)
    app.get("/items/{id}")(api_answer)
    app.mount("/m", mounted := FastAPI())
    clew.fastapi.install(mounted)
    mounted.get("/things/{id}")(api_answer)
    other = copying()

    @app.get("/batch")
    async def batch(request: Request) -> str:
        for path in ("/items/1", "/m/things/1"):
            scope = {**request.scope, "path": path, "raw_path": path.encode()}
            await request.app(scope, request.receive, _ignore)
            await other(scope, request.receive, _ignore)
        return "x"

    assert routes(lines, app, "/batch") == ["/batch"]


def test_a_request_within_a_mounted_one_keeps_its_user_to_itself(lines: Any) -> None:
    """What an endpoint asks of another application, unknown behind a copy, has its own user."""
    other = copying()

    async def batch(request: Request) -> PlainTextResponse:
        scope = {**request.scope, "path": "/items/1", "root_path": ""}
        await other(scope, request.receive, _ignore)
        return answer(request)

    app = installed(Starlette(routes=[Route("/batch", batch)], middleware=[Middleware(Copying)]))
    serve(app, target="/m/acme/batch")
    assert "userId" not in only(lines.http())


async def _ignore(_message: Message) -> None:
    pass
