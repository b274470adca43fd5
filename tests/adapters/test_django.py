"""Django's own: lazy users, signals, closing, checks, REST framework, WSGI and ASGI."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import django
import pytest
from a2wsgi import WSGIMiddleware
from asgiref.sync import markcoroutinefunction
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test.utils import override_settings
from django.utils.asyncio import async_unsafe
from rest_framework.response import Response
from starlette.applications import Starlette
from starlette.routing import Mount

import clew
import clew.asgi
import clew.django
import clew.starlette
import clew.wsgi
from tests.conftest import parse_line, run_fresh

from .drive import Call, serve_asgi
from .stacks import CrashError, DjangoASGI, DjangoWSGI, Stack
from .test_contract import only


@pytest.fixture(params=[DjangoWSGI, DjangoASGI], ids=["wsgi", "asgi"])
def stack(request: pytest.FixtureRequest, lines: Any) -> Stack:
    """Django on WSGI and on ASGI."""
    made: Stack = request.param()
    return made


def test_the_handlers_own_lines_have_the_id(stack: Stack, lines: Any) -> None:
    """Django's lines about 404s and 500s, logged after the middleware returned, carry the id."""
    for path, message in (
        ("/crash", "Internal Server Error: /crash"),
        ("/nowhere", "Not Found: /nowhere"),
    ):
        lines.clear()
        reply = stack.request(path)
        (line,) = [line for line in lines() if line["logger"] == "django.request"]
        assert (line["message"], line["requestId"]) == (message, reply.request_id)


def test_writes_no_request_object(stack: Stack, lines: Any) -> None:
    """The request object on Django's own lines, whose text is its URL, is left out."""
    stack.request("/nowhere?token=s3cret")
    assert "s3cret" not in lines.raw()
    (line,) = [line for line in lines() if line["logger"] == "django.request"]
    assert line["status_code"] == 404 and "request_" not in line


DEBUGGED = """
import sys
import clew, django, logging
from django.conf import settings
settings.configure(
    DEBUG=True, SECRET_KEY="test", ALLOWED_HOSTS=["*"], ROOT_URLCONF=sys.modules[__name__],
    MIDDLEWARE=["clew.django.RequestIDMiddleware"], LOGGING=clew.logging_config(),
)
from django.urls import path
urlpatterns = [path("there", lambda request: None)]
django.setup()
from django.test import Client
Client().get("/nowhere")
print(logging.getLogger("django").handlers, file=sys.stderr)
"""


@pytest.mark.outside
def test_debug_writes_each_line_once() -> None:
    """With DEBUG on, Django's own handler for terminals writes no text beside; the mail stays."""
    done = subprocess.run(
        [sys.executable, "-c", DEBUGGED], capture_output=True, text=True, check=True, timeout=60
    )
    assert [parse_line(line)["message"] for line in done.stdout.splitlines()] == [
        "Not Found: /nowhere",
        "GET /nowhere 404",
    ]
    assert done.stderr == "[<AdminEmailHandler (ERROR)>]\n"


