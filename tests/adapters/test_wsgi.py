"""What only WSGI has: iterables and their close(), write(), file wrappers, servers' habits."""

from __future__ import annotations

import gc
import io
import sys
import threading
import uuid
import warnings
from collections.abc import Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi
from starlette.applications import Starlette
from starlette.routing import Mount

import clew
import clew.asgi
import clew.starlette
import clew.wsgi
from tests.rows import each_row

from .drive import Call, serve_wsgi
from .stacks import BareWSGI, CrashError, DjangoWSGI, Flask
from .test_asgi import serve as serve_asgi
from .test_contract import only


def wrapped(app: Any, **options: Any) -> clew.wsgi.RequestIDMiddleware:
    return clew.wsgi.RequestIDMiddleware(app, **options)


def serve(app: Any, **call: Any) -> Any:
    return serve_wsgi(app, Call(**call))


def start(*_: Any) -> Any:
    """Take a start_response call, and give no write()."""


class Body:
    """A body that counts how often it is closed."""

    def __init__(self, *chunks: bytes, close_raises: bool = False) -> None:
        self.chunks = iter(chunks)
        self.closed = 0
        self.seen: list[str | None] = []
        self.close_raises = close_raises

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.seen.append(clew.request_id())
        return next(self.chunks)

    def close(self) -> None:
        self.closed += 1
        self.seen.append(clew.request_id())
        if self.close_raises:
            raise CrashError("close")


def answering(body: Any, status: str = "200 OK", headers: Any = ()) -> Any:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, [*headers])
        return body

    return app


def test_closes_the_body_once(lines: Any) -> None:
    """The application's close() is called once, however often the server calls ours."""
    body = Body(b"a", b"b")
    returned: Any = wrapped(answering(body))({"REQUEST_METHOD": "GET"}, start)
    assert list(returned) == [b"a", b"b"]
    returned.close()
    returned.close()
    assert body.closed == 1
    assert len(set(body.seen)) == 1 and body.seen[0] is not None
    assert len(lines.http()) == 1


@pytest.mark.parametrize("taken", [-1, 1])
def test_records_a_body_closed_before_its_end(lines: Any, taken: int) -> None:
    """close() before the body's end means that the client has left."""
    body = Body(b"a", b"b")
    serve(wrapped(answering(body)), leave_after=taken)
    assert body.closed == 1
    record = only(lines.http())
    assert record["outcome"] == "aborted"
    assert record["response"]["bodySize"] == max(taken, 0)


@pytest.mark.parametrize(
    ("call", "status", "headers"),
    [
        ({"method": "HEAD"}, "200 OK", ()),
        ({}, "304 Not Modified", ()),
        ({}, "204 No Content", ()),
        ({}, "200 OK", [("Content-Length", "1")]),
    ],
)
def test_knows_a_body_that_is_not_read_to_its_end(
    lines: Any, call: Any, status: str, headers: Any
) -> None:
    """A server need not read on when it has all that it sends."""
    serve(wrapped(answering(Body(b"a", b""), status, headers)), leave_after=1, **call)
    record = only(lines.http())
    assert "outcome" not in record


def test_knows_an_empty_body_that_is_not_read(lines: Any) -> None:
    """Of a body without a byte a server has all that it sends from the beginning."""
    app = wrapped(answering(Body(b"", b""), headers=[("Content-Length", "0")]))
    returned: Any = app({"REQUEST_METHOD": "GET"}, start)
    returned.close()
    assert "outcome" not in only(lines.http())


def test_an_error_in_close_changes_nothing_in_the_record(lines: Any) -> None:
    """An exception after a complete response below 500 is the server's to log."""
    reply = serve(wrapped(answering(Body(b"a", close_raises=True))))
    assert isinstance(reply.error, CrashError)
    assert "outcome" not in only(lines.http())


def test_an_error_in_close_of_a_body_that_is_not_read(lines: Any) -> None:
    """What the server has by then is whole, also where the application's close() raises."""
    body = Body(b"", b"", close_raises=True)
    app = wrapped(answering(body, headers=[("Content-Length", "0")]))
    returned: Any = app({"REQUEST_METHOD": "GET"}, start)
    with pytest.raises(CrashError):
        returned.close()
    returned.close()
    assert body.closed == 1
    assert "outcome" not in only(lines.http())
    assert clew.request_id() is None


