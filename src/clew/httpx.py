"""Outgoing calls: ``client = clew.httpx.wrap(httpx.AsyncClient(...), hosts=["*.internal"])``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

try:
    import httpx
except ImportError as error:
    raise ImportError("clew.httpx wraps httpx clients: pip install httpx") from error

from ._http.call import Call, CallOptions

# What a request carries beside its header, to tell an id that clew put there from the caller's;
# httpx hands it on to the next hop of a redirect.
_MARK = "clew"

ClientT = TypeVar("ClientT", httpx.Client, httpx.AsyncClient)


def wrap(
    client: ClientT,
    *,
    hosts: Iterable[str] | None = None,
    header: str | None = None,
    log: bool = True,
) -> ClientT:
    """Let *client*, sync or async, carry the current request's id, and return it.

    Each sending (also each hop of a redirect) carries the id of the context in which it is sent,
    when its host is one of *hosts*. A header that the caller set stays; outside any context
    nothing is added. Wrapping again only changes the options.

    Args:
        client: The client; its hooks, auth and mounts work as before.
        hosts: The hosts that may see the id, without ports: ``"api.internal"``, or ``"*.internal"``
            for all below ``internal``. None for every host.
        header: The header; by default that of the current request's `Settings`.
        log: Whether each sending is logged as an outgoing HTTPLog, on ``clew.http.client``.

    Raises:
        TypeError: *client* is no client of httpx, or an option is of the wrong type.
        ValueError: *hosts* has something that is no host, or *header* is no name of a header.
    """
    options = CallOptions.of(hosts, header, log)
    if not isinstance(client, (httpx.Client, httpx.AsyncClient)):
        raise TypeError(f"wrap() takes an httpx.Client or httpx.AsyncClient, not {client!r}")
    patched = cast("Any", client)
    if isinstance(getattr(patched, "_clew", None), CallOptions):
        patched._clew = options
        return client
    patched._clew = options
    if isinstance(client, httpx.AsyncClient):
        patched._send_single_request = _sender_async(client, patched._send_single_request)
    else:
        patched._send_single_request = _sender(client, patched._send_single_request)
    return client


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


class _Call(Call):
    """Follow one sending of a request, as httpx shows it."""

    def __init__(self, options: CallOptions, request: httpx.Request) -> None:
        super().__init__(options)
        self.request = request
        # Headers are bytes to httpx, so an id that clew put there is known by its mark.
        mark = request.extensions.pop(_MARK, None)
        if mark is not None and request.headers.get(mark[0]) == mark[1]:
            del request.headers[mark[0]]
        name = self.header
        self.sent_id = request.headers.get(name)
        if self.sent_id is None and (made := self.id_to_send()) is not None:
            request.headers[name] = self.sent_id = made
            request.extensions[_MARK] = (name, made)

    def responded(self, response: httpx.Response) -> None:
        self.status = response.status_code
        if response.is_closed:
            self.body_size = len(response.content)

    def method(self) -> str:
        return self.request.method

    def host(self) -> str:
        return self.request.url.raw_host.decode("ascii")

    def netloc(self) -> str:
        return self.request.url.netloc.decode("ascii", "replace")

    def target(self) -> tuple[str, str]:
        path, _, query = self.request.url.raw_path.decode("latin-1").partition("?")
        return path, query

    def userinfo(self) -> str:
        return self.request.url.userinfo.decode()


class _SyncStream(httpx.SyncByteStream):
    """End the call with the end of a response's body."""

    def __init__(self, stream: httpx.SyncByteStream, call: Call) -> None:
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
    """Do the same as _SyncStream, for an AsyncClient."""

    def __init__(self, stream: httpx.AsyncByteStream, call: Call) -> None:
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
