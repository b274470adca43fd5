"""Litestar on real servers, and in process."""

from __future__ import annotations

import http.client
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("litestar", reason="needs Litestar: pip install litestar")

from litestar import Litestar, Request, Router, asgi, get
from litestar.logging import LoggingConfig
from litestar.params import FromPath
from litestar.testing import TestClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import clew
import clew.litestar
from integrations.applications import COMMANDS, check_record, checked, running
from tests.conftest import Lines, restored_logging
from tests.rows import each_row
from tests.servers.server import Server, fresh_id

__all__ = ["restored_logging"]

HERE = Path(__file__).parent


@pytest.fixture(scope="module", params=COMMANDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The shop of this folder, running."""
    command = (*COMMANDS[request.param], "app:app")
    with running(command, HERE, tmp_path_factory.mktemp("litestar")) as server:
        yield server


REQUESTS: list[tuple[str, str, int, str | None]] = [
    ("GET", "/", 200, "/"),
    ("GET", "/items/lamp?token=abc", 200, "/items/{item}"),
    ("GET", "/items/l%C3%A4mp%0Ax", 200, "/items/{item}"),
    ("GET", "/tenants/acme/items/lamp", 200, "/tenants/{tenant}/items/{item}"),
    ("GET", "/refused", 403, "/refused"),
    ("POST", "/orders", 400, "/orders"),
    ("GET", "/nowhere", 404, None),
    ("POST", "/items/lamp", 405, None),
]


@each_row(("method", "path", "status", "route"), REQUESTS)
def test_a_request_leaves_one_record(
    server: Server, method: str, path: str, status: int, route: str | None
) -> None:
    """Each request has its record with the route's template, and the header on its response."""
    check_record(server, method, path, status, route)


def test_the_user_is_whom_authentication_has_found(server: Server) -> None:
    """The user of Litestar's authentication is on the request's lines and on its record."""
    server.ask("/items/lamp", own := fresh_id(), headers=[("x-user", "12345")])
    assert server.record(own).user_id == "12345"
    line = server.line(lambda line: line.get("requestId") == own, "a line of the request")
    assert (line["action"], line["userId"]) == ("READ_ITEM", "12345")


def test_what_litestar_answers_itself_is_known(server: Server) -> None:
    """A crash's record has the exception, though Litestar answers the 500."""
    answer = server.ask("/crash", own := fresh_id())
    assert (answer.status, answer.request_id) == (500, own)
    record = server.record(own)
    assert record.outcome == "error"
    assert record.exception is not None
    assert (record.exception.type, record.exception.message) == ("ValueError", "no such lamp")
    assert record.level == "danger"


def test_an_exception_handler_that_raises_has_the_header(server: Server) -> None:
    """Where Litestar itself has no answer, there is a plain 500 with the header, and a record."""
    answer = server.ask("/broken", own := fresh_id())
    assert (answer.status, answer.request_id) == (500, own)
    record = server.record(own)
    assert (record.outcome, record.request.route) == ("error", "/broken")
    assert record.exception is not None
    assert record.exception.message == "the handler failed"


def test_a_crash_within_the_response_is_known(server: Server) -> None:
    """A response that breaks off has a record that says why."""
    with pytest.raises(http.client.IncompleteRead):
        server.ask("/stream", own := fresh_id())
    record = server.record(own)
    assert (record.response.http_status, record.outcome) == (200, "error")
    assert record.exception is not None
    assert "ValueError: no more lamps" in record.exception.stack_trace


def test_a_bad_id_is_replaced(server: Server) -> None:
    """An id that may not be taken over is replaced, and stands in no line."""
    for inbound in ["two words", "x" * 201, "a\tb", "é"]:
        answer = server.ask("/", headers=[("X-Request-ID", inbound)])
        assert clew.is_safe_id(answer.request_id)
        assert server.record(answer.request_id).request.rejected_request_id in ("charset", "length")


def test_a_websocket_has_one_record(server: Server) -> None:
    """A WebSocket has the header on its handshake and one record, with its route."""
    with connect(
        f"ws://{server.host}:{server.port}/socket",
        additional_headers={"X-Request-ID": (own := fresh_id()), "x-user": "7"},
    ) as connection:
        assert connection.response is not None
        assert connection.response.headers["X-Request-ID"] == own
        assert connection.recv() == "hello"
        with pytest.raises(ConnectionClosed):
            connection.recv()
    record = server.record(own)
    assert (record.outcome, record.request.route, record.user_id) == ("websocket", "/socket", "7")
    assert record.response.close_code == 4001


def test_every_line_passes_clew_check(server: Server) -> None:
    """All that the server has written fits the schema."""
    server.ask("/", own := fresh_id())
    server.record(own)
    mistakes = checked(server)
    assert len(mistakes) >= 2
    assert set(mistakes) == {None}


# In process.


class Named(SimpleNamespace):
    """A user."""


class Hostile:
    """A user who raises at every question."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


NUMBER = uuid.UUID(int=7)


def served(app: Litestar, path: str = "/", **headers: str) -> tuple[int, list[dict[str, Any]]]:
    """Ask *app*; return the status and the lines."""
    stream = Lines()
    stream.configure()
    with TestClient(app, raise_server_exceptions=False) as client:
        status = client.get(path, headers=headers).status_code
    return status, stream()


USERS: list[tuple[object, str | None]] = [
    *((Named(id=7), "7"), (Named(pk=7), "7"), (Named(identity="ada"), "ada")),
    *((Named(user_id=NUMBER), str(NUMBER)), (7, "7"), ("ada", "ada"), (NUMBER, str(NUMBER))),
    *(({"id": 7}, "7"), ({"name": "ada"}, None), (Named(name="ada"), None), (None, None)),
    *((Named(id=7, is_authenticated=True), "7"), (Named(id=7, is_authenticated=False), None)),
    *((Hostile, None), (Named(id=object()), None)),
]


@each_row(("user", "user_id"), USERS)
def test_users_of_any_kind(restored_logging: None, user: object, user_id: str | None) -> None:
    """A user of whatever type is known by the id; one without any costs nothing."""

    @get("/", sync_to_thread=False)
    def hello(request: Request[Any, Any, Any]) -> str:
        request.scope["user"] = Hostile() if user is Hostile else user
        return "hello"

    app = Litestar([hello], logging_config=None)
    clew.litestar.install(app)
    status, lines = served(app)
    assert status == 200
    assert [line.get("userId") for line in lines if "request" in line] == [user_id]


def test_options_are_those_of_every_adapter(restored_logging: None) -> None:
    """The options of Settings go with install, and a wrong one is refused."""

    @get("/")
    async def hello() -> str:
        return str(clew.request_id())

    app = Litestar([hello], logging_config=None)
    clew.litestar.install(app, header="X-Trace", user_id=lambda scope: scope["path"])
    with TestClient(app) as client:
        answer = client.get("/", headers={"X-Trace": "mine"})
    assert (answer.text, answer.headers["X-Trace"]) == ("mine", "mine")
    with pytest.raises(TypeError, match="hedaer"):
        clew.litestar.install(app, hedaer="X-Trace")  # type: ignore[call-arg]


def test_routes_that_are_registered_later_are_known(restored_logging: None) -> None:
    """A route that comes after install, and an application mounted in it, have their templates."""

    @get("/later/{number:int}")
    async def later(number: FromPath[int]) -> str:
        return str(number)

    @asgi("/mounted", is_mount=True, copy_scope=True)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"mounted"})

    @get("/")
    async def hello() -> str:
        return "hello"

    app = Litestar([hello], logging_config=None)
    clew.litestar.install(app)
    app.register(later)
    app.register(Router("/below", route_handlers=[mounted]))
    for path, route in (("/later/5", "/later/{number}"), ("/below/mounted/x/y", "/below/mounted")):
        status, lines = served(app, path)
        assert status == 200
        assert [line["request"]["route"] for line in lines if "request" in line] == [route]


def test_an_application_that_is_mounted_twice_has_no_template(restored_logging: None) -> None:
    """Litestar does not tell at which of its two places a request came to it."""

    @asgi(["/one", "/two"], is_mount=True, copy_scope=True)
    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"mounted"})

    app = Litestar([mounted], logging_config=None)
    clew.litestar.install(app)
    _, lines = served(app, "/two/x")
    assert ["route" in line["request"] for line in lines if "request" in line] == [False]


def test_litestars_own_lines_can_come_along(restored_logging: None) -> None:
    """With the logging configuration of the README, Litestar's lines have the request's id."""

    @get("/")
    async def crash() -> None:
        raise ValueError("no such lamp")

    config = LoggingConfig(
        configure_root_logger=False,
        log_exceptions="always",
        loggers={"litestar": {"level": "INFO", "handlers": [], "propagate": True}},
    )
    app = Litestar([crash], logging_config=config)
    clew.litestar.install(app)
    _, lines = served(app, **{"X-Request-ID": "mine"})
    own = {line["logger"]: line for line in lines if line.get("requestId") == "mine"}
    assert own.keys() == {"litestar", "clew.http"}
    assert own["litestar"]["level"] == "danger"


def test_a_failing_log_fails_no_request(restored_logging: None) -> None:
    """A stream that is closed costs no answer."""

    @get("/")
    async def hello() -> str:
        return "hello"

    app = Litestar([hello], logging_config=None)
    clew.litestar.install(app)
    stream = io.StringIO()
    clew.configure_logging(stream=stream)
    stream.close()
    with TestClient(app) as client:
        assert client.get("/").text == "hello"
