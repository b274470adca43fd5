"""For Flask: ``clew.flask.install(app)``."""

from __future__ import annotations

import functools
import sys
from typing import Any, Unpack

from flask import Flask, g, got_request_exception, request, request_started
from werkzeug.exceptions import HTTPException

from ._http.environ import live_exchange
from ._http.exchange import record_caught, record_exception
from ._http.settings import Options, Settings
from ._http.users import id_of
from ._options import check_application
from .wsgi import RequestIDMiddleware


def install(app: Flask, *, settings: Settings | None = None, **options: Unpack[Options]) -> None:
    """Install clew in *app*, before or after its routes, in an app factory or not.

    Same as `clew.wsgi.RequestIDMiddleware`, for Flask: routes, Flask-Login's user and the
    exceptions that Flask answers itself are known.
    """
    check_application("clew.flask.install", app, "wsgi_app", "Flask")
    middleware = RequestIDMiddleware(app.wsgi_app, settings=Settings.of(settings, options))
    middleware.outermost = False  # Flask answers its own crashes, or shows its debugger
    app.wsgi_app = middleware  # type: ignore[method-assign]
    app.handle_user_exception = _recording(app.handle_user_exception)  # type: ignore[method-assign]
    request_started.connect(_on_request_started, app)
    got_request_exception.connect(_on_exception, app)


def _on_request_started(_app: Flask, **_: Any) -> None:
    exchange = live_exchange(request.environ)
    if exchange is None:
        return
    rule = request.url_rule
    if rule is not None:
        template = exchange.mount(request.environ) + rule.rule
        exchange.add_inner(route=lambda: template)
    # The application context is gone when the HTTPLog is written; what it held is not.
    held = g._get_current_object()
    exchange.add_inner(user=lambda: _login_user(held))


def _login_user(held: Any) -> object:
    """Return the id of the user whom Flask-Login has loaded; loads nobody."""
    user = held.get("_login_user")
    return None if user is None else id_of(user, "id", "pk")


def _recording(handle: Any) -> Any:
    """Return *handle*, which calls an error handler or raises again, so that the record knows."""

    @functools.wraps(handle)
    def handle_user_exception(error: Exception) -> Any:
        answer = handle(error)
        if not isinstance(error, HTTPException):
            record_caught(error)
        return answer

    return handle_user_exception


def _on_exception(_app: Flask, **_: Any) -> None:
    record_exception(sys.exc_info()[1])
