"""An outgoing call, with every client: it carries the id to those who may see it, and is logged."""

from __future__ import annotations

import asyncio
import gc
import gzip
import io
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

import clew
from clew._http.call import CallOptions
from tests.conftest import Lines, Raising, run_without, serve
from tests.rows import each_row

from .callers import CALLERS, HEADER, PATIENCE, Async, Caller, Server, every_caller

# The id.


@every_caller
def test_a_call_carries_the_id(caller: Caller, server: Server) -> None:
    """A request carries the id of the context it is sent in."""
    client = caller.client()
    for made in ("one", "two"):
        with clew.context(request_id=made):
            assert caller.call(client, server.url()) == (200, b"hello")
    assert server.ids() == ["one", "two"]


def test_without_a_context_nothing_is_added(caller: Caller, server: Server) -> None:
    """Outside any context a request is sent as it is."""
    caller.call(caller.client(), server.url())
    assert server.ids() == [None]


def test_a_header_of_the_callers_stays(caller: Caller, server: Server) -> None:
    """A header that the caller set is sent as it is, in a context and outside."""
    client = caller.client()
    for name in (HEADER, "x-request-id"):
        headers = {name: "mine"}
        with clew.context():
            caller.call(client, server.url(), headers=headers)
        caller.call(client, server.url(), headers=headers)
        assert headers == {name: "mine"}
    assert server.ids() == ["mine"] * 4


def test_a_header_of_the_clients_stays(caller: Caller, server: Server) -> None:
    """A header that the client sends with every request stays."""
    client = caller.client(headers={HEADER: "the-clients"})
    with clew.context():
        caller.call(client, server.url())
    assert server.ids() == ["the-clients"]


def test_the_callers_headers_are_left_alone(caller: Caller, server: Server) -> None:
    """A dictionary of headers that several requests share carries nothing between them."""
    client = caller.client()
    headers = {"X-Own": "own"}
    with clew.context(request_id="made-here"):
        caller.call(client, server.url(), headers=headers)
    caller.call(client, server.url(), headers=headers)
    assert server.ids() == ["made-here", None]
    assert server.ids("X-Own") == ["own", "own"]
    assert headers == {"X-Own": "own"}


def test_wrapping_returns_the_client(caller: Caller) -> None:
    """The client comes back as it is, of its own type."""
    client = caller.bare()
    kind = type(client)
    assert caller.clew.wrap(client) is client
    assert type(client) is kind


@every_caller
def test_wrapping_twice_is_wrapping_once(caller: Caller, server: Server, lines: Lines) -> None:
    """A client wrapped again sends one header and makes one record, by the later options."""
    client = caller.client(hosts=["127.0.0.1"])
    with clew.context(request_id="made-here"):
        caller.call(client, server.url())
        assert caller.clew.wrap(client, hosts=["localhost"]) is client
        caller.call(client, server.url())
        caller.call(client, server.url(host="localhost"))
    assert server.ids() == ["made-here", None, "made-here"]
    assert len(lines.http()) == 3


def test_other_clients_are_left_alone(caller: Caller, server: Server, lines: Lines) -> None:
    """Wrapping a client changes no other one of its kind."""
    caller.client()
    with clew.context():
        caller.call(caller.bare(), server.url())
    assert server.ids() == [None]
    assert lines.http() == []


def test_the_header_can_be_chosen(caller: Caller, server: Server) -> None:
    """The header option says which header carries the id."""
    with clew.context(request_id="made-here"):
        caller.call(caller.client(header="X-Trace"), server.url())
    assert server.ids("X-Trace") == ["made-here"]
    assert server.ids() == [None]


def test_the_header_is_that_of_the_request(caller: Caller, server: Server) -> None:
    """Without the option, the header is the one of the request being served."""
    client = caller.client()
    ids: list[str | None] = []

    def work() -> None:
        ids.append(clew.request_id())
        caller.call(client, server.url())

    serve(work, header="X-Trace")
    assert server.ids("X-Trace") == ids
    assert server.ids() == [None]


