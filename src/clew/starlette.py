"""For Starlette and FastAPI: ``clew.starlette.install(app)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ._http.settings import Options, Settings
from .asgi import RequestIDMiddleware

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send


def install(
    app: Starlette, *, settings: Settings | None = None, **options: Unpack[Options]
) -> None:
    """Install clew in *app*, outside of all its middleware, so that 500s carry the header too.

    Same as `clew.asgi.RequestIDMiddleware`, for Starlette and FastAPI; *app* stays the object
    that it is. Call it before or after adding routes and middleware.
    """
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
        stack = self._build()
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
