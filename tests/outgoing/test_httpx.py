"""What only httpx has: auth flows, hooks, transports, requests that are sent by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

import clew
from clew.httpx import wrap
from tests.conftest import Lines

from .callers import HEADER, PATIENCE, AsyncHttpx, Httpx, Server, caller_of

HttpxCaller = Httpx | AsyncHttpx


@pytest.fixture(params=["httpx", "httpx-async", "httpx2", "httpx2-async"])
def caller(request: pytest.FixtureRequest) -> Iterator[HttpxCaller]:
    caller = caller_of(request.param)
    assert isinstance(caller, HttpxCaller)
    yield caller
    caller.end()


def client_with(caller: HttpxCaller, **options: Any) -> Any:
    """Return a wrapped client that was made with options of httpx's, which will be closed."""
    module = caller.module
    kind = module.Client if isinstance(caller, Httpx) else module.AsyncClient
    client = kind(trust_env=False, **options)
    caller.clients.append(client)
    return wrap(client)


def got(caller: HttpxCaller, made: Any) -> Any:
    """Return what a client returned, or what an awaited one will return."""
    return made if isinstance(caller, Httpx) else caller.run(made)


def hook_of(caller: HttpxCaller, work: Callable[[Any], object]) -> Callable[[Any], Any]:
    """Return a hook that does *work*, which an awaited client awaits."""

    def hook(seen: Any) -> None:
        work(seen)

    async def awaited(seen: Any) -> None:
        work(seen)

    return hook if isinstance(caller, Httpx) else awaited


# Sendings.


def test_a_request_sent_twice_carries_the_id_of_each_time(
    caller: HttpxCaller, server: Server
) -> None:
    """A request object carries the id of the context of each sending, and none outside."""
    client = caller.client()
    request = client.build_request("GET", server.url())
    for made in ("one", "two"):
        with clew.context(request_id=made):
            got(caller, client.send(request))
    got(caller, client.send(request))
    assert server.ids() == ["one", "two", None]


def test_a_header_that_is_set_between_two_sendings_stays(
    caller: HttpxCaller, server: Server
) -> None:
    """A header that the caller sets on a request which has carried an id is the caller's."""
    client = caller.client()
    request = client.build_request("GET", server.url())
    with clew.context(request_id="made-here"):
        got(caller, client.send(request))
    for set_by_hand in ("mine", "made-here"):
        request.headers[HEADER] = set_by_hand
        got(caller, client.send(request))
    assert server.ids() == ["made-here", "mine", "made-here"]


def test_redirects_followed_by_hand_are_looked_at(caller: HttpxCaller, server: Server) -> None:
    """The next request of a response, sent by hand, does not carry the id to a third party."""
    client = caller.client(hosts=["127.0.0.1"])
    url = server.url("/to/localhost/hello")
    with clew.context(request_id="made-here"):
        response = got(caller, client.get(url, follow_redirects=False))
        got(caller, client.send(response.next_request))
    assert server.ids() == ["made-here", None]


def test_shared_extensions_are_left_alone(caller: HttpxCaller, server: Server) -> None:
    """A dictionary of extensions that several requests share carries nothing between them."""
    client = caller.client()
    extensions = {"timeout": {"read": PATIENCE}}
    with clew.context(request_id="made-here"):
        got(caller, client.get(server.url(), extensions=extensions))
    got(caller, client.get(server.url(), extensions=extensions))
    assert server.ids() == ["made-here", None]
    assert extensions == {"timeout": {"read": PATIENCE}}


def twice(request: Any) -> Generator[Any, Any, None]:
    """Run an auth flow of two sendings."""
    request.headers["Authorization"] = "first"
    response = yield request
    assert response.status_code == 200
    request.headers["Authorization"] = "second"
    yield request


def test_auth_flows_work(caller: HttpxCaller, server: Server, lines: Lines) -> None:
    """Each sending of an auth flow carries the id, and is one record."""
    auth = type("Twice", (caller.module.Auth,), {"auth_flow": staticmethod(twice)})()
    with clew.context(request_id="made-here"):
        got(caller, caller.client().get(server.url(), auth=auth))
    assert server.ids("Authorization") == ["first", "second"]
    assert server.ids() == ["made-here", "made-here"]
    assert len(lines.http()) == 2


# Hooks.


def test_hooks_keep_their_order(caller: HttpxCaller, server: Server) -> None:
    """Hooks of the client run as before, in their order, each once a request."""
    order: list[str] = []

    def hook(name: str) -> Callable[[Any], Any]:
        return hook_of(caller, lambda _: order.append(name))

    one, two, three, four = hook("one"), hook("two"), hook("three"), hook("four")
    client = client_with(caller, event_hooks={"request": [one, two], "response": [three, four]})
    with clew.context():
        got(caller, client.get(server.url()))
    assert order == ["one", "two", "three", "four"]
    assert client.event_hooks == {"request": [one, two], "response": [three, four]}


