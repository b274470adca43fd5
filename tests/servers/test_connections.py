"""Unix sockets, and WebSockets."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .server import STACKS, Server, fresh_id, stacks

pytestmark = pytest.mark.outside


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "--uds=socket", "asgi_app:app"],
        ["hypercorn", "--bind=unix:socket", "asgi_app:app"],
        ["daphne", "-u", "socket", "asgi_app:app"],
        ["gunicorn", "--bind=unix:socket", "wsgi_app:app"],
    ],
    ids=lambda command: command[0],
)
def test_unix_socket(command: list[str]) -> None:
    """Over a Unix socket requests are served as ever, and their records have no address."""
    # A path of pytest's may be too long for a socket.
    with (
        tempfile.TemporaryDirectory() as directory,
        Server(command, Path(directory), unix_socket="socket") as server,
    ):
        answer = server.ask("/", request_id := fresh_id())
        assert (answer.status, answer.request_id) == (200, request_id)
        record = server.record(request_id)
    assert record.request.ip_address is None


@pytest.fixture(
    scope="module", params=["--ws=websockets", "--ws=websockets-sansio", "--ws=wsproto"]
)
def uvicorn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Uvicorn with each of its WebSocket implementations."""
    stack = STACKS["uvicorn-h11-fastapi"]
    with stack.serve(tmp_path_factory.mktemp("uvicorn"), request.param) as server:
        yield server


def shake_hands(server: Server, path: str, request_id: str) -> ClientConnection:
    server.asked.append(request_id)
    return connect(
        f"ws://{server.host}:{server.port}{path}",
        additional_headers={"X-Request-ID": request_id},
        proxy=None,
    )


# Hypercorn tells no application with which code its client closed; granian sends no headers of
# the application's with a handshake.
@stacks("hypercorn-fastapi", "granian-asgi-fastapi")
def test_websocket_elsewhere(server: Server) -> None:
    """A WebSocket's lines have the handshake's id, and its one record comes at its end."""
    query = f"token={(secret := fresh_id())}"
    with shake_hands(server, f"/socket?{query}", request_id := fresh_id()) as websocket:
        websocket.send("hello")
        assert websocket.recv() == "hello"
        assert server.records(request_id) == []
    record = server.record(request_id)
    assert (record.message, record.outcome) == ("GET /socket 101", "websocket")
    assert (record.request.route, record.request.query) == ("/socket", "token=***")
    loggers = [line["logger"] for line in server.lines() if line.get("requestId") == request_id]
    assert "app" in loggers
    assert secret not in server.output() + server.errors()


def test_websocket(uvicorn: Server) -> None:
    """A WebSocket's handshake has the header; its one record comes at its end."""
    with shake_hands(uvicorn, "/socket?token=hidden", request_id := fresh_id()) as websocket:
        assert websocket.response is not None
        assert websocket.response.headers.get_all("X-Request-ID") == [request_id]
        websocket.send("hello")
        assert websocket.recv() == "hello"
        assert uvicorn.records(request_id) == []
    record = uvicorn.record(request_id)
    assert (record.message, record.outcome) == ("GET /socket 101", "websocket")
    assert (record.response.http_status, record.response.close_code) == (101, 1000)
    assert (record.request.route, record.request.query) == ("/socket", "token=***")
    loggers = [line["logger"] for line in uvicorn.lines() if line.get("requestId") == request_id]
    assert "app" in loggers


def test_websocket_has_no_other_access_line(uvicorn: Server) -> None:
    """Of a handshake only clew writes a line, and so no secret of its query is in any."""
    for path in ("/socket", "/refused"):
        query = f"token={(secret := fresh_id())}"
        with (
            contextlib.suppress(InvalidStatus),
            shake_hands(uvicorn, f"{path}?{query}", request_id := fresh_id()),
        ):
            pass
        uvicorn.record(request_id)
        assert secret not in uvicorn.output() + uvicorn.errors(), path


def test_websocket_closed_by_the_application(uvicorn: Server) -> None:
    """The code with which the application closes is in the record."""
    with shake_hands(uvicorn, "/socket", request_id := fresh_id()) as websocket:
        websocket.send("bye")
        assert websocket.recv() == "bye"
        with pytest.raises(ConnectionClosed):
            websocket.recv()
    record = uvicorn.record(request_id)
    assert (record.outcome, record.response.close_code) == ("websocket", 4001)


def test_websocket_refused(uvicorn: Server) -> None:
    """A handshake that the application closes is refused by the server, with a 403."""
    with (
        pytest.raises(InvalidStatus) as refusal,
        shake_hands(uvicorn, "/refused", request_id := fresh_id()),
    ):
        pass
    assert refusal.value.response.status_code == 403
    record = uvicorn.record(request_id)
    assert (record.message, record.outcome) == ("GET /refused 403", "websocket")
    assert record.level == "warning"


def test_websocket_crash(uvicorn: Server) -> None:
    """A crash in a WebSocket is in its record, and the server's line has its id."""
    with (
        shake_hands(uvicorn, "/socket-crash", request_id := fresh_id()) as websocket,
        pytest.raises(ConnectionClosed),
    ):
        websocket.recv()
    record = uvicorn.record(request_id)
    assert (record.level, record.outcome) == ("danger", "error")
    assert record.exception is not None
    line = uvicorn.line(
        lambda line: "ASGI application" in line["message"] and line.get("requestId") == request_id,
        f"the server's line about {request_id}",
    )
    assert (line["logger"], line["level"]) == ("uvicorn.error", "danger")
