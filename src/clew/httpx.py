"""Outgoing calls: ``client = clew.httpx.wrap(httpx.AsyncClient(...), hosts=["*.internal"])``."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar, cast

try:
    import httpx
except ImportError as error:
    raise ImportError('clew.httpx wraps httpx clients: pip install "clew[httpx]"') from error

from ._context import DEFAULT_HEADER, Context, current
from ._exchange import Exchange, emit
from ._formatters import level_word
from ._records import HTTPLog, Request, Response, describe
from ._settings import Settings
from ._wire import clean_path, shown_path, shown_query

_logger = logging.getLogger("clew.http.client")

# What a request carries beside its header, to tell an id that clew put there from the caller's;
# httpx hands it on to the next hop of a redirect.
_MARK = "clew"

_DEFAULTS = Settings()

ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)


def wrap(
    client: ClientT,
    *,
    hosts: Iterable[str] | None = None,
    header: str | None = None,
    log: bool = True,
) -> ClientT:
    """Let *client*, sync or async, carry the current request's id, and return it.

    Each sending (also each hop of a redirect) is looked at anew: it carries the id of the context
    in which it is sent, when its host is one of *hosts*. A header that the caller set stays;
    outside any context nothing is added. Wrapping again only changes the options.

    Args:
        client: The client; its hooks, auth and mounts work as before.
        hosts: The hosts that may see the id, without ports: ``"api.internal"``, or ``"*.internal"``
            for all below ``internal``. None for every host.
        header: The header; by default that of the current request's `Settings`.
        log: Whether each sending is logged as an outgoing HTTPLog, on ``clew.http.client``.
    """
    if not isinstance(log, bool):
        raise TypeError(f"log must be True or False, not {log!r}")
    options = _Options(_hosts(hosts), header, log)
    if not isinstance(client, (httpx.Client, httpx.AsyncClient)):
        raise TypeError(f"wrap() takes an httpx.Client or httpx.AsyncClient, not {client!r}")
    if header is not None:
        Settings(header=header)  # raises for what is no header's name
    patched = cast("Any", client)
    if isinstance(getattr(patched, "_clew", None), _Options):
        patched._clew = options
        return client
    patched._clew = options
    if isinstance(client, httpx.AsyncClient):
        patched._send_single_request = _sender_async(client, patched._send_single_request)
    else:
        patched._send_single_request = _sender(client, patched._send_single_request)
    return client


@dataclass(frozen=True, slots=True)
class _Options:
    hosts: tuple[str, ...] | None
    header: str | None
    log: bool

    def admits(self, host: str) -> bool:
        if self.hosts is None:
            return True
        return any(
            host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
            if pattern.startswith("*.")
            else host == pattern
            for pattern in self.hosts
        )


def _hosts(hosts: object) -> tuple[str, ...] | None:
    if hosts is None:
        return None
    if isinstance(hosts, str) or not isinstance(hosts, Iterable):
        raise TypeError(f"hosts must be a collection of hosts, not {hosts!r}: write [{hosts!r}]")
    return tuple(_pattern(host) for host in hosts)


def _pattern(host: object) -> str:
    if isinstance(host, str):
        wildcard = "*." if host.startswith("*.") else ""
        name = host.removeprefix("*.")
        if name.count(":") > 1 and not name.startswith("["):
            name = f"[{name}]"
        if name and not set("/*@?#") & set(name):
            try:
                return wildcard + _wire_host(httpx.URL(f"http://{name}"))
            except httpx.InvalidURL:
                pass
    raise ValueError(
        f"hosts has {host!r}: allowed are a host without scheme and path, as 'api.internal', "
        "or '*.internal' for all below internal"
    )


def _wire_host(url: httpx.URL) -> str:
    """Return the host of *url* as on the wire: in ASCII, without port, brackets and case."""
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _sender(
    client: httpx.Client, send: Callable[[httpx.Request], httpx.Response]
) -> Callable[[httpx.Request], httpx.Response]:
    def send_single_request(request: httpx.Request) -> httpx.Response:
        call = _Call(cast("Any", client)._clew, request)
        try:
            response = send(request)
        except BaseException as error:
            call.end(error=error)
            raise
        call.responded(response)
        if not response.is_closed and isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _SyncStream(response.stream, call)
        else:
            call.end()
        return response

    return send_single_request


def _sender_async(
    client: httpx.AsyncClient, send: Callable[[httpx.Request], Awaitable[httpx.Response]]
) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    async def send_single_request(request: httpx.Request) -> httpx.Response:
        call = _Call(cast("Any", client)._clew, request)
        try:
            response = await send(request)
        except BaseException as error:
            call.end(error=error)
            raise
        call.responded(response)
        if not response.is_closed and isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _AsyncStream(response.stream, call)
        else:
            call.end()
        return response

    return send_single_request


class _Call:
    """One sending of a request: carries the id, becomes an outgoing HTTPLog."""

    def __init__(self, options: _Options, request: httpx.Request) -> None:
        self.context = current()
        self.started = perf_counter()
        self.request = request
        self.status: int | None = None
        self.body_size: int | None = None
        self.logged = not options.log
        self.sent_id = _carry(options, request, self.context)

    def responded(self, response: httpx.Response) -> None:
        self.status = response.status_code
        if response.is_closed:
            self.body_size = len(response.content)

    def received(self, size: int) -> None:
        self.body_size = (self.body_size or 0) + size

    def end(self, *, error: BaseException | None = None, outcome: str | None = None) -> None:
        """Log the call, once. Never raises."""
        if self.logged:
            return
        self.logged = True
        try:
            self._log(error, outcome)
        except Exception as failure:
            _logger.warning("An outgoing HTTPLog failed: %r", failure)

    def _log(self, error: BaseException | None, outcome: str | None) -> None:
        request, context = self.request, self.context
        failed = error is not None and isinstance(error, Exception)
        if error is not None:
            outcome = "error" if failed else "aborted"
        level = logging.INFO
        if failed or (self.status or 0) >= 500:
            level = logging.ERROR
        elif self.status is None or self.status >= 400:
            level = logging.WARNING
        if not _logger.isEnabledFor(level):
            return
        settings = context.settings if isinstance(context, Exchange) else _DEFAULTS
        raw_path, _, raw_query = request.url.raw_path.decode("latin-1").partition("?")
        path = shown_path(clean_path(raw_path), settings.redactor)
        exception = describe(error) if error is not None and failed else None
        if exception is not None:
            exception.message = self._without_secrets(exception.message, settings)
            exception.stack_trace = self._without_secrets(str(exception.stack_trace), settings)
        shown = self.status if self.status is not None else type(error).__name__
        http = HTTPLog(
            level=level_word(level),
            message=f"{request.method} {path} {shown}",
            created_at=int(time.time() * 1000),
            logger=_logger.name,
            request_id=None if context is None else context.request_id,
            user_id=None if context is None else context.user_id(),
            request=Request(
                method=request.method,
                host=request.url.netloc.decode("ascii", "replace"),
                path=path,
                query=shown_query(raw_query, settings.redactor),
                headers={} if self.sent_id is None else {"requestId": self.sent_id},
            ),
            response=Response(
                http_status=self.status,
                response_time=round((perf_counter() - self.started) * 1000, 3),
                body_size=self.body_size,
            ),
            outcome=outcome,
            exception=exception,
            direction="outgoing",
        )
        fields = {} if context is None else context.fields
        emit(_logger, http, None, fields, level, error if failed else None)

    def _without_secrets(self, text: str, settings: Settings) -> str:
        """Return an exception's *text*, which may quote the URL, without what that hides."""
        url = self.request.url
        if url.userinfo:
            text = text.replace(f"{url.userinfo.decode()}@", "")
        if url.query:
            query = url.query.decode("latin-1")
            text = text.replace(query, settings.redactor.query(query))
        return settings.redactor.text(text)


