"""Outgoing calls: ``pool = clew.urllib3.wrap(urllib3.PoolManager(), hosts=["*.internal"])``."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from time import perf_counter
from typing import Any, TypeVar, cast

from ._options import needed

with needed("clew.urllib3 wraps its pools: pip install urllib3"):
    import urllib3
    from urllib3.exceptions import HostChangedError, HTTPError, LocationValueError
    from urllib3.util import parse_url

from ._http.call import Call, CallOptions, as_text, shown_host
from ._http.urllib3 import Sendings, mask_lines, watch

PoolT = TypeVar("PoolT", urllib3.PoolManager, urllib3.HTTPConnectionPool)

# Two threads may be the first to ask a manager for a pool.
_patching = threading.RLock()
_sendings = Sendings()


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

    *pool* is a PoolManager, a ProxyManager, or the pool of one host. Pools of a class that is not
    urllib3's, in ``pool_classes_by_scheme``, are left alone.

    Raises:
        TypeError: *pool* is no pool of urllib3, or an option is of the wrong type.
        ValueError: *hosts* has something that is no host, or *header* is no name of a header.
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
        if not hasattr(pool, "_make_request"):
            return pool  # of somebody's own class, in pool_classes_by_scheme: it sends as it likes
        if "_clew_patched" not in vars(pool):
            with _patching:
                if "_clew_patched" not in vars(pool):
                    _patch(pool, manager)
        return pool

    return connection_from_pool_key


def _patch(pool: urllib3.HTTPConnectionPool, owner: object) -> None:
    """Let the calls of *pool* go by the options of *owner*, itself or its manager."""
    patched = cast("Any", pool)
    patched._clew_owner = owner
    if "_clew_patched" not in vars(pool):
        patched._make_request = _sender(patched, patched._make_request)
        patched.urlopen = _opener(patched, patched.urlopen)
        patched._clew_patched = True  # last: other threads look at it


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
        _sendings.count += 1
        call = _Call(pool, method, url)
        headers = call.injected(headers)
        with call:
            response = send(conn, method, url, body, headers, *args, **kwargs)
        watch(response, call)
        return response

    return make_request


def _opener(pool: Any, opening: Callable[..., Any]) -> Callable[..., Any]:
    """Return *opening*, the pool's urlopen, which calls itself for each further attempt."""

    @functools.wraps(opening)
    def urlopen(method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        started, before = perf_counter(), _sendings.count
        try:
            return opening(method, url, *args, **kwargs)
        except (HostChangedError, LocationValueError):
            raise  # there is no such call
        except HTTPError as error:
            if _sendings.count == before:
                _sendings.count += 1  # it has its record
                with contextlib.suppress(Exception):
                    call = _Call(pool, method, url)
                    call.started = started
                    call.end(error=error)
            raise

    return urlopen


class _Call(Call):
    """Follow one sending of a request, as a pool shows it."""

    def __init__(self, pool: Any, method: str, url: str) -> None:
        super().__init__(pool._clew_owner._clew, method)
        self._pool = pool
        self._target = url
        # A proxy is told the whole URL; else the pool's host is called, whatever the URL says.
        self._url = None if url.startswith("/") else parse_url(url)
        self._proxied = None if pool.proxy is None else self._url

    def injected(self, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
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
