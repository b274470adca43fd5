"""What holds for every request, on every server."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest

import clew

from .server import Server, Stack, fresh_id, receive, stacks

pytestmark = pytest.mark.outside

ROUTES = {"fastapi": "/items/{item}", "flask": "/items/<item>", "django": "/items/<str:item>"}
FRAMEWORKS_LINES = {
    "flask": ("flask_app", "Exception on /crash [GET]"),
    "django": ("django.request", "Internal Server Error: /crash"),
}


def test_good_id_comes_back(server: Server) -> None:
    """A good inbound id is the record's, and the response's in place of the application's own."""
    for path in ("/", "/own"):
        answer = server.ask(path, request_id := fresh_id())
        assert (answer.status, answer.request_id) == (200, request_id)
        assert server.record(request_id).request.rejected_request_id is None


def test_anything_but_one_good_id_is_replaced(server: Server) -> None:
    """Without an id, with a bad one, or with two, there is a new one; the record says why."""
    answer = server.ask("/")
    assert clew.is_safe_id(answer.request_id)
    assert server.record(answer.request_id).request.headers == {"requestId": answer.request_id}
    ids = [fresh_id(), fresh_id()]
    for sent, reason in (
        (["with spaces in it"], "charset"),
        (["x" * 201], "length"),
        (ids, "duplicate"),  # good as both are
    ):
        answer = server.ask("/", headers=[("X-Request-ID", value) for value in sent])
        assert answer.request_id not in sent
        assert server.record(answer.request_id).request.rejected_request_id == reason
        assert reason == "duplicate" or sent[0] not in server.output()


def test_not_found_has_the_header(server: Server) -> None:
    """A 404 carries the id, and its record is a warning without a route."""
    answer = server.ask("/nowhere", request_id := fresh_id())
    assert (answer.status, answer.request_id) == (404, request_id)
    record = server.record(request_id)
    assert (record.level, record.response.http_status) == ("warning", 404)
    assert record.request.route is None


def test_record_tells_the_request(server: Server, stack: Stack) -> None:
    """The record has the method, the path, the route, the masked query and the peer."""
    server.ask("/items/7?page=2&token=hidden", request_id := fresh_id())
    record = server.record(request_id)
    assert (record.level, record.message) == ("info", "GET /items/7 200")
    assert (record.request.method, record.request.path) == ("GET", "/items/7")
    assert record.request.route == ROUTES.get(stack.framework)
    assert record.request.query == "page=2&token=***"
    assert record.request.ip_address == "127.0.0.1"
    assert record.outcome is None
    assert "hidden" not in server.output()


def test_path_is_that_of_the_wire(server: Server) -> None:
    """An encoded newline stays encoded in the path, and forges no line."""
    forged = fresh_id()
    path = f"/items/a%0A%7B%22requestId%22:%22{forged}%22%7D%C3%A9"
    server.ask(path, request_id := fresh_id())
    record = server.record(request_id)
    assert record.request.path == path
    assert not any(line.get("requestId") == forged for line in server.lines())


# Granian tells a WSGI application only the decoded path.
@stacks(without=["granian-wsgi"])
def test_escaped_slash_stays(server: Server) -> None:
    """What is encoded without need is so in the path of the record too."""
    server.ask("/items/a%2fb%7e", request_id := fresh_id())
    assert server.record(request_id).request.path == "/items/a%2fb%7e"


@stacks("-fastapi")
def test_mounted_application_asgi(server: Server) -> None:
    """The prefix of a mount stands once in the path, and as a template in the route."""
    answer = server.ask("/mounted/acme/inner/7", request_id := fresh_id())
    assert answer.body == b"inner 7"
    record = server.record(request_id)
    assert record.request.path == "/mounted/acme/inner/7"
    assert record.request.route == "/mounted/{tenant}/inner/{name}"


@stacks("-flask")
def test_mounted_application_wsgi(server: Server) -> None:
    """The prefix of a mount stands once in the path."""
    answer = server.ask("/mounted/items/7", request_id := fresh_id())
    assert answer.body == b"item 7"
    assert server.record(request_id).request.path == "/mounted/items/7"


def test_streamed_body_is_counted(server: Server) -> None:
    """The size of a streamed body is that of the bytes that the client got."""
    answer = server.ask("/stream", request_id := fresh_id())
    assert len(answer.body) == 3000
    assert server.record(request_id).response.body_size == 3000


def test_response_time_is_the_applications(server: Server) -> None:
    """The response time is at least what the application waited, and not much more."""
    server.ask("/slow", request_id := fresh_id())
    assert 149 < server.record(request_id).response.response_time < 5000


@stacks("-fastapi")
def test_background_task(server: Server) -> None:
    """What runs behind the response has its id, and its record does not wait for it."""
    server.ask("/background", request_id := fresh_id())
    server.line(
        lambda line: line["message"] == "worked" and line.get("requestId") == request_id,
        f"the line of the task behind {request_id}",
    )
    own = [line["logger"] for line in server.lines() if line.get("requestId") == request_id]
    assert own == ["clew.http", "app"]


