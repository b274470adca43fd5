"""Lines in every wrapping are answered as they are without one."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers.engines import reader
from clew.answers.sources.parser import Parser
from tests.rows import each_row

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


@each_row("name", WRAPPINGS)
def test_a_wrapping_changes_no_line(name: str) -> None:
    """Each wrapping of the same lines has all of them, in their order, with all of their fields."""
    parser = Parser(whole=True)
    parser.parse(WRAPPINGS[name]().encode())
    parser.end()
    lines = [json.loads(line) for line in parser.lines]
    shared = [
        {key: value for key, value in line.items() if key in event}
        for line, event in zip(lines, EVENTS, strict=True)
    ]
    assert shared == EVENTS
    # Of each line with pieces, CRI has another in two pieces on the other stream.
    assert (parser.broken, parser.foreign) == (len(RAW) if name == "CRI" else 0, 0)


@each_row(
    ("name", "encoding"),
    [
        *(("bare", encoding) for encoding in ("utf-16", "utf-8-sig", "crlf", "gzip")),
        *(("docker json-file", "utf-8-sig"), ("compose, coloured", "utf-16")),
        *(("pretty-printed", "crlf"), ("CRI", "gzip")),
    ],
)
def test_a_wrapping_changes_no_answer(
    name: str, encoding: str, tmp_path: Path, expected: tuple[int, list[Any]]
) -> None:
    """Nor does how PowerShell, Windows, and compression write it."""
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


def piece(name: str, text: str, *, ends: bool) -> str:
    """Return a piece of a line as CRI's runtimes, or Docker's driver, write it."""
    at = "2026-11-28T17:58:32.386000000Z"
    if name == "CRI":
        return f"{at} stdout {'F' if ends else 'P'} {text}\n"
    return json.dumps({"log": text + "\n" * ends, "stream": "stdout", "time": at}) + "\n"


@each_row("name", ["CRI", "docker json-file"])
@each_row("begun", [[RAW[0][:50]], [RAW[0][:50], RAW[0][50:60]], ["Starting... "]])
@each_row("cuts", [[], [50], [RAW[1].index('{"method"')]])
def test_a_piece_that_was_never_ended_costs_itself(
    name: str, begun: list[str], cuts: list[int]
) -> None:
    """Where a process died within a line, the next is kept, in pieces too, cut anywhere."""
    parts = [RAW[1][at:to] for at, to in pairwise([0, *cuts, len(RAW[1])])]
    text = "".join(piece(name, part, ends=False) for part in [*begun, *parts[:-1]])
    parser = Parser(whole=True)
    parser.parse((text + piece(name, parts[-1], ends=True)).encode())
    parser.end()
    assert [line for line in parser.lines if is_json(line)] == [RAW[1].encode()]
    assert len(parser.lines) + parser.broken == 2


def is_json(line: bytes) -> bool:
    """Tell whether the engine will not count *line* as broken."""
    with suppress(ValueError):
        return bool(json.loads(line))
    return False


@each_row(
    "odd",
    [
        ['[0] kube.shop: [1795888712.38, {"log"=>"{"a":]"}]'],
        ['[{"a":1} and more]'],
        ["{", '  "a": and more', "}"],
        [piece("CRI", '{"a":', ends=ends) for ends in (False, True)],
    ],
)
def test_what_is_in_a_wrapping_and_is_no_line_is_broken(odd: list[str]) -> None:
    """It costs itself: nothing is raised, and the lines around it are read."""
    parser = Parser(whole=True)
    parser.parse("\n".join([RAW[0], *(line.rstrip("\n") for line in odd), RAW[1]]).encode())
    parser.end()
    assert [line.decode() for line in parser.lines if is_json(line)] == RAW[:2]
    assert parser.broken + len(parser.lines) >= 3
    assert parser.foreign == 0


def test_a_document_that_is_none_costs_its_first_line(tmp_path: Path) -> None:
    """Lines between brackets that belong to nothing count as they do elsewhere."""
    path = tmp_path / "app.log"
    path.write_text(f"{RAW[0]}\n{{\n{RAW[1]}\n{{\n{json.dumps(EVENTS[2])}\n}}\n{RAW[3]}\n")
    with answers.open(path) as logs:
        assert (logs.lines, logs.broken) == (7, 3)


def read(*objects: dict[str, Any]) -> tuple[list[dict[str, Any]], int, int]:
    """Return the lines that come out of *objects*; how many are foreign, and how many broken."""
    parser = Parser(whole=True)
    parser.parse("".join(json.dumps(each) + "\n" for each in objects).encode())
    parser.end()
    return list(map(json.loads, parser.lines)), parser.foreign, parser.broken


ENTRY = {"logName": "projects/shop/logs/stdout", "timestamp": "2026-11-28T17:58:20.120Z"}
AT = 1_795_888_700_120


def test_an_entry_of_cloud_logging_whose_line_is_text() -> None:
    """Where the agent did not parse it, the line stands in ``textPayload``."""
    assert read({**ENTRY, "textPayload": RAW[0]}) == ([EVENTS[0]], 0, 0)


def test_an_entry_of_cloud_logging_without_a_line_is_foreign() -> None:
    """An audit log, or a text that is no line of JSON, is no event, and is not broken either."""
    audit = {**ENTRY, "protoPayload": {"methodName": "SetIamPolicy"}}
    assert read(audit, {**ENTRY, "textPayload": "Booting"}) == ([], 2, 0)


def test_an_entry_of_cloud_logging_of_another_logger() -> None:
    """What Google takes out of a structured line stands beside it, and is put back into it."""
    request = {"requestMethod": "GET", "requestUrl": "https://x.example/a?b=1", "status": 200}
    entry = {**ENTRY, "severity": "ERROR", "httpRequest": request}
    [line], foreign, broken = read(
        {**entry, "jsonPayload": {"message": "Declined", "sizes": [5.0]}}
    )
    assert (line["createdAt"], line["level"], line["message"]) == (AT, "danger", "Declined")
    assert (line["request"]["path"], line["response"]["httpStatus"]) == ("/a", 200)
    assert (foreign, broken) == (0, 0)


def test_google_keeps_whole_numbers_in_lists_too() -> None:
    """Each number is a double there: those that were integers are integers again, at any depth."""
    payload = {"createdAt": float(AT), "message": "paid", "orders": [1.0, 2.5, {"id": 7.0}]}
    [line], _, _ = read({**ENTRY, "jsonPayload": payload})
    assert json.dumps(line["orders"]) == '[1, 2.5, {"id": 7}]'


def record_of(body: object, **more: object) -> dict[str, Any]:
    """Return what the collector's file exporter writes of one record."""
    record = {"timeUnixNano": f"{AT}000000", "severityText": "WARN", "body": body, **more}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


