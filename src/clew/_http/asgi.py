"""An ASGI response, seen from its start to its end.

The source of the rules is the ASGI specification's "HTTP & WebSocket" part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from time import perf_counter
from typing import Any

from .progress import is_cancellation
from .scope import Message, ScopeExchange
from .websocket import is_normal_closure
from .wire import EXPOSE, Header, with_exposed, with_header

_EXPOSE = EXPOSE.lower().encode()
_NOT_STARTED: Message = {}
_LENGTH = Header("Content-Length")
_TRANSFER_ENCODING = Header("Transfer-Encoding")

# Seconds after which it is worth asking whether somebody is still waiting for the response.
_PROBE_AFTER = 0.1


class ASGIExchange(ScopeExchange):
    """An HTTP request whose response goes out through this middleware."""

    def receive(self) -> Awaitable[Message]:
        return self._receive()

    def send(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.started(message["status"])
            message = self.with_id(message)
        elif not message.get("more_body", False):
            self.ended = self.arrived  # nobody asks how long it took
        return self._send(message)

    async def answer(self, status: int, body: bytes) -> None:
        """Answer in the application's place, which did not."""
        headers = [(b"content-length", b"%d" % len(body))]
        if body:
            headers.append((b"content-type", b"text/plain; charset=utf-8"))
        try:
            await self.send({"type": "http.response.start", "status": status, "headers": headers})
            await self.send({"type": "http.response.body", "body": body})
        except Exception:  # the client has left, or the server: nobody is there to be told
            pass

    def with_id(self, message: Message) -> Message:
        """Return *message*, which starts a response, with the id on it. It stays as it is."""
        message = dict(message)
        headers: Iterable[Sequence[bytes]] = message.get("headers") or ()
        settings = self.settings
        header = settings.outbound
        if header is None:
            headers = list(headers)
        else:
            headers = with_header(headers, header.raw, self.raw_id)
            if settings.expose:
                values = [
                    value.decode("latin-1") for key, value in headers if key.lower() == _EXPOSE
                ]
                names = with_exposed(values, header.name)
                headers = with_header(headers, _EXPOSE, names.encode("latin-1"))
        message["headers"] = headers
        return message


