"""For Litestar: ``clew.litestar.install(app)``."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

from ._http.exchange import Exchange
from ._http.scope import Receive, Scope, Send
from ._http.settings import Options, Settings
from ._http.users import id_of
from .asgi import RequestIDMiddleware

if TYPE_CHECKING:
    from litestar import Litestar


def install(app: Litestar, *, settings: Settings | None = None, **options: Unpack[Options]) -> None:
    """Install clew in *app*, outside of its router and its exception handlers.

    Same as `clew.asgi.RequestIDMiddleware`, for Litestar: routes, the user whom an authentication
    middleware has put into the connection, and the exceptions that Litestar answers itself are
    known. *app* stays the object that it is.
    """
    handler: Any = app.asgi_handler

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = scope.get("clew")
        if isinstance(exchange, Exchange):
            exchange.add_inner(route=lambda: _route(scope), user=lambda: _user_id(scope))
        await handler(scope, receive, send)

    middleware: Any = RequestIDMiddleware(known, settings=Settings.of(settings, options))
    middleware.outermost = True
    app.asgi_handler = middleware
    app.after_exception.append(_on_exception)


async def _on_exception(error: Exception, scope: Any) -> None:
    exchange = scope.get("clew")
    if isinstance(exchange, Exchange):
        exchange.failed(error)


def _route(scope: Scope) -> str | None:
    """Return the template that the router has put into *scope*, once something matched."""
    handler = scope.get("route_handler")
    if getattr(handler, "is_mount", False):
        # What stands there is the root's template (seen in Litestar 2.25).
        routes = scope["litestar_app"].routes
        paths = [each.path for each in routes if getattr(each, "route_handler", None) is handler]
        return paths[0] if len(paths) == 1 else None
    template: str | None = scope.get("path_template")
    return template


def _user_id(scope: Scope) -> object:
    """Return the id of the user, who is of whatever type the application's authentication has."""
    user = scope.get("user")
    if user is None or isinstance(user, (str, int, uuid.UUID)):
        return user
    if isinstance(user, Mapping):
        return user.get("id")
    # Only who has been authenticated is there at all.
    return id_of(user, "id", "pk", "identity", "user_id", assume_authenticated=True)
