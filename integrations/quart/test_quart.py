"""Quart on real servers, and in process."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("quart", reason="needs Quart: pip install quart quart-auth")
pytest.importorskip("quart_auth", reason="needs Quart-Auth: pip install quart quart-auth")

from quart import Quart, g
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import clew
import clew.quart
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
    with running(command, HERE, tmp_path_factory.mktemp("quart")) as server:
        yield server


REQUESTS: list[tuple[str, str, int, str | None]] = [
    ("GET", "/", 200, "/"),
    ("GET", "/items/5?token=abc", 200, "/items/<int:item>"),
    ("GET", "/tenants/acme/items/5", 200, "/tenants/<tenant>/items/<int:item>"),
    ("GET", "/tenants/a%0Ab/items/5", 200, "/tenants/<tenant>/items/<int:item>"),
    ("GET", "/refused", 403, "/refused"),
    ("GET", "/account", 401, "/account"),
    ("GET", "/nowhere", 404, None),
    ("POST", "/items/5", 405, None),
]


@each_row(("method", "path", "status", "route"), REQUESTS)
def test_a_request_leaves_one_record(
    server: Server, method: str, path: str, status: int, route: str | None
) -> None:
    """Each request has its record with the route's rule, and the header on its response."""
    check_record(server, method, path, status, route)


def test_the_user_is_whom_quart_auth_has_loaded(server: Server) -> None:
    """The user of Quart-Auth is on the lines from where it is loaded, and on the record."""
    answer = server.ask("/login/12345", own := fresh_id(), method="POST")
    assert server.record(own).user_id == "12345"
    (cookie,) = answer.header("set-cookie")
    server.ask("/account", own := fresh_id(), headers=[("cookie", cookie.partition(";")[0])])
    assert server.record(own).user_id == "12345"
    line = server.line(lambda line: line.get("requestId") == own, "a line of the request")
    assert (line["action"], line["userId"]) == ("READ_ACCOUNT", "12345")


def test_a_forged_cookie_is_nobody(server: Server) -> None:
    """A cookie that Quart-Auth refuses names nobody."""
    server.ask("/account", own := fresh_id(), headers=[("cookie", "QUART_AUTH=12345")])
    assert server.record(own).user_id is None


def test_what_quart_answers_itself_is_known(server: Server) -> None:
    """A crash's record has the exception, though Quart answers the 500; Quart's line has the id."""
    answer = server.ask("/crash", own := fresh_id())
    assert (answer.status, answer.request_id) == (500, own)
    record = server.record(own)
    assert record.outcome == "error"
    assert record.exception is not None
    assert (record.exception.type, record.exception.message) == ("ValueError", "no such lamp")
    lines = [line for line in server.lines() if line.get("requestId") == own]
    assert "Exception on request GET /crash" in [line["message"] for line in lines]


def test_a_crash_within_the_response_is_known(server: Server) -> None:
    """A response that breaks off has a record that says why."""
    with pytest.raises(http.client.IncompleteRead):
        server.ask("/stream", own := fresh_id())
    record = server.record(own)
    assert (record.response.http_status, record.outcome) == (200, "error")
    assert record.exception is not None
    assert record.exception.message == "no more lamps"


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
        additional_headers={"X-Request-ID": (own := fresh_id())},
    ) as connection:
        assert connection.response is not None
        assert connection.response.headers["X-Request-ID"] == own
        assert connection.recv() == "hello"
        with pytest.raises(ConnectionClosed):
            connection.recv()
    record = server.record(own)
    assert (record.outcome, record.request.route) == ("websocket", "/socket")
    assert record.response.close_code == 4001


def test_a_crash_in_a_websocket_is_known(server: Server) -> None:
    """An exception in a WebSocket that Quart closes is on the record."""
    with (
        connect(
            f"ws://{server.host}:{server.port}/socket-crash",
            additional_headers={"X-Request-ID": (own := fresh_id())},
        ) as connection,
        pytest.raises(ConnectionClosed),
    ):
        connection.recv()
    record = server.record(own)
    assert record.outcome == "error"
    assert record.exception is not None
    assert record.exception.message == "no such lamp"


def test_every_line_passes_clew_check(server: Server) -> None:
    """All that the server has written fits the schema."""
    server.ask("/", own := fresh_id())
    server.record(own)
    mistakes = checked(server)
    assert len(mistakes) >= 2
    assert set(mistakes) == {None}


# In process.


def asked(app: Quart, path: str = "/") -> tuple[Any, Lines]:
    """Ask *app*; return its answer and the lines."""
    lines = Lines()
    lines.configure()

    async def ask() -> Any:
        return await app.test_client().get(path)

    return asyncio.run(ask()), lines


def test_routes_that_are_added_later_are_known(restored_logging: None) -> None:
    """A route that comes after install has its rule, in an app factory too."""
    app = Quart("later")
    clew.quart.install(app)

    @app.get("/later/<int:number>")
    async def later(number: int) -> str:
        return str(number)

    answer, lines = asked(app, "/later/5")
    (record,) = lines.http()
    assert answer.status_code == 200
    assert record["request"]["route"] == "/later/<int:number>"


def test_two_apps_are_told_apart(restored_logging: None) -> None:
    """What one application signals is nothing of another's."""
    first, second = Quart("first"), Quart("second")
    clew.quart.install(first)

    @second.get("/")
    async def hello() -> str:
        assert clew.request_id() is None
        return "hello"

    answer, lines = asked(second)
    assert (answer.status_code, lines()) == (200, [])


def test_options_are_those_of_every_adapter(restored_logging: None) -> None:
    """The options of Settings go with install, and a wrong one is refused."""
    app = Quart("options")
    clew.quart.install(app, header="X-Trace", user_id=lambda scope: scope["path"])

    @app.get("/")
    async def hello() -> str:
        return str(clew.request_id())

    answer, lines = asked(app)
    (record,) = lines.http()
    assert (answer.headers["X-Trace"], record["userId"]) == (record["requestId"], "/")
    with pytest.raises(TypeError, match="hedaer"):
        clew.quart.install(app, hedaer="X-Trace")  # type: ignore[call-arg]


def test_a_crash_is_known_in_tests_too(restored_logging: None) -> None:
    """Where Quart shows a crash to its developer, the record has the exception all the same."""
    app = Quart("testing")
    app.testing = True
    clew.quart.install(app)

    @app.get("/")
    async def crash() -> str:
        g.anything = 1
        raise ValueError("no such lamp")

    lines = Lines()
    lines.configure()
    # Quart's client raised it on until 0.21.
    with contextlib.suppress(ValueError):
        asyncio.run(app.test_client().get("/"))
    (record,) = lines.http()
    assert record["response"]["httpStatus"] == 500
    assert (record["outcome"], record["exception"]["message"]) == ("error", "no such lamp")
