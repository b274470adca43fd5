"""One request and its response: begins, ends, becomes an HTTPLog. Knows no framework.

An adapter subclasses `Exchange` to translate (where a header, the path, the user stand in its
framework's request) and tells it what happens to the response. All decisions are taken here.

The way of one request::

    adapter                    exchange                       context, logger
    -------                    --------                       ---------------
    a request comes      ->    Exchange(settings)             its id is chosen
                               resume()                 ->    the context is set
    the application runs                                      lines carry the ids
    response starts      ->    started(status)
    body goes out        ->    sent(size)
    last byte is out     ->    finished()               ->    HTTPLog, unless 5xx
    it returned, raised  ->    end(error)               ->    HTTPLog, if none yet
                               pause(error)             ->    the outer context comes back,
                                                              the error takes this one along
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Final, TypeVar

from clew._context import (
    UNSET,
    Context,
    as_user_id,
    current,
    enter,
    leave,
    notify,
)
from clew._faults import report_failure
from clew._ids import LONGEST_ID, is_safe_id, new_id
from clew._lines.delivery import emit
from clew._redaction import Redactor
from clew.records import ExceptionInfo, HTTPLog, Request, Response, describe, level_word

from .addresses import client_address, is_within, normalize
from .settings import Header, Settings
from .wire import clean_method, clean_path, shown_path, shown_query

T = TypeVar("T")

HTTP_LOGGER = "clew.http"
_logger = logging.getLogger(HTTP_LOGGER)

_LONGEST_HEADER = 1024
_FORWARDED = Header("X-Forwarded-For")

CLIENT_CLOSED_REQUEST: Final = 499  # nginx's number; there is none in RFC 9110

# The ways of asyncio, trio, generators and gevent to stop what runs.
_CANCELLATIONS = frozenset(("CancelledError", "Cancelled", "GeneratorExit", "GreenletExit"))

# The answer to a crash before which nobody answered.
CRASH_BODY = b"Internal Server Error"


class Exchange(Context):
    """A request being served: the current context, and what becomes of its response."""

    # Most requests leave most of these as they are, and so cost less.
    websocket = False
    status: int | None = None
    body_size: int | None = 0
    close_code: int | None = None
    # What a framework knows that runs inside, and whose adapter tells it.
    inner_route: Callable[[], str | None] | None = None
    inner_user: Callable[[], object] | None = None
    # What a GraphQL server knows.
    operation: str | None = None
    graphql_status: int | None = None

    _rejected: str | None = None
    _finished: float | None = None  # when the last byte was handed to the server
    _error: BaseException | None = None
    _left = False
    _logged = False
    _inside = False
    _outer: Context | None = None
    _seen_user: str | None = None

    def __init__(self, settings: Settings, inbound: Sequence[str]) -> None:
        """Begin with the values of the request-id header, as many as there are, but empty ones."""
        self._arrived = perf_counter()
        self.settings = settings
        if not settings.log:
            self._logged = True
        if inbound:
            self._rejected = self._refusal(inbound)
        if inbound and self._rejected is None:
            self.request_id = inbound[0]
        else:
            self.request_id = new_id() if settings.generate is new_id else self._made_id()
        notify(self)

    @property
    def header_name(self) -> str:
        return self.settings.header

    @property
    def redactor(self) -> Redactor:
        return self.settings.redactor

    # What an adapter translates.

    def header_values(self, header: Header) -> Sequence[str]:
        """Return the values of any header."""
        raise NotImplementedError

    def method(self) -> str:
        """Return the request's method."""
        raise NotImplementedError

    def path(self) -> str:
        """Return the whole path, percent-encoded as on the wire where that is known."""
        raise NotImplementedError

    def query(self) -> str:
        """Return the query string as on the wire, without its question mark."""
        raise NotImplementedError

    def peer(self) -> str | None:
        """Return the address of the other end of the connection."""
        raise NotImplementedError

    def connection(self) -> object:
        """Return what tells the connection from others, where requests may share a context."""
        return self

    def route(self) -> str | None:
        """Return the framework's route template, when one matched."""
        return None

    def source(self) -> Any:
        """Return what the ``user_id`` option is called with."""
        raise NotImplementedError

    def has_user(self) -> bool:
        """Tell, without running any code of the application, whether there may be a user."""
        return False

    def framework_user(self) -> object:
        """Return the id of the user that the framework has already loaded."""
        return None

    # The id.

    def _made_id(self) -> str:
        settings = self.settings
        try:
            made = settings.generate()
            if isinstance(made, str) and is_safe_id(made):
                return made
            settings.report("generate", f"it returned {made!r}, which is no safe id")
        except Exception as error:
            settings.report("generate", error)
        return new_id()

    def _refusal(self, inbound: Sequence[str]) -> str | None:
        """Return why the inbound id may not be taken over, the first reason that applies."""
        settings = self.settings
        trusted = settings.trusted
        if trusted is not None and not _told(
            lambda: is_within(self.peer(), trusted), default=False
        ):
            return "untrusted"
        if len(inbound) > 1:
            return "duplicate"
        value = inbound[0]
        if not is_safe_id(value):
            return "length" if len(value) > LONGEST_ID else "charset"
        if settings.accept is not is_safe_id:
            try:
                if not settings.accept(value):
                    return "custom"
            except Exception as error:
                settings.report("accept", error)
        return None

    # The user.

    def user_id(self) -> str | None:
        unasked = self.settings.user_id is None and self.inner_user is None
        if unasked and self._user_id is UNSET and not self.has_user():
            return self._seen_user  # most often nobody: asking costs more than this
        return super().user_id()

    def find_user(self) -> str | None:
        """Return the user's id by the ``user_id`` option, else as the framework knows it."""
        option = self.settings.user_id
        if option is not None:
            try:
                return as_user_id(option(self.source()))
            except Exception as error:
                self.settings.report("user_id", error)
        try:
            inner = None if self.inner_user is None else as_user_id(self.inner_user())
            user = inner or self.framework_user()
            self._seen_user = None if user is None else as_user_id(user)
        except Exception:
            # The user's database session may be gone by now; whom it knew stays known.
            pass
        return self._seen_user

    # The response's events.

    @property
    def complete(self) -> bool:
        """Whether the last byte of the response has been handed to the server."""
        return self._finished is not None

    @property
    def answered(self) -> bool:
        """Whether a next request on the same connection may have begun."""
        return self.complete

    def resume(self) -> None:
        """Make this the current context, until `pause`."""
        outer = current()
        if outer is not None and not self._follows(outer):
            self._outer = outer
        self._inside = True
        enter(self)

    def _follows(self, outer: Context) -> bool:
        """Tell whether a server started this request in the context of the one before it."""
        return (
            isinstance(outer, Exchange)
            and outer.answered
            and outer.connection() == self.connection()
        )

    def pause(self, error: BaseException | None = None) -> None:
        """Let the outer context come back; *error*, on its way out, takes this one along."""
        if self._inside:
            self._inside = False
            outer, self._outer = self._outer, None
            leave(self, outer, error)

    def started(self, status: int) -> None:
        """The status and the headers have been handed to the server."""
        # What is said to a client that has left is not said.
        if not self._left and (self.status is None or not self.body_size):
            self.status = int(status)

    def sent(self, size: int | None) -> None:
        """*size* further bytes of the body have been handed to the server; None: nobody knows."""
        if self._left:
            return
        if size is None or self.body_size is None:
            self.body_size = None
        else:
            self.body_size += size

    def finished(self) -> None:
        """The last byte has been handed to the server: the record is due, except for a 5xx,
        whose exception may be yet to come.
        """
        if self._finished is None:
            self._finished = perf_counter()
            if self.status is not None and self.status < 500:
                self.log()

    def executed(self, operation: str | None, status: int) -> None:
        """A GraphQL operation was answered by *status*, or begins; of several, the worst counts."""
        if self.graphql_status is None or status > self.graphql_status:
            self.operation, self.graphql_status = operation, status

    def left(self) -> None:
        """The client has left."""
        if self._finished is None:
            self._left = True

    def failed(self, error: BaseException) -> None:
        """The application raised *error*, or its framework caught it and answers for it."""
        if not isinstance(error, Exception) and type(error).__name__ in _CANCELLATIONS:
            self.left()
        elif not self._logged:
            self._error = error

    def end(self, error: BaseException | None = None) -> None:
        """The application has returned, or raised *error*: log what is not logged yet."""
        if self.live:
            self.live = False
            if error is not None:
                self.failed(error)
            if not self._logged:
                self.log()
            if self._error is not None:
                self._error = None  # its traceback holds what the request held

    # The record.

    def log(self) -> None:
        """Log the HTTPLog, unless it has been. Never raises."""
        if self._logged:
            return
        self._logged = True
        try:
            self._log()
        except Exception:
            report_failure()

    def _log(self) -> None:
        status, outcome = self._result()
        settings = self.settings
        try:
            method, path = self.method(), self.path()
        except Exception:  # a server's odd scope or environ costs only what is odd
            method, path = _told(self.method, ""), _told(self.path, "")
        path = clean_path(path)
        level, word = logging.INFO, "info"
        if status >= 500 or outcome == "error":
            level, word = logging.ERROR, "danger"
        elif status >= 400:
            level, word = logging.WARNING, "warning"
        elif (
            settings.exclude
            and outcome in (None, "websocket")
            and settings.excludes(path)
            and (self.graphql_status or 0) < 400  # a failure behind a 200 is one all the same
        ):
            return
        if settings.level is None and not _logger.isEnabledFor(level):
            return
        now = perf_counter()
        ended = self._finished or now
        method = clean_method(method)
        path = shown_path(path, settings.redactor)
        error = self._error if outcome == "error" else None
        http = HTTPLog(
            level=word,
            message=f"{method} {path} {status}",
            created_at=int((time.time() - (now - ended)) * 1000),
            logger=HTTP_LOGGER,
            request_id=self.request_id,
            user_id=self.user_id(),
            request=self._request(method, path),
            response=Response(
                http_status=status,
                # Milliseconds with three decimals, in half the time that round() takes.
                response_time=int((ended - self._arrived) * 1e6 + 0.5) / 1e3,
                body_size=0 if method == "HEAD" else self.body_size,
                close_code=self.close_code,
            ),
            outcome=outcome,
            exception=None if error is None else _exception(error, settings.redactor),
        )
        if self.graphql_status is not None:
            http.request.operation = self.operation
            # What went wrong around the operation is not hidden by its success.
            if status < 400 or self.graphql_status >= status:
                http.response.graphql_status = self.graphql_status
        if settings.level is not None:
            level = settings.level_of(http, level)
            http.level = level_word(level)
            if not _logger.isEnabledFor(level):
                return
        fields = self.fields
        if settings.enrich is not None:
            fields = {**fields, **settings.enrichment(http)}
        emit(_logger, http, fields, level, error, self.ids)

    def _request(self, method: str, path: str) -> Request:
        redactor = self.settings.redactor
        try:
            return Request(
                method=method,
                path=path,
                route=self._route(),
                query=shown_query(self.query(), redactor),
                ip_address=self._ip_address(),
                headers=self._headers(),
                rejected_request_id=self._rejected,
            )
        except Exception:
            return Request(
                method=method,
                path=path,
                route=_told(self._route, None),
                query=_told(lambda: shown_query(self.query(), redactor), None),
                ip_address=_told(self._ip_address, None),
                headers=_told(self._headers, {"requestId": self.request_id}),
                rejected_request_id=self._rejected,
            )

    def _result(self) -> tuple[int, str | None]:
        """Return the status that the client got, and how the exchange ended."""
        status, raised = self.status, self._error is not None and not self._left
        if status is None:
            # Nothing was answered: the server makes a 500 of it, for whoever is there.
            return (CLIENT_CLOSED_REQUEST, "aborted") if self._left else (500, "error")
        if self._finished is not None:
            return status, "error" if self._error is not None and status >= 500 else None
        if self.websocket and not self._left:
            return status, "error" if raised else "websocket"
        return status, "error" if raised else "aborted"

    def _route(self) -> str | None:
        inner = self.inner_route
        return (None if inner is None else inner()) or self.route()

    def _ip_address(self) -> str | None:
        proxies = self.settings.proxy_networks
        if not proxies:
            return normalize(self.peer())
        return client_address(self.peer(), self.header_values(_FORWARDED), proxies)

    def _headers(self) -> dict[str, str]:
        settings = self.settings
        headers: dict[str, str] = {}
        for header in settings.captured:
            values = self.header_values(header)
            if values:
                value = settings.redactor.field(header.name, ", ".join(values))
                headers[header.key] = str(value)[:_LONGEST_HEADER]
        headers["requestId"] = self.request_id
        return headers


