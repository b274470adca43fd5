"""Outgoing calls carry the id to those who may see it, and are logged."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

import httpx
import pytest

import clew
import clew.httpx
from tests.conftest import Lines, Raising, run_fresh, serve

HEADER = "X-Request-ID"
Client = httpx.Client | httpx.AsyncClient
Handler = Callable[[httpx.Request], httpx.Response]


class Caller:
    """Sends requests by a sync or by an async client: the tests say which request, not how."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.sent: list[httpx.Request] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(httpx.Request(request.method, request.url, headers=request.headers))
        return httpx.Response(200, text="hello")

    def ids(self, header: str = HEADER) -> list[str | None]:
        """Return the id that each request carried."""
        return [request.headers.get(header) for request in self.sent]

    def bare(self, handler: Handler | None = None, **options: Any) -> Client:
        options.setdefault("transport", httpx.MockTransport(handler or self.answer))
        return httpx.Client(**options) if self.kind == "sync" else httpx.AsyncClient(**options)

    def client(
        self,
        handler: Handler | None = None,
        *,
        hosts: list[str] | None = None,
        header: str | None = None,
        log: bool = True,
        **options: Any,
    ) -> Client:
        return clew.httpx.wrap(
            cast("httpx.Client", self.bare(handler, **options)), hosts=hosts, header=header, log=log
        )

    def get(self, client: Client, url: str, **options: Any) -> httpx.Response:
        return self.request(client, "GET", url, **options)

    def request(self, client: Client, method: str, url: str, **options: Any) -> httpx.Response:
        return self.wait(client.request(method, url, **options))

    def send(self, client: Client, request: httpx.Request, **options: Any) -> httpx.Response:
        return self.wait(client.send(request, **options))

    def wait(self, made: httpx.Response | Awaitable[httpx.Response]) -> httpx.Response:
        """Return what a sync client returned, or what an async one will return."""
        if isinstance(made, httpx.Response):
            return made

        async def waited() -> httpx.Response:
            return await made

        return asyncio.run(waited())

    def close(self, response: httpx.Response) -> None:
        if self.kind == "sync":
            response.close()
        else:
            asyncio.run(response.aclose())


