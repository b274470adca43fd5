"""How two runs of a suite are judged, and the log of one."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path

import pytest

from .judging import LISTED, Listed, judge_log, read_listed
from .sources import constraint
from .table import SUITES

ID = "018f6b0e-0000-7000-8000-000000000000"


def http_log(request_id: str = ID, **more: object) -> str:
    return json.dumps(
        {
            "level": "info",
            "message": "GET / 200",
            "createdAt": 1,
            "logger": "clew.http",
            "requestId": request_id,
            "request": {"method": "GET", "path": "/", "headers": {"requestId": request_id}},
            "response": {"httpStatus": 200, "responseTime": 1.0},
            **more,
        }
    )


def judged(folder: Path, *lines: str, ids: dict[str, str] | None = None) -> list[str]:
    (folder / "lines-1.ndjson").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / "ids-1.json").write_text(json.dumps(ids or {}), encoding="utf-8")
    return judge_log(folder)


def test_one_record_a_request(tmp_path: Path) -> None:
    """Nothing is wrong with one HTTPLog of a request."""
    assert judged(tmp_path, http_log(), ids={ID: "test_a"}) == []


def test_no_record(tmp_path: Path) -> None:
    """A request without an HTTPLog is named by its test."""
    assert judged(tmp_path, ids={ID: "test_a"}) == ["1 requests have 0 HTTPLogs each: test_a"]


def test_no_record_of_a_listed_test(tmp_path: Path) -> None:
    """A listed test may leave a request open, which has no HTTPLog."""
    judged(tmp_path, ids={ID: "test_a (call)"})
    assert judge_log(tmp_path, [Listed("a", "test_a", "why")]) == []


def test_two_records(tmp_path: Path) -> None:
    """A request with two HTTPLogs is named by its test."""
    found = judged(tmp_path, http_log(), http_log(), ids={ID: "test_a"})
    assert found == ["1 requests have 2 HTTPLogs each: test_a"]


def test_outgoing_record(tmp_path: Path) -> None:
    """The record of a call within a request is none of the request's own."""
    lines = (http_log(), http_log(direction="outgoing"))
    assert judged(tmp_path, *lines, ids={ID: "test_a"}) == []


@pytest.mark.parametrize("line", ["{", '{"level": NaN}', "[]", '{"level": "info"}'])
def test_broken_line(tmp_path: Path, line: str) -> None:
    """A line that is no record is named by its place."""
    (fault,) = judged(tmp_path, line)
    assert fault.startswith("lines-1.ndjson:1: ")


def test_warning(tmp_path: Path) -> None:
    """A warning of clew's own is a fault."""
    line = {"level": "warning", "message": "user_id raised", "createdAt": 1, "logger": "clew"}
    assert judged(tmp_path, json.dumps(line)) == ["clew warns: user_id raised"]


def test_listed_warning(tmp_path: Path) -> None:
    """A warning of clew's may be listed."""
    line = {"level": "warning", "message": "Mock is odd", "createdAt": 1, "logger": "clew"}
    judged(tmp_path, json.dumps(line))
    assert judge_log(tmp_path, [Listed("a", "clew warns: Mock*", "why")]) == []


def test_pattern_of_list() -> None:
    """Brackets in a listed test's id are its parameters."""
    listed = Listed("a", "test.py::test_[a]*", "why")
    assert listed.has("test.py::test_[a][1]")
    assert not listed.has("test.py::test_a")


def test_list_without_reason(tmp_path: Path) -> None:
    """Each line of the list has a reason."""
    path = tmp_path / "listed.txt"
    path.write_text("starlette tests/test_a.py::test_b\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not 'starlette tests/test_a.py::test_b'"):
        read_listed(path)


def test_list_names_suites() -> None:
    """Each line of the list is of a suite in the table."""
    names = [suite.name for suite in SUITES]
    assert all(fnmatch.filter(names, each.suite) for each in read_listed(LISTED))


def test_versions() -> None:
    """Each suite's version is known."""
    assert all("==" in constraint(suite.project) for suite in SUITES)
