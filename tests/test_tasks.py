"""A task and its run, whatever the task system: what travels, its context, its record."""

from __future__ import annotations

import enum
import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema
import msgspec
import pytest

import clew
from clew._nested import Nested
from clew._tasks import TaskRun, TaskSettings
from tests.conftest import Lines, Raising
from tests.rows import each_row

log = clew.get_logger("shop")


def run_task(
    outcome: str = "succeeded", error: BaseException | None = None, **more: Any
) -> TaskRun:
    """Return a run that has ended, in which a line was written."""
    settings = TaskSettings(**more.pop("settings", {}))
    about = {"name": "shop.send_mail", "id": "task-1", **more}
    run = TaskRun(settings, about.pop("payload", {"requestId": "r"}), **about)
    run.begin()
    log.info("Sent mail", action="SENT_MAIL")
    run.end(outcome, error)
    return run


def payload_of(settings: TaskSettings, **bound: Any) -> Any:
    with clew.context(request_id="r", **bound):
        return settings.payload()


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        ("succeeded", "info"),
        ("ignored", "info"),
        ("retried", "warning"),
        ("rejected", "warning"),
        ("revoked", "warning"),
        ("failed", "danger"),
    ],
)
def test_a_run_ends_in_a_record(outcome: str, level: str, lines: Lines) -> None:
    """A run's lines carry its id and its task; its record says how it ended, once."""
    run = run_task(outcome, queue="mail", retries=2)
    run.end("failed")
    said, record = lines()
    assert said["task"] == {"name": "shop.send_mail", "id": "task-1"}
    assert said["requestId"] == record["requestId"] == "r"
    assert (record["level"], record["logger"]) == (level, "clew.task")
    assert record["message"] == f"shop.send_mail {outcome}"
    duration = record["task"].pop("duration")
    assert duration == round(duration, 3) >= 0
    task = {"name": "shop.send_mail", "id": "task-1", "queue": "mail", "retries": 2}
    assert record["task"] == {**task, "outcome": outcome}
    assert clew.request_id() is None


def test_a_record_fits_the_schema(lines: Lines) -> None:
    """A record, also one with an exception or without a duration, fits the JSON Schema and reads
    back as a TaskLog."""
    run_task("failed", ValueError("no paper"))
    TaskRun(TaskSettings(), None, name="shop.bill", id=7).end("revoked")
    for line in lines():
        jsonschema.Draft202012Validator(clew.json_schema()).validate(line)
    failed, revoked = [
        msgspec.convert(line, clew.TaskLog) for line in lines() if "outcome" in line["task"]
    ]
    assert failed.exception is not None and failed.exception.type == "ValueError"
    assert (revoked.task.id, revoked.task.duration, revoked.exception) == ("7", None, None)


def test_the_outer_context_comes_back() -> None:
    """A run has a context of its own, within which ever it begins, also when it fails."""
    with clew.context(request_id="outer", tenant="acme"):
        run_task("failed", ValueError("no paper"))
        assert clew.request_id() == "outer"


def test_a_task_runs_within_another() -> None:
    """The run that began last is the innermost one, until it ends."""
    runs: Nested[TaskRun] = Nested("test_nested")
    outer, inner = (TaskRun(TaskSettings(), None, name="shop.bill", id=id) for id in "12")
    assert runs.innermost() is None
    runs.begin(outer)
    runs.begin(inner)
    assert runs.innermost() is inner
    runs.end(inner, "succeeded", None)
    assert runs.innermost() is outer
    runs.end(outer, "succeeded", None)
    assert runs.innermost() is None


def test_an_exception_takes_the_context_along(lines: Lines) -> None:
    """A line about the exception, written after the run has ended, has its id and its task."""
    error = ValueError("no paper")
    run_task("failed", error)
    lines.clear()
    logging.getLogger("worker").error("A task failed", exc_info=error)
    (line,) = lines()
    assert (line["requestId"], line["task"]["id"]) == ("r", "task-1")


def test_a_field_called_task_is_the_applications(lines: Lines) -> None:
    """A line's own field of that name stays as it is; in the record one that was bound stands
    beside the record's."""
    run = TaskRun(TaskSettings(), None, name="shop.send_mail", id="task-1")
    run.begin()
    log.info("Done", task="dishes")
    clew.bind(task="dishes")
    log.info("Again")
    run.end("succeeded")
    log.info("After", task={"duration": 5})
    done, again, record, after = lines()
    assert (done["task"], again["task"], after["task"]) == ("dishes", "dishes", {"duration": 5})
    assert (record["task"]["name"], record["task_"]) == ("shop.send_mail", "dishes")


