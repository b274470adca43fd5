"""For Starlette and FastAPI: ``clew.starlette.install(app)``."""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from inspect import iscoroutinefunction
from typing import Any, Unpack

from starlette.applications import Starlette
from starlette.exceptions import HTTPException, WebSocketException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ._http.exchange import record_caught
from ._http.settings import Options, Settings
from ._options import check_application
from .asgi import RequestIDMiddleware


def install(
    app: Starlette, *, settings: Settings | None = None, **options: Unpack[Options]
) -> None:
    """Install clew in *app*, outside of all its middleware, so that 500s carry the header too.

    Same as `clew.asgi.RequestIDMiddleware`, for Starlette and FastAPI; *app* stays the object
    that it is. Call it before or after adding routes and middleware. The route and the user are
    found behind middleware of *app* that hands on a copy of the scope; behind that of an
    application mounted in it, where clew is installed there, too.
    """
    kind = "Starlette's or FastAPI"
    check_application("clew.starlette.install", app, "build_middleware_stack", kind)
    stack = _Stack(app, Settings.of(settings, options))
    app.build_middleware_stack = stack  # type: ignore[method-assign]
    if app.middleware_stack is not None:  # it has served already
        app.middleware_stack = stack.around(app.middleware_stack)


class _Stack:
    """Builds an application's stack of middleware, with clew outside of it."""

    def __init__(self, app: Starlette, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._build = app.build_middleware_stack

    def __call__(self) -> ASGIApp:
        app = self._app
        handlers, middleware = app.exception_handlers, app.user_middleware
        app.user_middleware = [*middleware, Middleware(_Innermost)]
        # Those of exceptions that are no answers themselves.
        crashes = {
            key: _recording(handler)
            for key, handler in handlers.items()
            if isinstance(key, type) and not issubclass(key, (HTTPException, WebSocketException))
        }
        app.exception_handlers = {**handlers, **crashes}
        try:
            stack = self._build()
        finally:
            app.exception_handlers, app.user_middleware = handlers, middleware
        if not isinstance(self._app.build_middleware_stack, _Stack) and hasattr(stack, "app"):
            # Somebody wraps this. OpenTelemetry then takes Starlette's own stack apart, and does
            # nothing at all where it finds another: clew joins when the stack is in its place.
            stack.app = self._joining(stack.app)
            return stack
        return self.around(stack)

    def around(self, stack: ASGIApp) -> ASGIApp:
        middleware = RequestIDMiddleware(stack, settings=self._settings)
        middleware.outermost = True
        return middleware

    def _joining(self, inner: ASGIApp) -> ASGIApp:
        """Return *inner* so that clew goes outside of the whole stack with the first call, as a
        rule that of the lifespan; a first request is served from here.
        """
        served = RequestIDMiddleware(inner, settings=self._settings)
        outside = False

        async def join(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal outside
            if not outside and self._app.middleware_stack is not None:
                outside = True
                self._app.middleware_stack = self.around(self._app.middleware_stack)
            await served(scope, receive, send)

        return join


class _Innermost:
    """Shows the scope that the router gets to the exchange: another one, where it was copied."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange = scope.get("clew")
        if exchange is not None:
            known = exchange.innermost
            # An application that makes a request of itself, with this one's scope, has another
            # route; what a mount has led to here has its own.
            if "endpoint" not in known or (
                known["endpoint"] is scope.get("endpoint") and _leads_on(known["endpoint"])
            ):
                exchange.innermost = scope
        return self._app(scope, receive, send)


def _leads_on(endpoint: object) -> bool:
    """Tell whether *endpoint* is an application that is mounted, with middleware around it or not,
    and not what answers.
    """
    return hasattr(endpoint, "routes") or hasattr(endpoint, "app")


def _recording(handler: Any) -> Any:
    """Return *handler*, sync or async as it is, so that the record knows the exception."""
    called = handler
    while isinstance(called, functools.partial):
        called = called.func
    if iscoroutinefunction(called) or iscoroutinefunction(getattr(called, "__call__", None)):  # noqa: B004

        @functools.wraps(handler)
        async def handle_async(request: Any, error: Exception) -> Any:
            record_caught(error)
            return await handler(request, error)

        return handle_async

    @functools.wraps(handler)
    def handle(request: Any, error: Exception) -> Any:
        record_caught(error)
        return handler(request, error)

    return handle