class LoggedExchange(ASGIExchange):
    """An HTTP request that leaves an HTTPLog: what becomes of its response is watched."""

    _held: Sequence[Message] = ()  # taken from the server, and not yet handed on
    _receiving = 0  # how many of the application's calls of receive are waiting
    _body_read = False
    _streamed = False
    _start: Message = _NOT_STARTED  # with which the response began
    _is_whole = False  # whether a body without more to come is all that is left of the response

    async def receive(self) -> Message:
        if self._held:
            message, *self._held = self._held
            return message
        self._receiving += 1
        try:
            message = await self._receive()
        finally:
            self._receiving -= 1
        if message["type"] == "http.disconnect":
            self.disconnected()
        elif not message.get("more_body", False):
            self._body_read = True
        return message

    async def send(self, message: Message) -> None:
        kind = message["type"]
        try:
            if kind == "http.response.start":
                if perf_counter() - self.arrived > _PROBE_AFTER and self._may_listen():
                    await self._look_for_disconnect()
                await self._send(self.with_id(message))
                self._start = message
                self._is_whole = "trailers" not in message
                self.started(message["status"])
            elif kind == "http.response.body":
                size = len(message.get("body", b""))
                is_last = self._is_whole and not (
                    self.is_disconnected or message.get("more_body", False)
                )
                self._is_whole = False
                if not is_last and not await self._is_last(message, size):
                    await self._send(message)
                    self.sent(size)
                    return
                # Servers tell of the client's leaving while they send the end, too.
                self.ended = perf_counter()
                try:
                    await self._send(message)
                except BaseException as error:
                    # Servers without 2.4 tell of a complete response as of a client's leaving:
                    # who listens may be cancelled when nothing is left to be sent.
                    self.ended = None if size or not is_cancellation(error) else perf_counter()
                    raise
                self.sent(size)
                self.ended = perf_counter()
                self.log_if_due()
            else:
                self._is_whole = False
                await self._send(message)
                self._sent_otherwise(kind, message)
        except OSError:
            # ASGI 2.4: what send raises when the client has left.
            self.disconnected()
            raise

    async def _is_last(self, message: Message, size: int) -> bool:
        """Tell whether the client has the whole response with a part of its body, of *size*."""
        more = message.get("more_body", False)
        if more:
            self._streamed = True
        elif self._streamed and self.ended is None:
            await self._look_for_disconnect()
        if self.ended is not None or self.is_disconnected:
            return False
        if more:  # what follows is empty, and the client may have left by then
            return self._expected() == (self.body_size or 0) + size > 0
        return not self._start.get("trailers")

    def _expected(self) -> int | None:
        """Return how many bytes the body has, as the application's headers say."""
        for name, value in self._start.get("headers") or ():
            if name.lower() == _LENGTH.raw and value.isdigit():
                return int(value)
        return None

    def _sent_otherwise(self, kind: str, message: Message) -> None:
        if kind == "http.response.zerocopysend":
            self.sent(None)
            if not message.get("more_body", False) and not self._start.get("trailers"):
                self.finished()
        elif kind == "http.response.pathsend":
            self.sent(None)
            if not self._start.get("trailers"):
                self.finished()
        elif kind == "http.response.trailers" and not message.get("more_trailers", False):
            self.finished()

    def _may_listen(self) -> bool:
        """Whether no part of the request is left that the application might take."""
        # A body that is still to come is the application's to take.
        return self._body_read or not (
            self.header_values(_LENGTH) or self.header_values(_TRANSFER_ENCODING)
        )

    async def _look_for_disconnect(self) -> None:
        """Ask the server, without waiting, whether the client has left meanwhile.

        Servers before ASGI 2.4 drop what is sent to a client that has left without a word, and
        tell only who receives. What else comes is kept for the application.
        """
        for _ in range(2):  # the request's body may be waiting before the disconnect
            if self._receiving or self.is_disconnected:
                return  # the application is listening itself
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return  # trio
            asking = asyncio.ensure_future(self._receive())
            try:
                await asyncio.sleep(0)
            finally:
                if not asking.done():
                    asking.cancel()
                    await asyncio.wait([asking])
            if asking.cancelled() or asking.exception() is not None:
                return
            message = asking.result()
            self._held = [*self._held, message]
            if message["type"] == "http.disconnect":
                self.disconnected()


class WebSocketExchange(ASGIExchange):
    """A WebSocket connection, as ASGI shows it."""

    websocket = True
    _closed = False  # by the client

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.body_size = None
        self.eventful = True

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            if self.status is None:
                self.disconnected()
            elif self.close_code is None:
                self.close_code = message.get("code", 1005)
        return message

    async def send(self, message: Message) -> None:
        try:
            await self._pass_on(message, message["type"])
        except OSError:
            # ASGI 2.4: what send raises when the client has left.
            self._closed = True
            raise

    async def _pass_on(self, message: Message, kind: str) -> None:
        if kind == "websocket.accept":
            await self._send(self.with_id(message))
            self.started(101)
        elif kind == "websocket.close" and self.status is None:
            await self._send(message)
            self.started(403)
        elif kind == "websocket.http.response.start":
            await self._send(self.with_id(message))
            self.started(message["status"])
        else:
            await self._send(message)
            if kind == "websocket.close" and self.close_code is None:
                self.close_code = message.get("code", 1000)

    def failed(self, error: BaseException) -> None:
        if not (self._closed and is_normal_closure(self.close_code, error)):
            super().failed(error)

    async def answer(self, status: int, body: bytes) -> None:
        """Leave the answer to the server, which refuses the handshake in its own way."""