def test_the_user_is_not_told(caller: Caller, server: Server) -> None:
    """Neither the user's id nor any bound field is sent."""
    with clew.context(user_id="user-12345", tenant="acme-corp"):
        caller.call(caller.client(), server.url())
    assert "user-12345" not in str(server.seen)
    assert "acme-corp" not in str(server.seen)


@every_caller
def test_calls_at_once_keep_their_ids(caller: Caller, server: Server, lines: Lines) -> None:
    """Calls of one client, from many threads or tasks at once, carry the id of each."""
    client = caller.client()
    caller.at_once(client, 32, lambda number: (server.url(f"/hello/{number}"), f"id-{number}"))
    assert {seen.target: seen.header(HEADER) for seen in server.seen} == {
        f"/hello/{number}": f"id-{number}" for number in range(32)
    }
    assert {line["request"]["path"]: line["requestId"] for line in lines.http()} == {
        f"/hello/{number}": f"id-{number}" for number in range(32)
    }


# Handlers.


class Shipping(logging.Handler):
    """A handler that ships each line by what it is given."""

    def __init__(self, ship: Callable[[], object]) -> None:
        super().__init__()
        self.ship = ship

    def emit(self, record: logging.LogRecord) -> None:
        self.ship()


def test_what_a_handler_sends_is_neither_logged_nor_carries_the_id(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A handler that ships lines by a wrapped client makes one call a line, without the id."""
    client = caller.client()
    logging.root.addHandler(Shipping(lambda: caller.call(client, server.url("/ship"))))
    with clew.context(request_id="made-here"), Server() as other:
        logs: list[Callable[[], object]] = [
            lambda: clew.get_logger("shop").info("line", value=1),
            lambda: logging.getLogger("shop").info("line"),
            lambda: CALLERS["urllib3"]().client().request("GET", other.url()),
        ]
        for number, log in enumerate(logs, 1):
            log()
            assert server.ids() == [None] * number
            assert len(lines()) == number


def test_what_a_handlers_task_sends_is_not_logged(
    awaited: Async, server: Server, lines: Lines
) -> None:
    """A handler may leave the shipping to a task: it is as little logged."""
    client, tasks = awaited.client(), list[asyncio.Task[Any]]()

    def ship() -> None:
        tasks.append(asyncio.create_task(awaited.acall(client, server.url("/ship"))))

    async def run() -> None:
        with clew.context(request_id="made-here"):
            clew.get_logger("shop").info("line", value=1)
        while tasks:
            await tasks.pop()

    logging.root.addHandler(Shipping(ship))
    awaited.run(run())
    assert server.ids() == [None]
    assert len(lines()) == 1


def test_a_stream_that_ships_lines_makes_one_call_a_line(
    caller: Caller, server: Server, restored_logging: None
) -> None:
    """What is written to may ship lines itself."""
    client = caller.client()

    class Shipped(io.StringIO):
        def write(self, text: str) -> int:
            caller.call(client, server.url("/ship"))
            return len(text)

    clew.configure_logging(stream=Shipped())
    clew.get_logger("shop").info("line")
    assert len(server.ids()) == 1


# Hosts.


@pytest.fixture
def everywhere(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Let every host of this world be the server."""
    connect = socket.socket.connect

    def connected(self: socket.socket, address: Any) -> None:
        v6 = self.family == socket.AF_INET6
        connect(self, ("::ffff:127.0.0.1" if v6 else "127.0.0.1", server.port))

    def resolved(_host: object, port: Any, *_: object, **__: object) -> list[Any]:
        address = ("127.0.0.1", int(port or 0))
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]

    monkeypatch.setattr(socket.socket, "connect", connected)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    return server


# A row for each thing that a client's own parser decides; tests/test_hosts.py has the patterns.
HOSTS: list[tuple[list[str], str, bool]] = [
    (["*.internal"], "http://a.b.ORDERS.INTERNAL:8080/", True),
    (["*.internal"], "http://orders.internal./", True),
    (["*.internal"], "http://internal/", False),
    (["*.internal"], "http://orders.internal.evil.com/", False),
    (["*.internal"], "http://evil.com/.internal", False),
    (["*.internal"], "http://evil.com/?orders.internal", False),
    (["*.internal"], "http://evil.com#orders.internal", False),
    (["*.internal"], "http://orders.internal@evil.com/", False),
    (["*.internal"], "http://orders.internal:80@evil.com/", False),
    (["127.0.0.1"], "http://127.0.0.1:8000/", True),
    (["::1"], "http://[::1]:8000/", True),
    (["xn--bcher-kva.internal"], "http://bücher.internal/", True),
    (["straße.internal"], "http://straße.internal/", True),
    (["strasse.internal"], "http://straße.internal/", False),
    (["*.strasse.internal"], "http://a.straße.internal/", False),
    ([], "http://orders.internal/", False),
]


