"""FastAPI on uvicorn and by its own command, beside a logging configuration that was there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.applications import COMMANDS, Shop, bearer, running
from tests.servers.server import Server, fresh_id, until

pytest.importorskip("fastapi_cli", reason="fastapi's command is not installed: fastapi-cli")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop of this folder, on uvicorn."""
    command = (*COMMANDS["uvicorn"], "app:app")
    with running(command, HERE, tmp_path_factory.mktemp("fastapi"), LOG="shop.log") as server:
        yield server


class TestShop(Shop):
    """What holds of each shop with a configuration of its own."""


def test_the_user_of_a_token_is_on_all_that_the_request_leaves(server: Server) -> None:
    """A dependency's user is on the lines of the request and on its record."""
    answer = server.ask("/orders/7", own := fresh_id(), headers=bearer())
    assert (answer.status, answer.body) == (200, b'"12345"')
    record = server.record(own)
    assert (record.user_id, record.request.route) == ("12345", "/orders/{order_id}")
    lines = [line for line in server.lines() if line.get("requestId") == own]
    assert [(line["logger"], line["userId"]) for line in lines] == [
        ("shop", "12345"),
        ("legacy", "12345"),
        ("clew.http", "12345"),
    ]


def test_fastapi_dev_writes_lines(tmp_path: Path) -> None:
    """By `fastapi dev`, what stands behind its banner are lines, and there is no access line."""
    command = ("fastapi", "dev", str(HERE / "app.py"), "--port={port}", "--no-reload")
    with Server(command, tmp_path, environment={"LOG": str(tmp_path / "shop.log")}) as server:
        server.ask("/orders/7", own := fresh_id(), headers=bearer())
        assert server.record(own).response.http_status == 200
    until(lambda: "Finished server process" in server.output() or None, "the end of the server")
    _, logs, behind = server.output().partition("Logs:")
    assert logs
    assert {line[:1] for line in behind.split("\n") if line.strip()} == {"{"}
    assert "HTTP/1.1" not in server.output() + server.errors()
