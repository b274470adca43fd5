"""Outgoing calls: who may see the id, and what becomes of a call. Knows no client.

A client's module subclasses `Call` to translate (where the host, the path, the query stand in its
client's request) and tells it what happens to the response. All decisions are taken here.

The way of one sending, of which a redirect has one for every hop::

    client                    call                           logger
    ------                    ----                           ------
    a request is sent   ->    with Call(...), inject(headers)
    its headers came    ->    status
    a part of the body  ->    received(size)
    the body's end      ->    end()                    ->    outgoing HTTPLog
    it raised           ->    end(error=...)           ->    outgoing HTTPLog
"""

from __future__ import annotations

import functools
from collections.abc import MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

from clew._context import DEFAULT_HEADER
from clew._current import current
from clew._lines.delivery import emit, in_handler, own_logger
from clew._lines.logger import get_logger
from clew._options import check_flag

from . import record
from .hosts import HostPatterns
from .settings import Settings

_log = get_logger(record.CLIENT_LOGGER)  # never raises
_logger = own_logger(record.CLIENT_LOGGER)

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of ``wrap``, checked."""

    hosts: HostPatterns
    header: str | None
    log: bool

    @classmethod
    def of(cls, hosts: object, header: str | None, log: object) -> CallOptions:
        """Return the options, or raise for a wrong one, which is named."""
        log = check_flag("log", log)
        admitted = HostPatterns(hosts)
        if header is not None:
            Settings(header=header)  # raises for what is no header's name
        return cls(admitted, header, log)


def shown_host(scheme: str, host: str, port: int | None) -> str:
    """Return what is written of a host: with its port, unless that goes without saying."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


class InjectedID(str):
    """An id that clew put into a header, to tell it from the caller's own.

    Clients hand headers on from one hop of a redirect to the next.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)  # whoever keeps a request keeps a plain string


class Call:
    """One sending of a request: injects the id, becomes an outgoing HTTPLog."""

    status: int | None = None
    body_size: int | None = None
    sent_id: str | None = None

    def __init__(self, options: CallOptions, method: str) -> None:
        self.options = options
        self._method = method
        # A handler that ships lines would ship the record of doing so as well, and so on.
        handled = in_handler()
        self.context = None if handled else current()
        self.started = perf_counter()
        self.logged = handled or not options.log

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:  # otherwise the call ends with its response
            self.end(error=error)

    def method(self) -> str:
        """Return the request's method."""
        return self._method

    # What a client's module translates.

    def host(self) -> str:
        """Return the host that is called, in ASCII, without port."""
        raise NotImplementedError

    def netloc(self) -> str:
        """Return the host with its port, without user and password."""
        raise NotImplementedError

    def target(self) -> tuple[str, str]:
        """Return the path and the query, as on the wire."""
        raise NotImplementedError

    def userinfo(self) -> str:
        """Return user and password as they stand in the URL, where they do."""
        return ""

    # The id.

    @property
    def header(self) -> str:
        """The name of the header that takes the id."""
        if self.options.header:
            return self.options.header
        return DEFAULT_HEADER if self.context is None else self.context.header_name

    def id_to_send(self) -> str | None:
        """Return the context's id, where its host may see it."""
        context = self.context
        hosts = self.options.hosts
        if context is None or not (hosts.admit_all or hosts.admit(self.host())):
            return None
        return context.request_id

    def inject(self, headers: MutableMapping[str, Any]) -> None:
        """Put the id on *headers*, which know no case, where it may go and none is there.

        What an earlier sending put there is decided anew, perhaps for another host. Never raises.
        """
        try:
            for name in [key for key, value in headers.items() if type(value) is InjectedID]:
                del headers[name]
            name = self.header
            self.sent_id = as_text(headers.get(name))
            if self.sent_id is None and (made := self.id_to_send()) is not None:
                headers[name] = InjectedID(made)
                self.sent_id = made
        except Exception as failure:
            _log.warning("An outgoing call goes without the id: %r", failure)

    # The response's events.

    def received(self, size: int) -> None:
        """*size* further bytes of the body have come."""
        self.body_size = (self.body_size or 0) + size

    def end(self, *, error: BaseException | None = None, outcome: str | None = None) -> None:
        """Log the call, once. Never raises."""
        if self.logged:
            return
        self.logged = True
        try:
            found = record.of_call(self, error, outcome, _logger)
            if found is not None:
                http, level, fields = found
                context = self.context
                # A response may be closed by another request's work; its ids are not the call's.
                ids = None if context is None or context is current() else context.ids
                logged = error if isinstance(error, Exception) else None
                emit(_logger, http, fields, level, logged, ids)
        except Exception as failure:
            _log.warning("An outgoing HTTPLog failed: %r", failure)


@functools.cache
def mixed(kind: Any, base: Any) -> Any:
    """Return *base*, a client's class, as a *kind* as well, which goes by the same name."""
    return type(base.__name__, (kind, base), {"__module__": base.__module__})


def as_text(value: object) -> str | None:
    """Return a header's value, which some clients take as bytes, as text."""
    if value is None:
        return None
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