def test_only_admitted_hosts_see_the_id(caller: Caller, everywhere: Server) -> None:
    """The id goes to the hosts of the list: by the URL's host alone, without case and port."""
    for hosts, url, told in HOSTS:
        with clew.context(request_id="made-here"):
            caller.call(caller.client(hosts=hosts), url)
        assert everywhere.ids()[-1] == ("made-here" if told else None), (hosts, url)
        caller.close_clients()  # a kept connection would go on to whom it was opened
    assert len(everywhere.seen) == len(HOSTS)


AMBIGUOUS = (
    "http://evil.com\\@orders.internal/",
    "http://evil.com\\.orders.internal/",
    "http://evil.com%2f@orders.internal/",
    "http://orders.internal\\@evil.com/",
    "http://orders.internal%2eevil.com/",
    "http://orders.internal;@evil.com/",
    "http://orders.internal:@evil.com/",
    "http://evil.com:80:@orders.internal/",
    "http://evil.com@orders.internal@evil.com/",
    "http://[::1]@orders.internal/",
    "http://orders.internal\t.evil.com/",
    "http://orders.internal .evil.com/",
    "http:/\\orders.internal@evil.com/",
)


@each_row("url", AMBIGUOUS)
def test_clients_and_clew_agree_on_the_host(caller: Caller, everywhere: Server, url: str) -> None:
    """Where readers of a URL part ways, it is the host that the client calls which counts."""
    everywhere.seen.clear()
    try:
        with clew.context(request_id="made-here"):
            caller.call(caller.client(hosts=["orders.internal"]), url)
    except Exception:  # whom it does not call, it tells nothing
        assert not everywhere.seen, url
        return
    (seen,) = everywhere.seen
    admitted = seen.header("Host") == "orders.internal"
    assert seen.header(HEADER) == ("made-here" if admitted else None), url


def test_what_a_host_header_says_counts_for_nothing(caller: Caller, server: Server) -> None:
    """A Host header of the caller's does not decide who sees the id."""
    with clew.context():
        client = caller.client(hosts=["*.internal"])
        caller.call(client, server.url(), headers={"Host": "orders.internal"})
    assert [seen.header("Host") for seen in server.seen] == ["orders.internal"]
    assert server.ids() == [None]


# Redirects.


@every_caller
def test_every_hop_of_a_redirect_is_looked_at(caller: Caller, server: Server, lines: Lines) -> None:
    """A redirect to a third party does not carry the id there, and one back carries it again."""
    client = caller.client(hosts=["127.0.0.1"])
    with clew.context(request_id="made-here"):
        answer = caller.call(client, server.url("/to/localhost/to/127.0.0.1/hello"))
    assert answer == (200, b"hello")
    assert server.ids() == ["made-here", None, "made-here"]
    assert [
        (
            line["request"]["host"],
            line["request"]["path"],
            line["request"].get("headers", {}).get("requestId"),
            line["response"]["httpStatus"],
            line["response"]["bodySize"],
        )
        for line in lines.http()
    ] == [
        (f"127.0.0.1:{server.port}", "/to/localhost/to/127.0.0.1/hello", "made-here", 302, 2),
        (f"localhost:{server.port}", "/to/127.0.0.1/hello", None, 302, 2),
        (f"127.0.0.1:{server.port}", "/hello", "made-here", 200, 5),
    ]


def test_a_redirect_to_another_admitted_host_carries_the_id(caller: Caller, server: Server) -> None:
    """A redirect from one host of the list to another one carries the id to both."""
    client = caller.client(hosts=["127.0.0.1", "localhost"])
    with clew.context(request_id="made-here"):
        caller.call(client, server.url("/to/localhost/hello"))
    assert server.ids() == ["made-here", "made-here"]


