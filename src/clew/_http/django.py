"""The body of a response of Django's, seen to its end. Knows no framework but by its attributes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from .environ import EnvironExchange


class Stream:
    """A streamed body that counts its bytes and sees its end; sync or async as the original."""

    def __init__(
        self, chunks: Any, exchange: EnvironExchange, make_bytes: Callable[[object], bytes]
    ) -> None:
        self._chunks = chunks
        self._exchange = exchange
        self._make_bytes = make_bytes
        self.touched = False
        self._made = False  # whether there was a chunk, be it empty

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.touched = True
        try:
            return self._counted(next(self._chunks))
        except StopIteration:
            self._exchange.finished()
            raise
        except BaseException as error:
            self._failed(error)
            raise

    async def __anext__(self) -> bytes:
        self.touched = True
        try:
            return self._counted(await anext(self._chunks))
        except StopAsyncIteration:
            self._exchange.finished()
            raise
        except BaseException as error:
            self._failed(error)
            raise

    def _failed(self, error: BaseException) -> None:
        exchange = self._exchange
        if not self._made and isinstance(error, Exception) and not exchange.sends_headers_first():
            exchange.status = None  # the server answers 500
        # Under ASGI, Django does not close a response whose body raised.
        exchange.close(error)

    def _counted(self, chunk: object) -> bytes:
        self._made = True
        data = self._make_bytes(chunk)
        self._exchange.sent(len(data))
        return data


class Closer:
    """The end of a request: when its response is closed, or dropped without having been sent."""

    def __init__(self, exchange: EnvironExchange, response: Any, stream: Stream | None) -> None:
        self._exchange = exchange
        self._stream = stream
        self._file = getattr(response, "file_to_stream", None) is not None
        # Not the response itself, which holds this.
        self._size = 0 if stream is not None else len(response.content)

    def close(self) -> None:
        exchange = self._exchange
        try:
            self._finish()
            exchange.close()
        except BaseException as error:
            exchange.close(error)
            raise

    def _finish(self) -> None:
        exchange, stream = self._exchange, self._stream
        if stream is None:
            exchange.sent(self._size)
        elif not stream.touched and (self._file or exchange.method() == "HEAD"):
            exchange.sent(None)  # the server sent the file in a way of its own
        else:
            return
        exchange.finished()

    def __del__(self) -> None:
        # Django drops the response of a sync view whose client has left.
        exchange = getattr(self, "_exchange", None)
        if exchange is not None and exchange.live:
            exchange.status = None
            exchange.disconnected()
            exchange.close()
