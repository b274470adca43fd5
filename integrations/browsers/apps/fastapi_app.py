"""An API on FastAPI for pages of another origin.

``app`` is as it should be; the others each lack one thing, and what that breaks is shown.
"""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

import clew
import clew.asgi
import clew.fastapi

clew.configure_logging(service="api")
PAGES = [os.environ["PAGES"]]


def api() -> FastAPI:
    made = FastAPI()

    @made.api_route("/orders/{order}", methods=["GET", "PUT"])
    async def orders(order: str) -> str:
        return order

    @made.get("/crash")
    async def crash() -> None:
        raise RuntimeError("the crash of the test")

    return made


def around(**cors: Any) -> CORSMiddleware:
    """Return the API with CORS around all of it, its own 500s too."""
    return CORSMiddleware(api(), allow_origins=PAGES, allow_methods=["GET", "PUT"], **cors)


app = clew.asgi.RequestIDMiddleware(around(allow_headers=["X-Request-ID"]), expose=True)

merged = clew.asgi.RequestIDMiddleware(
    around(allow_headers=["X-Request-ID"], expose_headers=["X-Total"], allow_credentials=True),
    expose=True,
)

without_allow = clew.asgi.RequestIDMiddleware(around(), expose=True)

without_expose = clew.asgi.RequestIDMiddleware(around(allow_headers=["X-Request-ID"]))

# The usual way, in which the framework answers a crash outside of its middleware.
inside = api()
inside.add_middleware(
    CORSMiddleware,
    allow_origins=PAGES,
    allow_methods=["GET", "PUT"],
    allow_headers=["X-Request-ID"],
)
clew.fastapi.install(inside, expose=True)