def test_a_header_of_the_callers_stays_on_redirects(caller: Caller, server: Server) -> None:
    """What the caller set is the caller's, on every hop, as the client does with headers."""
    client = caller.client(hosts=["127.0.0.1"])
    with clew.context():
        caller.call(client, server.url("/to/localhost/hello"), headers={HEADER: "mine"})
    assert server.ids() == ["mine", "mine"]


# The records.


@every_caller
def test_a_call_is_one_outgoing_http_log(caller: Caller, server: Server, lines: Lines) -> None:
    """A call is logged as an HTTPLog with direction, host and the id that it carried."""
    lines.configure(service="shop")
    before = time.time() * 1000
    with clew.context(request_id="made-here", user_id=7, tenant="acme"):
        client = caller.client()
        caller.call(client, server.url("/hello/a%20b?page=2"), method="POST", body=b"x")
    (line,) = lines()
    assert before - 1 <= line.pop("createdAt") <= time.time() * 1000
    assert 0 <= line["response"].pop("responseTime") < 10_000
    assert line == {
        "level": "info",
        "message": "POST /hello/a%20b 200",
        "logger": "clew.http.client",
        "service": "shop",
        "requestId": "made-here",
        "userId": "7",
        "tenant": "acme",
        "request": {
            "method": "POST",
            "host": f"127.0.0.1:{server.port}",
            "path": "/hello/a%20b",
            "query": "page=2",
            "headers": {"requestId": "made-here"},
        },
        "response": {"httpStatus": 200, "bodySize": 5},
        "direction": "outgoing",
    }


def test_a_call_outside_any_context_is_logged(caller: Caller, server: Server, lines: Lines) -> None:
    """Outside any context a call is logged without ids."""
    caller.call(caller.client(), server.url())
    (line,) = lines.http()
    assert "requestId" not in line
    assert "headers" not in line["request"]


