"""What happens when the lines cannot be written, or their writer is killed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .server import STACKS, fresh_id, until

pytestmark = pytest.mark.outside


# Each server once, here or where the disk is full: by the lines it has one way to write.
@pytest.mark.parametrize(
    "stack", ["hypercorn-fastapi", "granian-wsgi-flask", "gunicorn-gthread-flask"]
)
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
@pytest.mark.parametrize("stack", ["uvicorn-h11-asgi", "gunicorn-sync-wsgi"])
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
