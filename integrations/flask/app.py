"""A shop with a logging configuration of its own, whose users come with a JWT.

LOG=shop.log flask --app app run
LOG=shop.log gunicorn app:app
"""

from __future__ import annotations

import logging
import logging.config
import os

import jwt
from flask import Flask, abort, current_app, g, request

import clew
import clew.flask

KEY = "of the test, which is long enough for HS256"

# Its own handler, a file for people, has the ids by `%(requestId)s`.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"ids": {"()": "clew.ContextFilter", "default": "-"}},
    "formatters": {
        "text": {"format": "%(levelname)s %(name)s [%(requestId)s %(userId)s] %(message)s"}
    },
    "handlers": {
        "file": {
            "class": "logging.FileHandler",
            "filename": os.environ["LOG"],
            "formatter": "text",
            "filters": ["ids"],
        }
    },
    "root": {"level": "INFO", "handlers": ["file"]},
}
logging.config.dictConfig(LOGGING)
clew.configure_logging(service="shop")  # beside it: JSON on stdout

app = Flask(__name__)
clew.flask.install(app)
log = clew.get_logger("shop")


@app.before_request
def current_user() -> None:
    """Bind the user of a JWT: the request's lines and its HTTPLog have it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return
    try:
        claims = jwt.decode(token, KEY, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        abort(401)
    g.user = claims["sub"]
    clew.bind(user_id=g.user)


@app.get("/orders/<int:order_id>")
def order(order_id: int) -> str:
    if "user" not in g:
        abort(401)
    log.info("Read order", action="READ_ORDER", value=f"order-{order_id}")
    current_app.logger.info("old code")
    return str(g.user)


@app.get("/crash")
def crash() -> str:
    raise ValueError("no such order")
