"""Outgoing calls: ``pool = clew.urllib3.wrap(urllib3.PoolManager(), hosts=["*.internal"])``."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, MutableMapping
from time import perf_counter
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit, urlunsplit

try:
    import urllib3
except ImportError as error:
    raise ImportError('clew.urllib3 wraps its pools: pip install "clew[urllib3]"') from error

from urllib3.exceptions import HostChangedError, HTTPError, LocationValueError
from urllib3.util import parse_url

from ._outgoing import Call, CallOptions, as_text, shown_host
from ._privacy import DEFAULT

PoolT = TypeVar("PoolT", urllib3.PoolManager, urllib3.HTTPConnectionPool)

# Two threads may be the first to ask a manager for a pool.
_patching = threading.RLock()
_here = threading.local()


# Their lines about retries and redirects hold whole URLs.
_URL_LOGGERS = ("urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")


class _URLFilter(logging.Filter):
    """Take user and password, and secrets in the query, from the URLs in urllib3's lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(map(_without_secrets, record.args))
        return True


def _without_secrets(value: object) -> object:
    if not isinstance(value, str) or not {"?", "@"} & set(value):
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return "..."
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc, query=DEFAULT.query(parts.query)))


def mask_lines() -> None:
    """Keep the secrets of URLs out of urllib3's own lines."""
    for name in _URL_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(entry, _URLFilter) for entry in logger.filters):
            logger.addFilter(_URLFilter())


def wrap(
    pool: PoolT,
    *,
    hosts: Iterable[str] | None = None,
    header: str | None = None,
    log: bool = True,
) -> PoolT:
    """Let *pool* carry the current request's id, and return it.

    Same as `clew.httpx.wrap`, for urllib3. A sending is what goes over a connection: each hop of
    a redirect and each attempt of a ``Retry`` is one, and one record. A call that fails before
    anything could be sent (no connection is free, the proxy opens no tunnel) is one as well.

    Args:
        pool: A PoolManager, a ProxyManager, or the pool of one host.
        hosts: The hosts that may see the id, without ports: ``"api.internal"``, or ``"*.internal"``
            for all below ``internal``. None for every host.
        header: The header; by default that of the current request's `Settings`.
        log: Whether each sending is logged as an outgoing HTTPLog, on ``clew.http.client``.
    """
    options = CallOptions.of(hosts, header, log)
    if not isinstance(pool, (urllib3.PoolManager, urllib3.HTTPConnectionPool)):
        raise TypeError(f"wrap() takes a urllib3.PoolManager or a connection pool, not {pool!r}")
    mask_lines()
    patched = cast("Any", pool)
    wrapped = "_clew" in vars(pool)
    patched._clew = options
    with _patching:
        if isinstance(pool, urllib3.HTTPConnectionPool):
            _patch(pool, pool)
        elif not wrapped:
            patched.connection_from_pool_key = _finder(pool, pool.connection_from_pool_key)
    return pool


def _finder(
    manager: urllib3.PoolManager, find: Callable[..., urllib3.HTTPConnectionPool]
) -> Callable[..., urllib3.HTTPConnectionPool]:
    @functools.wraps(find)
    def connection_from_pool_key(*args: Any, **kwargs: Any) -> urllib3.HTTPConnectionPool:
        pool = find(*args, **kwargs)
        if "_clew_owner" not in vars(pool):
            with _patching:
                if "_clew_owner" not in vars(pool):
                    _patch(pool, manager)
        return pool

    return connection_from_pool_key


def _patch(pool: urllib3.HTTPConnectionPool, owner: object) -> None:
    """Let the calls of *pool* go by the options of *owner*, itself or its manager."""
    patched = cast("Any", pool)
    wrapped = "_clew_owner" in vars(pool)
    patched._clew_owner = owner
    if not wrapped:
        patched._make_request = _sender(patched, patched._make_request)
        patched.urlopen = _opener(patched, patched.urlopen)