def test_what_has_no_body_has_a_size_of_0(server: Server) -> None:
    """HEAD and a 304 get the header and no body, and their records a size of 0."""
    for method, path, status in (("HEAD", "/", 200), ("GET", "/unchanged", 304)):
        answer = server.ask(path, request_id := fresh_id(), method=method)
        assert (answer.status, answer.request_id, answer.body) == (status, request_id, b"")
        record = server.record(request_id)
        assert (record.message, record.outcome) == (f"{method} {path} {status}", None)
        assert (record.response.http_status, record.response.body_size) == (status, 0)


def test_http_1_0(server: Server) -> None:
    """An HTTP/1.0 request is served and recorded like any other."""
    with server.send("/", request_id := fresh_id(), version="1.0") as connection:
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert re.findall(rb"(?i)x-request-id: *(\S+)", head) == [request_id.encode()]
    assert body == b"hello"
    record = server.record(request_id)
    assert (record.response.http_status, record.response.body_size) == (200, 5)


def pipeline(server: Server, *paths: str) -> tuple[list[str], bytes]:
    """Send requests at once on one connection; return their ids and what came back."""
    ids = [fresh_id() for _ in paths]
    server.asked += ids
    heads = [
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {request_id}\r\n"
        for path, request_id in zip(paths, ids, strict=True)
    ]
    with server.connect() as connection:
        connection.sendall(("\r\n".join(heads) + "Connection: close\r\n\r\n").encode())
        return ids, connection.makefile("rb").read()


# Gunicorn's sync worker closes a connection after each response.
@stacks(without=["gunicorn-sync"])
def test_pipelined_requests(server: Server) -> None:
    """Requests sent at once on one connection keep their ids apart."""
    ids, received = pipeline(server, "/slow", "/stream", "/")
    assert re.findall(r"(?i)x-request-id: *(\S+)", received.decode()) == ids
    records = [server.record(request_id) for request_id in ids]
    assert [record.request.path for record in records] == ["/slow", "/stream", "/"]
    assert records[1].response.body_size == 3000


@stacks("-wsgi", "-flask")
def test_crash_of_a_body_before_its_first_byte(server: Server) -> None:
    """A body that raises at once is answered by a 500 of clew's: one response, with one id."""
    answer = server.ask("/crash-early", request_id := fresh_id())
    assert (answer.status, answer.request_id) == (500, request_id)
    assert answer.body == b"Internal Server Error"
    assert answer.header("Content-Length") == [str(len(answer.body))]
    assert answer.header("Set-Cookie") == []
    record = server.record(request_id)
    assert (record.level, record.outcome) == ("danger", "error")
    assert record.response.http_status == 500
    assert record.exception is not None


@stacks("gunicorn-sync-django")
def test_crash_of_djangos_body_before_its_first_byte(server: Server) -> None:
    """Where the server answers for a body of Django's that raises at once, the record says 500."""
    answer = server.ask("/crash-early", request_id := fresh_id())
    record = server.record(request_id)
    assert record.outcome == "error"
    assert record.response.http_status == answer.status == 500


# Daphne leaves the client of such a response waiting.
@stacks(without=["granian", "daphne", "gunicorn-sync"])
def test_pipelined_crash(server: Server, stack: Stack) -> None:
    """The server's line about a crash has that request's id, not that of one before it."""
    (_, request_id), _ = pipeline(server, "/slow", "/crash-late")
    wait_for_line(server, request_id, stack.program.logger, stack.program.beginning)


@stacks("-fastapi", without=["granian", "gunicorn-asgi"])
def test_crash_pipelined_behind_a_background_task(server: Server, stack: Stack) -> None:
    """So it is when the request before it is still at work."""
    (_, request_id), _ = pipeline(server, "/background", "/crash")
    wait_for_line(server, request_id, stack.program.logger, stack.program.beginning)


@stacks("hypercorn-fastapi", "granian-asgi-fastapi")
def test_http_2(server: Server) -> None:
    """Many requests at once on one HTTP/2 connection keep their ids apart."""
    ids = [fresh_id() for _ in range(20)]
    server.asked += ids

    async def ask_all() -> list[httpx.Response]:
        url = f"http://{server.host}:{server.port}/items/a%0Ab"
        async with httpx.AsyncClient(http1=False, http2=True) as client:
            sendings = (client.get(url, headers={"X-Request-ID": each}) for each in ids)
            return await asyncio.gather(*sendings)

    for request_id, response in zip(ids, asyncio.run(ask_all()), strict=True):
        assert (response.status_code, response.http_version) == (200, "HTTP/2")
        assert response.headers.get_list("X-Request-ID") == [request_id]
        assert server.record(request_id).request.path == "/items/a%0Ab"


