"""Servers with other options: a logging configuration of their own, a prefix, and IPv6."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

import clew

from .server import STACKS, Server, fresh_id

pytestmark = pytest.mark.outside


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as attempt:
            attempt.bind(("::1", 0))
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Configured:
    """A server with such options, and where it serves."""

    name: str
    server: Server
    prefix: str  # below which it serves; uvicorn is told what a proxy took away

    def ask(self, path: str) -> tuple[clew.HTTPLog, bytes]:
        """Ask for a path below the prefix; return the record, and the body of the answer."""
        answer = self.server.ask(f"{self.prefix}{path}", request_id := fresh_id())
        assert answer.request_id == request_id
        (record,) = self.server.settled(request_id)
        return record, answer.body


JSON = "--log-config={directory}/logging.json"
OPTIONS = {
    "uvicorn-h11-fastapi": (JSON, "--root-path=/api"),
    "hypercorn-fastapi": ("--log-config=json:{directory}/logging.json", "--root-path=/api"),
    "granian-asgi-fastapi": (JSON, "--url-path-prefix=/api"),
    "granian-wsgi-flask": (JSON, "--url-path-prefix=/api"),
    "gunicorn-sync-django": (
        "--log-config-json={directory}/logging.json",
        "--env=SCRIPT_NAME=/api",
    ),
    "gunicorn-sync-wsgi": ("--log-config-json={directory}/logging.json",),
    "gunicorn-uvicorn-fastapi": ("--config={directory}/configuration.py",),
}
PREFIXED = [name for name, options in OPTIONS.items() if "=/api" in options[-1]]
# What answers a crash itself has a line of its own about it.
FRAMEWORKS_LINES = {
    "gunicorn-sync-django": ("django.request", "Internal Server Error: /api/crash"),
    "granian-wsgi-flask": ("flask_app", "Exception on /crash [GET]"),
}


@pytest.fixture(scope="module", params=OPTIONS)
def configured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Configured]:
    """Each server with all of the options at once, running."""
    name = request.param
    directory = tmp_path_factory.mktemp("configured")
    config = clew.logging_config(service="shop")
    (directory / "logging.json").write_text(json.dumps(config))
    (directory / "configuration.py").write_text(f"logconfig_dict = {config}")
    with STACKS[name].serve(
        directory,
        *OPTIONS[name],
        host="::1" if has_ipv6() else "127.0.0.1",
        environment={"LOGGING_BY_SERVER": "1"},
    ) as server:
        is_below = name in PREFIXED and "uvicorn" not in name
        yield Configured(name, server, "/api" if is_below else "")
    server.lines()
    assert (server.strays, server.errors()) == ([], ""), "all lines are JSON, from first to last"


def test_servers_own_configuration(configured: Configured) -> None:
    """With logging_config() as the server's own, all its lines are JSON, from the first one on."""
    server = configured.server
    configured.ask(f"/items/{(name := fresh_id())}")
    crashed, _ = configured.ask("/crash")
    logger, beginning = FRAMEWORKS_LINES.get(configured.name) or (
        STACKS[configured.name].program.logger,
        STACKS[configured.name].program.beginning,
    )
    own = lambda line: (line["logger"], line.get("requestId")) == (logger, crashed.request_id)  # noqa: E731
    assert server.line(own, "the line about the crash")["message"].startswith(beginning)
    lines = server.lines()
    assert len(list(filter(own, lines))) == 1
    assert len([line for line in server.output().splitlines() if name in line]) == 1
    assert {line["service"] for line in lines} == {"shop"}
    assert not {line["logger"] for line in lines} <= {"clew.http", "app"}, "the server's own too"
    assert (server.strays, server.errors()) == ([], "")


@pytest.mark.parametrize("configured", PREFIXED, indirect=True)
def test_prefix(configured: Configured) -> None:
    """The prefix that the server is told stands once in the path, and not in the route."""
    record, body = configured.ask("/items/7")
    assert body == b"item 7"
    assert record.request.path == "/api/items/7"
    assert str(record.request.route).startswith("/items/")


@pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 loopback")
def test_ipv6(configured: Configured) -> None:
    """Over IPv6 the address is the peer's, without brackets or a port."""
    record, _ = configured.ask("/items/7")
    assert record.response.http_status == 200
    assert record.request.ip_address == "::1"