def test_a_body_that_raises_at_once_need_have_no_close(lines: Any) -> None:
    """What fails at its first chunk has nothing more to be asked."""

    class Failing:
        def __iter__(self) -> Iterator[bytes]:
            raise CrashError("iter")

    reply = serve(wrapped(answering(Failing())))
    assert reply.status == 500
    assert only(lines.http())["exception"]["message"] == "iter"


def test_keeps_a_single_list_as_it_is(lines: Any) -> None:
    """A list of one chunk is returned untouched, so that servers can measure it."""
    body = [b"all"]
    assert wrapped(answering(body))({"REQUEST_METHOD": "GET"}, start) is body
    assert only(lines.http())["response"]["bodySize"] == 3


def test_keeps_the_length_of_a_body(lines: Any) -> None:
    """A body that knows its number of chunks still does; one that does not, does not."""
    environ: Any = {"REQUEST_METHOD": "GET"}
    sized: Any = wrapped(answering((b"a", b"b")))(environ, start)
    assert len(sized) == 2
    sized.close()
    unsized: Any = wrapped(answering(iter([b"a"])))(environ, start)
    assert not hasattr(unsized, "__len__")
    unsized.close()


def test_answers_a_crash_and_raises_again(lines: Any) -> None:
    """A crash before anything was sent is answered with the header, and raised again."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-App", "1")])
        raise CrashError("boom")

    reply = serve(wrapped(app))
    assert (reply.status, reply.body) == (500, b"Internal Server Error")
    assert reply.request_id and not reply.all("X-App")
    assert isinstance(reply.error, CrashError)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["bodySize"]) == ("error", 21)


def test_a_client_that_has_left_hears_of_no_crash(lines: Any) -> None:
    """Where the answer to a crash cannot be written, the crash is raised all the same."""
    written: list[bytes] = []

    def write(part: bytes) -> object:
        written.append(part)
        raise BrokenPipeError

    def app(environ: Any, start_response: Any) -> Any:
        raise CrashError("boom")

    with pytest.raises(CrashError):
        wrapped(app)({"REQUEST_METHOD": "GET"}, lambda *_: write)
    assert written == [b"Internal Server Error"]
    record = only(lines.http())
    assert (record["outcome"], record["exception"]["message"]) == ("error", "boom")


def test_answers_a_crash_of_a_generator(lines: Any) -> None:
    """An application that is a generator crashes at its first chunk, and is answered likewise."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        raise CrashError("boom")
        yield b""

    reply = serve(wrapped(app))
    assert reply.status == 500 and reply.request_id
    assert only(lines.http())["exception"]["message"] == "boom"


def test_returns_the_answer_where_write_is_missing(lines: Any) -> None:
    """A server whose start_response gives no write() gets the answer as the body."""

    def app(environ: Any, start_response: Any) -> Any:
        raise CrashError("boom")

    started: list[Any] = []

    def keep(*given: Any) -> Any:
        started.append(given)

    body = wrapped(app)({"REQUEST_METHOD": "GET"}, keep)
    assert list(body) == [b"Internal Server Error"]
    assert started[0][0] == "500 Internal Server Error"
    assert only(lines.http())["response"]["httpStatus"] == 500


def test_returns_the_answer_where_the_server_would_add_a_page(lines: Any) -> None:
    """mod_wsgi writes a page of its own behind what was written before a crash: it gets a body."""

    def app(environ: Any, start_response: Any) -> Any:
        raise CrashError("boom")

    written: list[bytes] = []
    start_response: Any = lambda *_: written.append  # noqa: E731
    environ = {"REQUEST_METHOD": "GET", "mod_wsgi.version": (5, 0)}
    body = wrapped(app)(environ, start_response)
    assert (list(body), written) == ([b"Internal Server Error"], [])
    assert only(lines.http())["outcome"] == "error"


def test_leaves_a_crash_to_werkzeugs_debugger(lines: Any) -> None:
    """Inside werkzeug's debugger a crash is raised, so that the debugger shows it."""

    def app(environ: Any, start_response: Any) -> Any:
        raise CrashError("boom")

    reply = serve(wrapped(app), extra={"werkzeug.debug.preserve_context": print})
    assert reply.status is None and isinstance(reply.error, CrashError)
    assert len(lines.http()) == 1


