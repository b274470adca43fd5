"""Outgoing calls: ``client = clew.httpx.wrap(httpx.AsyncClient(...), hosts=["*.internal"])``."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from ._http.call import Call, CallOptions, mixed

if TYPE_CHECKING:
    import httpx
    import httpx2

# httpx2 has the same classes by the same names. Whose client it is that is wrapped has loaded it.
_PACKAGES = ("httpx", "httpx2")

if not any(map(find_spec, _PACKAGES)):
    raise ImportError("clew.httpx wraps clients of httpx or httpx2: pip install httpx")

# What a request carries beside its header, to tell an id that clew put there from the caller's;
# httpx hands it on to the next hop of a redirect.
_MARK = "clew"

ClientT = TypeVar(
    "ClientT", "httpx.Client", "httpx.AsyncClient", "httpx2.Client", "httpx2.AsyncClient"
)


def wrap(
    client: ClientT,
    *,
    hosts: Iterable[str] | None = None,
    header: str | None = None,
    log: bool = True,
) -> ClientT:
    """Let *client*, of httpx or httpx2, carry the current request's id, and return it.

    Each sending (also each hop of a redirect) carries the id of the context in which it is sent,
    when its host is one of *hosts*. A header that the caller set stays; outside any context
    nothing is added. Wrapping again only changes the options. What a log handler sends while it
    handles a line carries no id, and is not logged.

    Args:
        client: The client, sync or async; its hooks, auth and mounts work as before.
        hosts: The hosts that may see the id, without ports: ``"api.internal"``, or ``"*.internal"``
            for all below ``internal``. None for every host.
        header: The header; by default that of the current request's `Settings`.
        log: Whether each sending is logged as an outgoing HTTPLog, on ``clew.http.client``.

    Raises:
        TypeError: *client* is no client of httpx or httpx2, or an option is of the wrong type.
        ValueError: *hosts* has something that is no host, or *header* is no name of a header.
    """
    options = CallOptions.of(hosts, header, log)
    patched: Any = client
    for name in _PACKAGES:
        package: Any = sys.modules.get(name)
        if package is not None and isinstance(patched, (package.Client, package.AsyncClient)):
            break
    else:
        raise TypeError(
            f"wrap() takes an httpx.Client or httpx.AsyncClient, or one of httpx2, not {client!r}"
        )
    if isinstance(getattr(patched, "_clew", None), CallOptions):
        patched._clew = options
        return client
    patched._clew = options
    send = patched._send_single_request
    if isinstance(patched, package.AsyncClient):
        patched._send_single_request = _sender_async(patched, send, package.AsyncByteStream)
    else:
        patched._send_single_request = _sender(patched, send, package.SyncByteStream)
    return client


def _sender(
    client: Any, send: Callable[[httpx.Request], httpx.Response], kind: Any
) -> Callable[[httpx.Request], httpx.Response]:
    def send_single_request(request: httpx.Request) -> httpx.Response:
        with _Call(client._clew, request) as call:
            response = send(request)
        return call.watched(response, _SyncStream, kind)

    return send_single_request


def _sender_async(
    client: Any, send: Callable[[httpx.Request], Awaitable[httpx.Response]], kind: Any
) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
    async def send_single_request(request: httpx.Request) -> httpx.Response:
        with _Call(client._clew, request) as call:
            response = await send(request)
        return call.watched(response, _AsyncStream, kind)

    return send_single_request


class _Call(Call):
    """Follow one sending of a request, as httpx shows it."""

    def __init__(self, options: CallOptions, request: httpx.Request) -> None:
        super().__init__(options, request.method)
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

    def watched(self, response: httpx.Response, stream: Any, kind: Any) -> httpx.Response:
        """Return *response*, with whose body this ends: *kind* is the package's own stream."""
        self.status = response.status_code
        if response.is_closed:
            self.body_size = len(response.content)
        elif isinstance(response.stream, kind):
            response.stream = mixed(stream, kind)(response.stream, self)
            return response
        self.end()
        return response

    def host(self) -> str:
        return self.request.url.raw_host.decode("ascii")

    def netloc(self) -> str:
        return self.request.url.netloc.decode("ascii", "replace")

    def target(self) -> tuple[str, str]:
        path, _, query = self.request.url.raw_path.decode("latin-1").partition("?")
        return path, query

    def userinfo(self) -> str:
        return self.request.url.userinfo.decode()


class _Stream:
    """End the call with the end of a response's body."""

    def __init__(self, stream: Any, call: Call) -> None:
        self._stream = stream
        self._call = call

    @property
    def elapsed(self) -> Any:
        """What httpx2 asks a response's stream for."""
        return getattr(self._stream, "elapsed", None)

    def __del__(self) -> None:
        self._call.end(outcome="aborted")  # nobody closed the response


class _SyncStream(_Stream):
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


class _AsyncStream(_Stream):
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