@stacks("-wsgi", without=["granian"])
def test_early_hints(server: Server) -> None:
    """An early hint goes out before the response, whose status is the record's."""
    with server.send("/hints", request_id := fresh_id(), close=True) as sent:
        received = sent.makefile("rb").read()
    record = server.record(request_id)
    if record.response.http_status == 404:
        pytest.skip("this gunicorn knows no early hints")
    assert received.startswith(b"HTTP/1.1 103 ")
    assert received.count(b"HTTP/1.1 200 ") == 1
    assert re.findall(rb"(?i)x-request-id: *(\S+)", received) == [request_id.encode()]
    assert (record.response.http_status, record.response.body_size) == (200, 5)


def test_crash_has_the_header_and_the_exception(server: Server, stack: Stack) -> None:
    """A crash is answered by a 500 with the header; its record has the exception."""
    answer = server.ask("/crash", request_id := fresh_id())
    assert (answer.status, answer.request_id) == (500, request_id)
    record = server.record(request_id)
    assert (record.level, record.outcome) == ("danger", "error")
    assert record.response.http_status == 500
    assert record.response.body_size == len(answer.body)
    assert record.exception is not None
    assert record.exception.type == "RuntimeError"
    assert record.exception.message == "the crash of the test"
    assert f"{stack.framework}_app.py" in str(record.exception.stack_trace)


def wait_for_line(server: Server, request_id: str, logger: str | None, beginning: str) -> None:
    line = server.line(
        lambda line: line["logger"] == logger and line.get("requestId") == request_id,
        f"a line of {logger} with {request_id}",
    )
    assert line["level"] == "danger"
    assert line["message"].startswith(beginning)
    trace = line["exception"]["stackTrace"] if "exception" in line else line["message"]
    # Granian leaves out what is within an ExceptionGroup, which older Starlettes raise.
    is_group = trace.rstrip().endswith("(1 sub-exception)")
    assert is_group or "RuntimeError: the crash of the test" in trace


@stacks("-flask", "-django")
def test_crash_line_of_the_framework(server: Server, stack: Stack) -> None:
    """The line that the framework writes about a crash carries the request's id."""
    server.ask("/crash", request_id := fresh_id())
    wait_for_line(server, request_id, *FRAMEWORKS_LINES[stack.framework])


# Gunicorn's own ASGI worker writes none about a request that has been answered; granian takes an
# answer only from a WSGI application that does not raise.
@stacks("-fastapi", "-asgi", "-wsgi", without=["granian-wsgi", "gunicorn-asgi"])
def test_crash_line_of_the_server(server: Server, stack: Stack) -> None:
    """The line that the server writes about a crash has that request's id, not a later one's."""
    server.ask("/crash", request_id := fresh_id())
    server.ask("/", fresh_id())
    wait_for_line(server, request_id, stack.program.logger, stack.program.beginning)


# Daphne leaves the client of such a response waiting.
@stacks(without=["daphne"])
def test_late_crash(server: Server, stack: Stack) -> None:
    """A crash in the body's midst is in the record, with the status that the client got."""
    with server.send("/crash-late", request_id := fresh_id()) as connection:
        receive(connection, b"hello")
        server.settled(request_id)
    record = server.record(request_id)
    wait_for_line(server, request_id, stack.program.logger, stack.program.beginning)
    assert (record.level, record.outcome) == ("danger", "error")
    assert (record.response.http_status, record.response.body_size) == (200, 5)
    assert record.exception is not None
    assert "RuntimeError: the crash of the test" in str(record.exception.stack_trace)


@stacks("-fastapi")
def test_crash_in_a_thread(server: Server) -> None:
    """A crash in a sync endpoint is recorded as one in an async endpoint is."""
    answer = server.ask("/crash-sync", request_id := fresh_id())
    assert (answer.status, answer.request_id) == (500, request_id)
    assert server.record(request_id).outcome == "error"


@stacks("-django", without=["gunicorn"])
def test_crash_in_an_async_view(server: Server) -> None:
    """A crash in an async view is recorded as one in a sync view is."""
    answer = server.ask("/crash-async", request_id := fresh_id())
    assert (answer.status, answer.request_id) == (500, request_id)
    assert server.record(request_id).outcome == "error"


# Daphne's command line gives the root logger a handler of its own, on stderr.
@stacks(without=["daphne-asgi"])
def test_no_other_access_line(server: Server) -> None:
    """Of a request that went well, only clew writes a line, on stdout or stderr."""
    server.ask(f"/items/{(name := fresh_id())}", request_id := fresh_id())
    server.record(request_id)
    written = server.output().splitlines() + server.errors().splitlines()
    (line,) = [line for line in written if name in line]
    assert '"logger":"clew.http"' in line


# Granian's main process does not load the application.
@stacks(without=["granian", "daphne-asgi"])
def test_lines_are_json(server: Server) -> None:
    """Whatever the server logs from the moment the application is loaded is JSON on stdout."""
    for path in ("/", "/nowhere", "/crash"):
        server.ask(path, request_id := fresh_id())
        server.record(request_id)
    assert server.strays == []
    assert "the crash of the test" not in server.errors()
