"""Outgoing calls: ``session = clew.requests.wrap(requests.Session(), hosts=["*.internal"])``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import MethodType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from ._options import needed

with needed("clew.requests wraps its sessions: pip install requests"):
    import requests
    from requests.adapters import BaseAdapter

from ._http.call import Call, CallOptions, shown_host
from ._http.urllib3 import Sendings, mask_lines, watch

_sendings = Sendings()  # by wrapped adapters

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
        patched.get_adapter = _finder(patched, vars(session).get("get_adapter"))
        patched.send = _sender(patched, vars(session).get("send"))
    patched._clew = options
    return session


def _of_class(session: Any, name: str) -> Any:
    """Return the method *name* of the session's class, as it is by now."""
    method: Any = getattr(type(session), name)
    return method.__get__(session, type(session)) if hasattr(method, "__get__") else method


def _finder(session: Any, own: Callable[..., BaseAdapter] | None) -> Callable[..., BaseAdapter]:
    def get_adapter(session: Any, *args: Any, **kwargs: Any) -> BaseAdapter:
        find = own or _of_class(session, "get_adapter")
        adapter: BaseAdapter = find(*args, **kwargs)
        # Whoever asks for it in another place gets what was mounted.
        return _Adapter(session, adapter) if _sendings.session is session else adapter

    functools.update_wrapper(get_adapter, requests.Session.get_adapter)
    cast("Any", get_adapter)._clew_finds = True
    return MethodType(get_adapter, session)


_SEND: Any = requests.Session.send


def _sender(
    session: Any, own: Callable[..., requests.Response] | None
) -> Callable[..., requests.Response]:
    """Return the session's ``send``, for which the adapter is watched, and what somebody patches.

    requests_mock puts an adapter of its own in the place of all others, and what the class has
    there afterwards.
    """

    def send(session: Any, request: Any, **kwargs: Any) -> requests.Response:
        before = vars(session).get("get_adapter")
        ours = getattr(before, "_clew_finds", False)
        doing = own or _of_class(session, "send")
        if ours and (own or requests.Session.send is _SEND):
            outer, _sendings.session = _sendings.session, session
            try:
                return cast("requests.Response", doing(request, **kwargs))
            finally:
                _sendings.session = outer
        call = _Call(session._clew, request)
        call.inject(request.headers)
        sendings = _sendings.count
        try:
            response = doing(request, **kwargs)
        except BaseException as error:
            if _sendings.count == sendings:
                call.end(error=error)
            raise
        finally:
            if before is not None:
                session.get_adapter = before
        if _sendings.count == sendings:
            call.status = getattr(response, "status_code", None)
            call.end()
        return cast("requests.Response", response)

    return MethodType(functools.update_wrapper(send, _SEND), session)


class _Adapter(BaseAdapter):
    """Watch what a session sends by its adapter, which may serve other sessions too."""

    _session: Any
    _adapter: BaseAdapter

    def __init__(self, session: Any, adapter: BaseAdapter) -> None:
        super().__init__()
        vars(self).update(_session=session, _adapter=adapter)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._adapter, name, value)  # max_retries, say

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        _sendings.count += 1
        call = _Call(self._session._clew, request)
        call.inject(request.headers)
        with call:
            response = self._adapter.send(request, *args, **kwargs)
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
        super().__init__(options, str(request.method))
        self._url = str(request.url)

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
