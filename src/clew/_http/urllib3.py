"""What is urllib3's in every call that goes through it, also by requests: its lines, its bodies."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator
from typing import Any, cast

import urllib3

from clew._lines.quoting import QuotingFilter
from clew._lines.servers import add_filter_once

from .call import Call, mixed

# Their lines about retries and redirects hold whole URLs.
_URL_LOGGERS = ("urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")


class Sendings(threading.local):
    """How many requests a thread has sent so far, and the session that it is sending with."""

    count = 0
    session: object = None


def mask_lines() -> None:
    """Keep the secrets of URLs out of urllib3's own lines."""
    for name in _URL_LOGGERS:
        add_filter_once(logging.getLogger(name), QuotingFilter)


def watch(response: object, call: Call) -> None:
    """Let *call* end with the body of *response*, one of urllib3's; with its headers otherwise."""
    if call.logged:
        return
    try:
        if isinstance(response, urllib3.HTTPResponse):
            call.status = response.status
            if not response.closed:
                # A reference from the response to itself would keep its connection.
                cast("Any", response)._clew = call
                response.__class__ = mixed(cast("Any", _Watched), type(response))
                return
            call.body_size = response.tell()
        else:
            call.status = cast("Any", response).status
    except (AttributeError, TypeError):  # somebody else's kind of response
        pass
    call.end()


class _Watched(urllib3.HTTPResponse):
    """A response, the end of whose body is the end of the call."""

    _clew: Call
    _clew_reading = 0
    _clew_chunks = 0  # bytes of chunks, which urllib3 does not count

    def _clew_read(self, read: Callable[..., Any], *args: Any) -> Any:
        self._clew_reading += 1
        try:
            read_part = read(*args)
        except StopIteration:
            raise
        except BaseException as error:
            self._clew_end(error=error)
            raise
        finally:
            self._clew_reading -= 1
        if self.closed:
            self._clew_end()
        return read_part

    def _clew_end(self, **how: Any) -> None:
        # While it is being read, urllib3 closes it before it raises.
        if (how or not self._clew_reading) and not self._clew.logged:
            self._clew.body_size = self.tell() + self._clew_chunks
            self._clew.end(**how)

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,
        cache_content: bool = False,
    ) -> bytes:
        return cast("bytes", self._clew_read(super().read, amt, decode_content, cache_content))

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        return cast("bytes", self._clew_read(super().read1, amt, decode_content))

    def read_chunked(
        self, amt: int | None = None, decode_content: bool | None = None
    ) -> Generator[bytes, None, None]:
        chunks = super().read_chunked(amt, decode_content)
        try:
            while True:
                try:
                    chunk = self._clew_read(next, chunks)
                except StopIteration:
                    self._clew_end()
                    return
                yield chunk
        finally:
            chunks.close()  # type: ignore[attr-defined, unused-ignore]

    def drain_conn(self) -> None:
        self._clew_read(super().drain_conn)

    def _handle_chunk(self, amt: int | None) -> bytes:
        chunk = super()._handle_chunk(amt)
        self._clew_chunks += len(chunk)
        return chunk

    def release_conn(self) -> None:
        super().release_conn()
        self._clew_end()

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._clew_end()

    def __del__(self) -> None:
        self._clew_end(outcome="aborted")  # nobody closed it
        super().__del__()
