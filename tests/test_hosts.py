"""Which hosts may see the id."""

from __future__ import annotations

import re
import sys

import pytest

from clew._http.hosts import HostPatterns, wire_host
from tests.rows import each_row


@each_row(
    ("hosts", "host", "admitted"),
    [
        (["*.internal"], "orders.internal", True),
        (["*.internal"], "a.b.c.internal", True),
        (["*.internal"], "ORDERS.INTERNAL", True),
        (["*.internal"], "orders.internal.", True),
        (["*.internal"], "internal", False),
        (["*.internal"], ".internal", False),
        (["*.internal"], "internal.evil.com", False),
        (["*.internal"], "orders.internal.evil.com", False),
        (["*.internal"], "ordersinternal", False),
        (["*.internal"], "", False),
        (["*.INTERNAL"], "orders.internal", True),
        (["orders.internal"], "orders.internal", True),
        (["Orders.Internal"], "orders.internal", True),
        (["orders.internal:8080"], "orders.internal", True),
        (["orders.internal:"], "orders.internal", True),
        (["orders.internal."], "orders.internal", True),
        (["orders.internal"], "a.orders.internal", False),
        (["orders.internal"], "xorders.internal", False),
        (["orders.internal"], "orders.internal.evil.com", False),
        (["orders.internal"], "ordersxinternal", False),
        (["localhost"], "localhost", True),
        (["localhost"], "localhost.evil.com", False),
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "127.0.0.11", False),
        (["::1"], "::1", True),
        (["::1"], "[::1]", True),
        (["[::1]"], "::1", True),
        (["[::1]:9"], "::1", True),
        (["0:0:0:0:0:0:0:1"], "::1", True),
        (["::1"], "0:0:0:0:0:0:0:1", True),
        (["::1"], "::11", False),
        (["*.internal", "localhost"], "localhost", True),
        (["bücher.internal"], "xn--bcher-kva.internal", True),
        (["*.bücher.internal"], "a.xn--bcher-kva.internal", True),
        (["straße.internal"], "xn--strae-oqa.internal", True),
        (["straße.internal"], "strasse.internal", False),
        (["strasse.internal"], "xn--strae-oqa.internal", False),
        ([], "orders.internal", False),
    ],
)
def test_a_host_is_admitted_by_its_name(hosts: list[str], host: str, admitted: bool) -> None:
    """Hosts are compared in ASCII, without case, port and brackets; a star is all below."""
    assert HostPatterns(hosts).admit(host) is admitted


def test_without_patterns_every_host_is_admitted() -> None:
    """None stands for every host."""
    assert HostPatterns(None).admit_all and HostPatterns(None).admit("anywhere.example")
    assert not HostPatterns([]).admit_all


@each_row(
    ("host", "wire"),
    [("A.Internal.", "a.internal"), ("[::1]", "::1"), ("0:0::1", "::1"), ("a:b", "a:b")],
)
def test_a_host_on_the_wire(host: str, wire: str) -> None:
    """A host is lower case, without brackets and last dot; an address is short."""
    assert wire_host(host) == wire


@each_row(
    "host",
    [
        *(5, None, b"a.internal", "", "*", "*.", "*internal", "a.*.internal", "*.*.a", "."),
        *("https://a.internal", "a.internal/path", "a b", "a\nb", "a@b", "a:b", "a:80:90", "a:٤"),
        *("[::1", "[::1]x", "[::1]:x", "[a]", "::g", "a?b", "a#b", "a\\b", "\u2028", "ａ/b", "-ü"),
    ],
)
def test_what_is_no_host_is_refused(host: object) -> None:
    """Each of the hosts is one host, or all below one; what is neither is named."""
    with pytest.raises(ValueError, match=rf"^hosts has {re.escape(repr(host))}: "):
        HostPatterns([host])


@pytest.mark.parametrize("hosts", [5, "a.internal"])
def test_hosts_that_are_no_collection_are_refused(hosts: object) -> None:
    """What is no collection of hosts is named."""
    with pytest.raises(TypeError, match=f"hosts must be a collection of hosts, not {hosts!r}"):
        HostPatterns(hosts)


def test_without_idna_a_host_in_ascii_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no client has brought the rules for other letters, the remedy is said."""
    monkeypatch.setitem(sys.modules, "idna", None)
    with pytest.raises(ValueError, match=r"hosts has 'bücher\.internal', .* write it as 'xn--"):
        HostPatterns(["bücher.internal"])