def test_a_header_that_a_hook_sets_stays(caller: HttpxCaller, server: Server) -> None:
    """A hook that sets the header has set it."""
    hook = hook_of(caller, lambda request: request.headers.update({HEADER: "the-hooks"}))
    client = client_with(caller, event_hooks={"request": [hook]})
    with clew.context():
        got(caller, client.get(server.url()))
    assert server.ids() == ["the-hooks"]


# Transports.


def test_mounts_are_used(caller: HttpxCaller, server: Server) -> None:
    """Requests still go by the transport that is mounted for them."""
    mounted: list[str | None] = []

    def answer(request: Any) -> Any:
        mounted.append(request.headers.get(HEADER))
        return caller.module.Response(200)

    transport = caller.module.MockTransport(answer)
    client = client_with(caller, mounts={"http://mounted.internal": transport})
    with clew.context(request_id="made-here"):
        got(caller, client.get(server.url()))
        got(caller, client.get("http://mounted.internal/"))
    assert server.ids() == mounted == ["made-here"]


def test_a_response_that_comes_whole_is_logged(caller: HttpxCaller, lines: Lines) -> None:
    """A response that its transport made with its body, as tests have them, has its size."""
    httpx = caller.module
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text="hello"))
    got(caller, client_with(caller, transport=transport).get("http://a.internal/"))
    (line,) = lines.http()
    assert (line["response"]["httpStatus"], line["response"]["bodySize"]) == (200, 5)
    assert "outcome" not in line


def test_an_error_that_quotes_the_url_shows_no_credentials(
    caller: HttpxCaller, lines: Lines
) -> None:
    """A transport's exception that quotes the URL shows neither its password nor its secrets."""
    url = "https://jane:hunter2@orders.internal/o?token=hunter2"

    httpx = caller.module

    def fail(_: object) -> Any:
        raise httpx.ConnectError(f"cannot reach {url}")

    client = client_with(caller, transport=httpx.MockTransport(fail))
    with pytest.raises(httpx.ConnectError):
        got(caller, client.get(url))
    (line,) = lines.http()
    assert line["request"]["host"] == "orders.internal"
    assert line["exception"]["message"] == "cannot reach https://orders.internal/o?token=***"
    assert "hunter2" not in lines.raw()
    assert "jane" not in lines.raw()


# Responses.


def test_responses_are_what_they_were(caller: HttpxCaller, server: Server) -> None:
    """What httpx says of a response (elapsed, closed, its history) it still says."""
    response = got(caller, caller.client().get(server.url("/to/localhost/chunked")))
    assert response.is_closed
    assert response.elapsed.total_seconds() >= 0
    assert [one.status_code for one in response.history] == [302]


class Body:
    """A response's body that counts how often it is closed."""

    closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"abc"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"abc"

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.closed += 1


def test_closing_a_response_closes_its_body(caller: HttpxCaller, lines: Lines) -> None:
    """A response that is closed twice closes the transport's body once, and has one record."""
    httpx = caller.module
    body: Any = type("Body", (Body, httpx.SyncByteStream, httpx.AsyncByteStream), {})()
    transport = httpx.MockTransport(lambda _: httpx.Response(404, stream=body))
    client = client_with(caller, transport=transport)
    request = client.build_request("GET", "http://a.internal/")
    response = got(caller, client.send(request, stream=True))
    for _ in range(2):
        got(caller, response.close() if isinstance(caller, Httpx) else response.aclose())
    assert body.closed == 1
    assert [line["response"]["httpStatus"] for line in lines.http()] == [404]


@pytest.mark.parametrize("package", ["httpx", "httpx2"])
def test_a_call_cancelled_while_it_reads_the_body_is_aborted(package: str, lines: Lines) -> None:
    """A call that is cancelled while it reads the body itself is aborted, with what had come."""
    httpx: Any = pytest.importorskip(package, reason=f"pip install {package}")
    waiting = asyncio.Event()

    class Endless(httpx.AsyncByteStream):  # type: ignore[misc]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"abc"
            waiting.set()
            await asyncio.Event().wait()

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless()))

    async def run() -> None:
        async with wrap(httpx.AsyncClient(transport=transport)) as client:
            call = asyncio.create_task(client.get("http://a.internal/"))
            await asyncio.wait_for(waiting.wait(), PATIENCE)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(run())
    (line,) = lines.http()
    assert (line["outcome"], line["response"]["httpStatus"]) == ("aborted", 200)
    assert line["response"]["bodySize"] == 3
    assert "exception" not in line
