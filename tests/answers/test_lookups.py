"""What the pages look up beside the questions."""

from __future__ import annotations

from pathlib import Path

from clew import answers
from clew.answers.lookups import FAILED_REQUESTS
from clew.answers.query import Query

from .shop_lines import answered, write


def test_a_response_that_broke_off_is_among_the_failed(tmp_path: Path) -> None:
    """What the application broke off has failed, whatever its status; who left has not."""
    lines = [
        answered("GET", "/whole", 200, 10, 1.0, requestId="whole"),
        answered("GET", "/broken", 200, 20, 1.0, requestId="broken", outcome="error"),
        answered("GET", "/left", 200, 30, 1.0, requestId="left", outcome="aborted"),
        answered("GET", "/crash", 500, 40, 1.0, requestId="crash", outcome="error"),
    ]
    with answers.open(write(tmp_path / "a.ndjson", lines)) as logs:
        failed = logs.answer(Query.of(FAILED_REQUESTS, {})).dicts()
    assert [each["requestId"] for each in failed] == ["crash", "broken"]
