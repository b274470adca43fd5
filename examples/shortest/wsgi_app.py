"""gunicorn examples.shortest.wsgi_app:app"""

from collections.abc import Callable, Iterable
from typing import Any

import clew
import clew.wsgi

clew.configure_logging()
log = clew.get_logger(__name__)


def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    log.info("Said hello", action="HELLO", value=environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


app = clew.wsgi.RequestIDMiddleware(hello)
