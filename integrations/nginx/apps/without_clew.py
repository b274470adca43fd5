"""An application that knows nothing of clew, and answers with ids of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    status = "500 Internal Server Error" if environ["PATH_INFO"] == "/old/broken" else "200 OK"
    start_response(status, [("X-Request-ID", "its-own"), ("x-request-id", "its-own-too")])
    return [environ.get("HTTP_X_REQUEST_ID", "none").encode()]
