"""Outgoing calls: who may see the id, and what becomes of a call. Knows no client.

A client's module subclasses `Call` to translate (where the host, the path, the query stand in its
client's request) and tells it what happens to the response. All decisions are taken here.

The way of one sending, of which a redirect has one for every hop::

    client                    call                           logger
    ------                    ----                           ------
    a request is sent   ->    Call(options), carry(headers)
    its headers came    ->    status
    a part of the body  ->    received(size)
    the body's end      ->    end()                    ->    outgoing HTTPLog
    it failed           ->    end(error=...)           ->    outgoing HTTPLog
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from clew._context import DEFAULT_HEADER, current
from clew._lines.delivery import emit
from clew._lines.logger import get_logger
from clew._redaction import DEFAULT, Redactor
from clew.records import HTTPLog, Request, Response, describe, level_word

from .settings import Settings
from .wire import clean_method, clean_path, shown_path, shown_query

_log = get_logger("clew.http.client")  # never raises
_logger = logging.getLogger(_log.name)

_DIGITS = frozenset("0123456789")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class CallOptions:
    """The options of ``wrap``, checked."""

    hosts: tuple[str, ...] | None
    header: str | None
    log: bool

    @classmethod
    def of(cls, hosts: object, header: str | None, log: object) -> CallOptions:
        """Return the options, or raise for a wrong one, which is named."""
        if not isinstance(log, bool):
            raise TypeError(f"log must be True or False, not {log!r}")
        admitted = _patterns(hosts)
        if header is not None:
            Settings(header=header)  # raises for what is no header's name
        return cls(admitted, header, log)

    def admits(self, host: str) -> bool:
        """Tell whether *host*, which has no port, may see the id."""
        if self.hosts is None:
            return True
        host = wire_host(host)
        return any(
            host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
            if pattern.startswith("*.")
            else host == pattern
            for pattern in self.hosts
        )


def _patterns(hosts: object) -> tuple[str, ...] | None:
    if hosts is None:
        return None
    if isinstance(hosts, str) or not isinstance(hosts, Iterable):
        raise TypeError(f"hosts must be a collection of hosts, not {hosts!r}: write [{hosts!r}]")
    return tuple(_pattern(host) for host in hosts)


def _pattern(host: object) -> str:
    if isinstance(host, str):
        wildcard = "*." if host.startswith("*.") else ""
        name = _without_port(host.removeprefix("*."))
        if name and name != "." and name.isprintable() and not set("/*@?#[]\\ ") & set(name):
            try:
                return wildcard + wire_host(name if name.isascii() else _ascii(name, host))
            except UnicodeError:  # what IDNA refuses is one
                pass
    raise ValueError(
        f"hosts has {host!r}: allowed are a host without scheme and path, as 'api.internal', "
        "or '*.internal' for all below internal"
    )


def _without_port(name: str) -> str | None:
    """Return *name* without brackets and port; None where what stands there is neither."""
    port = ""
    bracketed = name.startswith("[")
    if bracketed:
        name, bracket, port = name[1:].partition("]")
        if not bracket:
            return None
    elif name.count(":") == 1:
        name, colon, port = name.partition(":")
        port = colon + port
    if port and not (port.startswith(":") and set(port[1:]) <= _DIGITS):
        return None
    if bracketed or ":" in name:
        try:
            ipaddress.IPv6Address(name)
        except ValueError:
            return None
    return name


def _ascii(name: str, given: str) -> str:
    """Return *name* in ASCII, by the same rules as the clients (RFC 5891)."""
    try:
        import idna
    except ImportError:
        raise ValueError(
            f"hosts has {given!r}, which is not in ASCII: write it as 'xn--...', "
            "or pip install idna"
        ) from None
    return idna.encode(name.lower()).decode("ascii")


def wire_host(host: str) -> str:
    """Return *host*, in ASCII and without port, as it is compared with others."""
    host = host.lower().strip("[]").rstrip(".")
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            pass
    return host


def shown_host(scheme: str, host: str, port: int | None) -> str:
    """Return what is written of a host: with its port, unless that goes without saying."""
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return host if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{host}:{port}"


class CarriedID(str):
    """An id that clew put into a header, to tell it from the caller's own.

    Clients hand headers on from one hop of a redirect to the next.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)  # whoever keeps a request keeps a plain string


