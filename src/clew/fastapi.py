"""For FastAPI: ``clew.fastapi.install(app)``, and the ids as dependencies of an endpoint.

::

    @app.get("/orders")
    async def orders(request_id: clew.fastapi.RequestID, user_id: clew.fastapi.UserID): ...
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from . import _context
from .starlette import install

__all__ = ["RequestID", "UserID", "install"]


async def _request_id() -> str:
    request_id = _context.request_id()
    if request_id is None:
        raise RuntimeError(
            "there is no request id: call clew.fastapi.install(app) where the app is made"
        )
    return request_id


async def _user_id() -> str | None:
    return _context.user_id()


RequestID = Annotated[str, Depends(_request_id)]
"""The request's id, for an endpoint's parameter."""

UserID = Annotated[str | None, Depends(_user_id)]
"""The id of the request's user, or None when nobody is known."""