def test_a_call_to_a_third_party_is_logged_without_a_sent_id(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A call that does not carry the id says so, and still belongs to its request."""
    with clew.context(request_id="made-here"):
        caller.call(caller.client(hosts=["*.internal"]), server.url())
    (line,) = lines.http()
    assert line["requestId"] == "made-here"
    assert "headers" not in line["request"]


def test_a_header_of_the_callers_is_logged(caller: Caller, server: Server, lines: Lines) -> None:
    """The record tells the id that was sent, also where it is not the context's."""
    with clew.context(request_id="made-here"):
        caller.call(caller.client(), server.url(), headers={"x-request-id": "mine"})
    (line,) = lines.http()
    assert line["requestId"] == "made-here"
    assert line["request"]["headers"] == {"requestId": "mine"}


def test_levels_go_by_the_status(caller: Caller, server: Server, lines: Lines) -> None:
    """The level is info below 400, warning for 4xx and danger for 5xx, as inbound."""
    for status, level in ((304, "info"), (404, "warning"), (503, "danger")):
        caller.call(caller.client(), server.url(f"/status/{status}"))
        line = lines.http()[-1]
        assert (line["level"], line["response"]["httpStatus"]) == (level, status)
        assert line["message"] == f"GET /status/{status} {status}"
        assert "outcome" not in line
    assert len(lines.http()) == 3


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@every_caller
def test_a_connection_that_is_refused_is_danger(caller: Caller, lines: Lines) -> None:
    """A call that fails is danger, with time and exception, without a status; it raises on."""
    url = f"http://127.0.0.1:{closed_port()}/x"
    with pytest.raises(caller.failures):
        caller.call(caller.bare(), url)
    client = caller.client()
    with clew.context(request_id="made-here"), pytest.raises(caller.failures) as raised:
        caller.call(client, url)
    (line,) = lines.http()
    assert (line["level"], line["outcome"], line["direction"]) == ("danger", "error", "outgoing")
    assert line["message"] == f"GET /x {caller.refused.rpartition('.')[2]}"
    assert line["requestId"] == "made-here"
    assert line["exception"]["type"] == caller.refused
    assert line["exception"]["message"]
    assert line["exception"]["message"] in str(raised.value)
    assert "Traceback" in line["exception"]["stackTrace"]
    assert line["response"].keys() == {"responseTime"}


@every_caller
def test_a_response_that_does_not_come_is_danger(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A call that is given up by its timeout is danger, with the client's own exception."""
    with pytest.raises(caller.failures):
        caller.call(caller.client(), server.url("/never"), timeout=0.3)
    (line,) = lines.http()
    assert (line["level"], line["outcome"]) == ("danger", "error")
    assert line["exception"]["type"] == caller.timed_out
    assert line["response"].keys() == {"responseTime"}


SECRET = "hunter2"


def test_credentials_and_secrets_are_never_written(
    caller: Caller, everywhere: Server, lines: Lines
) -> None:
    """Neither a URL's user and password nor the secrets of its query are written."""
    query = f"token={SECRET}&page=2&api_key={SECRET}"
    caller.call(caller.client(), f"http://jane:{SECRET}@orders.internal/o?{query}#{SECRET}")
    (line,) = lines.http()
    assert line["request"]["host"] == "orders.internal"
    assert line["request"]["query"] == "token=***&page=2&api_key=***"
    assert SECRET not in lines.raw()
    assert "jane" not in lines.raw()
    assert SECRET in everywhere.seen[0].target


def test_an_error_that_quotes_the_url_shows_no_secrets(caller: Caller, lines: Lines) -> None:
    """The text of a client's own exception shows neither a URL's password nor its secrets."""
    url = f"http://jane:{SECRET}@127.0.0.1:{closed_port()}/o?token={SECRET}"
    with pytest.raises(caller.failures):
        caller.call(caller.client(), url)
    assert len(lines.http()) == 1
    assert SECRET not in lines.raw()
    assert "jane" not in lines.raw()


def test_strict_settings_hold_for_calls(caller: Caller, server: Server, lines: Lines) -> None:
    """Calls made for a request are masked as its settings say."""
    client = caller.client()
    url = server.url("/u/jane@example.com?q=jane%40example.com")
    serve(lambda: caller.call(client, url), redact="strict")
    assert len(lines.http()) == 2
    assert "jane" not in lines.raw()


def test_a_path_cannot_forge_a_line(caller: Caller, server: Server, lines: Lines) -> None:
    """The path of a call is percent-encoded and cut, as is its query."""
    caller.call(caller.client(), server.url("/a%0Ab/" + "x" * 5000 + "?q=" + "y" * 5000))
    (line,) = lines.http()
    assert line["request"]["path"].startswith("/a%0Ab/x")
    assert len(line["request"]["path"]) == len(line["request"]["query"]) == 2048


def test_log_false_writes_nothing_and_carries_the_id(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """log=False turns the record off, and only that."""
    client = caller.client(log=False)
    with clew.context(request_id="made-here"):
        caller.call(client, server.url("/chunked"))
        with pytest.raises(caller.failures):
            caller.call(client, server.url("/broken"))
    assert server.ids() == ["made-here", "made-here"]
    assert lines() == []


def test_the_level_of_the_logger_counts(caller: Caller, server: Server, lines: Lines) -> None:
    """The logger's level leaves out what is below it."""
    logging.getLogger("clew.http.client").setLevel(logging.WARNING)
    client = caller.client()
    caller.call(client, server.url())
    caller.call(client, server.url("/status/404"))
    assert [line["level"] for line in lines.http()] == ["warning"]


def test_a_handler_that_raises_reaches_no_caller(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A user's handler that raises breaks no call."""
    logging.getLogger("clew.http.client").addHandler(Raising())
    logging.getLogger("clew").addHandler(Raising())
    assert caller.call(caller.client(), server.url()) == (200, b"hello")


def test_a_fault_of_clews_own_reaches_no_caller(
    caller: Caller, server: Server, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does what fails in clew, whatever the handlers do."""

    def failing(*_: object) -> None:
        raise RuntimeError("no path")

    monkeypatch.setattr("clew._http.record.clean_path", failing)
    monkeypatch.setattr("clew._http.call.as_text", failing)
    logging.getLogger("clew.http.client").addHandler(Raising())
    assert caller.call(caller.client(), server.url()) == (200, b"hello")


# Bodies.


PACKED = len(gzip.compress(b"a" * 1000, mtime=0))


BODIES = (
    ("GET", "/hello", b"hello", 5),
    ("GET", "/chunked", b"abcde", 5),
    ("GET", "/packed", b"a" * 1000, PACKED),
    ("GET", "/packed/chunked", b"a" * 1000, PACKED),
    ("GET", "/status/204", b"", 0),
    ("GET", "/status/304", b"", 0),
    ("HEAD", "/hello", b"", 0),
    ("HEAD", "/chunked", b"", 0),
)


def test_bodies_are_counted_as_sent(caller: Caller, server: Server, lines: Lines) -> None:
    """bodySize counts the bytes that came over the wire."""
    client = caller.client()
    for method, path, body, size in BODIES:
        lines.clear()
        answer = caller.call(client, server.url(path), method=method)
        assert answer.body == body
        (line,) = lines.http()
        # Of a body that there cannot be, httpx says nothing.
        assert (line["response"].get("bodySize") or 0) == size, (method, path)


@every_caller
def test_a_streamed_response_is_logged_at_its_end(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A streamed response is logged once its body has come, with its size."""
    with caller.stream(caller.client(), server.url("/dripping")) as response:
        assert (response.status, response.first()) == (200, b"abc")
        assert lines.http() == []
        server.go_on.set()
        assert response.rest() == b"de"
    (line,) = lines.http()
    assert (line["response"]["httpStatus"], line["response"]["bodySize"]) == (200, 5)
    assert "outcome" not in line


def test_a_streamed_body_belongs_to_the_context_of_its_call(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """The record of a streamed response carries the id of the context that the call was made in."""
    client = caller.client()
    with clew.context(request_id="caller"):
        stream = caller.stream(client, server.url("/dripping"))
        response = stream.__enter__()
    with clew.context(request_id="reader"):
        server.go_on.set()
        response.rest()
        stream.__exit__(None, None, None)
    assert [line["requestId"] for line in lines.http()] == ["caller"]


@every_caller
def test_a_response_closed_unread_is_logged(caller: Caller, server: Server, lines: Lines) -> None:
    """A response that is closed before it is read is logged when it is closed, once."""
    with caller.stream(caller.client(), server.url("/long")) as response:
        assert response.status == 200
        assert lines.http() == []
    (line,) = lines.http()
    assert (line["response"]["httpStatus"], line.get("outcome")) == (200, None)
    assert line["response"].get("bodySize", 0) < 1 << 26


@every_caller
@pytest.mark.usefixtures("few_objects")
@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")  # aiohttp's own
def test_a_response_never_closed_is_logged(caller: Caller, server: Server, lines: Lines) -> None:
    """A response that nobody closes is logged when it is thrown away, as aborted, by its status."""
    with clew.context(request_id="made-here"):
        caller.drop(caller.client(), server.url("/long"))
    caller.close_clients()  # an open connection of aiohttp's keeps its response
    gc.collect()
    (line,) = lines.http()
    assert (line["outcome"], line["requestId"], line["level"]) == ("aborted", "made-here", "info")
    assert line["response"]["httpStatus"] == 200


def test_a_reader_that_raises_is_no_failure_of_the_call(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A response that is closed because its reader raised is no error of the call."""
    client = caller.client()
    with pytest.raises(ZeroDivisionError), caller.stream(client, server.url("/long")):
        raise ZeroDivisionError
    (line,) = lines.http()
    assert (line["level"], line.get("outcome")) == ("info", None)


def test_a_call_made_while_an_exception_is_handled_is_not_that_exceptions(
    caller: Caller, server: Server, lines: Lines
) -> None:
    """A second try, closed early, is not marked by the failure of the first."""
    client = caller.client()
    try:
        raise TimeoutError
    except TimeoutError:
        with caller.stream(client, server.url("/long")):
            pass
    (line,) = lines.http()
    assert (line["level"], line.get("outcome")) == ("info", None)


@pytest.mark.usefixtures("few_objects")
@every_caller
def test_a_body_that_breaks_off_is_danger(caller: Caller, server: Server, lines: Lines) -> None:
    """A response whose body breaks off is danger, with the exception, and raises on; once."""
    client = caller.client()
    with pytest.raises(caller.failures):
        caller.call(client, server.url("/broken"))
    with pytest.raises(caller.failures), caller.stream(client, server.url("/broken")) as response:
        response.rest()
    gc.collect()
    for line in lines.http():
        assert (line["level"], line["outcome"]) == ("danger", "error")
        assert line["exception"]["message"]
        assert line["exception"]["message"] in line["exception"]["stackTrace"]
    _, streamed = lines.http()
    assert streamed["response"]["httpStatus"] == 200
    assert streamed["response"]["bodySize"] in (0, 3)  # what came with the failure may not count


# Cancellation.


def test_a_cancelled_call_is_aborted(awaited: Async, server: Server, lines: Lines) -> None:
    """A call that is cancelled before a response is aborted, not an error."""
    client = awaited.client()

    async def run() -> None:
        call = asyncio.create_task(awaited.acall(client, server.url("/never")))
        assert await asyncio.to_thread(server.asked.acquire, timeout=PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    awaited.run(run())
    (line,) = lines.http()
    assert (line["outcome"], line["level"]) == ("aborted", "warning")
    assert line["message"] == "GET /never CancelledError"
    assert "httpStatus" not in line["response"]
    assert "exception" not in line


def test_a_body_cancelled_while_it_is_read_is_aborted(
    awaited: Async, server: Server, lines: Lines
) -> None:
    """A call that is cancelled while its body is read is aborted, with its status."""
    client = awaited.client()

    async def run() -> None:
        response = await awaited.open(client, server.url("/dripping"))
        assert await asyncio.to_thread(server.asked.acquire, timeout=PATIENCE)
        reading = asyncio.create_task(awaited.read(response))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    awaited.run(run())
    (line,) = lines.http()
    assert (line["outcome"], line["response"]["httpStatus"]) == ("aborted", 200)
    assert "exception" not in line


# Mistakes.


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"hosts": "*.internal"}, TypeError, r"hosts .*'\*\.internal'.*write \['\*\.internal'\]"),
    ({"hosts": ["a.internal/path"]}, ValueError, "hosts has 'a.internal/path'"),
    ({"header": "X Id"}, ValueError, "header is 'X Id'"),
    ({"header": "Host"}, ValueError, "header is 'Host'"),
    ({"header": 5}, TypeError, "header .*5"),
    ({"log": "no"}, TypeError, "log must be True or False, not 'no'"),
]


@each_row(("options", "error", "named"), WRONG)
def test_a_wrong_option_is_refused(
    options: dict[str, Any], error: type[Exception], named: str
) -> None:
    """A wrong option of wrap() raises, and names itself."""
    with pytest.raises(error, match=named):
        CallOptions.of(**{"hosts": None, "header": None, "log": True, **options})


def test_a_wrong_argument_is_refused(caller: Caller, server: Server, lines: Lines) -> None:
    """A wrong argument raises when it is given, names itself, and leaves the client as it was."""
    client = caller.bare()
    wrong: dict[str, Any] = {"hosts": "*.internal", "header": "Host", "log": "no"}
    for name, value in wrong.items():
        with pytest.raises((TypeError, ValueError), match=name):
            caller.clew.wrap(client, **{name: value})
    with clew.context():
        caller.call(client, server.url())
    assert server.ids() == [None]
    assert lines() == []


@every_caller
def test_what_is_no_client_is_refused(caller: Caller) -> None:
    """What is no client is refused by name."""
    for client in (None, "client", 5, object):
        with pytest.raises(TypeError, match=rf"^wrap\(\) takes an? .*{caller.package}\b.*, not "):
            caller.clew.wrap(client)
    with pytest.raises(TypeError, match="not"):
        caller.clew.wrap(type(caller.bare()))


@pytest.mark.parametrize("package", ["httpx", "requests", "urllib3", "aiohttp"])
def test_without_the_package_the_remedy_is_named(package: str) -> None:
    """Where the client is not installed, the error says what to install."""
    others = ["httpx2"] if package == "httpx" else []  # either will do
    assert f"pip install {package}" in run_without(package, f"clew.{package}", *others)
