"""lnav reads clew's lines by its format."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import clew
from tests.conftest import Lines, restored_logging, serve

__all__ = ["restored_logging"]

pytestmark = pytest.mark.skipif(
    shutil.which("lnav") is None, reason="lnav is not installed: apt-get install lnav"
)

HERE = Path(__file__).parent


def lnav(directory: Path, *arguments: str) -> str:
    """Run lnav without a terminal, with the format of this folder alone; return what it prints."""
    formats = directory / "lnav" / "formats" / "clew"
    formats.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "clew.json", formats)
    done = subprocess.run(
        ["lnav", "-n", "-I", str(directory / "lnav"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def written(tmp_path: Path, restored_logging: None) -> Path:
    """A file of clew's lines, of two requests."""
    lines = Lines()
    lines.configure(service="shop")

    def order() -> None:
        clew.bind(user_id="12345")
        clew.get_logger("shop").info("Read\norder", action="READ_ORDER", value="order-7")

    def crash() -> None:
        raise ValueError("no such order")

    serve(order, environ={"HTTP_X_REQUEST_ID": "phone-7f3a", "PATH_INFO": "/orders/7"})
    with pytest.raises(ValueError, match="no such order"):
        serve(crash)
    logging.getLogger("legacy").debug("below the level")
    logging.getLogger("legacy").critical("old code")
    file = tmp_path / "shop.ndjson"
    file.write_text(lines.raw())
    return file


def test_the_format_is_good(tmp_path: Path) -> None:
    """Lnav's own check of formats finds nothing."""
    assert lnav(tmp_path, "-C") == ""


def test_lines_are_shown(written: Path, tmp_path: Path) -> None:
    """A line has its time, level, service, message, action, value, user and id, in columns."""
    shown = lnav(tmp_path, str(written)).splitlines()
    parts = [line.split() for line in shown]
    assert parts[0][1:] == ["info", "shop", "Read"]
    assert parts[1] == ["order", "READ_ORDER", "order-7", "12345", "phone-7f3a"]
    assert [part for part in parts[2] if "." not in part] == [
        *("info", "shop", "GET", "/orders/7", "200", "12345", "phone-7f3a"),
    ]
    assert any("ValueError: no such order" in line for line in shown)


def test_lines_are_asked(written: Path, tmp_path: Path) -> None:
    """The keys are columns of a table, and the levels are lnav's."""
    query = (
        ';SELECT log_level, requestId, "response/httpStatus" AS status,'
        ' "exception/type" AS type, log_time_msecs AS time FROM clew_log'
    )
    rows: list[dict[str, Any]] = json.loads(
        lnav(tmp_path, "-c", query, "-c", ":write-json-to -", str(written))
    )
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert [row["time"] for row in rows] == [line["createdAt"] for line in lines]
    # 0.11 writes numbers as texts.
    statuses = [row["status"] and int(row["status"]) for row in rows]
    assert [(row["log_level"], row["type"]) for row in rows] == [
        ("info", None),
        ("info", None),
        ("error", "ValueError"),
        ("critical", None),
    ]
    assert statuses == [None, 200, 500, None]
    assert [row["requestId"] for row in rows][:2] == ["phone-7f3a"] * 2