class Call:
    """One sending of a request: carries the id, becomes an outgoing HTTPLog."""

    status: int | None = None
    body_size: int | None = None
    sent_id: str | None = None

    def __init__(self, options: CallOptions) -> None:
        self.options = options
        self.context = current()
        self.started = perf_counter()
        self.logged = not options.log

    # What a client's module translates.

    def method(self) -> str:
        """Return the request's method."""
        raise NotImplementedError

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
        """The name of the header by which the id is carried."""
        if self.options.header:
            return self.options.header
        return DEFAULT_HEADER if self.context is None else self.context.header_name

    def id_to_send(self) -> str | None:
        """Return the context's id, where its host may see it."""
        context = self.context
        if context is None or (
            self.options.hosts is not None and not self.options.admits(self.host())
        ):
            return None
        return context.request_id

    def carry(self, headers: MutableMapping[str, Any]) -> None:
        """Put the id on *headers*, which know no case, where it may go and none is there.

        What an earlier sending put there is decided anew, perhaps for another host. Never raises.
        """
        try:
            for name in [key for key, value in headers.items() if type(value) is CarriedID]:
                del headers[name]
            name = self.header
            self.sent_id = as_text(headers.get(name))
            if self.sent_id is None and (made := self.id_to_send()) is not None:
                headers[name] = CarriedID(made)
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
            self._log(error, outcome)
        except Exception as failure:
            _log.warning("An outgoing HTTPLog failed: %r", failure)

    # The record.

    def _log(self, error: BaseException | None, outcome: str | None) -> None:
        context = self.context
        failed = error is not None and isinstance(error, Exception)
        if error is not None:
            outcome = "error" if failed else "aborted"
        level = logging.INFO
        if failed or (self.status or 0) >= 500:
            level = logging.ERROR
        elif self.status is None or self.status >= 400:
            level = logging.WARNING
        if not _logger.isEnabledFor(level):
            return
        redactor = DEFAULT if context is None else context.redactor
        raw_path, raw_query = self.target()
        method = clean_method(self.method())
        path = shown_path(clean_path(raw_path), redactor)
        exception = describe(error) if error is not None and failed else None
        if exception is not None:
            hide = self._hiding(raw_query, redactor)
            exception.message = hide(exception.message)
            exception.stack_trace = hide(str(exception.stack_trace))
        shown = self.status if self.status is not None else type(error).__name__
        http = HTTPLog(
            level=level_word(level),
            message=f"{method} {path} {shown}",
            created_at=int(time.time() * 1000),
            logger=_logger.name,
            request_id=None if context is None else context.request_id,
            user_id=None if context is None else context.user_id(),
            request=Request(
                method=method,
                host=self.netloc(),
                path=path,
                query=shown_query(raw_query, redactor),
                headers={} if self.sent_id is None else {"requestId": self.sent_id},
            ),
            response=Response(
                http_status=self.status,
                response_time=round((perf_counter() - self.started) * 1000, 3),
                body_size=self.body_size,
            ),
            outcome=outcome,
            exception=exception,
            direction="outgoing",
        )
        fields = {} if context is None else context.fields
        # A response may be closed by another request's work; the ids of that are not the call's.
        ids = None if context is None or context is current() else context.ids
        emit(_logger, http, fields, level, error if failed else None, ids)

    def _hiding(self, query: str, redactor: Redactor) -> Callable[[str], str]:
        """Return what takes out of an exception's text, which may quote the URL, its secrets."""
        userinfo = self.userinfo()
        masked = redactor.query(query) if query else ""

        def hide(text: str) -> str:
            if userinfo:
                text = text.replace(f"{userinfo}@", "")
            if query:
                text = text.replace(query, masked)
            return redactor.text(text)

        return hide


def as_text(value: object) -> str | None:
    """Return a header's value, which some clients take as bytes, as text."""
    if value is None:
        return None
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