@pytest.mark.parametrize(
    ("server", "first", "status"),
    [
        ({"SERVER_SOFTWARE": "gunicorn/27.0.1"}, [], 500),
        ({"SERVER_SOFTWARE": "gunicorn/27.0.1"}, [b""], 200),
        ({"SERVER_SOFTWARE": "Granian"}, [], 200),
        ({"uwsgi.version": b"2.0.31"}, [], 200),
    ],
)
def test_a_streamed_body_that_raises_at_once(
    server: dict[str, Any], first: list[bytes], status: int, lines: Any
) -> None:
    """The record has what the server answers: 500, or 200 where headers go before any body."""

    def chunks() -> Iterator[bytes]:
        yield from first
        raise CrashError("at once")

    DjangoWSGI()  # sets Django up
    middleware = clew.django.RequestIDMiddleware(lambda _: StreamingHttpResponse(chunks()))
    environ = {"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), **server}
    response: Any = middleware(WSGIRequest(environ))
    with pytest.raises(CrashError):
        list(response)
    response.close()
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("error", status)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators")
def test_a_sync_stream_that_nobody_waits_for_is_aborted(lines: Any) -> None:
    """Under ASGI Django reads it to its end before it sends any: what went out counts."""
    reply = DjangoASGI().request("/sync-stream", leave_after=0)
    assert reply.chunks == []
    record = only(lines.http())
    assert record["outcome"] == "aborted"
    if django.VERSION >= (5, 0):  # before, Django does not listen, and hands it all over
        assert record["response"]["bodySize"] == 0


def test_an_upload_whose_client_leaves_is_in_a_record(lines: Any) -> None:
    """Django under ASGI calls no middleware before it has the whole body: 499, all the same."""
    DjangoASGI().request("/ok", method="POST", leave_after=-1)
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 499)


class AnsweringMiddleware:
    """Answer what a view raises."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse:
        return HttpResponse("sorry", status=int(request.GET["as"]))


def answer_rest(error: Exception, context: Any) -> Any:
    return Response("sorry", status=int(context["request"].GET["as"]))


@pytest.mark.parametrize("kind", [DjangoWSGI, DjangoASGI])
@pytest.mark.parametrize("path", ["/crash", "/rest-crash"])
def test_an_answered_crash_is_in_the_record(lines: Any, kind: type[Stack], path: str) -> None:
    """process_exception and REST framework's handler answer 5xx: the record has the exception."""
    answering = f"{__name__}.{AnsweringMiddleware.__name__}"
    rest = {"EXCEPTION_HANDLER": f"{__name__}.{answer_rest.__name__}"}
    middleware = [*django_settings.MIDDLEWARE, answering]
    with override_settings(MIDDLEWARE=middleware, REST_FRAMEWORK=rest):
        stack = kind()
        assert stack.request(f"{path}?as=418").status == 418
        assert "outcome" not in only(lines.http())
        lines.clear()
        assert stack.request(f"{path}?as=503").status == 503
    record = only(lines.http())
    assert (record["outcome"], record["level"]) == ("error", "danger")
    assert 'CrashError("boom")' in record["exception"]["stackTrace"]


def test_evaluates_no_lazy_user(stack: Stack, lines: Any) -> None:
    """Logging touches no session: a public page stays one, without Vary: Cookie."""
    reply = stack.request("/look")
    assert reply.status == 200
    assert "Cookie" not in "".join(reply.all("Vary"))
    assert all("userId" not in line for line in lines())