@pytest.fixture(params=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(request.param)


def test_a_call_carries_the_id(caller: Caller) -> None:
    """A request carries the id of the context it is sent in."""
    client = caller.client()
    for made in ("one", "two"):
        with clew.context(request_id=made):
            assert caller.get(client, "http://orders.internal/").text == "hello"
    assert caller.ids() == ["one", "two"]


def test_without_a_context_nothing_is_added(caller: Caller) -> None:
    """Outside any context a request is sent as it is."""
    caller.get(caller.client(), "http://orders.internal/")
    assert caller.ids() == [None]


def test_a_header_of_the_callers_stays(caller: Caller) -> None:
    """A header that the caller set is sent as it is, in a context and outside."""
    client = caller.client()
    with clew.context():
        caller.get(client, "http://orders.internal/", headers={"x-request-id": "mine"})
    caller.get(client, "http://orders.internal/", headers={HEADER: "mine"})
    assert caller.ids() == ["mine", "mine"]


def test_a_header_of_the_clients_stays(caller: Caller) -> None:
    """A header that the client sends with every request stays."""
    client = caller.client(headers={HEADER: "the-clients"})
    with clew.context():
        caller.get(client, "http://orders.internal/")
    assert caller.ids() == ["the-clients"]


def test_wrapping_returns_the_client(caller: Caller) -> None:
    """The client comes back as it is, of its own type."""
    client = caller.bare()
    assert clew.httpx.wrap(cast("httpx.Client", client)) is client
    assert type(client) in (httpx.Client, httpx.AsyncClient)


def test_the_header_can_be_chosen(caller: Caller) -> None:
    """The header option says which header carries the id."""
    client = caller.client(header="X-Trace")
    with clew.context(request_id="made-here"):
        caller.get(client, "http://orders.internal/")
    assert caller.ids("X-Trace") == ["made-here"]
    assert caller.ids() == [None]


def test_the_header_is_that_of_the_request(caller: Caller) -> None:
    """Without the option, the header is the one of the request being served."""
    client = caller.client()
    ids: list[str | None] = []

    def work() -> None:
        ids.append(clew.request_id())
        caller.get(client, "http://orders.internal/")

    serve(work, header="X-Trace")
    assert caller.ids("X-Trace") == ids
    assert caller.ids() == [None]


def test_the_user_is_not_told(caller: Caller) -> None:
    """Neither the user's id nor any bound field is sent."""
    with clew.context(user_id="user-12345", tenant="acme-corp"):
        caller.get(caller.client(), "http://orders.internal/")
    told = str(caller.sent[0].headers.raw)
    assert "user-12345" not in told
    assert "acme-corp" not in told


HOSTS: list[tuple[list[str], str, bool]] = [
    (["*.internal"], "http://orders.internal/", True),
    (["*.internal"], "http://a.b.c.internal/", True),
    (["*.internal"], "http://ORDERS.INTERNAL/", True),
    (["*.internal"], "http://orders.internal:8080/", True),
    (["*.internal"], "http://orders.internal./", True),
    (["*.internal"], "http://internal/", False),
    (["*.internal"], "http://internal.evil.com/", False),
    (["*.internal"], "http://orders.internal.evil.com/", False),
    (["*.internal"], "http://ordersinternal/", False),
    (["*.internal"], "http://notinternal/", False),
    (["*.internal"], "http://evil.com/.internal", False),
    (["*.internal"], "http://evil.com/?orders.internal", False),
    (["*.internal"], "http://evil.com#orders.internal", False),
    (["*.internal"], "http://orders.internal@evil.com/", False),
    (["*.internal"], "http://orders.internal:80@evil.com/", False),
    (["*.internal"], "http://evil.com\\@orders.internal/", True),
    (["*.INTERNAL"], "http://orders.internal/", True),
    (["orders.internal"], "http://orders.internal/", True),
    (["Orders.Internal"], "http://orders.internal/", True),
    (["orders.internal:8080"], "http://orders.internal/", True),
    (["orders.internal"], "http://a.orders.internal/", False),
    (["orders.internal"], "http://xorders.internal/", False),
    (["orders.internal"], "http://orders.internal.evil.com/", False),
    (["orders.internal"], "http://ordersxinternal/", False),
    (["localhost"], "http://localhost:8000/", True),
    (["localhost"], "http://localhost.evil.com/", False),
    (["127.0.0.1"], "http://127.0.0.1:8000/", True),
    (["127.0.0.1"], "http://127.0.0.11/", False),
    (["::1"], "http://[::1]:8000/", True),
    (["[::1]"], "http://[::1]/", True),
    (["[::1]:9"], "http://[::1]:8000/", True),
    (["::1"], "http://[::11]/", False),
    (["*.internal", "localhost"], "http://localhost/", True),
    (["bücher.internal"], "http://xn--bcher-kva.internal/", True),
    (["xn--bcher-kva.internal"], "http://bücher.internal/", True),
    (["orders.internal."], "http://orders.internal/", True),
    (["*.bücher.internal"], "http://a.xn--bcher-kva.internal/", True),
    (["straße.internal"], "http://straße.internal/", True),
    (["straße.internal"], "http://xn--strae-oqa.internal/", True),
    (["strasse.internal"], "http://straße.internal/", False),
    (["straße.internal"], "http://strasse.internal/", False),
    (["*.strasse.internal"], "http://a.straße.internal/", False),
    ([], "http://orders.internal/", False),
]


@pytest.mark.parametrize(("hosts", "url", "told"), HOSTS)
def test_only_admitted_hosts_see_the_id(
    caller: Caller, hosts: list[str], url: str, told: bool
) -> None:
    """The id goes to the hosts of the list: by the URL's host alone, without case and port."""
    try:
        httpx.URL(url)
    except httpx.InvalidURL:
        pytest.skip("httpx refuses this URL")
    with clew.context(request_id="made-here"):
        caller.get(caller.client(hosts=hosts), url)
    host = caller.sent[0].url.host
    assert caller.ids() == ["made-here" if told else None], host


def test_what_another_host_header_says_counts_for_nothing(caller: Caller) -> None:
    """A Host header of the caller's does not decide who sees the id."""
    with clew.context():
        caller.get(
            caller.client(hosts=["*.internal"]),
            "http://evil.com/",
            headers={"Host": "orders.internal"},
        )
    assert caller.ids() == [None]


# Redirects.


def redirecting(caller: Caller, *targets: str) -> Handler:
    """Answer with a redirect to each of *targets* in turn, then with 200."""
    left = list(targets)

    def answer(request: httpx.Request) -> httpx.Response:
        caller.answer(request)
        if left:
            return httpx.Response(302, headers={"Location": left.pop(0)})
        return httpx.Response(200)

    return answer


def test_every_hop_of_a_redirect_is_looked_at(caller: Caller) -> None:
    """A redirect to a third party does not carry the id there, and one back carries it again."""
    handler = redirecting(
        caller, "http://two.internal/", "http://evil.com/", "http://orders.internal/back"
    )
    client = caller.client(handler, hosts=["*.internal"], follow_redirects=True)
    with clew.context(request_id="made-here"):
        assert caller.get(client, "http://orders.internal/").status_code == 200
    assert caller.ids() == ["made-here", "made-here", None, "made-here"]


def test_redirects_followed_by_hand_are_looked_at(caller: Caller) -> None:
    """The next request of a response, sent by hand, does not carry the id to a third party."""
    client = caller.client(redirecting(caller, "http://evil.com/"), hosts=["*.internal"])
    with clew.context(request_id="made-here"):
        response = caller.get(client, "http://orders.internal/")
        assert response.next_request is not None
        caller.send(client, response.next_request)
    assert caller.ids() == ["made-here", None]


def test_a_header_of_the_callers_stays_on_redirects(caller: Caller) -> None:
    """What the caller set is the caller's, on every hop, as httpx does with headers."""
    handler = redirecting(caller, "http://evil.com/")
    client = caller.client(handler, hosts=["*.internal"], follow_redirects=True)
    with clew.context():
        caller.get(client, "http://orders.internal/", headers={HEADER: "mine"})
    assert caller.ids() == ["mine", "mine"]


class Server(ThreadingHTTPServer):
    """A server on this machine that keeps what it was sent, and redirects when it has a target."""

    def __init__(self, target: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.target = target
        self.seen: list[str | None] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()


class Answer(BaseHTTPRequestHandler):
    """One answer of a Server's."""

    def do_GET(self) -> None:
        server = cast("Server", self.server)
        server.seen.append(self.headers.get(HEADER))
        self.send_response(302 if server.target else 200)
        self.send_header("Content-Length", "2")
        if server.target:
            self.send_header("Location", server.target)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""


def fetch(kind: str, url: str, **options: Any) -> None:
    """Fetch *url* with a wrapped client over a real connection, and close the client."""
    if kind == "sync":
        with clew.httpx.wrap(
            httpx.Client(trust_env=False, follow_redirects=True), **options
        ) as one:
            one.get(url)
        return

    async def run() -> None:
        client = httpx.AsyncClient(trust_env=False, follow_redirects=True)
        async with clew.httpx.wrap(client, **options) as one:
            await one.get(url)

    asyncio.run(run())


def test_over_real_connections_a_third_party_sees_no_id(caller: Caller, lines: Lines) -> None:
    """Over real connections, the id reaches the sibling service, not where it redirects to."""
    with (
        Server() as foreign,
        Server(f"http://localhost:{foreign.port}/") as sibling,
        clew.context(request_id="made-here"),
    ):
        fetch(caller.kind, f"http://127.0.0.1:{sibling.port}/", hosts=["127.0.0.1"])
    assert (sibling.seen, foreign.seen) == (["made-here"], [None])
    assert [line["response"]["httpStatus"] for line in lines.http()] == [302, 200]
    assert [line["response"]["bodySize"] for line in lines.http()] == [2, 2]


# The client's own ways.


def test_a_request_sent_twice_carries_the_id_of_each_time(caller: Caller) -> None:
    """A request object carries the id of the context of each sending, and none outside."""
    client = caller.client()
    request = client.build_request("GET", "http://orders.internal/")
    for made in ("one", "two"):
        with clew.context(request_id=made):
            caller.send(client, request)
    caller.send(client, request)
    assert caller.ids() == ["one", "two", None]


def test_shared_extensions_are_left_alone(caller: Caller) -> None:
    """A dictionary of extensions that several requests share carries nothing between them."""
    client = caller.client()
    extensions: dict[str, Any] = {"timeout": {"read": 5}}
    with clew.context(request_id="made-here"):
        caller.get(client, "http://orders.internal/", extensions=extensions)
    caller.get(client, "http://orders.internal/", extensions=extensions)
    assert caller.ids() == ["made-here", None]
    assert extensions == {"timeout": {"read": 5}}


class Twice(httpx.Auth):
    """An auth flow of two sendings."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = "first"
        response = yield request
        assert response.status_code == 200
        request.headers["Authorization"] = "second"
        yield request


def test_auth_flows_work(caller: Caller, lines: Lines) -> None:
    """Each sending of an auth flow carries the id, and is one record."""
    with clew.context(request_id="made-here"):
        caller.get(caller.client(), "http://orders.internal/", auth=Twice())
    assert [request.headers["Authorization"] for request in caller.sent] == ["first", "second"]
    assert caller.ids() == ["made-here", "made-here"]
    assert len(lines.http()) == 2


def test_hooks_keep_their_order(caller: Caller) -> None:
    """Hooks of the client run as before, in their order, each once a request."""
    order: list[str] = []

    def hook(name: str) -> Callable[[object], Any]:
        def sync(_: object) -> None:
            order.append(name)

        async def asynchronous(_: object) -> None:
            order.append(name)

        return sync if caller.kind == "sync" else asynchronous

    hooks = {"request": [hook("one"), hook("two")], "response": [hook("three"), hook("four")]}
    client = caller.client(event_hooks=hooks)
    with clew.context():
        caller.get(client, "http://orders.internal/")
    assert order == ["one", "two", "three", "four"]
    assert [len(found) for found in client.event_hooks.values()] == [2, 2]


def test_a_header_that_a_hook_sets_stays(caller: Caller) -> None:
    """A hook that sets the header has set it."""

    def sync(request: httpx.Request) -> None:
        request.headers[HEADER] = "the-hooks"

    async def asynchronous(request: httpx.Request) -> None:
        request.headers[HEADER] = "the-hooks"

    hook = sync if caller.kind == "sync" else asynchronous
    with clew.context():
        caller.get(caller.client(event_hooks={"request": [hook]}), "http://orders.internal/")
    assert caller.ids() == ["the-hooks"]


def test_mounts_are_used(caller: Caller) -> None:
    """Requests still go by the transport that is mounted for them, also one mounted later."""
    other = Caller(caller.kind)
    client = caller.client(mounts={"http://mounted.internal": httpx.MockTransport(other.answer)})
    with clew.context(request_id="made-here"):
        caller.get(client, "http://orders.internal/")
        caller.get(client, "http://mounted.internal/")
    assert caller.ids() == other.ids() == ["made-here"]


def test_wrapping_twice_is_wrapping_once(caller: Caller, lines: Lines) -> None:
    """A client wrapped again sends one header and makes one record, by the later options."""
    client = caller.client(hosts=["one.internal"])
    assert clew.httpx.wrap(cast("httpx.Client", client), hosts=["two.internal"]) is client
    with clew.context(request_id="made-here"):
        caller.get(client, "http://one.internal/")
        caller.get(client, "http://two.internal/")
    assert caller.ids() == [None, "made-here"]
    assert len(lines.http()) == 2


def test_concurrent_calls_keep_their_ids() -> None:
    """Calls of one client from many tasks carry the id of each."""
    caller = Caller("async")
    client = cast("httpx.AsyncClient", caller.client())

    async def call(number: int) -> None:
        with clew.context(request_id=f"task-{number}"):
            await client.get(f"http://orders.internal/{number}")

    async def run() -> None:
        await asyncio.gather(*(call(number) for number in range(50)))

    asyncio.run(run())
    assert len(caller.sent) == 50
    assert all(request.headers[HEADER] == f"task-{request.url.path[1:]}" for request in caller.sent)


def test_responses_are_what_they_were(caller: Caller) -> None:
    """What httpx says of a response (elapsed, closed, its history) it still says."""
    client = caller.client(redirecting(caller, "/next"), follow_redirects=True)
    response = caller.get(client, "http://orders.internal/")
    assert response.is_closed
    assert [one.status_code for one in response.history] == [302]
    streamed = caller.get(caller.client(lambda _: streaming([b"a"])), "http://orders.internal/")
    assert streamed.elapsed.total_seconds() >= 0
    assert streamed.content == b"a"


# The records.


def test_a_call_is_one_outgoing_http_log(caller: Caller, lines: Lines) -> None:
    """A call is logged as an HTTPLog with direction, host and the id that it carried."""
    lines.configure(service="shop")
    before = time.time() * 1000
    with clew.context(request_id="made-here", user_id=7, tenant="acme"):
        caller.request(
            caller.client(), "POST", "http://orders.internal:8080/orders/a%20b?page=2", content=b"x"
        )
    (line,) = lines.http()
    assert before - 1 <= line.pop("createdAt") <= time.time() * 1000
    assert 0 <= line["response"].pop("responseTime") < 10_000
    assert line == {
        "level": "info",
        "message": "POST /orders/a%20b 200",
        "logger": "clew.http.client",
        "service": "shop",
        "requestId": "made-here",
        "userId": "7",
        "tenant": "acme",
        "request": {
            "method": "POST",
            "host": "orders.internal:8080",
            "path": "/orders/a%20b",
            "query": "page=2",
            "headers": {"requestId": "made-here"},
        },
        "response": {"httpStatus": 200, "bodySize": 5},
        "direction": "outgoing",
    }


def test_a_call_outside_any_context_is_logged(caller: Caller, lines: Lines) -> None:
    """Outside any context a call is logged without ids."""
    caller.get(caller.client(), "http://orders.internal/")
    (line,) = lines.http()
    assert "requestId" not in line
    assert "requestId" not in line["request"].get("headers", {})


def test_a_call_to_a_third_party_is_logged_without_a_sent_id(caller: Caller, lines: Lines) -> None:
    """A call that does not carry the id says so, and still belongs to its request."""
    with clew.context(request_id="made-here"):
        caller.get(caller.client(hosts=["*.internal"]), "http://evil.com/")
    (line,) = lines.http()
    assert line["requestId"] == "made-here"
    assert "requestId" not in line["request"].get("headers", {})


@pytest.mark.parametrize(
    ("status", "level"),
    [(200, "info"), (204, "info"), (304, "info"), (400, "warning"), (404, "warning")]
    + [(500, "danger"), (503, "danger")],
)
def test_levels_go_by_the_status(caller: Caller, status: int, level: str, lines: Lines) -> None:
    """The level is info below 400, warning for 4xx and danger for 5xx, as inbound."""
    caller.get(caller.client(lambda _: httpx.Response(status)), "http://orders.internal/")
    (line,) = lines.http()
    assert (line["level"], line["response"]["httpStatus"]) == (level, status)
    assert line["message"] == f"GET / {status}"
    assert "outcome" not in line


def test_every_hop_is_a_record(caller: Caller, lines: Lines) -> None:
    """Each hop of a redirect is one record."""
    handler = redirecting(caller, "http://two.internal/next")
    caller.get(caller.client(handler, follow_redirects=True), "http://one.internal/first")
    assert [
        (line["request"]["host"], line["request"]["path"], line["response"]["httpStatus"])
        for line in lines.http()
    ] == [("one.internal", "/first", 302), ("two.internal", "/next", 200)]


def failing(error: Exception) -> Handler:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return fail


def test_a_call_that_fails_is_danger(caller: Caller, lines: Lines) -> None:
    """A call that fails is danger, with its time and exception, without a status; it raises on."""
    with clew.context(request_id="made-here"), pytest.raises(httpx.ConnectError, match="refused"):
        caller.get(caller.client(failing(httpx.ConnectError("refused"))), "http://a.internal/x")
    (line,) = lines.http()
    assert (line["level"], line["outcome"], line["direction"]) == ("danger", "error", "outgoing")
    assert line["requestId"] == "made-here"
    assert line["request"]["path"] == "/x"
    assert line["exception"]["type"] == "httpx.ConnectError"
    assert line["exception"]["message"] == "refused"
    assert "refused" in line["exception"]["stackTrace"]
    assert line["response"].keys() == {"responseTime"}


def test_a_connection_that_is_refused_is_logged(caller: Caller, lines: Lines) -> None:
    """A real connection that nobody accepts is one record."""
    with Server() as server:
        port = server.port
    with pytest.raises(httpx.ConnectError):
        fetch(caller.kind, f"http://127.0.0.1:{port}/")
    (line,) = lines.http()
    assert (line["level"], line["exception"]["type"]) == ("danger", "httpx.ConnectError")


SECRET = "hunter2"


def test_credentials_and_secrets_are_never_written(caller: Caller, lines: Lines) -> None:
    """Neither a URL's user and password nor the secrets of its query are written."""
    url = f"https://jane:{SECRET}@orders.internal/o?token={SECRET}&page=2&api_key={SECRET}#{SECRET}"
    caller.get(caller.client(), url)
    with pytest.raises(httpx.ConnectError):
        caller.get(caller.client(failing(httpx.ConnectError("refused"))), url)
    for line in lines.http():
        assert line["request"]["host"] == "orders.internal"
        assert line["request"]["query"] == "token=***&page=2&api_key=***"
    assert len(lines.http()) == 2
    assert SECRET not in lines.raw()
    assert "jane" not in lines.raw()


def test_an_error_that_quotes_the_url_shows_no_credentials(caller: Caller, lines: Lines) -> None:
    """An exception's text that quotes the URL shows neither its password nor its secrets."""
    url = f"https://jane:{SECRET}@orders.internal/o?token={SECRET}"
    with pytest.raises(httpx.ConnectError):
        caller.get(caller.client(failing(httpx.ConnectError(f"cannot reach {url}"))), url)
    assert lines.http()[0]["exception"]["message"].startswith("cannot reach")
    assert SECRET not in lines.raw()


def test_strict_settings_hold_for_calls(caller: Caller, lines: Lines) -> None:
    """Calls made for a request are masked as its settings say."""
    client = caller.client()
    serve(
        lambda: caller.get(
            client, "http://orders.internal/u/jane@example.com?q=jane%40example.com"
        ),
        redact="strict",
    )
    assert len(lines.http()) == 2
    assert "jane" not in lines.raw()


def test_a_path_cannot_forge_a_line(caller: Caller, lines: Lines) -> None:
    """The path of a call is percent-encoded and cut, as is its query."""
    caller.get(caller.client(), "http://orders.internal/a%0Ab/" + "x" * 5000 + "?q=" + "y" * 5000)
    (line,) = lines.http()
    assert line["request"]["path"].startswith("/a%0Ab/x")
    assert len(line["request"]["path"]) == len(line["request"]["query"]) == 2048


def test_log_false_writes_nothing_and_carries_the_id(caller: Caller, lines: Lines) -> None:
    """log=False turns the record off, and only that."""
    with clew.context(request_id="made-here"):
        caller.get(caller.client(log=False), "http://orders.internal/")
    assert caller.ids() == ["made-here"]
    assert lines() == []


def test_the_level_of_the_logger_counts(caller: Caller, lines: Lines) -> None:
    """The logger's level leaves out what is below it."""
    logging.getLogger("clew.http.client").setLevel(logging.WARNING)
    caller.get(caller.client(), "http://orders.internal/")
    caller.get(caller.client(lambda _: httpx.Response(404)), "http://orders.internal/")
    assert [line["level"] for line in lines.http()] == ["warning"]


def test_a_handler_that_raises_reaches_no_caller(caller: Caller, lines: Lines) -> None:
    """A user's handler that raises breaks no call."""
    logging.getLogger("clew.http.client").addHandler(Raising())
    logging.getLogger("clew").addHandler(Raising())
    assert caller.get(caller.client(), "http://orders.internal/").status_code == 200


# Bodies.


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response's body that is made while it is read, and may fail."""

    def __init__(self, chunks: list[bytes | Exception]) -> None:
        self.chunks = chunks
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            await asyncio.sleep(0)
            yield chunk

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def streaming(chunks: list[Any], status: int = 200) -> httpx.Response:
    return httpx.Response(status, stream=Body(chunks))


def test_a_streamed_response_is_logged_at_its_end(caller: Caller, lines: Lines) -> None:
    """A streamed response is logged once its body has been read, with its size."""
    client = caller.client(lambda _: streaming([b"abc", b"de"]))

    def check(seen: list[bytes]) -> None:
        assert lines.http() == []
        assert seen

    if caller.kind == "sync":
        with cast("httpx.Client", client).stream("GET", "http://a.internal/") as response:
            for chunk in response.iter_bytes():
                check([chunk])
    else:

        async def run() -> None:
            async with cast("httpx.AsyncClient", client).stream("GET", "http://a.internal/") as one:
                async for chunk in one.aiter_bytes():
                    check([chunk])

        asyncio.run(run())
    (line,) = lines.http()
    assert (line["response"]["httpStatus"], line["response"]["bodySize"]) == (200, 5)
    assert "outcome" not in line


def test_a_streamed_body_belongs_to_the_context_of_its_call(caller: Caller, lines: Lines) -> None:
    """The record of a streamed response carries the id of the context that the call was made in."""
    client = caller.client(lambda _: streaming([b"abc"]))
    with clew.context(request_id="caller"):
        response = caller.send(
            client, client.build_request("GET", "http://a.internal/"), stream=True
        )
    with clew.context(request_id="reader"):
        caller.close(response)
    assert lines.http()[0]["requestId"] == "caller"


def test_a_body_that_fails_is_danger(caller: Caller, lines: Lines) -> None:
    """A response whose body breaks off is danger, with the exception, and raises on; once."""
    broken = httpx.ReadError("connection lost")
    with pytest.raises(httpx.ReadError):
        caller.get(caller.client(lambda _: streaming([b"abc", broken])), "http://a.internal/")
    (line,) = lines.http()
    assert (line["level"], line["outcome"]) == ("danger", "error")
    assert line["exception"]["message"] == "connection lost"


def test_a_response_closed_unread_is_logged(caller: Caller, lines: Lines) -> None:
    """A response that is closed before it is read is logged when it is closed, once."""
    body = Body([b"abc"])
    client = caller.client(lambda _: httpx.Response(404, stream=body))
    response = caller.send(client, client.build_request("GET", "http://a.internal/"), stream=True)
    assert lines.http() == []
    caller.close(response)
    caller.close(response)
    assert [line["response"]["httpStatus"] for line in lines.http()] == [404]
    assert body.closed == 1


def test_a_response_never_closed_is_logged(caller: Caller, lines: Lines) -> None:
    """A response that nobody closes is logged when it is thrown away, as aborted, by its status."""
    client = caller.client(lambda _: streaming([b"abc"]))
    with clew.context(request_id="made-here"):
        response = caller.send(
            client, client.build_request("GET", "http://a.internal/"), stream=True
        )
    del response
    gc.collect()
    (line,) = lines.http()
    assert (line["outcome"], line["requestId"], line["level"]) == ("aborted", "made-here", "info")


def test_a_cancelled_call_is_aborted(lines: Lines) -> None:
    """A call that is cancelled before a response is aborted, not an error."""
    waiting = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    client = httpx.AsyncClient(transport=httpx.MockTransport(never))

    async def run() -> None:
        call = asyncio.create_task(clew.httpx.wrap(client).get("http://a.internal/"))
        await waiting.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(run())
    (line,) = lines.http()
    assert (line["outcome"], line["level"]) == ("aborted", "warning")
    assert "httpStatus" not in line["response"]
    assert "exception" not in line


def test_a_body_cancelled_while_it_is_read_is_aborted(lines: Lines) -> None:
    """A call that is cancelled while its body is read is aborted, with its status."""
    waiting = asyncio.Event()

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"abc"
            waiting.set()
            await asyncio.Event().wait()

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))
    client = clew.httpx.wrap(httpx.AsyncClient(transport=transport))

    async def run() -> None:
        call = asyncio.create_task(client.get("http://a.internal/"))
        await waiting.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(run())
    (line,) = lines.http()
    assert (line["outcome"], line["response"]["httpStatus"]) == ("aborted", 200)
    assert line["response"]["bodySize"] == 3
    assert "exception" not in line


