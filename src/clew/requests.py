"""Outgoing calls: ``session = clew.requests.wrap(requests.Session(), hosts=["*.internal"])``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

try:
    import requests
except ImportError as error:
    raise ImportError("clew.requests wraps its sessions: pip install requests") from error

from requests.adapters import BaseAdapter

from ._http.call import Call, CallOptions, shown_host
from ._http.urllib3 import mask_lines, watch

SessionT = TypeVar("SessionT", bound=requests.Session)


def wrap(
    session: SessionT,
    *,
    hosts: Iterable[str] | None = None,
    header: str | None = None,
    log: bool = True,
) -> SessionT:
    """Let *session* carry the current request's id, and return it.

    Same as `clew.httpx.wrap`, for requests. What an adapter is asked for is one sending, and one
    record: each hop of a redirect, each round of a digest authentication. The attempts of a
    ``Retry`` that is mounted with an adapter are urllib3's, and together one sending.

    The session's hooks, auth and adapters work as before, also adapters that are mounted later.

    Raises:
        TypeError: *session* is no session of requests, or an option is of the wrong type.
        ValueError: *hosts* has something that is no host, or *header* is no name of a header.
    """
    options = CallOptions.of(hosts, header, log)
    if not isinstance(session, requests.Session):
        raise TypeError(f"wrap() takes a requests.Session, not {session!r}")
    mask_lines()
    patched = cast("Any", session)
    if "_clew" not in vars(session):
        patched.get_adapter = _finder(patched, session.get_adapter)
    patched._clew = options
    return session


def _finder(session: Any, find: Callable[..., BaseAdapter]) -> Callable[..., BaseAdapter]:
    @functools.wraps(find)
    def get_adapter(*args: Any, **kwargs: Any) -> BaseAdapter:
        return _Adapter(session, find(*args, **kwargs))

    return get_adapter


class _Adapter(BaseAdapter):
    """Watch what a session sends by its adapter, which may serve other sessions too."""

    def __init__(self, session: Any, adapter: BaseAdapter) -> None:
        super().__init__()
        self._session = session
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        call = _Call(self._session._clew, request)
        call.inject(request.headers)
        try:
            response = self._adapter.send(request, *args, **kwargs)
        except BaseException as error:
            call.end(error=error)
            raise
        call.status = response.status_code
        # By it a digest authentication sends the request again.
        if getattr(response, "connection", None) is self._adapter:
            cast("Any", response).connection = self
        watch(response.raw, call)
        return response

    def close(self) -> None:
        self._adapter.close()


class _Call(Call):
    """Follow one sending of a request, as an adapter is asked for it."""

    def __init__(self, options: CallOptions, request: requests.PreparedRequest) -> None:
        super().__init__(options)
        self._method = str(request.method)
        self._url = str(request.url)

    def method(self) -> str:
        return self._method

    def host(self) -> str:
        # By this, and not by urllib3's parser, an adapter finds whom to connect to.
        return urlsplit(self._url).hostname or ""

    def netloc(self) -> str:
        parts = urlsplit(self._url)
        try:
            port = parts.port
        except ValueError:  # an adapter of another make may take anything
            port = None
        return shown_host(parts.scheme, parts.hostname or "", port)

    def target(self) -> tuple[str, str]:
        parts = urlsplit(self._url)
        return parts.path or "/", parts.query

    def userinfo(self) -> str:
        return urlsplit(self._url).netloc.rpartition("@")[0]
