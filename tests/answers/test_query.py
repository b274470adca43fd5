"""What a question can be given: checked in one sentence, and never anything but a value."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers.query import Query, find_question
from tests.rows import each_row

from .logs_of import MIDNIGHT

REQUIRED: dict[str, dict[str, Any]] = {
    "access": {"action": "BUY"},
    "accessed": {"value": "lamp"},
    "revenue": {"action": "BUY"},
    "customers": {"action": "BUY"},
    "products": {"action": "BUY"},
    "changes": {"value": "lamp"},
    "timeline": {"request": "r-1"},
}
HOSTILE = (
    "'; DROP TABLE logs; --",
    '"; DROP TABLE logs; --',
    "' OR '1'='1",
    "$action",
    "$1",
    "?",
    "%s",
    "{action:String}",
    "{x}",
    "\\",
    "\\'",
    "\\0",
    "'",
    '"',
    "`",
    "a\nb",
    "a\tb",
    "a\0b",
    "/* */ --",
    "😀\u202e\u2028",
    "NULL",
    " ",
    "x" * 100_000,
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[answers.Logs]:
    """Give a log with an event a millisecond around midnight, and one for each hostile value."""
    lines: list[dict[str, Any]] = [
        {"createdAt": MIDNIGHT + offset, "action": "TICK"} for offset in range(-2, 3)
    ]
    for hostile in HOSTILE:
        fields = dict.fromkeys(("action", "value", "requestId", "userId", "service"), hostile)
        lines.append({"createdAt": 1, "oldValue": "old", **fields})
        request = {"method": "GET", "path": hostile}
        response = {"httpStatus": 200, "responseTime": 1}
        lines.append({"createdAt": 1, "request": request, "response": response})
    path = tmp_path_factory.mktemp("hostile") / "app.log"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with answers.open(path) as logs:
        yield logs


def refused(question: str, **parameters: Any) -> str:
    """Return the one sentence with which the parameters are refused."""
    with pytest.raises(AnswerError) as caught:
        Query.of(find_question(question), parameters)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_an_unknown_question_is_answered_with_the_nearest() -> None:
    """A question's name that is mistyped suggests the right one, and all are listed."""
    sentence = refused("slowst")
    assert sentence.startswith("There is no question 'slowst'; did you mean slowest; there are ")
    assert all(name in sentence for name in answers.QUESTIONS)
    assert "did you mean bad-links" in refused("badlinks")
    assert "did you mean" not in refused("'; DROP TABLE logs; --")
    assert "There is no question ''" in refused("")


@each_row("question", REQUIRED)
def test_what_a_question_needs_is_asked_for(logs: answers.Logs, question: str) -> None:
    """Without what it cannot do without, a question says what that is, with an example."""
    [name] = REQUIRED[question]
    assert f"{question} needs {name}, as in --{name} " in refused(question)
    assert f"{question} needs {name}" in refused(question, **{name: None})
    logs.ask(question, **REQUIRED[question])


@each_row("question", answers.QUESTIONS)
def test_a_parameter_that_a_question_does_not_take_is_refused(question: str) -> None:
    """Each question takes exactly what can narrow it; another parameter is named, with those."""
    taken = set(answers.QUESTIONS[question].parameters)
    given: dict[str, Any] = {"route": "/", "bucket": "day", "status": 200, "action": "BUY"}
    for name in given.keys() - taken:
        sentence = refused(question, **REQUIRED.get(question, {}), **{name: given[name]})
        assert sentence.startswith(f"{question} takes no {name}")
        options = (each.replace("_", "-") for each in answers.QUESTIONS[question].parameters)
        assert sentence.endswith(f"it takes {', '.join(options)}")
    assert {"since", "until", "timezone", "service", "where", "grep", "limit"} <= taken


