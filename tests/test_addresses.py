"""Whose address a request came from, also behind proxies."""

from __future__ import annotations

import pytest

from clew._http.addresses import client_address, is_within, normalize, parse_networks
from tests.rows import each_row

PROXIES = parse_networks("proxies", ["10.0.0.0/8", "2001:db8:1::/48", "192.0.2.1"])


@each_row(
    ("forwarded", "client"),
    [
        pytest.param(["203.0.113.7"], "203.0.113.7", id="one"),
        pytest.param(["6.6.6.6, 203.0.113.7"], "203.0.113.7", id="the clients own words"),
        pytest.param(["6.6.6.6, 203.0.113.7, 10.9.9.9"], "203.0.113.7", id="two proxies"),
        pytest.param(["203.0.113.7, 192.0.2.1 , 10.9.9.9"], "203.0.113.7", id="three proxies"),
        pytest.param(["6.6.6.6", "203.0.113.7"], "203.0.113.7", id="two headers"),
        pytest.param(["203.0.113.7", "10.0.0.2", "10.0.0.3"], "203.0.113.7", id="three headers"),
        pytest.param(["10.0.0.2, 10.0.0.3"], "10.0.0.2", id="all trusted"),
        pytest.param([], "10.0.0.1", id="no header"),
        pytest.param([""], "10.0.0.1", id="empty"),
        pytest.param([" , "], "10.0.0.1", id="empty entries"),
        pytest.param(["203.0.113.7,"], "10.0.0.1", id="ends with a comma"),
        pytest.param(["203.0.113.7, nonsense"], "10.0.0.1", id="malformed"),
        pytest.param(["6.6.6.6, nonsense, 10.0.0.2"], "10.0.0.2", id="malformed after a proxy"),
        pytest.param(["203.0.113.7, unknown"], "10.0.0.1", id="unknown"),
        pytest.param(["6.6.6.6, 203.0.113.256"], "10.0.0.1", id="no such address"),
        pytest.param(["6.6.6.6, 010.0.0.9"], "10.0.0.1", id="octal"),
        pytest.param(["6.6.6.6, \u0661.\u0661.\u0661.\u0661"], "10.0.0.1", id="arabic digits"),
        pytest.param(["203.0.113.7:51234"], "203.0.113.7", id="port"),
        pytest.param(["203.0.113.7:51234, 10.0.0.2:80"], "203.0.113.7", id="ports"),
        pytest.param(["2001:db8::7"], "2001:db8::7", id="IPv6"),
        pytest.param(["[2001:db8::7]"], "2001:db8::7", id="brackets"),
        pytest.param(["[2001:db8::7]:51234"], "2001:db8::7", id="brackets and port"),
        pytest.param(['"[2001:db8::7]:51234"'], "2001:db8::7", id="quotes"),
        pytest.param(["2001:DB8:0:0::7"], "2001:db8::7", id="one spelling"),
        pytest.param(["203.0.113.7, 2001:db8:1::9"], "203.0.113.7", id="IPv6 proxy"),
        pytest.param(["::ffff:203.0.113.7"], "203.0.113.7", id="mapped"),
        pytest.param(
            ["0000:0000:0000:0000:0000:ffff:203.0.113.107"], "203.0.113.107", id="mapped, in full"
        ),
        pytest.param(["203.0.113.7, ::ffff:10.0.0.2"], "203.0.113.7", id="mapped proxy"),
        pytest.param(["203.0.113.7, [::ffff:10.0.0.2]:80"], "203.0.113.7", id="mapped, port"),
    ],
)
def test_the_client_behind_trusted_proxies(forwarded: list[str], client: str) -> None:
    """The client is the rightmost entry that is no trusted proxy, up to a malformed one."""
    assert client_address("10.0.0.1", forwarded, PROXIES) == client