def test_a_crash_after_the_first_chunk_is_raised(lines: Any) -> None:
    """A body that raises half-way is not answered twice."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise CrashError("boom")

    reply = serve(wrapped(app))
    assert (reply.status, reply.body) == (200, b"half")
    assert only(lines.http())["outcome"] == "error"


def test_counts_what_is_written(lines: Any) -> None:
    """Bytes given to the write() of PEP 3333 are counted."""

    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"abc")
        return [b"de"]

    assert serve(wrapped(app)).body == b"abcde"
    assert only(lines.http())["response"]["bodySize"] == 5


def test_takes_a_second_start_response(lines: Any) -> None:
    """An application that thinks better of its status before the body has the last word, and the
    exception that it gives for it is in the record.
    """

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        try:
            raise CrashError("late")
        except CrashError:
            start_response("503 Busy", [], sys.exc_info())
        return [b"busy"]

    reply = serve(wrapped(app))
    assert (reply.status, len(reply.all("X-Request-ID"))) == (503, 1)
    record = only(lines.http())
    assert record["response"]["httpStatus"] == 503
    assert (record["outcome"], record["exception"]["message"]) == ("error", "late")


@each_row("kind", [Flask, BareWSGI, DjangoWSGI])
@each_row(("target", "status"), [("/ok", 200), ("/stream", 200), ("/nowhere", 404)])
def test_calls_start_response_as_the_application_does(
    lines: Any, kind: Any, target: str, status: int
) -> None:
    """A middleware around it whose start_response takes two parameters is called with two."""
    inner = kind().app

    def around(environ: Any, start_response: Any) -> Any:
        def with_header(status: str, headers: Any) -> Any:
            return start_response(status, [*headers, ("X-Around", "1")])

        return inner(environ, with_header)

    reply = serve(around, target=target)
    assert (reply.status, reply.error, reply.all("X-Around")) == (status, None, ["1"])
    assert only(lines.http())["response"]["httpStatus"] == status


def test_refuses_a_second_start_response_without_a_reason(lines: Any) -> None:
    """Of a second call without an exception the server tells, as it does without clew."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        start_response("503 Busy", [])
        return [b"busy"]

    assert isinstance(serve(wrapped(app)).error, AssertionError)
    assert only(lines.http())["outcome"] == "error"


def test_closes_a_body_that_raises_at_once(lines: Any) -> None:
    """A body whose first part fails is closed, since no server will; its headers are forgotten."""

    class Failing(Body):
        def __next__(self) -> bytes:
            raise CrashError("at once")

    body = Failing()
    reply = serve(wrapped(answering(body, headers=[("Set-Cookie", "basket=lamp")])))
    assert (reply.status, body.closed) == (500, 1)
    assert reply.request_id and not reply.all("Set-Cookie")
    assert isinstance(reply.error, CrashError)
    assert only(lines.http())["exception"]["message"] == "at once"


def test_asks_no_body_again_that_is_over(lines: Any) -> None:
    """An empty body is asked for a chunk once: one that waits for them would wait for ever."""

    class Empty(Body):
        asked = 0

        def __next__(self) -> bytes:
            self.asked += 1
            raise StopIteration

    body = Empty()
    assert serve(wrapped(answering(body))).body == b""
    assert (body.asked, body.closed) == (1, 1)


