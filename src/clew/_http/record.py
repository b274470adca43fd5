"""The HTTPLog of a request that came in, and of a call that went out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING

from clew._exceptions import describe
from clew._interruptions import raise_interruption
from clew._levels import level_word
from clew._lines.delivery import hint_at_setup
from clew._lines.record_line import user_of
from clew._redaction import DEFAULT, Redactor
from clew._targets import LONGEST, METHODS, clean_method, clean_path
from clew.records import HTTP_LOGGER, ExceptionInfo, FieldError, HTTPLog, Request, Response

from .addresses import client_address, normalize
from .request import safely
from .routes import MOUNTED_REST
from .validation import errors_of
from .wire import Header, below, shown_path, shown_query

if TYPE_CHECKING:
    from .call import Call
    from .exchange import Exchange

CLIENT_LOGGER = "clew.http.client"

_LONGEST_HEADER = 1024
_FORWARDED = Header("X-Forwarded-For")

Due = tuple[HTTPLog, int, Mapping[str, object]]


_INFO = logging.INFO, "info"


def _level(status: int | None, outcome: str | None) -> tuple[int, str]:
    """Return the level of a record, as a number and as a word."""
    if outcome == "error" or (status is not None and status >= 500):
        return logging.ERROR, "danger"
    if status is None or status >= 400:
        return logging.WARNING, "warning"
    return _INFO


# Of a request that came in.


# One pass: each step that stood apart would cost every request a call. What only some have is told
# afterwards.
def of_exchange(exchange: Exchange, logger: logging.Logger) -> Due | None:
    """Return the record of *exchange*, its level and its fields; None where none is wanted."""
    settings, status, outcome, ended = exchange.settings, exchange.status, None, exchange.ended
    if exchange.eventful or status is None or ended is None:
        status, outcome = exchange.result()
    try:
        method, path, query, peer, route = exchange.facts()
    except Exception:  # a server's odd scope or environ costs only what is odd
        raise_interruption()
        method, path = safely(exchange.method, ""), safely(exchange.path, "")
        query, peer = safely(exchange.query, ""), safely(exchange.peer, None)
        route = safely(exchange.route, None)
    level, word = _INFO if status < 400 and outcome is None else _level(status, outcome)
    if not (path.isascii() and path.isprintable()) or " " in path or len(path) > LONGEST:
        path = clean_path(path)
    is_plain = settings.is_plain
    if is_plain:
        path = path[:LONGEST]
        if "=" in path or "%" in path or ":" in path:
            path = shown_path(path, settings.redactor)
    else:
        if level == logging.INFO and _is_excluded(exchange, path, outcome):
            return None
        path = shown_path(path, settings.redactor)
    if settings.level is None and not logger.isEnabledFor(level):
        hint_at_setup(logger)
        return None
    if method not in METHODS:
        method = clean_method(method)
    created = time.time()
    if ended is None:
        ended = perf_counter()
    elif not exchange.live:  # it has waited for its exception
        created -= perf_counter() - ended
    request_id = exchange.request_id
    try:
        request = Request(
            method=method,
            path=path,
            route=route,
            query=settings.queries[query] if query else None,
            ip_address=normalize(peer or "") if is_plain else _ip_address(exchange, peer),
            headers={"requestId": request_id} if is_plain else _headers(exchange),
        )
    except Exception:
        raise_interruption()
        request = _request(exchange, method, path, query, peer)
        request.route = route
    http = HTTPLog(
        level=word,
        message=f"{method} {path} {status}",
        created_at=int(created * 1000),
        logger=HTTP_LOGGER,
        request_id=request_id,
        user_id=exchange.user_id() if is_plain else _user_id(exchange),
        request=request,
        response=Response(
            http_status=status,
            # Milliseconds with three decimals, in half the time that round() takes.
            response_time=int((ended - exchange.arrived) * 1e6 + 0.5) / 1e3,
            body_size=0 if method == "HEAD" else exchange.body_size,
        ),
    )
    if outcome is not None or exchange.eventful:
        _tell_more(exchange, http, outcome)
    if is_plain:
        return http, level, exchange.fields
    if settings.level is not None:
        level = settings.level_of(http, level)
        http.level = level_word(level)
        if not logger.isEnabledFor(level):
            return None
    if settings.enrich is not None:
        return http, level, {**exchange.fields, **settings.enrichment(http)}
    return http, level, exchange.fields


def _tell_more(exchange: Exchange, http: HTTPLog, outcome: str | None) -> None:
    """Tell in *http* what most requests do not have."""
    request, response = http.request, http.response
    if exchange.inner_route is not None:
        inner = safely(exchange.inner_route, None)
        if inner:  # what the framework around it matched is the mount
            request.route = f"{(request.route or '').removesuffix(MOUNTED_REST)}{inner}"
    request.rejected_request_id = exchange.rejected
    http.outcome = outcome
    if outcome == "error" and exchange.error is not None:
        redactor = exchange.settings.redactor
        http.exception = _exception(exchange.error, exchange.traceback, redactor)
    elif exchange.settings.validation and exchange.error is not None:
        http.validation_errors = _validation_errors(exchange, response.http_status or 0)
    response.close_code = exchange.close_code
    if exchange.graphql_status is not None:
        request.operation, status = exchange.operation, response.http_status or 500
        # What went wrong around the operation is not hidden by its success.
        if status < 400 or exchange.graphql_status >= status:
            response.graphql_status = exchange.graphql_status


def _validation_errors(exchange: Exchange, status: int) -> list[FieldError] | None:
    """Return why a 4xx refused the request, where its framework says so by an exception."""
    error = exchange.error
    if error is None or not 400 <= status < 500:
        return None
    try:
        return errors_of(error, exchange.settings.redactor)
    except Exception:  # an exception of somebody's that only looks like such
        raise_interruption()
        return None


def _is_excluded(exchange: Exchange, path: str, outcome: str | None) -> bool:
    """Tell whether a request that went well leaves no record."""
    settings = exchange.settings
    if outcome not in (None, "websocket") or not settings.exclude:
        return False
    if not (settings.excludes(path) or settings.excludes(below(exchange.root(), path))):
        return False
    return (exchange.graphql_status or 0) < 400  # a failure behind a 200 is one all the same


def _request(exchange: Exchange, method: str, path: str, query: str, peer: str | None) -> Request:
    """Return what can be had of a request of which something cannot."""
    return Request(
        method=method,
        path=path,
        query=safely(lambda: shown_query(query, exchange.settings.redactor), None),
        ip_address=safely(lambda: _ip_address(exchange, peer), None),
        headers=safely(lambda: _headers(exchange), {"requestId": exchange.request_id}),
    )


def _ip_address(exchange: Exchange, peer: str | None) -> str | None:
    proxies, redactor = exchange.settings.proxy_networks, exchange.settings.redactor
    address = (
        client_address(peer, exchange.header_values(_FORWARDED), proxies)
        if proxies
        else normalize(peer or "")
    )
    return None if address is None else redactor.own("ipAddress", address)


def _user_id(exchange: Exchange) -> str | None:
    user_id = exchange.user_id()
    return None if user_id is None else user_of(user_id, exchange.settings.redactor)


def _cut(value: str) -> str:
    """Return what of a header's *value* is looked at: up to where it would be masked whole."""
    return value if len(value) <= 2 * _LONGEST_HEADER else value[: 2 * _LONGEST_HEADER]


