"""For Django, on WSGI and ASGI, with sync and async views::

    MIDDLEWARE = ["clew.django.RequestIDMiddleware", ...]
    CLEW = {"exclude": ["/healthz"]}  # the options of clew.Settings, all optional

With ``"clew.django"`` in ``INSTALLED_APPS``, ``manage.py check`` tells of a middleware in the
wrong place and of a wrong option.
"""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import Any, cast

from clew._current import current
from clew._http.django import Closer, Stream
from clew._http.environ import EnvironExchange, live_exchange
from clew._http.exchange import Exchange, record_caught, record_exception
from clew._http.settings import Settings
from clew._http.users import id_of
from clew._http.wire import EXPOSE, encoded_path, path_of, with_exposed
from clew._lines.handler import own_handlers
from clew._lines.servers import remove_console_handlers
from clew._options import needed

with needed("clew.django is for Django: pip install django"):
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
    from django.apps import apps
    from django.conf import settings as django_settings
    from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
    from django.core.handlers.base import BaseHandler
    from django.core.signals import got_request_exception
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from django.utils.functional import LazyObject, empty
    from django.utils.log import RequireDebugTrue

    from .checks import read_settings
    from .handler import OfRequest, observe_asgi_handlers

# Where django.contrib.auth, which may not be installed, keeps it.
SESSION_KEY = "_auth_user_id"

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class RequestIDMiddleware:
    """Give every request its id, its context, its response header and its HTTPLog.

    It belongs first in ``MIDDLEWARE``. Its options are the setting ``CLEW``, a dictionary of those
    of `Settings`, or a `Settings`. The context lives until the response is closed, since Django's
    handler logs 404s and 500s after the middleware has returned.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.async_mode = iscoroutinefunction(get_response)
        if self.async_mode:
            markcoroutinefunction(self)
        try:
            self.settings = read_settings()
        except (TypeError, ValueError) as error:
            raise ImproperlyConfigured(f"The setting CLEW is wrong: {error}") from error
        got_request_exception.connect(_on_exception, dispatch_uid="clew")
        _record_handlers()
        observe_asgi_handlers(RequestIDMiddleware)
        _take_console()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.async_mode:
            return self.__acall__(request)
        exchange = self._begin(request)
        if exchange is None:
            return self.get_response(request)
        try:
            exchange.resume()
            response = cast("HttpResponseBase", self.get_response(request))
            _respond(exchange, response)
        except BaseException as error:
            exchange.close(error)
            raise
        return response

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        exchange = self._begin(request)
        if exchange is None:
            response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
            outer = current()
            if isinstance(outer, OfRequest) and self.settings.user_id is not None:
                # It may ask the database, which Django refuses in an event loop.
                outer.asked_user = await sync_to_async(outer.user_id)()
            return response
        try:
            exchange.resume()
            response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
            _respond(exchange, response)
        except BaseException as error:
            exchange.close(error)
            raise
        return response

    def _begin(self, request: HttpRequest) -> _HTTP | None:
        outer = live_exchange(request.META) or getattr(request, "scope", {}).get("clew")
        if isinstance(outer, Exchange) and outer.live:  # clew.asgi or clew.wsgi is around Django
            mount = outer.mount(request.META)
            if isinstance(outer, OfRequest):
                outer.request = request
            outer.add_inner(
                route=lambda: _route(request, mount), user=lambda: _loaded_user(request)
            )
            return None
        exchange = _HTTP(self.settings, request)
        exchange.inject()
        request.__dict__.pop("headers", None)
        return exchange


def _record_handlers() -> None:
    """Let the record know the exceptions that process_exception, REST framework or Ninja answers.

    Neither Django's handler nor they keep them, or tell anybody.
    """
    _wrap(BaseHandler, "process_exception_by_middleware", ())
    if apps.is_installed("rest_framework"):
        from rest_framework.exceptions import APIException, ValidationError
        from rest_framework.views import APIView

        _wrap(APIView, "handle_exception", APIException, ValidationError)
    if find_spec("ninja") is not None:
        with warnings.catch_warnings():  # of its own, which are not ours to raise
            warnings.simplefilter("ignore")
            import ninja.errors

        errors = ninja.errors
        _wrap(ninja.NinjaAPI, "on_exception", errors.HttpError, errors.ValidationError)


def _wrap(kind: type, name: str, answers: Any, refusals: Any = ()) -> None:
    """Wrap the method *name*, which answers an exception; those of *answers* mean an answer, of
    which *refusals* say why.
    """
    method = getattr(kind, name)
    if hasattr(method, "_clew"):
        return

    @functools.wraps(method)
    def answer(self: Any, *args: Any, **options: Any) -> Any:
        response = method(self, *args, **options)
        for error in (*args, *options.values()):
            if not isinstance(error, Exception) or response is None:
                continue
            if isinstance(error, refusals) or not isinstance(error, answers):
                record_caught(error)
        return response

    answer._clew = True  # type: ignore[attr-defined]
    setattr(kind, name, answer)


def _take_console() -> None:
    """Take away Django's own handler for terminals, where clew's writes the same lines.

    It writes them as text, on stderr, while ``DEBUG`` is on.
    """
    if own_handlers():
        remove_console_handlers(
            logging.getLogger("django"),
            lambda handler: any(isinstance(entry, RequireDebugTrue) for entry in handler.filters),
        )


def _on_exception(**_: Any) -> None:
    record_exception(sys.exc_info()[1])


def _respond(exchange: _HTTP, response: HttpResponseBase) -> None:
    """Put the header on *response*, and see its end."""
    settings = exchange.settings
    if settings.outbound is not None:
        name = settings.outbound.name
        response.headers[name] = exchange.request_id
        if settings.expose:
            given = response.headers.get(EXPOSE)
            response.headers[EXPOSE] = with_exposed([given] if given else [], name)
    exchange.started(response.status_code)
    stream = None
    inner: Any = response
    if response.streaming:
        # The attribute, not the property: that would forget a file that the server can send.
        stream = inner._iterator = Stream(inner._iterator, exchange, inner.make_bytes)
    inner._resource_closers.append(Closer(exchange, inner, stream).close)


class _HTTP(EnvironExchange):
    """A request, as Django shows it."""

    def __init__(self, settings: Settings, request: HttpRequest) -> None:
        self.request = request
        super().__init__(settings, request.META)

    def path(self) -> str:
        scope = getattr(self.request, "scope", None)
        if scope is None:
            return super().path()
        raw = scope.get("raw_path")
        if raw:
            return path_of(raw.partition(b"?")[0].decode("latin-1"))
        return encoded_path(path_of(self.request.path))

    def connection(self) -> object:
        scope = getattr(self.request, "scope", None)
        return self if scope is None else scope.get("client")

    def sends_headers_first(self) -> bool:
        return hasattr(self.request, "scope") or super().sends_headers_first()

    @property
    def answered(self) -> bool:
        return self.status is not None  # Django's handler sends it, and tells nobody when

    def route(self) -> str | None:
        return _route(self.request)

    def source(self) -> HttpRequest:
        return self.request

    def has_user(self) -> bool:
        return "user" in vars(self.request)

    def framework_user(self) -> object:
        return _loaded_user(self.request)


def _route(request: HttpRequest, mount: str = "") -> str | None:
    """Return the template of the route that *request* matched below *mount*, without anchors."""
    match = request.resolver_match
    if match is None or match.route is None:
        return None
    return f"{mount}/" + match.route.removeprefix("^").removesuffix("$").removeprefix("/")


def _loaded_user(request: HttpRequest) -> object:
    """Return the primary key of the user that is loaded already; asks no session, no database."""
    attributes = vars(request)
    user = attributes.get("user")
    if isinstance(user, LazyObject) and vars(user).get("_wrapped", empty) is empty:
        user = attributes.get("_acached_user")  # as request.auser() has loaded it
    return None if user is None else id_of(user, "pk")


def session_user(request: HttpRequest) -> str | None:
    """Return the id of the user whom the session names, for the option ``user_id``.

    Without it, only a user whom the view or a middleware has loaded is known. This one reads the
    session and asks no query for the user; with sessions in the database, reading one is a query.
    ``Vary: Cookie`` stays as it is. An async view that has not loaded its session has no user.
    """
    session: Any = getattr(request, "session", None)
    if session is None or django_settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    accessed = session.accessed
    try:
        return cast("str | None", session.get(SESSION_KEY))
    except SynchronousOnlyOperation:
        return None
    finally:
        session.accessed = accessed