def test_passes_on_a_start_response_after_an_empty_chunk(lines: Any) -> None:
    """An application that begins its response after an empty chunk is heard all the same."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [])
        yield b"late"

    calls: list[str] = []
    start_response: Any = lambda status, *_: calls.append(status)  # noqa: E731
    body = wrapped(app)({"REQUEST_METHOD": "GET"}, start_response)
    assert (b"".join(body), calls) == (b"late", ["201 Created"])
    assert only(lines.http())["response"]["httpStatus"] == 201


def test_waits_for_no_event(lines: Any) -> None:
    """The headers of an event stream go out before there is a first event."""

    def events() -> Iterator[bytes]:
        seen.append("event")
        yield b"data: 1\n\n"

    seen: list[str] = []
    headers = [("Content-Type", "text/event-stream; charset=utf-8")]
    start_response: Any = lambda *_: seen.append("headers")  # noqa: E731
    app = wrapped(answering(events(), headers=headers))
    body = app({"REQUEST_METHOD": "GET"}, start_response)
    assert seen == ["headers"]
    assert b"".join(body) == b"data: 1\n\n"


def test_a_refused_response_is_a_500(lines: Any) -> None:
    """Headers that the server refuses are no response: the record has the server's 500."""

    def refuse(*_: Any) -> Any:
        raise ValueError("a header with a newline")

    with pytest.raises(ValueError, match="newline"):
        wrapped(answering([b"x"], headers=[("X-Bad", "a\nb")]))({"REQUEST_METHOD": "GET"}, refuse)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("error", 500)


def test_the_answer_to_a_head_request_has_no_body(lines: Any) -> None:
    """A crash of a HEAD request is answered by headers alone."""

    def app(environ: Any, start_response: Any) -> Any:
        raise CrashError("boom")

    written: list[bytes] = []
    with pytest.raises(CrashError):
        wrapped(app)({"REQUEST_METHOD": "HEAD"}, lambda *_: written.append)
    assert b"".join(written) == b""


def test_forgets_the_length_of_a_response_that_was_replaced(lines: Any) -> None:
    """The record counts the body that went out, whatever length another one would have had."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Length", "2")])
        start_response("503 Sorry", [], (CrashError, CrashError("late"), None))
        return iter((b"sorry", b" friend"))

    assert serve(wrapped(app)).body == b"sorry friend"
    assert only(lines.http())["response"]["bodySize"] == 12


def test_takes_bytes_for_a_body(lines: Any) -> None:
    """A body that is bytes, which some servers take, is one chunk."""
    assert serve(wrapped(answering(b"hello"))).body == b"hello"


def test_starts_late(lines: Any) -> None:
    """A generator calls start_response only when it is iterated."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("201 Created", [])
        yield b"x"

    reply = serve(wrapped(app))
    assert reply.status == 201 and reply.request_id
    assert only(lines.http())["response"]["httpStatus"] == 201


def test_keeps_the_file_wrapper(lines: Any) -> None:
    """A wrapped file stays the server's own, is closed once, and has a size that nobody knows."""
    file = io.BytesIO(b"content")
    returned: list[Any] = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    middleware = wrapped(app)

    def watching(environ: Any, start_response: Any) -> Any:
        returned.append(middleware(environ, start_response))
        return returned[0]

    reply = serve(watching, extra={"wsgi.file_wrapper": FileWrapper})
    assert type(returned[0]) is FileWrapper
    assert reply.body == b"content" and file.closed
    record = only(lines.http())
    assert "bodySize" not in record["response"] and "outcome" not in record


def test_iterates_a_file_wrapper_that_takes_no_attribute(lines: Any) -> None:
    """Where the end of a wrapped file cannot be seen otherwise, it is a body like any other."""

    class Wrapper:
        __slots__ = ("_file",)

        def __init__(self, file: io.BytesIO) -> None:
            self._file = file

        def __iter__(self) -> Iterator[bytes]:
            return iter(self._file)

        @property
        def close(self) -> Any:
            return self._file.close

    file = io.BytesIO(b"content")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file)

    reply = serve(wrapped(app), extra={"wsgi.file_wrapper": Wrapper})
    assert reply.body == b"content" and file.closed
    record = only(lines.http())
    assert record["response"]["bodySize"] == 7 and "outcome" not in record


def test_a_file_wrapper_need_not_be_closed(lines: Any) -> None:
    """A wrapped file without a close() of its own has one that ends the request."""

    class Wrapper:
        def __init__(self, file: io.BytesIO) -> None:
            self.file = file

        def __iter__(self) -> Iterator[bytes]:
            return iter(self.file)

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](io.BytesIO(b"content"))

    reply = serve(wrapped(app), extra={"wsgi.file_wrapper": Wrapper})
    assert reply.body == b"content"
    assert "outcome" not in only(lines.http())
    assert clew.request_id() is None


