"""The middleware for any WSGI application: ``app = clew.wsgi.RequestIDMiddleware(app)``.

The source of the rules is PEP 3333.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack, cast

from ._http.environ import live_exchange
from ._http.settings import Options, Settings
from ._http.wsgi import WSGIExchange, observed

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class RequestIDMiddleware:
    """Give every request its id, its context, its response header and its HTTPLog.

    It also answers a crash before which nothing was answered with a plain 500 that carries the
    header, and raises again, so that the server logs it. For that, the server's start_response is
    called with the first chunk of the body: a header that the server refuses is refused then.

    Args:
        app: The application.
        settings: A `Settings`, in place of single options.
        options: The options of `Settings`.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        settings: Settings | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.app = app
        self.settings = Settings.of(settings, options)
        # Whether a crash is answered; a framework that answers its own wants none of it.
        self.outermost = True

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if live_exchange(environ) is not None:  # installed twice: the outer one serves
            return self.app(environ, start_response)
        exchange = WSGIExchange(self.settings, environ, start_response)
        exchange.inject()
        answers = self.outermost
        try:
            exchange.resume()
            body: Any = self.app(environ, exchange.respond)
            answers = True  # no framework answers what its body raises
            body = observed(body, exchange)
            exchange.pause()
            return cast("Iterable[bytes]", body)
        except BaseException as error:
            try:
                answer = exchange.answer_crash(error) if answers else None
            finally:
                exchange.close(error)
            if answer is None:
                raise
            return answer
        finally:
            body = None  # this frame may be held by what the application raised
