"""What only urllib3 has: pools, attempts of a Retry, proxies."""

from __future__ import annotations

import gc
import importlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import clew
from tests.conftest import Lines

from .callers import HEADER, PATIENCE, Server, Urllib3, caller_of
from .test_contract import closed_port

urllib3: Any = pytest.importorskip("urllib3", reason="pip install urllib3")
wrap: Any = importlib.import_module("clew.urllib3").wrap


@pytest.fixture
def caller() -> Iterator[Urllib3]:
    caller = caller_of("urllib3")
    assert isinstance(caller, Urllib3)
    yield caller
    caller.end()


def statuses(lines: Lines) -> list[int | str]:
    """Return what became of each call: its status, else its exception's name."""
    return [
        line["response"].get("httpStatus") or line["exception"]["type"].rpartition(".")[2]
        for line in lines.http()
    ]


def test_threads_that_ask_first_at_once_carry_their_ids(
    caller: Urllib3, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two threads that call a host for the first time, the second waits for the first."""
    client, module = caller.client(), importlib.import_module("clew.urllib3")
    sender = module._sender
    other: list[threading.Thread] = []

    def call(request_id: str) -> None:
        with clew.context(request_id=request_id):
            client.request("GET", server.url())

    def slowly(*args: Any) -> Any:
        if not other:
            other.append(threading.Thread(target=call, args=("second",)))
            other[0].start()
            other[0].join(0.3)  # it gets on only if it does not wait
        return sender(*args)

    monkeypatch.setattr(module, "_sender", slowly)
    call("first")
    other[0].join(PATIENCE)
    assert sorted(map(str, server.ids())) == ["first", "second"]


def test_every_attempt_of_a_retry_is_a_sending(
    caller: Urllib3, server: Server, lines: Lines
) -> None:
    """Each attempt goes over a connection, carries the id, and has its record."""
    retries = urllib3.Retry(total=2, status_forcelist=[503])
    with clew.context(request_id="made-here"), pytest.raises(urllib3.exceptions.MaxRetryError):
        caller.client().request("GET", server.url("/status/503"), retries=retries)
    assert server.ids() == ["made-here"] * 3
    assert statuses(lines) == [503, 503, 503]


def test_every_refused_attempt_is_a_sending(caller: Urllib3, lines: Lines) -> None:
    """Attempts that are refused have a record each, and no further one."""
    url = f"http://127.0.0.1:{closed_port()}/"
    with pytest.raises(urllib3.exceptions.MaxRetryError):
        caller.client().request("GET", url, retries=urllib3.Retry(connect=2))
    assert statuses(lines) == ["NewConnectionError"] * 3


def test_urllib3s_own_lines_hold_no_secrets(
    caller: Urllib3, server: Server, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where urllib3 writes of a retry or a redirect, the URL's secrets are masked."""
    lines.configure(level="DEBUG")
    for name in ("urllib3", "urllib3.poolmanager", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        # Others may have turned it off, by a dictConfig say.
        monkeypatch.setattr(logger, "disabled", False)
        logger.setLevel(logging.NOTSET)
    client = caller.client()
    secret = f"http://ada:hunter2@127.0.0.1:{server.port}"
    client.request("GET", f"{secret}/to/127.0.0.1/x?token=hunter2&page=2")
    refused = f"http://127.0.0.1:{closed_port()}/?token=hunter2"
    with pytest.raises(urllib3.exceptions.MaxRetryError):
        client.request("GET", refused, retries=urllib3.Retry(connect=1))
    said = [line["message"] for line in lines() if line["logger"].startswith("urllib3")]
    assert any(text.startswith("Redirecting") and "page=2" in text for text in said)
    assert any(text.startswith("Retrying") and "token=***" in text for text in said)
    assert "hunter2" not in lines.raw()


def test_the_pool_of_one_host_can_be_wrapped(server: Server, lines: Lines) -> None:
    """A pool by itself follows its redirects, which stay at its host, with the id."""
    pool = urllib3.HTTPConnectionPool("127.0.0.1", server.port)
    assert wrap(pool) is pool
    with clew.context(request_id="made-here"):
        assert pool.request("GET", "/to/127.0.0.1/hello?a=b#c").data == b"hello"
    pool.close()
    assert server.ids() == ["made-here", "made-here"]
    assert statuses(lines) == [302, 200]
    assert lines.http()[0]["request"]["query"] == "a=b"
    assert lines.http()[0]["request"]["host"] == f"127.0.0.1:{server.port}"


def test_pools_made_before_wrapping_are_wrapped(
    caller: Urllib3, server: Server, lines: Lines
) -> None:
    """A manager's pools go by its options, also those that it has had before, and later ones."""
    manager = caller.bare()
    manager.request("GET", server.url())
    wrap(manager)
    with clew.context(request_id="made-here"):
        manager.request("GET", server.url())
        wrap(manager, hosts=["localhost"])
        manager.request("GET", server.url())
        manager.request("GET", server.url(host="localhost"))
        manager.connection_from_url(server.url()).request("GET", "/hello")
    assert server.ids() == [None, "made-here", None, "made-here", None]
    assert len(lines.http()) == 4


def test_a_pool_of_a_wrapped_manager_may_have_its_own_options(
    caller: Urllib3, server: Server, lines: Lines
) -> None:
    """A pool that is wrapped by itself goes by its own options, and is wrapped once."""
    manager = caller.client(hosts=["a.internal"])
    pool = manager.connection_from_url(server.url())
    wrap(pool)
    with clew.context(request_id="made-here"):
        manager.request("GET", server.url())
    assert server.ids() == ["made-here"]
    assert len(lines.http()) == 1


def test_several_values_of_a_header_stay(caller: Urllib3, server: Server) -> None:
    """Headers of urllib3's own kind, with several values of a name, are sent as they are."""
    headers = urllib3.HTTPHeaderDict()
    headers.add("X-Own", "one")
    headers.add("X-Own", "two")
    with clew.context(request_id="made-here"):
        caller.client().request("GET", server.url(), headers=headers)
    assert [value for name, value in server.seen[0].headers if name == "X-Own"] == ["one", "two"]
    assert server.ids() == ["made-here"]
    assert HEADER not in headers


def test_a_header_in_bytes_is_the_callers(caller: Urllib3, server: Server, lines: Lines) -> None:
    """A header that the caller set in bytes stays, and is logged as text."""
    with clew.context():
        caller.client().request("GET", server.url(), headers={HEADER: b"mine"})
    assert server.ids() == ["mine"]
    assert lines.http()[0]["request"]["headers"] == {"requestId": "mine"}


def test_a_pool_of_another_make_is_left_alone(caller: Urllib3, lines: Lines) -> None:
    """A pool class of the user's own, which is none of urllib3's, sends as it likes."""

    class Own:
        def __init__(self, host: str, port: int, **_: Any) -> None:
            self.host = host

        def urlopen(self, method: str, url: str, **_: Any) -> Any:
            return urllib3.HTTPResponse(b"own", status=200)

        def close(self) -> None:
            """Nothing is open."""

    client = caller.client()
    client.pool_classes_by_scheme = {"http": Own, "https": Own}
    with clew.context(request_id="made-here"):
        assert client.request("GET", "http://a.internal/").data == b"own"
    assert lines() == []


def test_when_no_connection_is_free_the_call_is_logged(server: Server, lines: Lines) -> None:
    """A call that waited in vain for a connection is one record, in danger."""
    pool = wrap(urllib3.HTTPConnectionPool("127.0.0.1", server.port, maxsize=1, block=True))
    held = pool.request("GET", "/long", preload_content=False)
    with clew.context(request_id="made-here"), pytest.raises(urllib3.exceptions.EmptyPoolError):
        pool.request("GET", "/hello?token=hunter2", pool_timeout=0.01)
    (line,) = lines.http()
    held.close()
    pool.close()
    assert (line["requestId"], line["level"]) == ("made-here", "danger")
    assert line["message"] == "GET /hello EmptyPoolError"
    assert "hunter2" not in lines.raw()


def test_a_wrong_address_is_no_call(caller: Urllib3, server: Server, lines: Lines) -> None:
    """What can be no call makes no record."""
    client = caller.client()
    with pytest.raises(urllib3.exceptions.LocationValueError):
        client.request("GET", "http://[oops/")
    pool = client.connection_from_url(server.url())
    with pytest.raises(urllib3.exceptions.HostChangedError):
        pool.urlopen("GET", "http://elsewhere.internal/")
    assert lines() == []


def test_through_a_proxy_it_is_the_destination_that_counts(server: Server, lines: Lines) -> None:
    """By a proxy for plain HTTP, hosts and records are of the host that is asked for."""
    proxy = urllib3.ProxyManager(server.url())
    wrap(proxy, hosts=["orders.internal"])
    with clew.context(request_id="made-here"):
        proxy.request("GET", "http://orders.internal:81/hello?a=b")
        proxy.request("GET", "http://jane:hunter2@evil.com/hello")
    proxy.clear()
    assert server.ids() == ["made-here", None]
    assert [line["request"]["host"] for line in lines.http()] == ["orders.internal:81", "evil.com"]
    assert [line["request"]["path"] for line in lines.http()] == ["/hello", "/hello"]
    assert "hunter2" not in lines.raw()


def test_a_tunnel_that_is_not_opened_is_logged(server: Server, lines: Lines) -> None:
    """A call whose proxy opens no tunnel is one record of the host that was asked for."""
    proxy = urllib3.ProxyManager(server.url())
    wrap(proxy)
    with clew.context(request_id="made-here"), pytest.raises(urllib3.exceptions.MaxRetryError):
        proxy.request("GET", "https://orders.internal/x", retries=urllib3.Retry(0))
    proxy.clear()
    (line,) = lines.http()
    assert (line["level"], line["requestId"]) == ("danger", "made-here")
    assert line["request"]["host"] == "orders.internal"


@pytest.mark.parametrize("how", ["read", "read1", "stream", "iterate", "chunked", "drain"])
def test_every_way_of_reading_ends_the_call(
    caller: Urllib3, server: Server, lines: Lines, how: str
) -> None:
    """However a body is read to its end, that is when the call has its record."""
    path = "/chunked" if how == "chunked" else "/hello"
    response = caller.client().request("GET", server.url(path), preload_content=False)
    assert lines.http() == []
    if how in ("read", "read1"):
        while getattr(response, how)(2):
            pass
    elif how == "drain":
        response.drain_conn()
    elif how == "iterate":
        assert list(response) == [b"hello"]
    else:
        parts = response.read_chunked() if how == "chunked" else response.stream(2)
        assert b"".join(parts) in (b"hello", b"abcde")
    (line,) = lines.http()
    assert line["response"]["bodySize"] == 5
    assert "outcome" not in line


def test_a_reader_that_stops_early_ends_the_call(
    caller: Urllib3, server: Server, lines: Lines
) -> None:
    """Who stops reading a chunked body has had enough of it: the call is complete."""
    response = caller.client().request("GET", server.url("/dripping"), preload_content=False)
    parts = response.stream()
    assert next(parts) == b"abc"
    parts.close()
    response.close()
    (line,) = lines.http()
    assert (line["response"]["bodySize"], line.get("outcome")) == (3, None)


def test_a_response_is_of_its_own_kind(caller: Urllib3, server: Server) -> None:
    """A watched response is a urllib3.HTTPResponse, by the same name."""
    response = caller.client().request("GET", server.url("/chunked"), preload_content=False)
    assert isinstance(response, urllib3.HTTPResponse)
    assert type(response).__name__ == "HTTPResponse"
    assert response.retries is not None
    assert response.data == b"abcde"


def test_a_response_is_thrown_away_at_once(caller: Urllib3, server: Server, lines: Lines) -> None:
    """A response that is dropped is not kept by what watches it."""
    client = caller.client()
    gc.disable()
    try:
        caller.drop(client, server.url("/dripping"))
        assert [line["outcome"] for line in lines.http()] == ["aborted"]
    finally:
        gc.enable()