@each_row(
    ("uri", "path"),
    [
        ("/a%2Fb?x=1", "/a%2Fb"),
        ("http://other.example/a%20b?x", "/a%20b"),
        ("//double", "//double"),
        ("*", "*"),
    ],
)
def test_reads_the_path_as_on_the_wire(lines: Any, uri: str, path: str) -> None:
    """The server's RAW_URI or REQUEST_URI tells the path as it was sent."""
    for name in ("RAW_URI", "REQUEST_URI"):
        lines.clear()
        serve(wrapped(answering([b""])), raw=False, extra={name: uri})
        assert only(lines.http())["request"]["path"] == path


def test_serves_once_when_installed_twice(lines: Any) -> None:
    """An application in an application: the outer one serves, one record comes out."""
    app = wrapped(wrapped(answering([b""]), generate=lambda: "in"), generate=lambda: "out")
    assert serve(app).request_id == "out"
    assert only(lines.http())["requestId"] == "out"


def test_serves_once_inside_asgi(lines: Any) -> None:
    """A WSGI application mounted in an ASGI one by a2wsgi is served by the outer clew."""
    inner = wrapped(answering([b"x"]), generate=lambda: "in")
    app = clew.asgi.RequestIDMiddleware(WSGIMiddleware(inner), generate=lambda: "out")  # type: ignore[arg-type]
    assert serve_asgi(app).request_id == "out"
    assert only(lines.http())["requestId"] == "out"


