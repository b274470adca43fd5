"""The seven stacks, each with the same small application behind it.

Its paths: ``/ok``, ``/items/ID``, ``/seen`` (the ids as the application sees them), ``/own``
(sets the header itself), ``/bind``, ``/user`` (an authenticated user), ``/status/N``, ``/crash``,
``/stream``, ``/stream-crash``, ``/streamed-id`` and, below ``/tenants/T``, ``/users/ID``.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from fastapi import APIRouter, Request, Response
from fastapi import FastAPI as FastAPIApplication
from starlette.applications import Starlette as StarletteApplication
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

import clew
import clew.asgi
import clew.fastapi
import clew.flask
import clew.starlette
import clew.wsgi

from .drive import Call, Reply, serve_asgi, serve_wsgi

log = clew.get_logger("app")

USER = "12345"
CHUNKS = [b"one", b"two", b"three"]


class CrashError(Exception):
    """What the application raises."""


class Stack:
    """An application with clew in it, and a way to serve it."""

    asgi = False
    # How the stack writes the template of /items/ID and of /tenants/T/users/ID; None: it has none.
    item_route: str | None = None
    tenant_route: str | None = None
    authenticates = True

    def __init__(self, **options: Any) -> None:
        self.app = self.build(options)

    def build(self, options: dict[str, Any]) -> Any:
        raise NotImplementedError

    def request(self, target: str = "/ok", **call: Any) -> Reply:
        """Serve one request."""
        described = Call(target=target, **call)
        if self.asgi:
            return asyncio.run(serve_asgi(self.app, described))
        return serve_wsgi(self.app, described)


# What every application does, whatever its framework.


def crash() -> NoReturn:
    log.debug("detail", step=1)
    raise CrashError("boom")


def ok() -> bytes:
    log.info("inside", action="READ")
    return b"ok"


def seen(header: str | None) -> bytes:
    return f"{header} {clew.request_id()}".encode()


def bind() -> bytes:
    clew.bind(user_id=77, tenant="acme")
    log.info("bound")
    return b"bound"


def user() -> bytes:
    log.info("as user")
    return b"hello"


def stream() -> Iterator[bytes]:
    for chunk in CHUNKS:
        log.info("chunk")
        yield chunk


def stream_crash() -> Iterator[bytes]:
    yield CHUNKS[0]
    log.debug("detail", step=1)
    raise CrashError("half-way")


def streamed_id() -> Iterator[bytes]:
    yield f"{clew.request_id()} ".encode()
    yield f"{clew.request_id()}".encode()


class SimpleUser:
    """A user as an authentication middleware leaves it."""

    is_authenticated = True
    display_name = "Bob"

    def __init__(self, id: object) -> None:
        self.id = id


class BareASGI(Stack):
    """``clew.asgi.RequestIDMiddleware`` around a plain ASGI application."""

    asgi = True

    def build(self, options: dict[str, Any]) -> Any:
        return clew.asgi.RequestIDMiddleware(bare_asgi, **options)


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    async def answer(body: bytes, status: int = 200, headers: Any = ()) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [*headers]})
        await send({"type": "http.response.body", "body": body})

    async def answer_stream(chunks: Iterator[bytes]) -> None:
        await send({"type": "http.response.start", "status": 200})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if path == "/ok":
        await answer(ok())
    elif path.startswith("/items/") or path.startswith("/tenants/"):
        await answer(b"item")
    elif path == "/seen":
        value = dict(scope["headers"]).get(b"x-request-id")
        await answer(seen(None if value is None else value.decode()))
    elif path == "/own":
        await answer(b"own", headers=[(b"X-Request-ID", b"app"), (b"x-other", b"1")])
    elif path == "/bind":
        await answer(await asyncio.to_thread(bind))
    elif path == "/user":
        scope["user"] = SimpleUser(int(USER))
        await answer(user())
    elif path.startswith("/status/"):
        await answer(b"status", int(path.rpartition("/")[2]))
    elif path == "/crash":
        crash()
    elif path == "/stream":
        await answer_stream(stream())
    elif path == "/stream-crash":
        await answer_stream(stream_crash())
    elif path == "/streamed-id":
        await answer_stream(streamed_id())
    else:
        await answer(b"not found", 404)


class BareWSGI(Stack):
    """``clew.wsgi.RequestIDMiddleware`` around a plain WSGI application."""

    authenticates = False

    def build(self, options: dict[str, Any]) -> Any:
        return clew.wsgi.RequestIDMiddleware(bare_wsgi, **options)


def bare_wsgi(environ: Any, start_response: Any) -> Any:
    path = environ["PATH_INFO"]
    status, headers = "200 OK", [("Content-Type", "text/plain")]
    body: Any
    if path == "/ok":
        body = [ok()]
    elif path.startswith("/items/") or path.startswith("/tenants/"):
        body = [b"item"]
    elif path == "/seen":
        body = [seen(environ.get("HTTP_X_REQUEST_ID"))]
    elif path == "/own":
        headers += [("x-request-id", "app"), ("X-Other", "1")]
        body = [b"own"]
    elif path == "/bind":
        body = [bind()]
    elif path.startswith("/status/"):
        status, body = f"{path.rpartition('/')[2]} As Asked", [b"status"]
    elif path == "/crash":
        crash()
    elif path == "/stream":
        body = stream()
    elif path == "/stream-crash":
        body = stream_crash()
    elif path == "/streamed-id":
        body = streamed_id()
    else:
        status, body = "404 Not Found", [b"not found"]
    start_response(status, headers)
    return body


class Starlette(Stack):
    """``clew.starlette.install`` in a Starlette application."""

    asgi = True
    item_route = "/items/{id}"
    tenant_route = "/tenants/{t}/users/{id}"

    def build(self, options: dict[str, Any]) -> Any:
        def plain(make: Callable[[Any], bytes], **response: Any) -> Any:
            # A sync endpoint: it runs in a thread, in a copy of the context.
            return lambda request: PlainTextResponse(make(request), **response)

        def get_crash(_request: Any) -> Any:
            crash()

        def status(request: Any) -> Any:
            return PlainTextResponse(b"status", request.path_params["n"])

        def authenticated(request: Any) -> Any:
            request.scope["user"] = SimpleUser(int(USER))
            return PlainTextResponse(user())

        app = StarletteApplication(
            routes=[
                Route("/ok", plain(lambda _: ok()), methods=["GET", "POST"]),
                Route("/items/{id:int}", plain(lambda _: b"item")),
                Route("/seen", plain(lambda r: seen(r.headers.get("x-request-id")))),
                Route(
                    "/own",
                    plain(lambda _: b"own", headers={"X-Request-ID": "app", "X-Other": "1"}),
                ),
                Route("/bind", plain(lambda _: bind())),
                Route("/user", authenticated),
                Route("/status/{n:int}", status),
                Route("/crash", get_crash),
                Route("/stream", lambda _: StreamingResponse(stream())),
                Route("/stream-crash", lambda _: StreamingResponse(stream_crash())),
                Route("/streamed-id", lambda _: StreamingResponse(streamed_id())),
                Mount("/tenants/{t}", routes=[Route("/users/{id}", plain(lambda _: b"item"))]),
            ]
        )
        clew.starlette.install(app, **options)
        return app


class FastAPI(Stack):
    """``clew.fastapi.install`` in a FastAPI application, before its routes."""

    asgi = True
    item_route = "/items/{id}"
    tenant_route = "/tenants/{t}/users/{id}"

    def build(self, options: dict[str, Any]) -> Any:
        app = FastAPIApplication()
        clew.fastapi.install(app, **options)

        @app.api_route("/ok", methods=["GET", "POST", "HEAD"])
        def get_ok() -> Response:
            return Response(ok())

        @app.get("/items/{id}")
        async def get_item(id: int) -> Response:
            return Response(b"item")

        @app.get("/seen")
        def get_seen(request: Request) -> Response:
            return Response(seen(request.headers.get("x-request-id")))

        @app.get("/own")
        def get_own() -> Response:
            return Response(b"own", headers={"X-Request-ID": "app", "X-Other": "1"})

        @app.get("/bind")
        def get_bind() -> Response:
            return Response(bind())

        @app.get("/user")
        async def get_user(request: Request) -> Response:
            request.scope["user"] = SimpleUser(int(USER))
            return Response(user())

        @app.get("/status/{n}")
        async def get_status(n: int) -> Response:
            return Response(b"status", n)

        @app.get("/crash")
        async def get_crash() -> None:
            crash()

        @app.get("/stream")
        async def get_stream() -> StreamingResponse:
            return StreamingResponse(stream())

        @app.get("/stream-crash")
        async def get_stream_crash() -> StreamingResponse:
            return StreamingResponse(stream_crash())

        @app.get("/streamed-id")
        async def get_streamed_id() -> StreamingResponse:
            return StreamingResponse(streamed_id())

        tenants = APIRouter(prefix="/{t}")

        @tenants.get("/users/{id}")
        async def get_tenant_user(t: str, id: str) -> Response:
            return Response(b"item")

        app.include_router(tenants, prefix="/tenants")
        return app


class Flask(Stack):
    """``clew.flask.install`` in a Flask application, with Flask-Login."""

    item_route = "/items/<int:id>"
    tenant_route = "/tenants/<t>/users/<id>"

    def build(self, options: dict[str, Any]) -> Any:
        import flask
        import flask_login

        app = flask.Flask("shop")
        manager = flask_login.LoginManager(app)

        @manager.request_loader  # type: ignore[untyped-decorator]
        def load_user(request: flask.Request) -> Any:
            return SimpleUser(int(USER)) if request.path == "/user" else None

        app.add_url_rule("/ok", "ok", ok, methods=["GET", "POST"])
        app.add_url_rule("/items/<int:id>", "item", lambda id: b"item")
        app.add_url_rule("/seen", "seen", lambda: seen(flask.request.headers.get("X-Request-ID")))
        app.add_url_rule("/own", "own", lambda: (b"own", {"X-Request-ID": "app", "X-Other": "1"}))
        app.add_url_rule("/bind", "bind", bind)

        @app.get("/user")
        def get_user() -> bytes:
            assert flask_login.current_user.is_authenticated
            return user()

        app.add_url_rule("/status/<int:n>", "status", lambda n: (b"status", n))

        @app.get("/crash")
        def get_crash() -> bytes:
            crash()

        app.add_url_rule("/stream", "stream", lambda: flask.Response(stream()))
        app.add_url_rule("/stream-crash", "crash2", lambda: flask.Response(stream_crash()))
        app.add_url_rule("/streamed-id", "streamed", lambda: flask.Response(streamed_id()))
        tenants = flask.Blueprint("tenants", "tenants", url_prefix="/tenants/<t>")
        tenants.add_url_rule("/users/<id>", "user", lambda t, id: b"item")
        app.register_blueprint(tenants)
        clew.flask.install(app, **options)
        return app.wsgi_app


class DjangoWSGI(Stack):
    """``clew.django.RequestIDMiddleware`` in a Django project on WSGI."""

    item_route = "/items/<int:id>"
    tenant_route = "/tenants/<str:t>/users/<str:id>"

    def build(self, options: dict[str, Any]) -> Any:
        from django.core.handlers.wsgi import WSGIHandler

        return self.handler(WSGIHandler, options)

    def handler(self, make: Callable[[], Any], options: dict[str, Any]) -> Any:
        """Return what *make* makes, with *options* in the setting CLEW."""
        import django
        from django.test.utils import override_settings

        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.adapters.django_project.settings"
        django.setup()
        with override_settings(CLEW=options):
            return make()


class DjangoASGI(DjangoWSGI):
    """``clew.django.RequestIDMiddleware`` in a Django project on ASGI."""

    asgi = True

    def build(self, options: dict[str, Any]) -> Any:
        from django.core.handlers.asgi import ASGIHandler

        return self.handler(ASGIHandler, options)


STACKS = (BareASGI, Starlette, FastAPI, Flask, BareWSGI, DjangoWSGI, DjangoASGI)
