"""Every question, narrowed in every way, has the rows that plain Python finds, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clew import answers

from . import oracle
from .logs_of import DAY, MIDNIGHT, SINCE, UNTIL, log
from .oracle_events import Log, read

Open = Callable[[Path], answers.Logs]

_NEEDED: dict[str, list[dict[str, Any]]] = {
    "statuses": [{}, {"status": 200}],
    "requests": [{}, {"order": "slowest", "user": "12345"}],
    "events": [{}, {"request": "r-2", "action": "PURCHASED"}, {"user": "1", "value": "order-77"}],
    "exceptions": [{}, {"new_since": MIDNIGHT}],
    "access": [{"action": "PURCHASED"}, {"action": "$action"}, {"action": "no such"}],
    "accessed": [{"value": "user:12345"}, {"value": "'; DROP TABLE logs; --"}],
    "revenue": [{"action": "PURCHASED"}, {"action": "SIGNUP"}],
    "customers": [{"action": "PURCHASED"}, {"action": "no such"}],
    "products": [{"action": "PURCHASED"}, {"action": "READ_JOURNAL"}],
    "actions": [{}, {"action": "SIGNUP"}],
    "changes": [{"value": "nul\0"}, {"value": "a\u2028b"}, {"value": "no such"}],
    "timeline": [{"request": "r-1"}, {"request": "no such"}],
}
_NARROWED: tuple[dict[str, Any], ...] = (
    {},
    {"since": SINCE},
    {"until": UNTIL},
    {"since": MIDNIGHT, "until": MIDNIGHT + DAY},
    {"since": 4_102_444_800_000},
    {"service": "shop"},
    {"service": ["shop", "accounts"], "grep": "PURCH"},
    {"service": "no such"},
    {"route": "/orders"},
    {"route": "(no route)"},
    {"method": "GET", "status": [404, "5xx"]},
    {"bucket": "minute"},
    {"bucket": "day", "service": "accounts"},
    {"bucket": "week", "timezone": "America/St_Johns"},
    {"bucket": "5m", "timezone": "Asia/Kathmandu"},
    {"timezone": "Europe/Oslo"},
    {"limit": 1},
    {"limit": 1_000_000},
    {"since": SINCE, "until": UNTIL, "service": "gateway", "limit": 3},
    *({"where": where} for where in oracle.WHERE),
    *({"by": by, "limit": 7} for by in oracle.BY),
)
ASKED = [
    (question, {**needed, **narrowed})
    for question, of in answers.QUESTIONS.items()
    for needed in _NEEDED.get(question, [{}])
    for narrowed in _NARROWED
    if set(narrowed) <= set(of.parameters) and not {*needed} & {*narrowed}
    if narrowed.get("by") not in of.columns
    if not ("new_since" in needed and "since" in narrowed)
]


def instant(milliseconds: int) -> str:
    """Return an instant as a user gives it."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat()


def asked(logs: answers.Logs, question: str, **parameters: Any) -> answers.Answer:
    """Ask *question*; ``since`` and ``until`` are milliseconds, as the oracle takes them."""
    for name in parameters.keys() & {"since", "until", "new_since"}:
        parameters[name] = instant(parameters[name])
    return logs.ask(question, **parameters)


def typed(rows: list[tuple[Any, ...]]) -> list[list[tuple[type, Any]]]:
    """Return *rows* with the types of their values: 1, 1.0 and True are equal to each other."""
    return [[(type(value), value) for value in row] for row in rows]


@pytest.fixture(params=["duckdb", pytest.param("clickhouse", marks=pytest.mark.outside)])
def open_logs(request: pytest.FixtureRequest) -> Open:
    """Give a function that opens a log file on one of the engines."""
    if request.param == "clickhouse":
        loaded: Open = request.getfixturevalue("clickhouse_logs")
        return loaded
    return answers.open


# How a question is narrowed is the same for every table: elsewhere than here these will do.
SOME = tuple(
    (question, parameters)
    for question, parameters in ASKED
    if len(parameters) - len(answers.QUESTIONS[question].requires) in (0, 4)
)


