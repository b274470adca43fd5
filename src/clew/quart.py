"""For Quart: ``clew.quart.install(app)``."""

from __future__ import annotations

import functools
from typing import Any, Unpack

from quart import Quart, g, has_websocket_context, request, websocket
from quart.signals import (
    got_request_exception,
    got_websocket_exception,
    request_started,
    websocket_started,
)
from werkzeug.exceptions import HTTPException

from ._current import current
from ._http.exchange import Exchange, record_caught, record_exception
from ._http.settings import Options, Settings
from ._options import check_application
from .asgi import RequestIDMiddleware


def install(app: Quart, *, settings: Settings | None = None, **options: Unpack[Options]) -> None:
    """Install clew in *app*, before or after its routes, in an app factory or not.

    Same as `clew.asgi.RequestIDMiddleware`, for Quart: routes, Quart-Auth's user and the
    exceptions that Quart answers itself are known.
    """
    check_application("clew.quart.install", app, "asgi_app", "Quart")
    asgi_app: Any = app.asgi_app  # its types are hypercorn's
    middleware = RequestIDMiddleware(asgi_app, settings=Settings.of(settings, options))
    app.asgi_app = middleware  # type: ignore[assignment, method-assign]
    app.handle_user_exception = _recording(app.handle_user_exception)  # type: ignore[method-assign]
    request_started.connect(_on_started, app)
    websocket_started.connect(_on_started, app)
    got_request_exception.connect(_on_exception, app)
    got_websocket_exception.connect(_on_exception, app)


async def _on_started(app: Quart, **_: Any) -> None:
    exchange = current()
    if not isinstance(exchange, Exchange) or not exchange.live:
        return
    rule = (websocket if has_websocket_context() else request).url_rule
    if rule is not None:
        exchange.add_inner(route=lambda: rule.rule)
    # The application context is gone when the HTTPLog is written; what it held is not.
    held = g._get_current_object()
    names = [auth.attribute_name for auth in app.extensions.get("QUART_AUTH", ())]
    if names:
        exchange.add_inner(user=lambda: _user_id(held, names))


def _user_id(held: Any, names: list[str]) -> object:
    """Return the id of the user whom Quart-Auth has loaded; loads nobody."""
    for name in names:
        user = held.get(name)
        if user is not None and user.auth_id is not None:
            return user.auth_id
    return None


def _recording(handle: Any) -> Any:
    """Return *handle*, which calls an error handler or raises again, so that the record knows."""

    @functools.wraps(handle)
    async def handle_user_exception(error: Exception) -> Any:
        answer = await handle(error)
        if not isinstance(error, HTTPException):
            record_caught(error)
        return answer

    return handle_user_exception


async def _on_exception(_app: Quart, *, exception: Exception, **_: Any) -> None:
    record_exception(exception)
