"""The soak runs, and its judge finds what is wrong with a log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rows import each_row

from .soak.faults import SCENARIOS
from .soak.judge import Judge
from .soak.kinds import ASGI, Note
from .soak.run import soak
from .soak.servers import PROGRAMS

Log = list[dict[str, Any]]


def line(kind: str, number: str, **fields: Any) -> dict[str, Any]:
    """Return a line of the application."""
    return {
        "level": "info",
        "message": "begun",
        "createdAt": 1,
        "logger": "soak",
        "requestId": f"{kind}:{number}",
        "userId": f"u{number}",
        "tenant": f"t{number}",
        "own": number,
    } | fields


def record(kind: str, number: str, status: int = 200, **fields: Any) -> dict[str, Any]:
    """Return an HTTPLog."""
    path = f"/{kind}/{number}"
    made = line(kind, number, logger="clew.http") | {
        "request": {"path": path, "route": f"/{kind}/{{number}}"},
        "response": {"httpStatus": status},
    }
    del made["own"]
    return made | fields


NOTES = {
    "async:0": Note(200, "whole"),
    "async:1": Note(200, "whole"),
    "left:2": Note(200, "left"),
    "crash:3": Note(500, "whole"),
    "ws-client:4": Note(101, "whole", code=1000),
    "wait:5": Note(None, "left"),
}


def log() -> Log:
    """Return a log in which nothing is wrong."""
    crash = {"type": "RuntimeError", "message": "the crash of 3", "stackTrace": "..."}
    return [
        *(line("async", number) for number in "0011"),
        line("left", "2"),
        line("crash", "3"),
        *(line("ws-client", "4") for _ in range(2)),
        line("wait", "5"),
        record("async", "0"),
        record("async", "1"),
        record("left", "2", outcome="aborted"),
        record("crash", "3", 500, outcome="error", exception=crash),
        record(
            "ws-client", "4", outcome="websocket", response={"httpStatus": 101, "closeCode": 1000}
        ),
        record("wait", "5", 499, outcome="aborted"),
    ]


def problems(lines: Log, notes: dict[str, Note] = NOTES, **how: bool) -> list[str]:
    """Return what the judge finds wrong."""
    texts = [json.dumps(each).encode() + b"\n" for each in lines]
    return sorted(Judge(notes, ASGI, **how).verdict(texts).problems)


def test_nothing_is_wrong_with_a_right_log() -> None:
    """The log that the others change is a right one, with each outcome that its client saw."""
    assert problems(log()) == []


RECORD = 9  # the place of the first record


@each_row(
    ("change", "problem"),
    [
        (lambda log: log[0].update(requestId="async:1"), "mixed"),
        (lambda log: log[0].update(userId="u1"), "mixed"),
        (lambda log: log[RECORD].update(tenant="t1"), "mixed"),
        (lambda log: log[12]["exception"].update(message="the crash of 4"), "mixed"),
        (lambda log: log[0].pop("requestId"), "a line without its id"),
        (lambda log: log[0].pop("userId"), "a line without its user or field"),
        (lambda log: log[RECORD].pop("tenant"), "a record without its user or field"),
        (lambda log: log[RECORD]["request"].pop("route"), "a record without its route"),
        (lambda log: log[RECORD]["request"].update(path="/async/1"), "another path"),
        (lambda log: log.append(record("async", "7")), "an id that nobody sent"),
        (lambda log: log.pop(0), "lost lines"),
        (lambda log: log.append(line("async", "0")), "too many lines"),
        (lambda log: log.pop(RECORD), "no record"),
        (lambda log: log.pop(), "no record"),
        (lambda log: log.append(record("async", "0")), "two records"),
        (lambda log: log[RECORD].pop("response"), "a record without its parts"),
        (
            lambda log: log[RECORD]["response"].update(httpStatus=201),
            "another status than the client's",
        ),
        (lambda log: log[RECORD].update(outcome="aborted"), "another outcome than the client's"),
        (lambda log: log[11].pop("outcome"), "another outcome than the client's"),
        (lambda log: log[12].pop("exception"), "a crash without its exception"),
        (lambda log: log[13]["response"].update(closeCode=1006), "another close code"),
    ],
)
def test_the_judge_finds_what_is_wrong(change: Callable[[Log], object], problem: str) -> None:
    """Each kind of fault in a doctored log is found, and nothing else."""
    doctored = log()
    change(doctored)
    assert problem in problems(doctored)


@pytest.mark.parametrize(
    "torn", [b'{"level":"info","mes\n', b'{"level":"inf', b"\0\0{}\n", b"[]\n"]
)
def test_the_judge_finds_torn_lines(torn: bytes) -> None:
    """What is no whole line of JSON is found."""
    assert list(Judge({}, ASGI).verdict([torn]).problems) == ["no whole line"]


def test_the_judge_finds_who_was_not_answered() -> None:
    """A response that broke off is wrong, unless the server was ended."""
    notes = {"async:0": Note(200, "broken")}
    broken = [line("async", "0"), record("async", "0", outcome="aborted")]
    assert problems(broken, notes) == ["unanswered"]
    assert problems(broken, notes, interrupted=True) == []


def test_an_answer_needs_its_record_whatever_happens() -> None:
    """Of a server that was ended, too, who was answered has a record."""
    notes = {"async:0": Note(200, "broken")}
    lines = [line("async", "0")]
    assert problems(lines, notes, interrupted=True) == ["no record"]
    assert problems(lines, notes, interrupted=True, drops=True) == []


def test_the_judge_counts_what_may_be_lost() -> None:
    """What a full disk has cost is counted: each line, and each record."""
    lines = [line("async", "0"), record("async", "1")]
    notes = {name: NOTES[name] for name in ("async:0", "async:1")}
    texts = [json.dumps(each).encode() + b"\n" for each in lines]
    verdict = Judge(notes, ASGI, may_lose=True).verdict(texts)
    assert (verdict.missing, verdict.wrong) == (4, 0)


def test_the_judge_wants_the_id_on_each_response() -> None:
    """A response without its id is found."""
    notes = {"async:0": Note(200, "whole", echoed=False)}
    lines = [line("async", "0"), line("async", "0"), record("async", "0")]
    assert problems(lines, notes) == ["a response without its id"]


@pytest.mark.outside
@pytest.mark.parametrize("name", ["uvicorn", "gunicorn-gthread"])
def test_a_server_does_all_right(name: str, tmp_path: Path) -> None:
    """Of 200 requests of all kinds, at 40 connections, nothing is wrong in the log."""
    report = soak(PROGRAMS[name], tmp_path, PROGRAMS[name].kinds, requests=200, connections=40)
    assert (report.requests, report.verdict.examples) == (200, {})
    assert report.verdict.answered <= report.verdict.records <= 200


@pytest.mark.outside
def test_a_fault_costs_nothing(tmp_path: Path) -> None:
    """A file that is copied and truncated under load loses nothing."""
    scenario = SCENARIOS["copytruncate"]
    stage, verdict = scenario.play(PROGRAMS["uvicorn"], tmp_path, requests=200, connections=20)
    assert (stage.load.done, verdict.examples) == (200, {})