def test_which_questions_take_what() -> None:
    """Routes narrow what is about requests, buckets what runs over time."""
    takes = {name: set(question.parameters) for name, question in answers.QUESTIONS.items()}
    routed = {name for name, parameters in takes.items() if "route" in parameters}
    bucketed = {name for name, parameters in takes.items() if "bucket" in parameters}
    grouped = {name for name, parameters in takes.items() if "by" in parameters}
    about_requests = {"slowest", "waited", "latency", "traffic", "errors", "statuses", "bad-links"}
    assert routed == about_requests | {"releases", "clients", "requests"}
    assert bucketed == {"latency", "traffic", "statuses", "revenue", "actions"}
    lists = {"requests", "events", "timeline", "accessed", "changes", "releases"}
    assert grouped == answers.QUESTIONS.keys() - lists


def test_a_mistyped_parameter_is_answered_with_the_nearest() -> None:
    """A parameter's name that is mistyped suggests the right one."""
    assert "takes no sinze; did you mean since; it takes" in refused("slowest", sinze="2026")


WRONG: dict[tuple[str, str], tuple[Any, ...]] = {
    ("limit", "give a whole number from 1 up"): (
        *(0, -1, 1.5, "x", "", "٣", True, "1e3", 10**30, []),
    ),
    ("status", "give an HTTP status, 100 to 599"): (
        *(99, 600, "abc", "4٠1", -1, 401.0, True, "", "1" * 5000, "6xx", "5x", "٥xx"),
    ),
    ("bucket", "give second, minute, hour, day, week"): (
        "month",
        "0m",
        "",
        3600,
        "Hour",
        [],
        "9999d",
    ),
    ("service", "give a text"): ("", 5, b"shop"),
    ("timezone", "give a time zone, as in Europe/Oslo"): ("Mars", "", 5, "../../etc/passwd", "\0"),
    ("order", "give latest or slowest"): ("fastest", "", 5),
    ("by", "give the name of a field"): ("", 5),
    ("where", "give a condition"): ("", " ", 5, []),
    ("since", "as in 2026-11-01"): ("tomorrow", "", "2026-13-01", "5", "5 m", "25:00", "0h"),
    ("until", "as in 2026-11-01"): ("2026-02-30", "\0", "\udcff", "x" * 999),
    ("until", "give a date, a datetime"): (1_793_491_200_000, 1.5, []),
}


@each_row(("name", "remedy", "value"), [(*key, value) for key, of in WRONG.items() for value in of])
def test_a_wrong_value_is_named_with_the_remedy(name: str, remedy: str, value: Any) -> None:
    """A value that is none of those allowed is shown, with what to give instead."""
    question = {"bucket": "latency", "order": "requests"}.get(name, "slowest")
    sentence = refused(question, **{name: value})
    assert sentence.startswith(f"{name} is {value!r}: ")
    assert remedy in sentence


def test_a_period_without_length_is_refused() -> None:
    """A period that ends before it begins, or just then, is told of with both its ends."""
    for since, until in (("2026-11-02", "2026-11-01"), ("2026-11-01", "2026-11-01T00:00:00Z")):
        sentence = refused("slowest", since=since, until=until)
        assert sentence.startswith(f"since {since} is not before until {until}")


@each_row("hostile", HOSTILE)
def test_a_hostile_value_is_a_value(logs: answers.Logs, hostile: str) -> None:
    """Whatever a value looks like, it is found as the text that it is, and nothing else is."""
    assert logs.ask("customers", action=hostile).rows == [(hostile, 1, 0)]
    assert logs.ask("products", action=hostile, service=hostile).rows == [(hostile, 1, 1, 0)]
    assert len(logs.ask("accessed", value=hostile).rows) == 1
    assert len(logs.ask("changes", value=hostile).rows) == 1
    assert len(logs.ask("timeline", request=hostile).rows) == 1
    found = logs.ask("slowest", route=hostile).rows
    assert found == [(None, "GET", hostile, 1, 1.0, 1.0, 1.0, 1.0)]
    assert logs.ask("slowest", service=hostile).rows == []
    assert logs.ask("actions", action="TICK").rows