def test_a_line_that_the_collector_has_parsed() -> None:
    """A body that is a map, a list or a number is what it was before the collector took it."""
    values = [
        {"key": "createdAt", "value": {"intValue": str(AT)}},
        {"key": "message", "value": {"stringValue": "paid"}},
        {"key": "sizes", "value": {"arrayValue": {"values": [{"intValue": "1"}, {}]}}},
        {"key": "ok", "value": {"boolValue": True}},
        {"key": "odd", "value": {"intValue": "many"}},
        {"key": "bare", "value": 5},
        {
            "key": "order",
            "value": {
                "kvlistValue": {"values": [{"key": "id", "value": {"intValue": "-7"}}]},
            },
        },
    ]
    assert read(record_of({"kvlistValue": {"values": values}})) == (
        [
            {
                "createdAt": AT,
                "message": "paid",
                "sizes": [1, {}],
                "ok": True,
                "odd": "many",
                "bare": 5,
                "order": {"id": -7},
            }
        ],
        0,
        0,
    )


@each_row("body", [EVENTS[0], RAW[0]])
@each_row("name", ["body", "Body"])
def test_a_record_of_the_sdk_around_a_line(name: str, body: object) -> None:
    """An exporter to the console, or to ClickHouse, has the line as an object or as a text."""
    record = {name: body, "attributes": {"k8s.pod.name": "shop-1"}, "timestamp": AT}
    assert read(record) == ([EVENTS[0]], 0, 0)


def test_a_record_of_the_sdk_that_is_the_line() -> None:
    """Its attributes and those of its resource are fields of it; what it says itself wins."""
    record = {
        "body": "Card declined",
        "severity_text": "ERROR",
        "timestamp": "2026-11-28T17:58:20.120Z",
        "trace_id": "0x" + "1" * 32,
        "attributes": {"tenant": "acme", "body": "another"},
        "resource": {"attributes": {"service.name": "shop"}},
    }
    [line], foreign, broken = read(record)
    assert (line["createdAt"], line["message"], line["level"]) == (AT, "Card declined", "danger")
    assert (line["service"], foreign, broken) == ("shop", 0, 0)


def test_what_a_search_of_elasticsearch_found() -> None:
    """The answer to a search has all of its lines; each is in its ``_source``."""
    hits = [{"_index": "logs", "_id": str(at), "_source": EVENTS[at]} for at in (0, 1)]
    assert read({"took": 5, "hits": {"total": 2, "hits": hits}}) == (EVENTS[:2], 0, 0)
