"""Django's ASGI handler, as `clew.asgi` sees it.

A middleware of Django's is called when the whole body of a request is there, and does not hear
what becomes of the response. So where clew's is the first one, `clew.asgi` stands around the
handler: it sees an upload whose client leaves, and what of a streamed body goes out. The middleware
within tells the route and the user.
"""

from __future__ import annotations

import functools
from typing import Any, cast

from django.core.handlers.asgi import ASGIHandler

from clew import asgi
from clew._current import UNSET
from clew._http.asgi import ASGIExchange, LoggedExchange
from clew._http.scope import Receive, Scope, Send


class OfRequest:
    """An exchange whose option ``user_id`` is called with Django's request, once there is one."""

    request: Any = None
    # What the option has answered in a thread, where it may ask a database.
    asked_user: object = UNSET

    def source(self) -> Any:
        return self.request

    def find_user(self) -> str | None:
        if self.asked_user is not UNSET:
            return cast("str | None", self.asked_user)
        found: str | None = None if self.request is None else super().find_user()  # type: ignore[misc]
        return found


class _Exchange(OfRequest, ASGIExchange):
    pass


class _Logged(OfRequest, LoggedExchange):
    pass


class _Around(asgi.RequestIDMiddleware):
    """Stands around one handler."""

    def __init__(self, app: Any, middleware: Any) -> None:
        super().__init__(app, settings=middleware.settings)
        self._http = _Logged if self.settings.log else _Exchange


def observe_asgi_handlers(kind: type) -> None:
    """Put `clew.asgi` around each ASGI handler whose first middleware is a *kind*, clew's own."""
    handle: Any = ASGIHandler.handle
    if hasattr(handle, "_clew"):
        return

    @functools.wraps(handle)
    async def observed(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        first: Any = getattr(getattr(self, "_middleware_chain", None), "__wrapped__", None)
        first = getattr(first, "_inner", first)  # Sentry stands around each middleware
        if type(first) is not kind:
            await handle(self, scope, receive, send)  # a subclass decides itself
            return
        around: _Around | None = vars(first).get("_around")
        if around is None:
            around = _Around(functools.partial(handle, self), first)
            vars(first)["_around"] = around
        await around(scope, receive, send)

    observed._clew = True  # type: ignore[attr-defined]
    ASGIHandler.handle = observed  # type: ignore[assignment, method-assign]