def _headers(exchange: Exchange) -> dict[str, str]:
    settings = exchange.settings
    headers: dict[str, str] = {}
    for header in settings.captured:
        values = exchange.header_values(header)
        if values:
            # Cut first, so that a long one costs little; a mask may make it longer again.
            value = _cut(", ".join(values))
            headers[header.key] = str(settings.redactor.field(header.name, value))[:_LONGEST_HEADER]
    headers["requestId"] = exchange.request_id
    return headers


def _exception(
    error: BaseException, trace: TracebackType | None, redactor: Redactor
) -> ExceptionInfo:
    exception = describe(error, trace)
    exception.message = redactor.text(exception.message)
    exception.stack_trace = redactor.trace(str(exception.stack_trace))
    return exception


# Of a call that went out.


def of_call(
    call: Call, error: BaseException | None, outcome: str | None, logger: logging.Logger
) -> Due | None:
    """Return the record of *call*, its level and its fields; None where none is wanted."""
    context, status = call.context, call.status
    if error is not None:
        outcome = "error" if isinstance(error, Exception) else "aborted"
    level, word = _level(status, outcome)
    if not logger.isEnabledFor(level):
        return None
    redactor = DEFAULT if context is None else context.redactor
    raw_path, raw_query = call.target()
    method = clean_method(call.method())
    path = shown_path(clean_path(raw_path), redactor)
    exception = None
    if error is not None and outcome == "error":
        exception = describe(error)
        hide = _hiding(call.userinfo(), raw_query, redactor)
        exception.message = hide(exception.message)
        exception.stack_trace = hide(str(exception.stack_trace))
    http = HTTPLog(
        level=word,
        message=f"{method} {path} {type(error).__name__ if status is None else status}",
        created_at=int(time.time() * 1000),
        logger=CLIENT_LOGGER,
        request_id=None if context is None else context.request_id,
        user_id=None if context is None else context.user_id(),
        request=Request(
            method=method,
            host=call.netloc(),
            path=path,
            query=shown_query(raw_query, redactor),
            headers={} if call.sent_id is None else {"requestId": call.sent_id},
        ),
        response=Response(
            http_status=status,
            response_time=round((perf_counter() - call.started) * 1000, 3),
            body_size=call.body_size,
        ),
        outcome=outcome,
        exception=exception,
        direction="outgoing",
    )
    return http, level, {} if context is None else context.fields


def _hiding(userinfo: str, query: str, redactor: Redactor) -> Callable[[str], str]:
    """Return what takes out of an exception's text, which may quote the URL, its secrets."""
    masked = redactor.query(query) if query else ""

    def hide(text: str) -> str:
        if userinfo:
            text = text.replace(f"{userinfo}@", "")
        if query:
            text = text.replace(query, masked)
        return redactor.trace(text)

    return hide
