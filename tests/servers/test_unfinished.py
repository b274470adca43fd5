"""Workers that are killed at a request: the log says what they were at."""

from __future__ import annotations

import importlib.util
import os
import signal
from pathlib import Path

import pytest

from .server import Server, fresh_id, until

pytestmark = pytest.mark.outside

_GUNICORN = ("gunicorn", "--bind={host}:{port}", "unfinished_app:wsgi")
PROGRAMS = {
    "gunicorn sync, forked": (*_GUNICORN, "--preload"),
    "gunicorn gthread": (*_GUNICORN, "--worker-class=gthread", "--threads=4"),
    "gunicorn gevent": (*_GUNICORN, "--worker-class=gevent"),
    "uvicorn": ("uvicorn", "--workers=2", "--host={host}", "--port={port}", "unfinished_app:asgi"),
}


def start(name: str, folder: Path, *options: str) -> Server:
    """Return the server *name*, not running yet, whose workers keep their tables in *folder*."""
    if "gevent" in name and importlib.util.find_spec("gevent") is None:
        pytest.skip("needs gevent")
    environment = {"UNFINISHED": str(folder / "run")}
    directory = folder / f"after {len(list(folder.iterdir()))}"
    directory.mkdir()
    return Server([*PROGRAMS[name], *options], directory, environment=environment)


def hang(server: Server) -> tuple[str, int]:
    """Send a request that hangs; return its id, and the worker that is at it."""
    server.send("/hang", request_id := fresh_id())
    line = server.line(
        lambda line: line["message"] == "hanging" and line.get("requestId") == request_id,
        "the request",
    )
    return request_id, line["pid"]


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_worker_loses_its_request_but_not_the_trace(name: str, tmp_path: Path) -> None:
    """The request is said to be slow, with the place at which it stands; when its worker is killed
    the next one says that it was lost, once.
    """
    with start(name, tmp_path) as server:
        request_id, worker = hang(server)
        slow = server.line(lambda line: line.get("action") == "SLOW_REQUEST", "the slow request")
        assert (slow["requestId"], slow["level"]) == (request_id, "warning")
        assert "unfinished_app.py" in slow["stackInfo"] and "sleep(60)" in slow["stackInfo"]
        os.kill(worker, signal.SIGKILL)

        def lost() -> bool | None:
            try:
                server.ask("/", fresh_id())
            except OSError:
                return None
            return bool(server.records(request_id)) or None

        until(lost, "the lost request")
        record = server.record(request_id)
        assert (record.outcome, record.message) == ("lost", "GET /hang lost")
        assert (record.request.path, record.service) == ("/hang", "shop")


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("name", [name for name in PROGRAMS if "gunicorn" in name])
def test_a_worker_that_times_out_or_is_stopped_says_what_it_was_at(
    name: str, tmp_path: Path
) -> None:
    """gunicorn's timeout, or its stop while a request hangs, leaves one record of that, from the
    worker or from whoever starts next.
    """
    with start(name, tmp_path, "--timeout=1", "--graceful-timeout=1") as server:
        request_id, _worker = hang(server)
        if "sync" in name:  # the others answer while a request hangs
            until(lambda: server.ask("/", fresh_id()).status == 200 or None, "a new worker")
    with start(name, tmp_path) as after:
        after.ask("/", fresh_id())
        records = server.records(request_id) + after.records(request_id)
    assert len(records) == 1
    assert records[0].outcome in ("error", "aborted", "lost")
