"""The stock: Flask on gunicorn."""

from __future__ import annotations

import clew
from tests.servers.apps.flask_app import flask as app
from tests.servers.apps.flask_app import log

clew.configure_logging(service="stock")


@app.get("/stock/<item>")
def stock(item: str) -> str:
    log.info("Read stock", action="READ_STOCK", value=item)
    return "7"
