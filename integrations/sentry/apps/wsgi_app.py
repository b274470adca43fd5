"""A bare WSGI application, with Sentry's middleware outside of clew's, or inside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.wsgi import SentryWsgiMiddleware

import clew
import clew.sentry
import clew.wsgi
from integrations.sentry.apps import sdk

sdk.init()
clew.configure_logging()
clew.sentry.install()


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    clew.bind(user_id="ada")
    if environ["PATH_INFO"] == "/crash":
        raise RuntimeError("the crash of the test")
    if environ["PATH_INFO"] == "/flush":
        sentry_sdk.flush()
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


app: Any
if "SENTRY_INSIDE" in os.environ:
    app = clew.wsgi.RequestIDMiddleware(SentryWsgiMiddleware(application))
else:
    app = SentryWsgiMiddleware(clew.wsgi.RequestIDMiddleware(application))