def test_what_was_bound_is_in_the_record(lines: Lines) -> None:
    """The user and the fields that travelled, or that the task binds, are in its record."""
    settings = TaskSettings(fields=["tenant"], user_id=True)
    payload = {"requestId": "r", "userId": "42", "fields": {"tenant": "acme"}}
    run = TaskRun(settings, payload, name="shop.send_mail", id="task-1")
    run.begin()
    clew.bind(colour="red")
    run.end("succeeded")
    (record,) = lines()
    assert (record["userId"], record["tenant"], record["colour"]) == ("42", "acme", "red")
    assert "task_" not in record


@pytest.mark.parametrize(
    ("settings", "outcomes"),
    [
        ({}, ["succeeded", "failed"]),
        ({"exclude": ["shop.send_mail"]}, ["failed"]),
        ({"exclude": ["shop.*"]}, ["failed"]),
        ({"exclude": ["shop", "*"]}, ["failed"]),
        ({"exclude": ["shop.send"]}, ["succeeded", "failed"]),
        ({"log": False}, []),
    ],
)
def test_which_runs_make_a_record(
    settings: dict[str, Any], outcomes: list[str], lines: Lines
) -> None:
    """An excluded task makes a record when it fails, and none at all with log=False."""
    for outcome in ("succeeded", "failed"):
        run_task(outcome, settings=settings)
    records = [line for line in lines() if line["logger"] == "clew.task"]
    assert [record["task"]["outcome"] for record in records] == outcomes


def test_a_level_that_is_off_makes_no_record(lines: Lines) -> None:
    """The level of the logger clew.task counts."""
    logging.getLogger("clew.task").setLevel(logging.ERROR)
    run_task("succeeded")
    run_task("failed")
    assert [line["message"] for line in lines() if line["logger"] == "clew.task"] == [
        "shop.send_mail failed"
    ]


