"""What holds when many requests are served at once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .server import STACKS, Server, Stack, fresh_id, stacks

pytestmark = pytest.mark.outside

# The kinds of endpoints, and how many lines each writes.
WORK = {
    "fastapi": {"/busy": 2, "/busy-sync": 2, "/busy-stream": 3, "/busy-stream-sync": 3},
    "flask": {"/busy": 2, "/busy-stream": 3},
    "django": {"/busy": 2, "/busy-async": 2},
}


@stacks("-fastapi", "-flask", "uvicorn-h11-django", without=["gunicorn-sync", "gunicorn-uvicorn"])
def test_every_line_is_its_requests(server: Server, stack: Stack) -> None:
    """Of 100 requests at once, every line has its own request's id and user, in one record each."""
    kinds = WORK[stack.framework]
    names = [fresh_id() for _ in range(100 // len(kinds))]
    together = threading.Barrier(len(names) * len(kinds))

    def ask(path: str) -> None:
        together.wait()
        answer = server.ask(path, f"id:{path}")
        assert (answer.status, answer.request_id) == (200, f"id:{path}")

    expected = Counter({f"{kind}/{name}": kinds[kind] for kind in kinds for name in names})
    with ThreadPoolExecutor(together.parties) as threads:
        list(threads.map(ask, expected))

    for path in expected:
        (record,) = server.settled(f"id:{path}")
        assert record.request.path == path
        assert record.user_id == path.rpartition("/")[2]
    lines = [line for line in server.lines() if line["logger"] == "app" and "path" in line]
    lines = [line for line in lines if line["path"] in expected]
    assert Counter(line["path"] for line in lines) == expected
    for line in lines:
        assert line["requestId"] == f"id:{line['path']}"
        assert line["userId"] == line["path"].rpartition("/")[2]


@pytest.mark.parametrize("options", [["--workers=4"], ["--workers=4", "--preload"]])
def test_forked_workers_make_no_id_twice(options: list[str], tmp_path: Path) -> None:
    """Several processes make different ids, also when they were forked from one that had begun."""
    with (
        STACKS["gunicorn-sync-wsgi"].serve(tmp_path, *options) as server,
        ThreadPoolExecutor(40) as threads,
    ):
        answers = list(threads.map(lambda _: server.ask("/pid"), range(100)))
        server.settled(answers[-1].request_id)
    assert len({answer.body for answer in answers}) > 1, "more than one worker has served"
    ids = [answer.request_id for answer in answers]
    assert len(set(ids)) == 100
    counts = server.counts()
    assert all(counts[request_id] == 1 for request_id in ids)