@pytest.mark.parametrize("kind", [DjangoWSGI, DjangoASGI])
def test_takes_the_sessions_user(
    lines: Any, kind: type[Stack], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The option's session_user knows who is logged in, without a query or Vary: Cookie."""
    monkeypatch.setattr(django_settings, "SESSION_ENGINE", "django.contrib.sessions.backends.file")
    monkeypatch.setattr(django_settings, "SESSION_FILE_PATH", str(tmp_path))
    stack = kind(user_id=clew.django.session_user)
    from django.contrib.sessions.backends.file import SessionStore

    session = SessionStore()
    session["_auth_user_id"] = "77"
    session.save()
    cookie = [("Cookie", f"sessionid={session.session_key}")]
    reply = stack.request("/look", headers=cookie)
    assert "Cookie" not in "".join(reply.all("Vary"))
    assert only(lines.http())["userId"] == "77"
    lines.clear()
    stack.request("/look")
    assert "userId" not in only(lines.http())


def test_knows_no_anonymous_user(stack: Stack, lines: Any) -> None:
    """An anonymous user that the view loaded is nobody."""
    reply = stack.request("/session-user")
    assert reply.body == b"False" and "Cookie" in "".join(reply.all("Vary"))
    assert all("userId" not in line for line in lines())


def test_knows_rest_frameworks_user(stack: Stack, lines: Any) -> None:
    """The user that REST framework authenticated is on the lines and the record."""
    assert stack.request("/rest-user").status == 200
    assert [line["userId"] for line in lines()] == ["12345", "12345"]


def test_takes_regular_expressions_for_routes(stack: Stack, lines: Any) -> None:
    """A route of re_path() is written without ^ and $."""
    stack.request("/old/5/")
    assert only(lines.http())["request"]["route"] == "/old/(?P<id>[^/]+)/"


def test_sends_files(stack: Stack, lines: Any) -> None:
    """A FileResponse is sent whole, and recorded."""
    with pytest.warns(Warning, match="must consume") if stack.asgi else nullcontext():
        reply = stack.request("/file")
    assert reply.status == 200 and reply.body
    record = only(lines.http())
    assert record["response"]["bodySize"] == len(reply.body) and "outcome" not in record


def test_keeps_the_servers_way_to_send_files(lines: Any) -> None:
    """Where the server wraps files itself, a FileResponse still goes that way."""

    class Wrapper:
        def __init__(self, file: Any, size: int) -> None:
            self.file = file

        def __iter__(self) -> Any:
            return iter(self.file)

        def close(self) -> None:
            self.file.close()

    reply = DjangoWSGI().request("/file", extra={"wsgi.file_wrapper": Wrapper})
    assert b"views" in reply.body
    record = only(lines.http())
    assert "bodySize" not in record["response"] and "outcome" not in record


def wsgi_request(**environ: Any) -> HttpRequest:
    """Return a request as Django's WSGI handler makes it."""
    return WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": io.BytesIO(), **environ})


def asgi_request(path: str, client: list[Any], **scope: Any) -> HttpRequest:
    """Return a request as Django's ASGI handler makes it."""
    about = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    return ASGIRequest({**about, "client": client, **scope}, io.BytesIO())


def test_records_a_process_that_ends_in_a_view(lines: Any) -> None:
    """What Django does not answer, as the end of the process, goes its way; the request has its
    record, and its context is left.
    """
    DjangoWSGI()  # sets Django up

    def ending(_request: HttpRequest) -> HttpResponse:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        clew.django.RequestIDMiddleware(ending)(wsgi_request(PATH_INFO="/end"))
    record = only(lines.http())
    assert (record["outcome"], record["request"]["path"]) == ("error", "/end")
    assert clew.request_id() is None


def test_records_an_async_view_that_is_cancelled_behind_another_middleware(lines: Any) -> None:
    """A task that is cancelled has its record, and its context is left."""
    DjangoASGI()  # sets Django up

    async def cancelled(_request: HttpRequest) -> HttpResponse:
        raise asyncio.CancelledError

    async def serve() -> None:
        middleware: Any = clew.django.RequestIDMiddleware(cancelled)
        with pytest.raises(asyncio.CancelledError):
            await middleware(asgi_request("/a b", ["10.0.0.1", 1]))
        assert clew.request_id() is None

    asyncio.run(serve())
    record = only(lines.http())
    assert (record["outcome"], record["request"]["path"]) == ("aborted", "/a%20b")


@pytest.mark.parametrize("same", [True, False])
def test_a_request_may_begin_in_the_context_of_the_one_before_it(lines: Any, same: bool) -> None:
    """On one connection, the end of a request brings no earlier one back; in the midst of one of
    another connection it does.
    """
    DjangoASGI()  # sets Django up
    seen = []

    async def view(_request: HttpRequest) -> HttpResponse:
        seen.append(clew.request_id())
        return HttpResponse("ok")

    async def serve() -> str | None:
        middleware: Any = clew.django.RequestIDMiddleware(view)
        first = await middleware(asgi_request("/", ["10.0.0.1", 1], raw_path=b"/first?x=1"))
        client: list[Any] = ["10.0.0.1", 1 if same else 2]
        second = await middleware(asgi_request("/", client, raw_path=b"/second"))
        second.close()
        current = clew.request_id()
        first.close()
        return current

    assert asyncio.run(serve()) == (None if same else seen[0])
    second, first = lines.http()
    assert [line["request"]["path"] for line in (first, second)] == ["/first", "/second"]
    assert [first["requestId"], second["requestId"]] == seen


def test_a_response_that_is_dropped_is_aborted(lines: Any) -> None:
    """Django drops the response of a sync view whose client has left: 499, with one record."""
    DjangoWSGI()  # sets Django up
    response: Any = clew.django.RequestIDMiddleware(lambda _: HttpResponse("ok"))(wsgi_request())
    assert clew.request_id() is not None
    del response
    gc.collect()
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 499)
    assert clew.request_id() is None


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there is no alarm here")
def test_a_time_limit_in_the_end_of_a_response_goes_its_way(lines: Any) -> None:
    """What the handler of a signal raises while the record is made leaves one, and no context."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    asked = []

    def user_of(_request: HttpRequest) -> str:
        asked.append(1)
        if len(asked) == 1:
            signal.raise_signal(signal.SIGALRM)
        return "7"

    DjangoWSGI()  # sets Django up
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with override_settings(CLEW={"user_id": user_of}):
            middleware = clew.django.RequestIDMiddleware(lambda _: HttpResponse("ok"))
        response: Any = middleware(wsgi_request())
        with pytest.raises(KeyboardInterrupt):
            response.close()
    finally:
        signal.signal(signal.SIGALRM, before)
    record = only(lines.http())
    assert (record["userId"], record["response"]["httpStatus"]) == ("7", 200)
    assert clew.request_id() is None


def test_a_session_that_is_not_loaded_asks_no_database_in_an_event_loop(lines: Any) -> None:
    """Django refuses that; the session's user is nobody then, and the session not looked at."""
    DjangoASGI()  # sets Django up
    from django.contrib.sessions.backends.db import SessionStore

    async def asked() -> tuple[str | None, bool]:
        request: Any = asgi_request("/", ["10.0.0.1", 1])
        request.COOKIES = {"sessionid": "x" * 32}
        request.session = SessionStore("x" * 32)
        return clew.django.session_user(request), request.session.accessed

    assert asyncio.run(asked()) == (None, False)


