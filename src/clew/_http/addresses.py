"""Whose address a request came from, also behind trusted proxies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from clew._text import remembering

# Stands for a peer without an address: a Unix socket, which only this machine can reach.
UNIX = "unix"

_LONGEST = 45  # of an address: an IPv6 one that ends in an IPv4 one

Network = IPv4Network | IPv6Network
Networks = tuple[Network | str, ...]


def parse_networks(option: str, value: object) -> Networks:
    """Return the networks that *value*, given as *option*, names in CIDR notation."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(
            f"{option} must be a collection of CIDR networks, not {value!r}: "
            f'write {option}=["10.0.0.0/8"], with "unix" for peers on a Unix socket'
        )
    networks: list[Network | str] = []
    for entry in value:
        if entry == UNIX:
            networks.append(UNIX)
            continue
        try:
            networks.append(ip_network(entry if isinstance(entry, str) else ""))
        except ValueError as error:
            raise ValueError(
                f"{option} has {entry!r}, which is no CIDR network ({error}): "
                'allowed are networks as "10.0.0.0/8" or "2001:db8::/32", single addresses, '
                'and "unix"'
            ) from None
    return tuple(networks)


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    # The zone (RFC 4007, section 11) means something on that machine only, and may be any text.
    text = text.partition("%")[0]
    return _address(text) if len(text) <= _LONGEST else None


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A dual-stack socket shows IPv4 clients so; they are the same clients.
    return getattr(address, "ipv4_mapped", None) or address


_address = remembering(_read_address, 128)


def _normalized(text: str) -> str | None:
    """Return *text* as an IP address, without a port; None when it is none (a path, a name)."""
    address = _parse(_without_port(text))
    return None if address is None else str(address)


normalize = remembering(_normalized, 128)


def is_within(peer: str | None, networks: Networks) -> bool:
    """Tell whether *peer* belongs to one of *networks*; no address or a path, to ``"unix"``.

    Any other name is nobody: servers take ``unknown`` from a client's header.
    """
    if not peer or peer.startswith("/"):
        return UNIX in networks
    address = _parse(_without_port(peer))
    return address is not None and any(
        not isinstance(network, str) and address in network for network in networks
    )


def client_address(peer: str | None, forwarded: Sequence[str], proxies: Networks) -> str | None:
    """Return the client's address: *peer*, or behind *proxies* what X-Forwarded-For names.

    That is the rightmost entry that is not itself a trusted proxy. Entries to the left of it are
    the client's own words. At a malformed entry the walk stops at the last good one.
    """
    address = normalize(peer or "")
    if not is_within(peer, proxies):
        return address
    for entry in reversed(",".join(forwarded).split(",")):
        candidate = normalize(entry.strip())
        if candidate is None:
            break
        address = candidate
        if not is_within(address, proxies):
            break
    return address


def _without_port(entry: str) -> str:
    entry = entry.strip('"')
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
