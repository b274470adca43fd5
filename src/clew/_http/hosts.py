"""Which hosts may see the id: names, and whole domains, without ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_DIGITS = frozenset("0123456789")


class HostPatterns:
    """The hosts of the option ``hosts``, checked; None admits every host.

    Raises TypeError and ValueError for what is no collection of hosts.
    """

    __slots__ = ("_patterns",)

    def __init__(self, hosts: object) -> None:
        if hosts is None:
            self._patterns: tuple[str, ...] | None = None
            return
        if isinstance(hosts, str) or not isinstance(hosts, Iterable):
            raise TypeError(
                f"hosts must be a collection of hosts, not {hosts!r}: write [{hosts!r}]"
            )
        self._patterns = tuple(_pattern(host) for host in hosts)

    @property
    def admit_all(self) -> bool:
        """Whether every host may see the id."""
        return self._patterns is None

    def admit(self, host: str) -> bool:
        """Tell whether *host*, which has no port, may see the id."""
        if self._patterns is None:
            return True
        host = wire_host(host)
        return any(
            host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
            if pattern.startswith("*.")
            else host == pattern
            for pattern in self._patterns
        )


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