def differences(
    logs: answers.Logs, log: Log, asked_for: Sequence[tuple[str, dict[str, Any]]] = ASKED
) -> Iterator[str]:
    """Yield where an answer has not the columns, rows, types and order that it should have."""
    for question, parameters in asked_for:
        answer = asked(logs, question, **parameters)
        expected = oracle.ask(question, log, **parameters)
        if typed(answer.rows) != typed(expected):
            yield f"{question} {parameters}: {answer.rows} instead of {expected}"


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_exact(open_logs: Open, tmp_path: Path, seed: int) -> None:
    """Every question, however narrowed, has the rows of plain Python: values, types and order."""
    path = tmp_path / "app.ndjson"
    path.write_bytes(log(seed))
    with open_logs(path) as logs:
        # Each log is asked a third of all, and all logs together all.
        assert list(differences(logs, read(log(seed)), ASKED[seed::3])) == []


LITTLE = {
    "nothing": b"",
    "no event": b'\n\r\n  \nTraceback\n[1]\n{\n{"ts":1,"msg":"hello"}\n',
    "one event without fields": b'{"createdAt":1793491200000}',
    "one event with all": (
        b'{"createdAt":1793491200000,"requestId":"r-1","userId":"1","action":"PURCHASED",'
        b'"value":"user:12345","request":{"method":"GET","path":"/"},'
        b'"response":{"httpStatus":404,"responseTime":0}}'
    ),
}


@pytest.mark.parametrize("content", LITTLE.values(), ids=LITTLE)
def test_little_is_answered_exactly(open_logs: Open, tmp_path: Path, content: bytes) -> None:
    """A log of nothing, of nothing good, or of one line, has its answers too: mostly no rows."""
    path = tmp_path / "app.ndjson"
    path.write_bytes(content)
    with open_logs(path) as logs:
        assert list(differences(logs, read(content), SOME)) == []


def test_several_files_are_one_log(tmp_path: Path) -> None:
    """What stands in several files is answered as if it stood in one."""
    contents = [log(seed, 100) for seed in (21, 22, 23)]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.log").write_bytes(content)
    with answers.open(tmp_path) as logs:
        assert list(differences(logs, read(*contents), SOME)) == []


def test_the_columns_are_those_of_the_question(tmp_path: Path) -> None:
    """An answer has its question's columns, in their order, also where it has no rows."""
    path = tmp_path / "app.ndjson"
    path.write_bytes(b"")
    columns = {
        "slowest": "service method endpoint requests median p95 p99 max",
        "waited": "service method endpoint requests total share",
        "latency": "bucket requests median p95 p99",
        "traffic": "bucket requests refused failed share",
        "errors": "service method endpoint requests errors share requestId",
        "exceptions": "type place service events users first last message requestId",
        "statuses": "bucket status requests",
        "bad-links": "path requests",
        "requests": "createdAt service method endpoint status duration userId ipAddress requestId",
        "events": "createdAt service level message userId action value requestId",
        "tasks": "service task runs failed median p95 total",
        "calls": "service host method calls failed median p95 total",
        "releases": "service serviceVersion first requests share median p95 exceptions",
        "clients": "ipAddress requests refused failed users",
        "access": "userId events unusual",
        "accessed": "createdAt userId action ipAddress requestId",
        "revenue": "bucket events total",
        "customers": "userId events total",
        "products": "value events quantity total",
        "actions": "bucket action events",
        "changes": "createdAt userId action oldValue value comment requestId",
        "timeline": "offset createdAt service level message duration requestId"
        " status userId ipAddress exceptionType exceptionMessage stackTrace",
    }
    with answers.open(path) as logs:
        for question in answers.QUESTIONS:
            parameters = _NEEDED.get(question, [{}])[0]
            assert logs.ask(question, **parameters).columns == columns.pop(question).split()
    assert not columns
