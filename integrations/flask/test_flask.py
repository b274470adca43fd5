"""Flask on gunicorn and by its own command, beside a logging configuration that was there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.applications import Shop, bearer, running
from tests.servers.server import PROGRAMS, Server, fresh_id

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The shop of this folder, on gunicorn."""
    command = (*PROGRAMS["gunicorn-gthread"].command, "app:app")
    with running(command, HERE, tmp_path_factory.mktemp("flask"), LOG="shop.log") as server:
        yield server


class TestShop(Shop):
    """What holds of each shop with a configuration of its own."""


def test_the_user_of_a_token_is_on_all_that_the_request_leaves(server: Server) -> None:
    """The user whom a before_request binds is on the lines of the request and on its record."""
    answer = server.ask("/orders/7", own := fresh_id(), headers=bearer())
    assert (answer.status, answer.body) == (200, b"12345")
    record = server.record(own)
    assert (record.user_id, record.request.route) == ("12345", "/orders/<int:order_id>")
    lines = [line for line in server.lines() if line.get("requestId") == own]
    assert [(line["logger"], line["userId"]) for line in lines] == [
        ("shop", "12345"),
        ("app", "12345"),
        ("clew.http", "12345"),
    ]


@pytest.mark.parametrize("debug", ["--no-debug", "--debug"])
def test_flask_run_writes_lines(debug: str, tmp_path: Path) -> None:
    """By `flask run`, what stands behind its banner are lines, and there is no access line."""
    command = ("flask", "--app=app", "run", "--port={port}", debug, "--no-reload")
    environment = {"PYTHONPATH": str(HERE), "LOG": str(tmp_path / "shop.log")}
    with Server(command, tmp_path, environment=environment) as server:
        server.ask("/orders/7", own := fresh_id(), headers=bearer())
        assert server.record(own).response.http_status == 200
    mode = "on" if debug == "--debug" else "off"
    banner = [" * Serving Flask app 'app'\n", f" * Debug mode: {mode}\n"]
    assert server.strays == banner
    assert "HTTP/1.1" not in server.output() + server.errors()