@pytest.mark.skipif(django.VERSION < (5,), reason="this Django does not listen for departures")
def test_records_a_view_that_is_cancelled(lines: Any) -> None:
    """A client that leaves while an async view works leaves a 499, and one record."""

    async def leave() -> None:
        app = DjangoASGI().app
        entered = asyncio.Event()
        asked = 0

        async def receive() -> dict[str, Any]:
            nonlocal asked
            asked += 1
            if asked == 1:
                return {"type": "http.request", "body": b""}
            await entered.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Any) -> None: ...

        waiting["entered"] = entered
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/wait",
            "query_string": b"",
            "headers": [],
        }
        await asyncio.wait_for(app(scope, receive, send), 10)

    asyncio.run(leave())
    gc.collect()
    record = only(lines.http())
    assert (record["outcome"], record["response"]["httpStatus"]) == ("aborted", 499)


waiting: dict[str, asyncio.Event] = {}


@pytest.mark.parametrize("asgi", [True, False])
def test_a_mounted_djangos_route_has_the_mounts_template(lines: Any, asgi: bool) -> None:
    """In a Mount of Starlette's, the mount's template stands before Django's route."""
    inner: Any = DjangoASGI().app if asgi else WSGIMiddleware(DjangoWSGI().app)
    app = Starlette(routes=[Mount("/shops/{shop}", inner)])
    clew.starlette.install(app)
    asyncio.run(serve_asgi(app, Call(target="/shops/7/items/4")))
    record = only(lines.http())
    assert record["request"]["route"] == "/shops/{shop}/items/<int:id>"