def _exception(error: BaseException, redactor: Redactor) -> ExceptionInfo:
    exception = describe(error)
    if redactor.strict:
        exception.message = redactor.text(exception.message)
        exception.stack_trace = redactor.text(str(exception.stack_trace))
    return exception


def _told(ask: Callable[[], T], default: T) -> T:
    """Return what *ask* tells of the request; a server's odd scope or environ costs only that."""
    try:
        return ask()
    except Exception:
        report_failure()
        return default


def know_exception(error: BaseException | None) -> None:
    """Tell the current request that its framework caught *error*, and answers for it."""
    exchange = current()
    if isinstance(exchange, Exchange) and error is not None:
        exchange.failed(error)


def id_of(user: Any, *names: str, unsaid: bool = False) -> object:
    """Return the id of *user*, the first of its attributes *names*, if it is authenticated.

    *unsaid* is what holds of a user that does not say whether it is.
    """
    authenticated = getattr(user, "is_authenticated", unsaid)
    if not (authenticated() if callable(authenticated) else authenticated):
        return None
    state = getattr(user, "_sa_instance_state", None)
    for name in names:
        # An expired attribute of SQLAlchemy's would ask the database.
        if state is not None and name not in vars(user):
            continue
        try:
            value: object = getattr(user, name)
        except (AttributeError, NotImplementedError):
            continue
        if value is not None:
            return value
    return state.identity[0] if state is not None and state.identity else None