def _sender(pool: Any, send: Callable[..., Any]) -> Callable[..., Any]:
    """Return *send*, the pool's own, which sends one request over one connection."""

    @functools.wraps(send)
    def make_request(
        conn: object,
        method: str,
        url: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        _here.sendings = _sendings() + 1
        call = _Call(pool, method, url)
        headers = call.carried(headers)
        try:
            response = send(conn, method, url, body, headers, *args, **kwargs)
        except BaseException as error:
            call.end(error=error)
            raise
        watch(response, call)
        return response

    return make_request


def _opener(pool: Any, opening: Callable[..., Any]) -> Callable[..., Any]:
    """Return *opening*, the pool's urlopen, which calls itself for each further attempt."""

    @functools.wraps(opening)
    def urlopen(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        started, before = perf_counter(), _sendings()
        try:
            return opening(method, url, *args, **kwargs)
        except (HostChangedError, LocationValueError):
            raise  # there is no such call
        except HTTPError as error:
            if _sendings() == before:
                _here.sendings = before + 1  # it has its record
                with contextlib.suppress(Exception):
                    call = _Call(pool, method, url)
                    call.started = started
                    call.end(error=error)
            raise

    return urlopen


def _sendings() -> int:
    """Return how many requests this thread has sent so far."""
    return getattr(_here, "sendings", 0)


class _Call(Call):
    """One sending of a request, as a pool shows it."""

    def __init__(self, pool: Any, method: str, url: str) -> None:
        super().__init__(pool._clew_owner._clew)
        self._pool = pool
        self._method = method
        self._target = url
        # A proxy is told the whole URL; else the pool's host is called, whatever the URL says.
        self._url = None if url.startswith("/") else parse_url(url)
        self._proxied = None if pool.proxy is None else self._url

    def carried(self, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
        """Return *headers* with the id where it may go. They are the caller's: a copy has it.

        So none is handed on to the next hop of a redirect.
        """
        name = self.header.lower()
        for key, value in (headers or {}).items():
            if str(as_text(key)).lower() == name:
                self.sent_id = as_text(value)
                return headers
        self.sent_id = self.id_to_send()
        if self.sent_id is None:
            return headers
        # The copy of urllib3's own mapping has several values of a name.
        copied: MutableMapping[str, str]
        if isinstance(headers, urllib3.HTTPHeaderDict):
            copied = headers.copy()
        else:
            copied = dict(headers or {})
        copied[self.header] = self.sent_id
        return copied

    def method(self) -> str:
        return self._method

    def host(self) -> str:
        return str((self._proxied or self._pool).host)

    def netloc(self) -> str:
        called = self._proxied or self._pool
        return shown_host(str(called.scheme), self.host(), called.port)

    def target(self) -> tuple[str, str]:
        if self._url is not None:
            return self._url.path or "/", self._url.query or ""
        path, _, query = self._target.partition("#")[0].partition("?")
        return path, query

    def userinfo(self) -> str:
        return "" if self._url is None else self._url.auth or ""


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
                response.__class__ = _watched(type(response))
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
            self._clew_count()
            self._clew.end(error=error)
            raise
        finally:
            self._clew_reading -= 1
        if self.closed:
            self._clew_end()
        return read_part

    def _clew_count(self) -> None:
        self._clew.body_size = self.tell() + self._clew_chunks

    def _clew_end(self) -> None:
        # While it is being read, urllib3 closes it before it raises.
        if not self._clew_reading and not self._clew.logged:
            self._clew_count()
            self._clew.end()

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
        if not self._clew.logged:  # nobody closed it
            self._clew_count()
            self._clew.end(outcome="aborted")
        super().__del__()


@functools.cache
def _watched(base: type[urllib3.HTTPResponse]) -> type[urllib3.HTTPResponse]:
    """Return *base* as a _Watched one, which goes by the same name."""
    return type(base.__name__, (_Watched, base), {"__module__": base.__module__})