@each_row("name", ["since", "until", "bucket", "limit", "status"])
def test_a_hostile_value_is_no_number(name: str) -> None:
    """Where a number, a date or a word is wanted, a hostile value is refused."""
    question = "statuses" if name == "status" else "latency"
    for hostile in HOSTILE:
        assert refused(question, **{name: hostile}).startswith(f"{name} is ")


@pytest.mark.outside
def test_bytes_of_the_shell_that_are_no_text_find_nothing(tmp_path: Path) -> None:
    """An argument that is no UTF-8 reaches Python with lone surrogates: nothing is found."""
    path = tmp_path / "app.log"
    path.write_text('{"createdAt":1,"action":"\\ud83d"}\n')
    script = (
        "import sys; from clew import answers\n"
        "with answers.open(sys.argv[1]) as logs:\n"
        "    print(logs.ask('revenue', action=sys.argv[2]).rows)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, bytes(path), b"\xff\xfe"],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"[]\n"


@each_row(
    ("since", "ticks"),
    [
        ("2026-11-01", 3),
        ("20261101", 3),
        ("2026-11-01T00:00", 3),
        ("2026-11-01 00:00:00", 3),
        ("2026-11-01T00:00:00Z", 3),
        ("2026-11-01T00:00:00.000Z", 3),
        ("2026-11-01T00:00:00.001Z", 2),
        ("2026-10-31T23:59:59.999+00:00", 4),
        ("2026-11-01T01:00:00+01:00", 3),
        ("2026-10-31T18:30:00.002-05:30", 1),
        ("2026-10-31T23:59:59.999999Z", 3),
        ("2026-11-01T00:00:00.000001Z", 2),
        ("2026-11-01T00:00:00.0019", 1),
        (date(2026, 11, 1), 3),
        (datetime(2026, 11, 1), 3),
        (datetime(2026, 11, 1, tzinfo=UTC), 3),
        (datetime(2026, 11, 1, 0, 0, 0, 2000), 1),
        (datetime(2026, 11, 1, 5, tzinfo=timezone(timedelta(hours=5))), 3),
        ("0001-01-01T00:00:00+23:59", 5),
        ("9999-12-31T23:59:59.999999-23:59", 0),
    ],
)
def test_times_are_read_to_the_millisecond(
    logs: answers.Logs, since: str | date, ticks: int
) -> None:
    """Since is inclusive and until exclusive, in any time zone, UTC without one."""

    def events(**period: Any) -> int:
        return sum(row[-1] for row in logs.ask("actions", action="TICK", **period).rows)

    assert events(since=since) == ticks
    assert events(until=since) == 5 - ticks


def test_none_is_not_given(logs: answers.Logs) -> None:
    """A parameter that is None narrows nothing."""
    nothing = dict.fromkeys(("since", "until", "service", "limit", "bucket", "action"))
    assert logs.ask("actions", **nothing).rows == logs.ask("actions").rows


def test_another_question_is_narrowed_alike() -> None:
    """A query about another question keeps what narrows both, as it was written and is bound."""
    scope = Query.of(
        answers.QUESTIONS["slowest"], {"since": "2026-11-01", "route": "/", "limit": 5}
    )
    other = scope.about(answers.QUESTIONS["access"], action="BUY", limit=2)
    assert other.texts == {"since": "2026-11-01", "limit": 2, "action": "BUY"}
    assert other.values == {"since": MIDNIGHT, "limit": 2, "action": "BUY"}
    assert other.subject == "BUY"
    daily = Query.of(answers.QUESTIONS["latency"], {"bucket": "day"})
    actions = answers.QUESTIONS["actions"]
    assert daily.about(actions).values == daily.values
    assert daily.about(actions, bucket="minute").texts == {"bucket": "minute"}