@each_row("peer", ["203.0.113.50", "::1", "11.0.0.1"])
def test_an_untrusted_peer_is_the_client(peer: str) -> None:
    """What a peer says that is no trusted proxy counts for nothing."""
    assert client_address(peer, ["6.6.6.6"], PROXIES) == peer


def test_a_mapped_peer_is_its_ipv4_address() -> None:
    """A peer that a dual-stack socket shows as a mapped address is trusted and logged as IPv4."""
    assert client_address("::ffff:10.0.0.1", ["6.6.6.6"], PROXIES) == "6.6.6.6"
    assert client_address("::ffff:203.0.113.7", [], PROXIES) == "203.0.113.7"


@each_row("peer", [None, "", "/run/app.sock"])
def test_a_peer_without_an_address(peer: str | None) -> None:
    """A Unix socket's peer has no address; its header counts when "unix" is trusted."""
    assert client_address(peer, ["203.0.113.7"], PROXIES) is None
    unix = parse_networks("proxies", ["unix", "10.0.0.0/8"])
    assert client_address(peer, ["203.0.113.7, 10.0.0.2"], unix) == "203.0.113.7"
    assert client_address(peer, [], unix) is None


@pytest.mark.parametrize("peer", ["unknown", "_hidden", "testclient", "1.2.3.4.5", ":1", " "])
def test_a_peer_that_is_no_address_is_nobody(peer: str) -> None:
    """What a server takes from a client's header into the peer's place is never a Unix socket."""
    unix = parse_networks("proxies", ["unix", "10.0.0.0/8"])
    assert not is_within(peer, unix)
    assert client_address(peer, ["203.0.113.7"], unix) is None


@each_row("peer", ["10.0.0.1:1024", "[2001:db8:1::1]:443", "[::ffff:10.0.0.1]:1"])
def test_a_peers_port_goes(peer: str) -> None:
    """A peer with a port is trusted as the address that it is."""
    assert client_address(peer, ["203.0.113.7"], PROXIES) == "203.0.113.7"


def test_an_address_is_not_trusted_as_a_socket() -> None:
    """Trust in Unix sockets is none in addresses."""
    unix = parse_networks("proxies", ["unix"])
    assert client_address("203.0.113.50", ["6.6.6.6"], unix) == "203.0.113.50"
    assert is_within(None, unix)
    assert not is_within(None, PROXIES)


@each_row(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8::0:7", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", None),
        (None, None),
        ("localhost", None),
        ("/run/app.sock", None),
        ("203.0.113.7\n", None),
        ("1.2.3.4:1024", "1.2.3.4"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("unknown", None),
    ],
)
def test_what_is_no_address_is_not_logged(text: str | None, address: str | None) -> None:
    """Only IP addresses count, in one spelling."""
    assert normalize(text or "") == address


def test_a_zone_carries_no_text_into_the_log() -> None:
    """The zone of an IPv6 address (RFC 4007) may be any text: a client's is not logged."""
    told = client_address("10.0.0.1", ["2001:db8::7%" + "evil " * 1000], PROXIES)
    assert "evil" not in str(told)


@pytest.mark.parametrize(
    ("value", "error", "named"),
    [
        ("10.0.0.0/8", TypeError, r"proxies must be a collection .*'10\.0\.0\.0/8'.*proxies=\["),
        (5, TypeError, "proxies must be a collection .*5"),
        (None, TypeError, "proxies must be a collection .*None"),
        (["10.0.0.1/8"], ValueError, r"proxies has '10\.0\.0\.1/8'.*host bits"),
        (["example.com"], ValueError, "proxies has 'example.com'.*allowed are"),
        ([None], (TypeError, ValueError), "proxies has None"),
        ([5], (TypeError, ValueError), "proxies has 5"),
    ],
)
def test_wrong_networks_are_refused(
    value: object, error: type[Exception] | tuple[type[Exception], ...], named: str
) -> None:
    """Networks that are none raise when they are given, naming the option and the value."""
    with pytest.raises(error, match=named):
        parse_networks("proxies", value)
