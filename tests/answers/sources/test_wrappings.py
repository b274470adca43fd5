"""Lines in every wrapping are answered as they are without one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers.engines import reader

from .wrapped import EVENTS, RAW, WRAPPINGS

_ASKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("slowest", {}),
    ("bad-links", {}),
    ("latency", {"bucket": "minute"}),
    ("actions", {}),
    ("timeline", {"request": EVENTS[0]["requestId"]}),
)


def asked(path: Path) -> tuple[int, list[Any]]:
    """Return how many events there are, and the answers to some questions."""
    with answers.open(path) as logs:
        rows = [logs.ask(question, **parameters).rows for question, parameters in _ASKED]
        return logs.lines - logs.broken - logs.foreign, rows


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[Any]]:
    path = tmp_path_factory.mktemp("bare") / "raw.log"
    path.write_text("\n".join(RAW) + "\n")
    return asked(path)


def test_the_bare_lines_have_answers(expected: tuple[int, list[Any]]) -> None:
    """What all are compared with is something: twenty events, and rows for each question."""
    count, rows = expected
    assert count == 20
    assert all(rows)


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapping_changes_no_answer(
    name: str, tmp_path: Path, expected: tuple[int, list[Any]]
) -> None:
    """Each wrapping of the same lines has the same answers, and loses no line."""
    path = tmp_path / "app.log"
    path.write_text(WRAPPINGS[name]())
    assert asked(path) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "crlf", "gzip"])
@pytest.mark.parametrize(
    "name", ["bare", "docker json-file", "compose, coloured", "pretty-printed"]
)
def test_a_wrapping_in_any_encoding(
    name: str, encoding: str, tmp_path: Path, expected: tuple[int, list[Any]]
) -> None:
    """As PowerShell, Windows, and compression write them."""
    path = tmp_path / "app.log"
    text = WRAPPINGS[name]()
    if encoding == "gzip":
        path.write_bytes(gzip.compress(text.encode()))
    elif encoding == "crlf":
        path.write_bytes(text.replace("\n", "\r\n").encode())
    else:
        path.write_text(text, encoding)
    assert asked(path) == expected


@pytest.mark.parametrize("large", [True, False], ids=["read where it is", "read in pieces"])
@pytest.mark.parametrize("bare_first", [True, False])
def test_all_wrappings_in_one_file(
    tmp_path: Path, large: bool, bare_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines are recognised one by one: all wrappings in one file, bare lines between."""
    monkeypatch.setattr(reader, "_LARGE", 0 if large else 1 << 40)
    parts = [part for name in WRAPPINGS for part in (WRAPPINGS[name](), "\n".join(RAW) + "\n")]
    text = "\n".join(parts if not bare_first else [parts[1], *parts])
    path = tmp_path / "app.log"
    path.write_text(text)
    with answers.open(path) as logs:
        [(events,)] = logs.engine.rows("SELECT count(*) FROM logs", {})
        per_line = logs.engine.rows(
            "SELECT DISTINCT count(*) FROM logs GROUP BY createdAt, message, requestId", {}
        )
        times = 2 * len(WRAPPINGS) + bare_first
        assert (events, per_line) == (times * len(RAW), [(times,)])
        # Of each line with pieces, CRI has another in two pieces on the other stream.
        assert (logs.broken, logs.foreign) == (len(RAW), 0)


def test_what_was_begun_and_never_ended_is_broken(tmp_path: Path) -> None:
    """A line in pieces whose last is missing, an object and an array without their ends."""
    bare = RAW[0]
    piece = json.dumps({"log": bare[:50], "stream": "stdout", "time": "2026-11-28T17:58:32Z"})
    path = tmp_path / "app.log"
    for unfinished, broken in ((piece, 1), ('{\n  "level": "info",', 2), ("[", 1), ("[\n", 1)):
        for text in (f"{unfinished}\n", f"{bare}\n{unfinished}\n", f"{unfinished}\n{bare}\n"):
            path.write_text(text)
            with answers.open(path) as logs:
                events = text.count(bare)
                assert (logs.lines, logs.broken) == (events + broken, broken), text


def test_a_document_that_is_none_costs_its_first_line(tmp_path: Path) -> None:
    """Lines between brackets that belong to nothing count as they do elsewhere."""
    path = tmp_path / "app.log"
    path.write_text(f"{RAW[0]}\n{{\n{RAW[1]}\n{{\n{json.dumps(EVENTS[2])}\n}}\n{RAW[3]}\n")
    with answers.open(path) as logs:
        assert (logs.lines, logs.broken) == (7, 3)
