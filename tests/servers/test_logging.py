"""Ways to set up a server's logging, and what happens when the lines cannot be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import clew

from .server import STACKS, fresh_id, until

pytestmark = pytest.mark.outside


@pytest.mark.parametrize(
    ("stack", "option"),
    [
        ("uvicorn-h11-asgi", "--log-config={directory}/logging.json"),
        ("hypercorn-fastapi", "--log-config=json:{directory}/logging.json"),
        ("granian-asgi-fastapi", "--log-config={directory}/logging.json"),
        ("gunicorn-sync-wsgi", "--log-config-json={directory}/logging.json"),
        ("gunicorn-sync-wsgi", "--config={directory}/configuration.py"),
        ("gunicorn-uvicorn-fastapi", "--config={directory}/configuration.py"),
    ],
)
def test_servers_own_configuration(stack: str, option: str, tmp_path: Path) -> None:
    """With logging_config() as the server's own, all its lines are JSON, from the first one on."""
    config = clew.logging_config(service="shop")
    (tmp_path / "logging.json").write_text(json.dumps(config))
    (tmp_path / "configuration.py").write_text(f"logconfig_dict = {config}")
    by_server = {"LOGGING_BY_SERVER": "1"}
    with STACKS[stack].serve(tmp_path, option, environment=by_server) as server:
        server.ask(f"/items/{(name := fresh_id())}", request_id := fresh_id())
        server.record(request_id)
        server.ask("/crash", crashed := fresh_id())
        server.record(crashed)
    lines = server.lines()
    assert len([line for line in server.output().splitlines() if name in line]) == 1
    assert {line["service"] for line in lines} == {"shop"}
    assert not {line["logger"] for line in lines} <= {"clew.http", "app"}, "the server's own too"
    program = STACKS[stack].program
    (line,) = [
        line
        for line in lines
        if line["logger"] == program.logger and line.get("requestId") == crashed
    ]
    assert line["message"].startswith(program.beginning)
    assert (server.strays, server.errors()) == ([], "")


WRITERS = [
    "uvicorn-h11-asgi",
    "hypercorn-fastapi",
    "granian-wsgi-flask",
    "gunicorn-sync-wsgi",
    "gunicorn-gthread-flask",
]


@pytest.mark.parametrize("stack", WRITERS)
def test_reader_of_the_lines_goes_away(stack: str, tmp_path: Path) -> None:
    """Requests are answered as before when nobody reads the pipe any longer."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with (
        os.fdopen(reader, "rb") as lines,
        os.fdopen(writer, "wb") as stdout,
        STACKS[stack].serve(tmp_path, stdout=stdout.fileno()) as server,
    ):
        stdout.close()
        server.ask("/", request_id := fresh_id())
        seen: list[bytes] = []

        def record_comes() -> bool | None:
            seen.append(lines.read() or b"")
            return request_id.encode() in b"".join(seen) or None

        until(record_comes, "the record on the pipe")
        lines.close()
        for path, status in [("/", 200), ("/stream", 200), ("/crash", 500), ("/", 200)]:
            answer = server.ask(path, request_id := fresh_id())
            assert (answer.status, answer.request_id) == (status, request_id)
        assert "Broken pipe" in server.errors(), "lines were written, in vain"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("stack", WRITERS)
def test_disk_is_full(stack: str, tmp_path: Path) -> None:
    """Requests are answered as ever when no line can be written."""
    with (
        Path("/dev/full").open("wb") as full,
        STACKS[stack].serve(tmp_path, stdout=full.fileno()) as server,
    ):
        for path, status in [("/", 200), ("/stream", 200), ("/crash", 500), ("/", 200)]:
            answer = server.ask(path, request_id := fresh_id())
            assert (answer.status, answer.request_id) == (status, request_id)
        assert "No space left on device" in server.errors(), "lines were written, in vain"


@pytest.mark.parametrize(
    "stack",
    [
        "uvicorn-httptools-fastapi",
        "hypercorn-fastapi",
        "gunicorn-asgi-fastapi",
        "gunicorn-sync-wsgi",
        "gunicorn-gthread-flask",
        "gunicorn-gevent-flask",
        "granian-wsgi-flask",
    ],
)
def test_graceful_stop(stack: str, tmp_path: Path) -> None:
    """A server told to stop finishes what it serves, and every request's record is written."""
    with STACKS[stack].serve(tmp_path) as server:
        for _ in range(20):
            server.ask("/", fresh_id())
        with server.send("/slow", request_id := fresh_id(), close=True) as connection:
            server.line(
                lambda line: line["message"] == "waiting" and line.get("requestId") == request_id,
                "the slow request",
            )
            server.process.terminate()
            received = connection.makefile("rb").read()
    assert received.startswith(b"HTTP/1.1 200 ")
    (record,) = server.records(request_id)
    assert (record.response.http_status, record.outcome) == (200, None)
    assert set(server.counts().values()) == {1}


def test_killed_worker(tmp_path: Path) -> None:
    """A worker that gunicorn kills for its slowness writes the record of what it was doing."""
    with (
        STACKS["gunicorn-sync-wsgi"].serve(tmp_path, "--timeout=2") as server,
        server.send("/hang", request_id := fresh_id()),
    ):
        record = server.record(request_id)
    assert (record.response.http_status, record.outcome) == (500, "error")
    assert record.exception is not None
    assert record.exception.type == "SystemExit"
