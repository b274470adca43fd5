"""What a question needs is read, and no more; what it does not say changes no answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers.engines import odd_lines, reader
from clew.answers.engines.columns import COLUMNS
from clew.answers.engines.need import ALL_COLUMNS, Need, need_of
from clew.answers.files import LogFile
from clew.answers.query import Query, find_question
from clew.answers.timeline import timeline_of
from tests.answers.logs_of import log
from tests.answers.sources.wrapped import EVENTS, RAW, WRAPPINGS
from tests.answers.test_files import line
from tests.answers.test_questions import ASKED, SOME, instant
from tests.rows import each_row


def query_of(question: str, parameters: dict[str, Any]) -> Query:
    names = parameters.keys() & {"since", "until", "new_since"}
    times = {name: instant(parameters[name]) for name in names}
    return Query.of(find_question(question), parameters | times)


# Each way to narrow a question but those of SOME, and those that may name any field.
_NARROWED = [
    (question, parameters)
    for question, parameters in {
        (*parameters,): (question, parameters)
        for question, parameters in ASKED
        if not {"where", "by", "limit"} & parameters.keys()
    }.values()
]


def each_question() -> list[tuple[str, dict[str, Any]]]:
    """Return each question once."""
    chosen: dict[str, dict[str, Any]] = {}
    for question, parameters in SOME:
        chosen.setdefault(question, parameters)
    return list(chosen.items())


@pytest.mark.parametrize("large", [True, False], ids=["read where it is", "read in pieces"])
def test_a_question_has_the_same_answer_alone(
    tmp_path: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read for one question, the logs answer it as when all of them is read."""
    monkeypatch.setattr(reader, "_LARGE", 0 if large else 1 << 40)
    path = tmp_path / "app.ndjson"
    path.write_bytes(log(61, 300).removeprefix(b"\xef\xbb\xbf"))
    with answers.open(path) as all_of_it:
        for question, parameters in each_question() if large else SOME[1::6]:
            query = query_of(question, parameters)
            with answers.open(path, first=query) as logs:
                assert logs.answer(query).rows == all_of_it.answer(query).rows, query
                if "request" not in parameters:
                    assert (logs.lines, logs.broken) == (all_of_it.lines, all_of_it.broken)


def test_no_question_needs_all() -> None:
    """Each reads some columns; the whole line only of one request, or for a field without one."""
    for question, parameters in [
        *each_question(),
        *_NARROWED,
    ]:
        need = need_of(*query_of(question, parameters).statement())
        assert "createdAt" in need.columns
        if "request" not in parameters:
            assert "fields" not in need.columns, (question, parameters)
        assert bool(need.containing) == ("request" in parameters), (question, parameters)
    need = need_of(*query_of("slowest", {}).statement())
    assert need.columns.isdisjoint({"message", "stackTrace", "userId", "value"})
    need = need_of(*query_of("slowest", {"where": "tenant = 'acme'"}).statement())
    assert "fields" in need.columns


@pytest.mark.parametrize("first", [True, False])
def test_what_is_asked_later_is_read_then(tmp_path: Path, first: bool) -> None:
    """A second question that needs more has the files read again; a line's text too."""
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(map(line, range(5))))
    query = query_of("slowest", {}) if first else None
    with answers.open(path, first=query) as logs:
        assert len(logs.ask("actions").rows) == 1
        assert len(logs.engine.rows("SELECT fields FROM logs", {})) == 5
        assert logs.lines == 5


def test_what_is_wrong_is_said_when_it_is_asked(tmp_path: Path) -> None:
    """SQL that no plan can be made of reads all, and fails where it is run."""
    assert need_of("SELECT no FROM such", {}).columns == ALL_COLUMNS
    assert {column.name for column in COLUMNS} == ALL_COLUMNS


@each_row(
    ("request_id", "looked_for"),
    [
        ("018f6b0e-7c3a", b"018f6b0e-7c3a"),
        ("a/b+longer=", b"longer"),
        ('quote"d', b"quote"),
        ("ö", b""),
        ("018f6b0e-7c3a\\", b"018f6b0e-7c3a"),
    ],
)
def test_the_bytes_that_are_looked_for_are_written_in_one_way(
    request_id: str, looked_for: bytes
) -> None:
    """What some encoders escape and others do not is no part of what is looked for."""
    need = need_of("SELECT message FROM logs WHERE requestId = $request", {"request": request_id})
    assert need.containing == looked_for
    assert not Need().covers(Need(ALL_COLUMNS))