def test_tells_an_outer_clew(lines: Any) -> None:
    """With clew.asgi around Django, one record comes out, with Django's route and user."""
    app = clew.asgi.RequestIDMiddleware(DjangoASGI().app, generate=lambda: "outer")
    reply = asyncio.run(serve_asgi(app, Call(target="/user")))
    assert reply.request_id == "outer"
    record = only(lines.http())
    assert (record["requestId"], record["userId"]) == ("outer", "12345")
    assert record["request"]["route"] == "/user"


def test_an_outer_clew_sees_what_django_refuses(lines: Any) -> None:
    """A query that Django refuses before its middleware is seen by clew.asgi around it."""
    app = clew.asgi.RequestIDMiddleware(DjangoASGI().app)
    reply = asyncio.run(serve_asgi(app, Call(target="/ok?\xff")))
    assert reply.status == 400 and reply.request_id
    assert only(lines.http())["response"]["httpStatus"] == 400


def test_an_outer_clew_knows_the_exception(lines: Any) -> None:
    """A crash that Django answers is an error in the outer record."""
    app = clew.asgi.RequestIDMiddleware(DjangoASGI().app)
    asyncio.run(serve_asgi(app, Call(target="/crash")))
    record = only(lines.http())
    assert (record["outcome"], record["exception"]["message"]) == ("error", "boom")


def test_works_with_the_test_client(lines: Any) -> None:
    """Django's test client sees the header, the record, and exceptions as before."""
    DjangoWSGI()  # sets Django up
    from django.test import Client

    response = Client().get("/ok", headers={"x-request-id": "mine"})
    assert response.headers["X-Request-ID"] == "mine"
    assert only(lines.http())["requestId"] == "mine"
    with pytest.raises(Exception, match="boom"):
        Client().get("/crash")
    assert len(lines.http()) == 2
    assert clew.request_id() is None


def test_listed_twice_serves_once(lines: Any) -> None:
    """A middleware that is listed twice leaves one record."""
    name = "clew.django.RequestIDMiddleware"
    with override_settings(MIDDLEWARE=[name, name]):
        stack = DjangoWSGI()
    assert stack.request("/ok").request_id
    assert len(lines.http()) == 1