def test_compressed_bodies_are_counted_as_sent(caller: Caller, lines: Lines) -> None:
    """bodySize counts the bytes that came over the wire."""
    packed = gzip.compress(b"a" * 1000)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body([packed]), headers={"Content-Encoding": "gzip"})

    assert caller.get(caller.client(answer), "http://a.internal/").text == "a" * 1000
    assert lines.http()[0]["response"]["bodySize"] == len(packed)


# Mistakes.


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"hosts": "*.internal"}, TypeError, r"hosts .*'\*\.internal'.*write \['\*\.internal'\]"),
        ({"hosts": 5}, TypeError, "hosts must be .*5"),
        ({"hosts": [5]}, ValueError, "hosts has 5"),
        ({"hosts": [""]}, ValueError, "hosts has ''"),
        ({"hosts": ["*"]}, ValueError, r"hosts has '\*'"),
        ({"hosts": ["*."]}, ValueError, r"hosts has '\*\.'"),
        ({"hosts": ["*internal"]}, ValueError, r"hosts has '\*internal'"),
        ({"hosts": ["a.*.internal"]}, ValueError, r"hosts has 'a\.\*\.internal'"),
        ({"hosts": ["https://a.internal"]}, ValueError, "hosts has 'https://a.internal'"),
        ({"hosts": ["a.internal/path"]}, ValueError, "hosts has 'a.internal/path'"),
        ({"header": "X Id"}, ValueError, "header is 'X Id'"),
        ({"header": 5}, TypeError, "header .*5"),
        ({"log": "no"}, TypeError, "log must be True or False, not 'no'"),
    ],
)
def test_a_wrong_argument_is_refused(
    caller: Caller, options: dict[str, Any], error: type[Exception], named: str, lines: Lines
) -> None:
    """A wrong argument raises when it is given, names itself, and leaves the client as it was."""
    client: Any = caller.bare()
    with pytest.raises(error, match=named):
        clew.httpx.wrap(client, **options)
    with clew.context():
        caller.get(client, "http://orders.internal/")
    assert caller.ids() == [None]
    assert lines() == []


@pytest.mark.parametrize("client", [httpx, None, "client", httpx.Client], ids=repr)
def test_what_is_no_client_is_refused(client: Any) -> None:
    """What is no client is refused by name."""
    with pytest.raises(TypeError, match=r"takes an httpx\.Client or httpx\.AsyncClient, not"):
        clew.httpx.wrap(client)


def test_without_httpx_the_remedy_is_named() -> None:
    """Where httpx is not installed, the error says what to install."""
    told = run_fresh(
        """
import sys
sys.modules["httpx"] = None
try:
    import clew.httpx
except ImportError as error:
    print(error)
"""
    )
    assert 'pip install "clew[httpx]"' in told