@pytest.mark.parametrize("name", ["bare", "CRI", "docker json-file", "pretty-printed", "gzip"])
def test_one_request_is_found_in_any_wrapping(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the lines that have the id are read, once; those of other requests are not."""
    text = WRAPPINGS["bare" if name == "gzip" else name]().encode()
    path = tmp_path / "app.log"
    path.write_bytes(gzip.compress(text) if name == "gzip" else text)
    request = EVENTS[2]["requestId"]
    of_request = [each for each in RAW if request in each]
    assert len(of_request) > 1
    query = query_of("timeline", {"request": request})
    with answers.open(path, first=query) as logs:
        rows = logs.answer(query).rows
        assert len(rows) == len(of_request) == logs.lines
        monkeypatch.setattr(LogFile, "read", None)
        assert len(timeline_of(logs, query).spans) > 0
        monkeypatch.undo()
        assert logs.summary == f"{len(rows)} lines have the id"
    with answers.open(path, first=query_of("timeline", {"request": "no-such"})) as logs:
        assert (logs.lines, logs.summary) == (0, "0 lines have the id")


@each_row("name", WRAPPINGS)
@each_row("between", ["", "Traceback\n"])
def test_one_request_is_found_behind_bare_lines(tmp_path: Path, name: str, between: str) -> None:
    """What a bare line is followed by is looked at after it came out of what it was in."""
    request = EVENTS[0]["requestId"]
    path = tmp_path / "app.log"
    path.write_text(f"{RAW[1]}\n{between}{WRAPPINGS[name]()}\n{RAW[0]}\n")
    with answers.open(path, first=query_of("timeline", {"request": request})) as logs:
        assert logs.lines == 1 + sum(request in each for each in RAW)
        [(events,)] = logs.engine.rows(
            "SELECT count(*) FROM logs WHERE requestId = $request", {"request": request}
        )
        assert events == logs.lines


@each_row("name", ["CRI", "docker json-file"])
def test_an_id_that_is_cut_is_found(tmp_path: Path, name: str) -> None:
    """Where a line comes in pieces, the id may be in two of them."""
    line, request, at = RAW[0], EVENTS[0]["requestId"], "2026-11-28T17:58:32.386000000Z"
    cut = line.index(request) + 9
    pieces = [f"{at} stdout P {line[:cut]}", f"{at} stdout F {line[cut:]}"]
    if name == "docker json-file":
        parts = (line[:cut], line[cut:] + "\n")
        pieces = [json.dumps({"log": part, "stream": "stdout", "time": at}) for part in parts]
    path = tmp_path / "app.log"
    path.write_text("\n".join([RAW[1], pieces[0], RAW[1], pieces[1], line]) + "\n")
    with answers.open(path, first=query_of("timeline", {"request": request})) as logs:
        assert logs.lines == 2


def test_a_long_line_in_a_file_that_is_read_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that no buffer holds has the file read in pieces, and costs nothing but itself."""
    monkeypatch.setattr(reader, "_LARGE", 0)
    path = tmp_path / "app.log"
    long, too_long = line(2, 3_000_000), line(3, 80 * 1024 * 1024)
    for content, expected in (
        (line(1) + long + b"Traceback\n" + line(4), (4, 1, 3)),
        (line(1) + long + b"Traceback\n" + too_long + line(4), (5, 2, 3)),
    ):
        path.write_bytes(content)
        told: list[tuple[int, int]] = []
        with answers.open(path, progress=lambda done, of: told.append((done, of))) as logs:
            [(events,)] = logs.engine.rows("SELECT count(*) FROM logs", {})
            assert (logs.lines, logs.broken, events) == expected
        assert told[-1] == (len(content), len(content))


def test_more_odd_lines_than_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked for while DuckDB reads is looked for again where it was too much."""
    monkeypatch.setattr(reader, "_LARGE", 0)
    monkeypatch.setattr(odd_lines, "MANY", 10)
    monkeypatch.setattr("clew.answers.engines.look_ahead.MANY", 10)
    own = '{"level":"info","message":"x","createdAt":1795888700000,"logger":"shop"}\n'
    wrapped = "".join(f"{json.dumps({'log': own, 'stream': 'stdout'})}\n" for _ in range(50))
    path = tmp_path / "app.log"
    path.write_text(own + wrapped + own + wrapped)
    with answers.open(path) as logs:
        assert (logs.lines, logs.broken, logs.foreign) == (102, 0, 0)
        assert logs.engine.rows("SELECT count(*) FROM logs", {}) == [(102,)]


def test_a_heavy_line_in_a_file_that_is_read_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that needs more memory than a file has the file read in pieces, with more of it."""
    monkeypatch.setattr(reader, "_LARGE", 0)
    path = tmp_path / "app.log"
    heavy = (
        b'{"createdAt":1,"action":"COUNTED","value":' + b"[" * 7_000_000 + b"]" * 7_000_000 + b"}\n"
    )
    path.write_bytes(line(1) + heavy + line(2))
    with answers.open(path) as logs:
        assert (logs.lines, logs.broken) == (3, 0)
        assert sum(row[2] for row in logs.ask("actions").rows) == 3
