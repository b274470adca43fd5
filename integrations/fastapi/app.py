"""A shop with a logging configuration of its own, whose users come with a JWT.

LOG=shop.log uvicorn app:app
LOG=shop.log fastapi dev app.py
"""

from __future__ import annotations

import logging
import logging.config
import os
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

import clew
import clew.fastapi

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

app = FastAPI()
clew.fastapi.install(app)
log = clew.get_logger("shop")


def current_user(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> str:
    """Return the user of a JWT, and bind it: the request's lines and its HTTPLog have it."""
    try:
        claims = jwt.decode(credentials.credentials, KEY, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    clew.bind(user_id=claims["sub"])
    return str(claims["sub"])


@app.get("/orders/{order_id}")
async def order(order_id: int, user: Annotated[str, Depends(current_user)]) -> str:
    log.info("Read order", action="READ_ORDER", value=f"order-{order_id}")
    logging.getLogger("legacy").info("old code")
    return user


@app.get("/crash")
def crash() -> None:
    raise ValueError("no such order")
