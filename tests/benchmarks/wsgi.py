"""What one request costs over the bare WSGI application, Flask's and Django's."""

from __future__ import annotations

import io
import logging
import os
import uuid
from collections.abc import Iterable
from time import thread_time
from typing import Any

import orjson
import structlog

import clew.flask
import clew.wsgi

from . import floor
from .logs import Logs, Run, contender
from .measuring import Contender

BARE = "the bare application"
ID = "clew: the id alone"
CONFIGURED = "clew: everything, configure_logging"
TO_FILE = "clew: everything, a FileHandler"
BODY = b'{"id":42,"name":"lamp"}'


def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer with a little JSON."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "23")])
    return [BODY]


def environ_of(request_id: str | None) -> dict[str, Any]:
    """Return a request as gunicorn shows it."""
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/orders/42",
        "RAW_URI": "/orders/42?page=2",
        "QUERY_STRING": "page=2",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "51234",
        "HTTP_HOST": "shop.example",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "HTTP_ACCEPT": "application/json",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br",
        "HTTP_CONNECTION": "keep-alive",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if request_id is not None:
        environ["HTTP_X_REQUEST_ID"] = request_id
    return environ


def runner(app: Any, *, inbound: bool) -> Run:
    """Return what sends *app* so many requests, as a server does."""

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        pass

    def run(count: int) -> float:
        environs = [environ_of(str(uuid.uuid4()) if inbound else None) for _ in range(count)]
        began = thread_time()
        for environ in environs:
            body = app(environ, start_response)
            b"".join(body)
            if hasattr(body, "close"):
                body.close()
        return thread_time() - began

    return run


class Table:
    """The rows of one table."""

    def __init__(self, logs: Logs, kind: str, *, inbound: bool) -> None:
        self.logs = logs
        self.kind = f"{kind} {'inbound' if inbound else 'generated'}"
        self.inbound = inbound
        self.rows: list[Contender] = []

    def file(self, name: str) -> str:
        """Return what the file of the row *name* is called after."""
        return f"{self.kind} {name}"

    def add(self, name: str, app: Any, *handlers: logging.Handler, **options: Any) -> None:
        """Add a row."""
        file = self.logs.path(self.file(name)) if options.pop("writes", bool(handlers)) else None
        run = runner(app, inbound=self.inbound)
        self.rows.append(contender(name, run, handlers, file=file, **options))

    def add_clew(self, alone: Any, everything: Any) -> None:
        """Add clew's own rows."""
        self.add(ID, alone)
        self.add(CONFIGURED, everything, self.logs.configured(self.file(CONFIGURED)))
        self.add(TO_FILE, everything, self.logs.of_clew(self.file(TO_FILE)))


def wsgi(logs: Logs, *, inbound: bool) -> list[Contender]:
    """Return the rows of a bare WSGI application."""
    table = Table(logs, "wsgi", inbound=inbound)
    table.add(BARE, bare)
    table.add("floor: the id alone", floor.WSGI(bare))
    name = "floor: everything, through logging"
    handler = logs.to_file(table.file(name), floor.Formatter())
    table.add(name, floor.WSGI(bare, floor.through(logging.getLogger("clew.http"))), handler)
    middleware = clew.wsgi.RequestIDMiddleware
    table.add_clew(middleware(bare, log=False), middleware(bare))
    return table.rows


def flask(logs: Logs, *, inbound: bool) -> list[Contender]:
    """Return the rows of a Flask application."""
    from flask import Flask, Response

    def application(**options: Any) -> Flask:
        app = Flask("shop")

        @app.get("/orders/<int:order_id>")
        def order(order_id: int) -> Response:
            return Response(BODY, content_type="application/json")

        if options:
            clew.flask.install(app, **options)
        return app

    table = Table(logs, "flask", inbound=inbound)
    table.add(BARE, application())
    table.add_clew(application(log=False), application(log=True))
    return table.rows


def django(logs: Logs, *, inbound: bool) -> list[Contender]:
    """Return the rows of a Django project."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.benchmarks.django_project"
    import django as framework
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    framework.setup()

    def project(*middleware: str, **settings: Any) -> WSGIHandler:
        with override_settings(MIDDLEWARE=middleware, **settings):
            return WSGIHandler()

    table = Table(logs, "django", inbound=inbound)
    ours = "clew.django.RequestIDMiddleware"
    table.add(BARE, project())
    table.add_clew(project(ours, CLEW={"log": False}), project(ours, CLEW={}))
    table.add("django-guid", project("django_guid.middleware.guid_middleware"))
    name = "django-log-request-id"
    theirs = "log_request_id.middleware.RequestIDMiddleware"
    given: dict[str, Any] = {
        "LOG_REQUEST_ID_HEADER": "HTTP_X_REQUEST_ID",
        "REQUEST_ID_RESPONSE_HEADER": "X-Id",
    }
    given["GENERATE_REQUEST_ID_IF_NOT_IN_HEADER"] = True
    table.add(name, project(theirs, **given))
    name = "django-log-request-id, a line of text"
    from log_request_id.filters import RequestIDFilter

    text = logging.Formatter("%(levelname)s [%(request_id)s] %(name)s: %(message)s")
    handler = logs.to_file(table.file(name), text, RequestIDFilter())
    table.add(name, project(theirs, **given, LOG_REQUESTS=True), handler, text=True)
    name = "django-structlog, two lines"
    _configure_structlog(logs.stream(table.file(name)).buffer)
    theirs = "django_structlog.middlewares.RequestMiddleware"
    table.add(name, project(theirs), writes=True, lines=2)
    return table.rows


def _configure_structlog(file: Any) -> None:
    structlog.reset_defaults()
    structlog.configure(
        logger_factory=structlog.BytesLoggerFactory(file),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,  # the next table has another file
    )
