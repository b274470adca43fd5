"""A bare WSGI application, with OpenTelemetry's middleware outside of clew's, or inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware

import clew
import clew.wsgi
from integrations.opentelemetry.apps import telemetry

telemetry.set_up()


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    body = b"hello"
    if environ["PATH_INFO"] == "/work":
        telemetry.work()
    elif environ["PATH_INFO"] == "/crash":
        raise RuntimeError("the crash of the test")
    elif environ["PATH_INFO"] == "/spans":
        body = telemetry.spans().encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


app: Any
if os.environ["WAY"] == "outside":
    app = OpenTelemetryMiddleware(clew.wsgi.RequestIDMiddleware(application))
else:
    app = clew.wsgi.RequestIDMiddleware(OpenTelemetryMiddleware(application))
