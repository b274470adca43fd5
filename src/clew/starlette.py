"""For Starlette and FastAPI: ``clew.starlette.install(app)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ._settings import Options, Settings
from .asgi import RequestIDMiddleware

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp


def install(
    app: Starlette, *, settings: Settings | None = None, **options: Unpack[Options]
) -> None:
    """Install clew in *app*, outside of all its middleware, so that 500s carry the header too.

    Same as `clew.asgi.RequestIDMiddleware`, for Starlette and FastAPI; *app* stays the object
    that it is. Call it before or after adding routes and middleware.
    """
    chosen = Settings.of(settings, options)

    def wrapped(stack: ASGIApp) -> ASGIApp:
        middleware = RequestIDMiddleware(stack, settings=chosen)
        middleware.outermost = True
        return middleware

    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: wrapped(build())  # type: ignore[method-assign]
    if app.middleware_stack is not None:  # it has served already
        app.middleware_stack = wrapped(app.middleware_stack)
