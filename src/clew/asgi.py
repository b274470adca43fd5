"""The middleware for any ASGI application: ``app = clew.asgi.RequestIDMiddleware(app)``.

Pure ASGI 3.0; the source of the rules is the ASGI specification's "HTTP & WebSocket" part.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Unpack

from ._http.asgi import ASGIExchange, LoggedExchange, WebSocketExchange
from ._http.exchange import CRASH_BODY
from ._http.routes import RouteTemplates
from ._http.scope import Receive, Scope, Send
from ._http.settings import Options, Settings
from ._lines.dropping import wait_for_all
from ._lines.uncaught import hooks

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class RequestIDMiddleware:
    """Give every request its id, its context, its response header and its HTTPLog.

    Around a bare application it also answers a crash with a plain 500 that carries the header,
    and raises again, so that the server logs it. Inside an application of Starlette's, as
    ``app.add_middleware(clew.asgi.RequestIDMiddleware)``, that answer is Starlette's own; there
    `clew.starlette.install` is the better way, since it also gives the 500s the header, and finds
    the route and the user behind a middleware that hands on a copy of the scope.

    Args:
        app: The application.
        settings: A `Settings`, in place of single options.
        options: The options of `Settings`.
    """

    def __init__(
        self, app: ASGIApp, *, settings: Settings | None = None, **options: Unpack[Options]
    ) -> None:
        self.app = app
        self.settings = Settings.of(settings, options)
        self.routes = RouteTemplates()
        # Whether a crash is answered even inside an application of Starlette's.
        self.outermost = False
        self._http: type[ASGIExchange] = LoggedExchange if self.settings.log else ASGIExchange

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        hooks.see_loops()  # uvicorn imports its own behind the application
        try:
            await self.app(scope, receive, send)
        finally:
            wait_for_all()  # uvicorn ends by the signal that it got, behind which nothing runs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind, outer = scope["type"], scope.get("clew")
        # Installed twice, the outer one serves.
        if kind not in ("http", "websocket") or (outer is not None and outer.live):
            if kind == "lifespan":
                await self._live(scope, receive, send)
            else:
                await self.app(scope, receive, send)
            return
        inside, headers = scope.get("app"), scope.get("headers")
        if type(headers) is not list:  # any iterable will do, also one that ends
            scope["headers"] = list(headers or ())
        of_kind = self._http if kind == "http" else WebSocketExchange
        scope["clew"] = exchange = of_kind(self.settings, self.routes, scope, receive, send)
        try:
            exchange.resume()
            await self.app(scope, exchange.receive, exchange.send)
            exchange.close()
        except BaseException as error:
            try:
                exchange.failed(error)
                answers = self.outermost or inside is None
                if answers and exchange.status is None and isinstance(error, Exception):
                    await exchange.answer(500, CRASH_BODY)
            finally:
                exchange.close(error)
            raise
        finally:
            scope.pop("clew", None)  # each holds the other
