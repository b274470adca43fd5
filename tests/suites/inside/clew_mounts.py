"""Mounts clew under every application, client or formatter that a library makes from here on.

Each function below is a mount, by the name that `tests.suites.table` has. It imports its library
itself, so that a run loads no other.
"""

from __future__ import annotations

import atexit
import functools
import io
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clew

_HAS_HEADER = not os.environ.get("SUITE_WITHOUT_HEADER")

# Each id that was made, and the test for which it was.
_made_ids: dict[str, str] = {}


def mount() -> None:
    """Set up clew's own log, and mount clew, as the run's environment variables say."""
    # Starlette's suite forbids to write to a file where a request is handled.
    lines = io.StringIO()
    handler = clew.LineHandler(lines)
    handler.setFormatter(clew.JSONFormatter())
    handler.addFilter(clew.ContextFilter())
    # The suites look at the root logger, its handlers and what they get: it stays as it is.
    logger = logging.getLogger("clew")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    atexit.register(_write_log, Path(os.environ["SUITE_LOG"]), os.getpid(), lines)
    for name in os.environ["SUITE_MOUNTS"].split(","):
        globals()[f"_mount_{name}"]()


def _write_log(folder: Path, pid: int, lines: io.StringIO) -> None:
    """Write the lines, and which ids were made, each of which has its HTTPLog."""
    if os.getpid() == pid:  # not a fork of it
        (folder / f"lines-{pid}.ndjson").write_bytes(lines.getvalue().encode())
        (folder / f"ids-{pid}.json").write_text(json.dumps(_made_ids), encoding="utf-8")


def _made_id() -> str:
    made = clew.new_id()
    _made_ids[made] = os.environ.get("PYTEST_CURRENT_TEST", "no test")
    return made


def _settings() -> clew.Settings:
    return clew.Settings(generate=_made_id, response_header=_HAS_HEADER, inject=_HAS_HEADER)


def _wrapped_by(module: Any) -> Callable[[Any], object]:
    """Return what wraps a client by *module*, so that its calls carry the id or none at all."""
    hosts = None if _HAS_HEADER else ()
    return lambda client: module.wrap(client, hosts=hosts)


def _after_init(kind: Any, mounting: Callable[[Any], object]) -> None:
    """Let *mounting* have each object of *kind* once it is made."""
    made = kind.__init__

    @functools.wraps(made)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        mounting(self)

    kind.__init__ = __init__


def _with_app(function: Any, position: int, wrapped: Callable[[Any], Any]) -> Any:
    """Return *function*, which takes an application at *position*, so that it gets another."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if len(args) > position:
            args = (*args[:position], wrapped(args[position]), *args[position + 1 :])
        else:
            for name in ("app", "application"):
                if name in kwargs:
                    kwargs[name] = wrapped(kwargs[name])
        return function(*args, **kwargs)

    return called


def _mount_starlette() -> None:
    import starlette.testclient
    from starlette.applications import Starlette

    import clew.asgi
    import clew.starlette

    def wrapped(app: Any) -> Any:
        # Those of Starlette's have clew inside; those of ASGI 2 are none of clew's.
        if isinstance(app, Starlette) or not starlette.testclient._is_asgi3(app):
            return app
        return clew.asgi.RequestIDMiddleware(app, settings=_settings())

    _after_init(Starlette, lambda app: clew.starlette.install(app, settings=_settings()))
    client: Any = starlette.testclient.TestClient
    client.__init__ = _with_app(client.__init__, 1, wrapped)


def _mount_fastapi() -> None:
    from fastapi import FastAPI

    import clew.fastapi

    _mount_starlette()
    _after_init(FastAPI, lambda app: clew.fastapi.install(app, settings=_settings()))


def _mount_litestar() -> None:
    from litestar import Litestar

    import clew.litestar

    _after_init(Litestar, lambda app: clew.litestar.install(app, settings=_settings()))


def _mount_quart() -> None:
    from quart import Quart

    import clew.quart

    _after_init(Quart, lambda app: clew.quart.install(app, settings=_settings()))


def _mount_flask() -> None:
    from flask import Flask

    import clew.flask

    _after_init(Flask, lambda app: clew.flask.install(app, settings=_settings()))


def _mount_werkzeug() -> None:
    import werkzeug.serving
    import werkzeug.test

    import clew.wsgi

    def wrapped(app: Any) -> Any:
        return clew.wsgi.RequestIDMiddleware(app, settings=_settings())

    client: Any = werkzeug.test.Client
    client.__init__ = _with_app(client.__init__, 1, wrapped)
    server: Any = werkzeug.serving.BaseWSGIServer
    server.__init__ = _with_app(server.__init__, 3, wrapped)
    module: Any = werkzeug.test
    module.run_wsgi_app = _with_app(module.run_wsgi_app, 0, wrapped)


def _mount_django() -> None:
    from django.conf import settings
    from django.core.handlers.base import BaseHandler

    load = BaseHandler.load_middleware

    @functools.wraps(load)
    def load_middleware(self: Any, *args: Any, **kwargs: Any) -> None:
        before = settings.MIDDLEWARE
        settings.CLEW = _settings()
        settings.MIDDLEWARE = ["clew.django.RequestIDMiddleware", *before]
        try:
            load(self, *args, **kwargs)
        finally:
            settings.MIDDLEWARE = before

    BaseHandler.load_middleware = load_middleware  # type: ignore[method-assign]


def _mount_django_outside() -> None:
    """Mount clew.asgi and clew.wsgi around Django, beside clew.django in it."""
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    import clew.asgi
    import clew.wsgi

    _mount_django()
    call_asgi, call_wsgi = ASGIHandler.__call__, WSGIHandler.__call__

    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:
        app = functools.partial(call_asgi, self)
        await clew.asgi.RequestIDMiddleware(app, settings=_settings())(scope, receive, send)

    def respond(self: Any, environ: Any, start_response: Any) -> Any:
        app = functools.partial(call_wsgi, self)
        return clew.wsgi.RequestIDMiddleware(app, settings=_settings())(environ, start_response)

    ASGIHandler.__call__ = __call__  # type: ignore[method-assign]
    WSGIHandler.__call__ = respond  # type: ignore[method-assign]


def _mount_httpx() -> None:
    import httpx

    import clew.httpx

    _after_init(httpx.Client, _wrapped_by(clew.httpx))
    _after_init(httpx.AsyncClient, _wrapped_by(clew.httpx))


def _mount_requests() -> None:
    import requests

    import clew.requests

    _after_init(requests.Session, _wrapped_by(clew.requests))


def _mount_urllib3() -> None:
    import urllib3

    import clew.urllib3

    _after_init(urllib3.PoolManager, _wrapped_by(clew.urllib3))
    _after_init(urllib3.HTTPConnectionPool, _wrapped_by(clew.urllib3))


def _mount_aiohttp() -> None:
    import aiohttp

    import clew.aiohttp

    _after_init(aiohttp.ClientSession, _wrapped_by(clew.aiohttp))


def _mount_json_logger() -> None:
    """Put clew's formatter in the place of each of python-json-logger's."""
    import pythonjsonlogger.json
    import pythonjsonlogger.msgspec
    import pythonjsonlogger.orjson

    modules: tuple[Any, ...]
    modules = (pythonjsonlogger.json, pythonjsonlogger.msgspec, pythonjsonlogger.orjson)
    for module, name in zip(modules, ("Json", "Msgspec", "Orjson"), strict=True):
        # By its name the tests go, and each has its own.
        kind = type(f"{name}Formatter", (clew.JSONFormatter,), {})
        setattr(module, kind.__name__, kind)