def starlette_middleware(app: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.middleware.wsgi import WSGIMiddleware
    return WSGIMiddleware(app)


@pytest.mark.parametrize("mount", [starlette_middleware, WsgiToAsgi], ids=["starlette", "asgiref"])
@pytest.mark.parametrize("root", ["", "/root"])
def test_serves_once_where_the_environ_shows_no_scope(lines: Any, mount: Any, root: str) -> None:
    """What Starlette or asgiref calls within a request is served by the outer clew as well."""
    inner = wrapped(answering([b"x"]), generate=lambda: "in")
    app = Starlette(routes=[Mount("/caf\u00e9", mount(inner))])
    clew.starlette.install(app, generate=lambda: "out")
    reply = serve_asgi(app, target="/caf%C3%A9/a?b=c%20d", root=root)
    assert (reply.status, reply.request_id) == (200, "out")
    assert only(lines.http())["requestId"] == "out"


@pytest.mark.parametrize(
    "other",
    [
        {"PATH_INFO": "/other"},
        {"REQUEST_METHOD": "POST"},
        {"QUERY_STRING": "a=b"},
        {"REMOTE_ADDR": "127.0.0.9"},
    ],
    ids=str,
)
def test_a_call_within_a_request_is_a_request_of_its_own(lines: Any, other: dict[str, str]) -> None:
    """What an ASGI application calls itself, as by a test client, has its own id and record."""
    inner = wrapped(answering([b"x"]), generate=lambda: "in")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        own = {"PATH_INFO": scope["path"], "REQUEST_METHOD": scope["method"]}
        own |= {"REMOTE_ADDR": scope["client"][0], "QUERY_STRING": ""}
        body: Any = inner(own | other, start)
        list(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    serve_asgi(clew.asgi.RequestIDMiddleware(app, generate=lambda: "out"), target="/ok")
    assert sorted(line["requestId"] for line in lines.http()) == ["in", "out"]


def test_keeps_interleaved_responses_apart(lines: Any) -> None:
    """Two bodies iterated by turns in one thread see each its own request."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for _ in range(3):
            yield str(clew.request_id()).encode()

    def begin(name: str) -> Any:
        environ: Any = {"REQUEST_METHOD": "GET", "HTTP_X_REQUEST_ID": name}
        return iter(wrapped(app)(environ, start))

    one, two = begin("one"), begin("two")
    turns = [next(body) for _ in range(3) for body in (one, two)]
    assert turns == [b"one", b"two"] * 3
    assert clew.request_id() is None


def test_mixes_nothing_among_threads(lines: Any) -> None:
    """Lines of concurrent requests in threads carry each their own id and user."""
    barrier = threading.Barrier(16, timeout=10)

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        mine = environ["PATH_INFO"][1:]
        clew.bind(user_id=f"user-{mine}")
        barrier.wait()
        start_response("200 OK", [])
        for _ in range(5):
            clew.get_logger("app").info("in thread", mine=mine)
            yield b"x"

    middleware = wrapped(app)

    def request(number: int) -> None:
        serve(middleware, target=f"/{number}", headers=[("X-Request-ID", str(number))])

    threads = [threading.Thread(target=request, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    for line in lines():
        assert line["userId"] == f"user-{line['requestId']}"
        assert line.get("mine", line["requestId"]) == line["requestId"]
    assert len(lines.http()) == 16


def test_survives_headers_that_are_no_strings(lines: Any) -> None:
    """A number as Content-Length, or an object as inbound id, costs no response and no record."""
    number: Any = 2
    app = wrapped(answering([b"ok"], headers=[("Content-Length", number)]))
    environ = {"REQUEST_METHOD": "GET", "HTTP_X_REQUEST_ID": uuid.UUID(int=7)}
    assert list(app(environ, start)) == [b"ok"]
    assert only(lines.http())["requestId"] == str(uuid.UUID(int=7))


def test_replaces_a_refused_id_where_it_was_sent() -> None:
    """The application sees no header that the client has not sent, but the first of all."""
    app = wrapped(answering([b"ok"]), header=["X-Request-ID", "X-Trace-ID", "X-Correlation-ID"])
    environ: Any = {"REQUEST_METHOD": "GET", "HTTP_X_CORRELATION_ID": "no good"}
    list(app(environ, start))
    assert environ["HTTP_X_REQUEST_ID"] == environ["HTTP_X_CORRELATION_ID"] != "no good"
    assert "HTTP_X_TRACE_ID" not in environ


def test_records_a_body_that_is_none(lines: Any) -> None:
    """A body that no server could send is raised, and recorded."""
    with pytest.raises(TypeError):
        list(wrapped(answering([None]))({"REQUEST_METHOD": "GET"}, start))
    assert only(lines.http())["request"]["method"] == "GET"


def test_a_peer_that_is_no_address_is_not_trusted(lines: Any) -> None:
    """Where the server names a peer oddly, an inbound id is replaced."""
    environ: Any = {"REMOTE_ADDR": 7, "HTTP_X_REQUEST_ID": "chosen"}
    list(wrapped(answering([b"ok"]), trust=["10.0.0.0/8"])(environ, start))
    assert only(lines.http())["request"]["rejectedRequestId"] == "untrusted"


def test_survives_a_sparse_environ(lines: Any) -> None:
    """Keys that PEP 3333 lets a server leave out may be absent."""
    assert list(wrapped(answering([b"x"]))({}, start)) == [b"x"]
    record = only(lines.http())
    assert (record["request"]["method"], record["request"]["path"]) == ("GET", "/")


def test_records_a_body_that_is_dropped(lines: Any) -> None:
    """A server that drops a body without closing it leaves an aborted record."""
    body = Body(b"a", b"b")
    returned: Any = wrapped(answering(body))({"REQUEST_METHOD": "GET"}, start)
    assert next(returned) == b"a"
    del returned
    gc.collect()
    assert body.closed == 1
    assert only(lines.http())["outcome"] == "aborted"


def test_an_error_in_close_of_a_dropped_body_is_the_applications(lines: Any) -> None:
    """A body that the server drops, and that cannot be closed, still has its record, in silence."""
    body = Body(b"a", b"b", close_raises=True)
    returned: Any = wrapped(answering(body))({"REQUEST_METHOD": "GET"}, start)
    assert next(returned) == b"a"
    del returned
    gc.collect()
    record = only(lines.http())
    assert (body.closed, record["exception"]["message"]) == (1, "close")


def test_a_dropped_body_of_a_handled_crash_is_logged_at_once(lines: Any) -> None:
    """A body that the server drops unclosed has its record without a garbage collection."""

    def app(environ: Any, start_response: Any) -> Any:
        try:
            raise CrashError("boom")
        except CrashError:
            start_response("500 Sorry", [], sys.exc_info())
        return iter([b"one", b"two"])

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    gc.disable()
    try:
        body = clew.wsgi.RequestIDMiddleware(app)(environ, lambda *_: lambda _: None)
        del body
        assert len(lines.http()) == 1
    finally:
        gc.enable()
