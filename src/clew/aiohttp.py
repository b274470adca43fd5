"""Outgoing calls: ``session = clew.aiohttp.wrap(aiohttp.ClientSession(), hosts=[...])``."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

from ._faults import warn
from ._http.call import Call, CallOptions, mixed, shown_host
from ._options import needed

with needed("clew.aiohttp wraps its sessions: pip install aiohttp"):
    import aiohttp
    from multidict import CIMultiDict
    from yarl import URL

SessionT = TypeVar("SessionT", bound=aiohttp.ClientSession)


def wrap(
    session: SessionT,
    *,
    hosts: Iterable[str] | None = None,
    header: str | None = None,
    log: bool = True,
) -> SessionT:
    """Let *session* carry the current request's id, and return it.

    Same as `clew.httpx.wrap`, for aiohttp's client from 3.13 on. Each hop of a redirect, each
    attempt of a middleware and each attempt after a lost connection is one sending, and one
    record. A WebSocket's is that of its handshake.

    The session's middlewares, traces and auth work as before.

    Raises:
        TypeError: *session* is no session of aiohttp, or an option is of the wrong type.
        ValueError: *hosts* has something that is no host, or *header* is no name of a header.
        RuntimeError: aiohttp is older than 3.13.
    """
    options = CallOptions.of(hosts, header, log)
    if not isinstance(session, aiohttp.ClientSession):
        raise TypeError(f"wrap() takes an aiohttp.ClientSession, not {session!r}")
    if not hasattr(session, "_middlewares"):
        raise RuntimeError(
            f"clew.aiohttp needs aiohttp 3.13 or later, not {aiohttp.__version__}: "
            'pip install "aiohttp>=3.13"'
        )
    # In its development mode, a session warns of attributes that are set.
    attributes = vars(session)
    if "_clew" not in attributes:
        session._response_class = mixed(cast("Any", _Watched), cast("Any", session._response_class))
        attributes["_request"] = _requester(session, attributes.get("_request"))
    attributes["_clew"] = options
    return session


Response = aiohttp.ClientResponse
Handler = Callable[[aiohttp.ClientRequest], Awaitable[Response]]


_REQUEST: Any = aiohttp.ClientSession._request


def _requester(
    session: Any, own: Callable[..., Awaitable[Response]] | None
) -> Callable[..., Awaitable[Response]]:
    """Return the session's ``_request``, with a middleware inside of all others.

    A request's own middlewares take the place of the session's, so it is added to either. What
    runs is *own*, which the session had before, else what stands on its class by then.
    """
    made: Any = type(session)._request

    @functools.wraps(_REQUEST)
    def requested(
        method: str, url: Any, *, middlewares: Sequence[Any] | None = None, **options: Any
    ) -> Any:
        request: Any = own
        if request is None:
            request = type(session)._request
            mocked = aiohttp.ClientSession._request is not _REQUEST or not (
                request is made or request is _REQUEST
            )
            if hasattr(request, "__get__"):  # a Mock is called without the session
                request = request.__get__(session, type(session))
            if mocked:
                if middlewares is not None:
                    options["middlewares"] = middlewares
                return _mocked(session, request, method, url, options)
        return sent(request, method, url, middlewares, options)

    async def sent(
        request: Any, method: str, url: Any, middlewares: Sequence[Any] | None, options: Any
    ) -> Response:
        cancelled: list[_Call] = []

        async def send(sending: aiohttp.ClientRequest, handler: Handler) -> Response:
            call = _call_of(session._clew, sending)
            call.inject(getattr(sending, "headers", {}))  # a mock may have none
            try:
                response = await handler(sending)
            except asyncio.CancelledError:
                cancelled.append(call)
                raise
            except BaseException as error:
                call.end(error=error)
                raise
            _watch(response, call)
            return response

        chosen = session._middlewares if middlewares is None else middlewares
        try:
            response = await request(method, url, middlewares=(*chosen, send), **options)
            return cast("Response", response)
        except BaseException as error:
            # For its timeout aiohttp cancels, and says so further out.
            for call in cancelled:
                call.end(error=error)
            raise
        finally:
            for call in cancelled:
                call.end(outcome="aborted")

    return requested


def _mocked(session: Any, request: Callable[..., Any], method: str, url: Any, options: Any) -> Any:
    """Call *request*, which somebody put on the class, with the id among its headers.

    It is called at once, as without clew, and need not give back what can be awaited.
    """
    headers = CIMultiDict(options.get("headers") or ())
    call = _Call(session._clew, method, session._build_url(url))
    # What the session sends with every request stays.
    if call.header in session.headers:
        call.sent_id = session.headers[call.header]
    else:
        call.inject(headers)
        if headers:
            options["headers"] = headers
    with call:
        answer = request(method, url, **options)
    if inspect.isawaitable(answer):
        return _answered(answer, call)
    call.end()
    return answer


async def _answered(answer: Awaitable[Any], call: _Call) -> Any:
    """Return what *answer* comes to, and end *call* with it."""
    with call:
        response = await answer
    if isinstance(response, aiohttp.ClientResponse):
        _watch(response, call)
    else:
        call.end()
    return response


class _Call(Call):
    """Follow one sending of a request, as a middleware sees it."""

    def __init__(self, options: CallOptions, method: str, url: URL) -> None:
        super().__init__(options, method)
        self._url = url
        # What the caller was handling already is not this call's.
        self.handled = sys.exc_info()[1]

    def host(self) -> str:
        return self._url.raw_host or ""

    def netloc(self) -> str:
        return shown_host(self._url.scheme, self.host(), self._url.port)

    def target(self) -> tuple[str, str]:
        return self._url.raw_path, self._url.raw_query_string

    def userinfo(self) -> str:
        return self._url.raw_authority.rpartition("@")[0]

    def end_of(self, content: aiohttp.StreamReader, **how: Any) -> None:
        """End with the *content* of the response, as far as it came."""
        self.body_size = getattr(content, "total_raw_bytes", content.total_bytes)
        self.end(**how)


def _call_of(options: CallOptions, request: aiohttp.ClientRequest) -> _Call:
    """Return the call of *request*, which is not kept: it has its response, which has this."""
    try:
        return _Call(options, request.method, request.url)
    except Exception as failure:  # of a class of one's own: it costs the record, not the call
        warn("An outgoing call has no record: %r", failure)
        call = _Call(options, "", URL())
        call.logged = True
        return call


def _watch(response: Response, call: _Call) -> None:
    """Let *call* end with the body of *response*, which is read before anyone asks for it."""
    if call.logged:
        return
    call.status = response.status
    if isinstance(response, _Watched) and response.content is not None:
        response._clew = call
        content = response.content
        content.on_eof(functools.partial(call.end_of, content))
    else:
        call.end()


class _Watched(aiohttp.ClientResponse):
    """End the call with the end of the response's body."""

    _clew: _Call | None = None

    def _clew_end(self) -> None:
        """End the call of a response that is let go before its body's end."""
        call = self._clew
        if call is None or call.logged:
            return
        error, raised = self.content.exception(), sys.exc_info()[1]
        if error is None and raised is not call.handled:
            # What else the reader raises is no matter of the call.
            given_up = isinstance(raised, (TimeoutError, aiohttp.ClientError))
            if given_up or not isinstance(raised, Exception):
                error = raised
        call.end_of(self.content, error=error)

    def close(self) -> None:
        self._clew_end()
        super().close()

    def release(self) -> Any:
        self._clew_end()
        return super().release()

    def __del__(self, *args: Any) -> None:
        call = self._clew
        if call is not None and not call.logged:  # nobody let it go
            call.end_of(self.content, outcome="aborted")
        super().__del__(*args)