def _carry(options: _Options, request: httpx.Request, context: Context | None) -> str | None:
    """Put the id of *context* on *request* where it may go; return the id that is on it."""
    header = options.header or (context.header_name if context is not None else DEFAULT_HEADER)
    mark = request.extensions.pop(_MARK, None)
    if mark is not None and request.headers.get(mark[0]) == mark[1]:
        # An earlier sending put it there: this one decides anew, perhaps for another host.
        del request.headers[mark[0]]
    if (
        header not in request.headers
        and context is not None
        and options.admits(_wire_host(request.url))
    ):
        request.headers[header] = context.request_id
        request.extensions[_MARK] = (header, context.request_id)
    sent: str | None = request.headers.get(header)
    return sent


class _SyncStream(httpx.SyncByteStream):
    """A response's body, whose end is the end of the call."""

    def __init__(self, stream: httpx.SyncByteStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._stream:
                self._call.received(len(chunk))
                yield chunk
        except GeneratorExit:
            raise  # the reader has enough; closing ends the call
        except BaseException as error:
            self._call.end(error=error)
            raise

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._call.end()

    def __del__(self) -> None:
        self._call.end(outcome="aborted")  # nobody closed the response


class _AsyncStream(httpx.AsyncByteStream):
    """Same as _SyncStream, for an AsyncClient."""

    def __init__(self, stream: httpx.AsyncByteStream, call: _Call) -> None:
        self._stream = stream
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._call.received(len(chunk))
                yield chunk
        except GeneratorExit:
            raise  # the reader has enough; closing ends the call
        except BaseException as error:
            self._call.end(error=error)
            raise

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._call.end()

    def __del__(self) -> None:
        self._call.end(outcome="aborted")