def test_a_middleware_before_it_may_look_at_the_headers(lines: Any) -> None:
    """The effective id is in request.headers also when they were read before."""
    seen: list[str | None] = []

    def early(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
        def middleware(request: HttpRequest) -> HttpResponse:
            assert "X-Request-ID" not in request.headers
            response = get_response(request)
            seen.append(request.headers.get("X-Request-ID"))
            return response

        return middleware

    globals()["early"] = early
    middleware = [f"{__name__}.early", "clew.django.RequestIDMiddleware"]
    with override_settings(MIDDLEWARE=middleware):
        stack = DjangoWSGI()
    assert seen == [] and stack.request("/ok").request_id == seen[0]


@pytest.mark.parametrize(
    ("settings", "id", "names"),
    [
        ({"MIDDLEWARE": []}, "clew.W001", "is not in MIDDLEWARE"),
        (
            {"MIDDLEWARE": ["a.First", "clew.django.RequestIDMiddleware"]},
            "clew.W002",
            "a.First",
        ),
        ({"MIDDLEWARE": ["clew.django.RequestIDMiddleware"] * 2}, "clew.W003", "2 times"),
        ({"CLEW": {"hedaer": "X-Id"}}, "clew.E001", "did you mean header?"),
        ({"CLEW": {"trust": "maybe"}}, "clew.E001", "'maybe'"),
        ({"CLEW": ["log"]}, "clew.E001", "dictionary"),
    ],
)
def test_checks_the_settings(settings: Any, id: str, names: str) -> None:
    """The system checks name a middleware in the wrong place and a wrong option."""
    DjangoWSGI()
    from clew.django.checks import check_settings

    with override_settings(**settings):
        (message,) = check_settings()
    assert message.id == id and names in message.msg


def test_finds_nothing_wrong_with_the_right_settings() -> None:
    """Right settings give no message; a Settings in CLEW is right."""
    DjangoWSGI()
    from clew.django.checks import check_settings

    assert check_settings() == []
    with override_settings(CLEW=clew.Settings(log=False)):
        assert check_settings() == []


def test_a_wrong_setting_stops_the_server() -> None:
    """A wrong option is refused when the middleware is loaded."""
    with pytest.raises(ImproperlyConfigured, match="hedaer"):
        DjangoWSGI(hedaer="X")


@pytest.mark.outside
def test_manage_py_check_tells() -> None:
    """`manage.py check` prints what is wrong."""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.adapters.django_project.settings"}
    command = [sys.executable, "-c", _CHECK, "check"]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert "clew.W002" in result.stderr and "SessionMiddleware" in result.stderr


_CHECK = """
import sys
import django.conf
from django.core.management import execute_from_command_line
middleware = django.conf.settings.MIDDLEWARE
middleware.append(middleware.pop(0))
execute_from_command_line(["manage.py", "check"])
"""


def user_by_database(_request: HttpRequest) -> str:
    """Ask the database, which Django refuses where an event loop runs."""
    async_unsafe("No database in an event loop.")(int)()
    return "12345"


@pytest.mark.parametrize("path", ["/ok", "/streamed-id"])
def test_a_user_may_be_asked_from_the_database(path: str, lines: Any) -> None:
    """Under ASGI the option is called in a thread before the record is made."""
    DjangoASGI(user_id=user_by_database).request(path)
    assert lines.http()[-1]["userId"] == "12345"


class Choosy(clew.django.RequestIDMiddleware):
    """Leave some requests alone."""

    async def __acall__(self, request: HttpRequest) -> Any:
        answer: Any = (
            self.get_response(request) if request.path == "/ok" else super().__acall__(request)
        )
        return await answer

    def __call__(self, request: HttpRequest) -> Any:
        return self.__acall__(request)


def test_a_subclass_decides_which_requests_it_serves(lines: Any) -> None:
    """Under ASGI too, where clew stands around the handler of its own middleware alone."""
    DjangoASGI()  # sets Django up
    with override_settings(MIDDLEWARE=[f"{__name__}.{Choosy.__name__}"]):
        stack = DjangoASGI()
        stack.request("/ok")
        assert lines.http() == []
        stack.request("/status/204")
    assert len(lines.http()) == 1


def before(get_response: Any) -> Any:
    """Stand in front of clew's middleware, and see the response alone."""

    async def pass_on(request: HttpRequest) -> Any:
        return await get_response(request)

    return markcoroutinefunction(pass_on)


before.async_capable = True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "status", "outcome"),
    [
        ("/ok", 200, None),
        ("/stream", 200, None),
        ("/stream-crash", 200, "error"),
        ("/crash", 500, "error"),
        ("/status/404", 404, None),
    ],
)
def test_behind_another_middleware_under_asgi(
    path: str, status: int, outcome: str | None, lines: Any
) -> None:
    """Where clew's is not the first one it follows the response as Django's middleware can."""
    DjangoASGI()  # sets Django up
    middleware = [f"{__name__}.{before.__name__}", *django_settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=middleware):
        stack = DjangoASGI()
        reply = stack.request(path)
    record = lines.http()[-1]
    assert (record["response"]["httpStatus"], record.get("outcome")) == (status, outcome)
    assert reply.request_id == record["requestId"]


def test_says_what_to_install() -> None:
    """Without Django the import says so, and not the name of a part of it."""
    script = """
import sys
sys.modules["asgiref"] = None
try:
    import clew.django
except ImportError as error:
    print(error)
"""
    assert run_fresh(script) == "clew.django is for Django: pip install django\n"