def test_a_handler_that_raises_harms_no_task(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A handler of the user's that raises costs its own line, and is named."""
    logging.getLogger("clew.task").addHandler(Raising())
    run_task("failed", ValueError("no paper"))
    assert clew.request_id() is None
    assert "the disk is full" in capsys.readouterr().err
    assert [line["message"] for line in lines()] == ["Sent mail", "shop.send_mail failed"]


class Hostile:
    """An object that a broker's serializer might make."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize("given", [Hostile(), None, 7, "x" * 5000, "a\nb", "\ud800", ["x"]])
def test_whatever_a_message_says_of_its_task(given: object, lines: Lines) -> None:
    """A name, an id, a queue or a number of retries of any type and length costs only itself."""
    run_task(name=given, id=given, queue=given, retries=given)
    _, record = lines()
    task = record["task"]
    assert isinstance(task["name"], str) and len(task["name"]) <= 200
    assert isinstance(task["id"], str) and len(task["id"]) <= 200
    assert task.get("retries", 0) in (0, 7)
    jsonschema.Draft202012Validator(clew.json_schema()).validate(record)


@each_row(
    "payload",
    [None, "r", 7, ["r"], {}, {"requestId": None}, {"requestId": "a b"}, {"requestId": "x" * 201}],
)
def test_an_id_that_is_not_safe_is_replaced(payload: object) -> None:
    """What travelled without a safe id costs the id."""
    run = TaskRun(TaskSettings(), payload, name="shop.send_mail", id="task-1")
    assert uuid.UUID(run.request_id)


class Colour(enum.Enum):
    RED = "red"


@each_row(
    ("value", "travels"),
    [
        ("acme", "acme"),
        ("x" * 2000, "x" * 1024),
        ("\ud800", "\\ud800"),
        (7, 7),
        (2**63, str(2**63)),
        (2**9000, hex(2**9000)[:1024]),
        (True, True),
        (1.5, 1.5),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        (uuid.UUID(int=7), str(uuid.UUID(int=7))),
        (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T00:00:00Z"),
        (float("nan"), None),
        (None, None),
        ({"password": "x"}, None),
        (["a"], None),
    ],
)
def test_what_travels_of_a_field(value: object, travels: object) -> None:
    """Texts, numbers and truth values travel, short; what has a short text does as that; lists
    and objects do not. A broker and JSON can take all of it, and it arrives as it was sent."""
    settings = TaskSettings(fields=["tenant", "absent"])
    payload = payload_of(settings, tenant=value, secret="x")
    assert payload == {
        "requestId": "r",
        **({} if travels is None else {"fields": {"tenant": travels}}),
    }
    arrived = TaskRun(settings, json.loads(json.dumps(payload)), name="a", id="b")
    assert arrived.fields.get("tenant") == travels
    assert arrived.payload() == payload


def test_a_task_names_the_task_that_sent_it() -> None:
    """The id of the task in which another is sent travels; what is sent again keeps its sender,
    and one that would have sent itself has none, as has one with an odd sender."""
    settings = TaskSettings()
    sender = TaskRun(settings, {"requestId": "r"}, name="shop.bill", id="task-1")
    sender.begin()
    payload = settings.payload()
    sender.end("succeeded")
    assert payload == {"requestId": "r", "parentId": "task-1"}
    sent = TaskRun(settings, payload, name="shop.send_mail", id="task-2")
    assert sent.task.parent_id == "task-1"
    assert sent.payload() == payload
    for odd in ("task-2", 7, "", None, ["task-1"]):
        run = TaskRun(settings, {"parentId": odd}, name="shop.send_mail", id="task-2")
        assert run.task.parent_id is None
        assert "parentId" not in run.payload()


@each_row(
    ("user", "chosen", "travels"),
    [(7, True, "7"), (7, False, None), (None, True, None), ("u" * 201, True, None)],
)
def test_a_user_travels_when_chosen(user: object, chosen: bool, travels: str | None) -> None:
    """The user's id travels with user_id=True, if it is short."""
    settings = TaskSettings(user_id=chosen)
    payload = payload_of(settings, user_id=user)
    assert payload.get("userId") == travels
    assert TaskRun(settings, payload, name="a", id="b").user_id() == travels
    assert TaskRun(TaskSettings(), payload, name="a", id="b").user_id() is None


def test_nothing_travels_outside_any_context() -> None:
    """Without a context there is nothing to send."""
    assert TaskSettings().payload() is None


def test_renamed_fields_travel_under_either_name() -> None:
    """A field that Python spells otherwise is chosen by either of its names."""
    for name in ("old_value", "oldValue"):
        payload = payload_of(TaskSettings(fields=[name]), old_value="1")
        assert payload["fields"] == {"oldValue": "1"}


@pytest.mark.parametrize("options", [{}, {"redact": "strict"}, {"service": "worker"}])
def test_a_record_is_masked_as_any_line_is(options: dict[str, Any], lines: Lines) -> None:
    """With redact="strict", texts of a record and of its exception are masked as well."""
    lines.configure(**options)
    run_task("failed", ValueError("no mail for bob@example.com"), name="shop.bob@example.com")
    said, record = lines()
    masked = "redact" in options
    for text in (record["message"], record["task"]["name"], record["exception"]["message"]):
        assert ("bob@example.com" in text) != masked
    assert ("bob@" in said["task"]["name"]) != masked
    assert record.get("service") == options.get("service")


def test_a_record_on_a_terminal(lines: Lines) -> None:
    """On a terminal a record is one line, with its duration and its task."""
    lines.configure(format="console")
    run_task(queue="mail")
    _, text = lines.raw().splitlines()
    assert "shop.send_mail succeeded" in text
    assert " ms  " in text
    assert "requestId=r" in text and "id=task-1" in text and "queue=mail" in text


def test_other_formatters_see_the_task(restored_logging: None) -> None:
    """A handler of the user's finds the task on its record, and clew's own line has it once."""
    seen: list[logging.LogRecord] = []

    class Seeing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)

    logging.getLogger("clew.task").addHandler(Seeing())
    run_task("failed", ValueError("no paper"))
    (record,) = seen
    task: Any = record.task  # type: ignore[attr-defined]
    assert (task.name, task.outcome) == ("shop.send_mail", "failed")
    line = json.loads(clew.JSONFormatter().format(record))
    assert line["task"]["outcome"] == "failed" and "task_" not in line


@pytest.mark.parametrize(
    "make", [lambda: TaskSettings(fields=["tenant"] * 3), lambda: TaskSettings(exclude=("*",))]
)
def test_odd_but_right_options(make: Callable[[], TaskSettings]) -> None:
    """Names may be given twice, and a lone star excludes all."""
    assert make()


def test_a_fault_of_clews_own_costs_no_task_its_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the fields that travel cannot be chosen, the id travels alone."""
    monkeypatch.setattr(TaskSettings, "select", None)
    with clew.context(request_id="r-1"):
        assert TaskSettings().payload() == {"requestId": "r-1"}
    assert "TypeError" in capsys.readouterr().err


def test_a_record_that_fails_ends_its_run(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run whose record cannot be made leaves its context all the same."""
    monkeypatch.setattr(TaskRun, "_make", None)
    run = TaskRun(TaskSettings(), None, name="shop.mail", id="1")
    run.begin()
    run.end("succeeded")
    assert clew.request_id() is None
    assert "TypeError" in capsys.readouterr().err
