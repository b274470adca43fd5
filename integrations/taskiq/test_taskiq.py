"""Taskiq: an id from where a task is sent into its run, over a real Redis and a real worker."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clew.answers.check import check
from integrations.processes import ROOT, Line, Worker, environment
from tests.conftest import (
    Lines,
    lines,
    pytest_runtest_call,
    restored_logging,
    run_fresh,
    run_without,
)
from tests.rows import each_row
from tests.servers.server import fresh_id, until

taskiq = pytest.importorskip("taskiq", reason="Taskiq is not installed: pip install taskiq")
pytest.importorskip(
    "taskiq_redis", reason="taskiq-redis is not installed: pip install taskiq-redis"
)
redis = pytest.importorskip("redis", reason="redis is not installed: pip install redis")
clew_taskiq = pytest.importorskip("clew.taskiq")

__all__ = ["environment", "lines", "pytest_runtest_call", "restored_logging"]

SHOP = "integrations.taskiq.app.shop"

Send = Callable[..., str]


def is_ready(line: Line) -> bool:
    return str(line["message"]) == "Listening started."


@pytest.fixture(scope="module")
def worker(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """A worker of the shop."""
    command = ["taskiq", "worker", f"{SHOP}:broker", "--workers=1", "--no-configure-logging"]
    directory = tmp_path_factory.mktemp("worker")
    with Worker(command, directory, ready=is_ready, environment=environment) as worker:
        yield worker


@pytest.fixture(scope="module")
def send(environment: dict[str, str]) -> Iterator[Send]:
    """Write a task of the shop to the broker, with any label ``clew``; return its id."""
    with redis.Redis.from_url(environment["REDIS"]) as connection:

        def send(name: str, carried: object = None, **kwargs: Any) -> str:
            labels: dict[str, Any] = {"retry_on_error": "true"} if name == "retry" else {}
            if name == "slow":
                labels["timeout"] = "0.1"
            if carried is not None:
                labels["clew"] = carried if isinstance(carried, str) else json.dumps(carried)
            message = {"task_id": (task := fresh_id()), "task_name": f"shop.{name}", "args": []}
            connection.lpush("shop", json.dumps({**message, "labels": labels, "kwargs": kwargs}))
            return task

        yield send


def test_a_worker_in_the_place_of_another_writes_its_lines_once(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A worker that was started when another had ended writes JSON, and no text beside it."""
    command = ["taskiq", "worker", f"{SHOP}:broker", "--workers=1", "--no-configure-logging"]
    how: Any = {"ready": is_ready, "environment": {**environment, "QUEUE": "replaced"}}
    with (
        Worker([*command, "--max-tasks-per-child=1"], tmp_path, **how) as worker,
        redis.Redis.from_url(environment["REDIS"]) as connection,
    ):
        for _ in range(3):
            message = {"task_id": (task := fresh_id()), "task_name": "shop.send_mail"}
            more: dict[str, object] = {"args": [], "kwargs": {}, "labels": {}}
            connection.lpush("replaced", json.dumps({**message, **more}))
            worker.tasks(task)
        assert "Sent mail" not in worker.errors()


SEND = f"""
import asyncio, os, sys
os.environ.update(REDIS=sys.argv[1], SERVICE="web")
sys.path.insert(0, {str(ROOT)!r})
import clew
from {SHOP} import bill, broker
async def main():
    await broker.startup()
    with clew.context(request_id=sys.argv[2], user_id=42, tenant="acme", colour="red"):
        await bill.kiq("order-77")
    await broker.shutdown()
asyncio.run(main())
"""


def test_an_id_travels_from_task_to_task(worker: Worker, environment: dict[str, str]) -> None:
    """The task that a context sends, and the task that this one sends, which runs in a thread,
    log with the context's id, its user and the chosen field; no other field travels."""
    request_id = fresh_id()
    run_fresh(SEND, environment["REDIS"], request_id)

    def found() -> list[Line] | None:
        lines = [line for line in worker.lines() if line.get("requestId") == request_id]
        return lines if sum(line["logger"] == "clew.task" for line in lines) == 2 else None

    lines = until(found, "both records")
    said = [line for line in lines if line["logger"] == "shop"]
    assert [line["message"] for line in said] == ["Billed", "Sent mail"]
    for line in lines:
        assert (line["userId"], line["tenant"], line.get("colour")) == ("42", "acme", None)
    assert [line["task"]["name"] for line in said] == ["shop.bill", "shop.send_mail"]


def test_a_success_is_recorded(worker: Worker, send: Send) -> None:
    """A run that succeeds ends in one record; Taskiq's own lines about it have the id."""
    (log,) = worker.tasks(task := send("send_mail", {"requestId": (request_id := fresh_id())}))
    assert (log.level, log.message) == ("info", "shop.send_mail succeeded")
    assert (log.request_id, log.service) == (request_id, "worker")
    assert (log.task.name, log.task.queue, log.task.retries) == ("shop.send_mail", "shop", 0)
    assert log.task.duration is not None and log.task.duration > 0
    lines = worker.of(task)
    assert {line["logger"] for line in lines} == {"taskiq.receiver.receiver", "shop"}
    assert {line["requestId"] for line in lines} == {request_id}


def test_a_failure_is_recorded(worker: Worker, send: Send) -> None:
    """A run that fails ends in one record with its exception, and Taskiq's own line about it has
    the id."""
    (log,) = worker.tasks(task := send("fail", {"requestId": (request_id := fresh_id())}))
    assert (log.level, log.message) == ("danger", "shop.fail failed")
    assert log.exception is not None
    assert (log.exception.type, log.exception.message) == ("ValueError", "no paper")
    (line,) = [line for line in worker.of(task) if line["level"] == "danger"]
    assert (line["logger"], line["requestId"]) == ("taskiq.receiver.receiver", request_id)


@pytest.mark.parametrize("given", [None, "first"])
def test_retries_keep_the_id(worker: Worker, send: Send, given: str | None) -> None:
    """Each try ends in a record of its own, with the same id."""
    logs = worker.tasks(task := send("retry", given and {"requestId": given}), 3)
    # A try is sent again before the one before it has ended.
    assert sorted((log.task.retries, log.task.outcome, log.level) for log in logs) == [
        (0, "retried", "warning"),
        (1, "retried", "warning"),
        (2, "succeeded", "info"),
    ]
    (request_id,) = {log.request_id for log in logs}
    assert request_id == given or (given is None and uuid.UUID(str(request_id)))
    assert {line["requestId"] for line in worker.of(task)} == {request_id}


ENDS: list[tuple[str, str, str | None]] = [
    ("ignore", "ignored", None),
    ("slow", "failed", "TimeoutError"),
]


@each_row(("name", "outcome", "error"), ENDS)
def test_other_ends_are_recorded(
    worker: Worker, send: Send, name: str, outcome: str, error: str | None
) -> None:
    """A run without a result was ignored, one that takes too long failed."""
    (log,) = worker.tasks(send(name, {"requestId": (request_id := fresh_id())}))
    assert (log.task.outcome, log.request_id) == (outcome, request_id)
    assert (None if log.exception is None else log.exception.type) == error


def test_excluded_tasks_are_recorded_when_they_fail(worker: Worker, send: Send) -> None:
    """A success of an excluded task makes no record, a failure does."""
    quiet = send("quiet")
    until(lambda: worker.of(quiet) or None, "the task to run")
    assert worker.tasks(send("quiet", crash=True))[0].task.outcome == "failed"
    records = [line["task"]["id"] for line in worker.lines() if line["logger"] == "clew.task"]
    assert quiet not in records


def test_scheduled_tasks_have_ids_of_their_own(
    environment: dict[str, str], worker: Worker, tmp_path: Path
) -> None:
    """Every run that a real scheduler starts has an id of its own."""
    command = ["taskiq", "scheduler", f"{SHOP}:scheduler", "--no-configure-logging"]

    def starts(line: Line) -> bool:
        return bool(line["logger"].startswith("taskiq"))

    with Worker(command, tmp_path, ready=starts, environment=environment):

        def ticks() -> list[Line] | None:
            found = [line for line in worker.lines() if line["message"] == "shop.tick succeeded"]
            return found if len(found) >= 2 else None

        records = until(ticks, "two scheduled runs")
    assert len({line["requestId"] for line in records}) == len(records)


BAD_LABELS: list[object] = [
    *("text", "{", "17", "[]", "{}", '"text"', "[" * 100_000),
    *({"requestId": "x" * 201}, {"requestId": "a\nb"}, {"requestId": 5}),
]


@each_row("label", BAD_LABELS)
def test_a_bad_label_is_replaced(worker: Worker, send: Send, label: object) -> None:
    """A label that is no JSON object, or has no safe id, costs the id and not the task."""
    (log,) = worker.tasks(send("send_mail", label))
    assert log.request_id is not None and uuid.UUID(log.request_id)


def test_only_chosen_and_short_fields_are_taken(worker: Worker, send: Send) -> None:
    """Of the fields in the label, those are bound that were chosen here, cut to a bound."""
    fields = {"tenant": "x" * 5000, "level": "debug", "colour": "red"}
    worker.tasks(task := send("send_mail", {"requestId": "r", "fields": fields}))
    (line,) = [line for line in worker.of(task) if line["logger"] == "shop"]
    assert (line["tenant"], line["level"], line.get("colour")) == ("x" * 1024, "info", None)


def test_many_tasks_at_once_mix_nothing_up(worker: Worker, send: Send) -> None:
    """A hundred tasks at once: each line has the id that its task was sent with."""
    tasks = {send("bill", {"requestId": (each := fresh_id())}): each for _ in range(100)}
    for task, request_id in tasks.items():
        (log,) = worker.tasks(task)
        assert {line["requestId"] for line in worker.of(task)} == {request_id} == {log.request_id}


def test_every_line_is_json_and_fits_the_schema(worker: Worker, send: Send, tmp_path: Path) -> None:
    """Whatever the worker and its processes write is a line that `clew check` accepts."""
    worker.tasks(send("send_mail"))
    (tmp_path / "worker.ndjson").write_text(worker.output())
    assert [(line, why) for _, line, why in check([str(tmp_path)]) if why is not None] == []


IN_MEMORY = """
import asyncio
import clew, clew.taskiq
from taskiq import InMemoryBroker
clew.configure_logging()
broker = InMemoryBroker(await_inplace=True)
for user in (False, True):
    clew.taskiq.install(broker, user_id=user)
log = clew.get_logger("shop")
@broker.task("inner")
async def inner(): log.info("Inner")
@broker.task("outer")
async def outer():
    await inner.kiq()
    log.info("Outer")
async def main():
    with clew.context(request_id="r", user_id=7, colour="red"):
        await outer.kiq()
        log.info("After")
asyncio.run(main())
"""


QUOTING = """
import logging
import clew, clew.taskiq
from taskiq import InMemoryBroker
from taskiq.receiver import Receiver
import asyncio
clew.configure_logging(level="DEBUG")
broker = InMemoryBroker()
clew.taskiq.install(broker)

@broker.task
async def mail(secret):
    pass

async def run():
    await (await mail.kiq("in-" + "clear")).wait_result()
    await Receiver(broker).callback(b'{"task_name": 5, "args": ["in-clear"]}')
asyncio.run(run())
"""


def test_taskiqs_own_lines_quote_no_arguments() -> None:
    """Neither the line about a message that cannot be read has it, nor any other."""
    printed = run_fresh(QUOTING)
    assert "Cannot parse message: " in printed
    assert "Executing task" in printed
    assert "in-clear" not in printed


def test_a_task_that_its_sender_waits_for_in_memory() -> None:
    """Tasks that run where they are sent have contexts of their own, with the sender's id; the
    sender's comes back. Installing again changes the options, and records nothing twice."""
    lines = [json.loads(line) for line in run_fresh(IN_MEMORY).splitlines()]
    lines = [line for line in lines if line["logger"] in ("shop", "clew.task")]
    assert [line["message"] for line in lines] == [
        *("Inner", "inner succeeded", "Outer", "outer succeeded", "After"),
    ]
    assert [line.get("task", {}).get("name") for line in lines] == [
        *("inner", "inner", "outer", "outer", None),
    ]
    assert {(line["requestId"], line["userId"]) for line in lines} == {("r", "7")}
    assert [line.get("colour") for line in lines] == [None, None, None, None, "red"]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("shop", {}, "takes a broker of Taskiq, not 'shop'"),
    ("", {"fields": ["sessionId"]}, "fields has 'sessionId', the name of a secret"),
]


@each_row(("broker", "options", "why"), WRONG)
def test_wrong_options_are_refused(broker: str, options: dict[str, Any], why: str) -> None:
    """A wrong option, and what is no broker, is refused in a sentence."""
    with pytest.raises((TypeError, ValueError)) as refused:
        clew_taskiq.install(broker or taskiq.InMemoryBroker(), **options)
    assert why in str(refused.value)


def test_without_taskiq_it_says_what_to_install() -> None:
    """Without Taskiq, importing is refused with the line that installs it."""
    told = run_without("taskiq", "clew.taskiq")
    assert told == "clew.taskiq is for Taskiq: pip install taskiq\n"


# In this process.


@pytest.fixture
def middleware() -> Any:
    """Clew's middleware in a broker."""
    clew_taskiq.install(broker := taskiq.InMemoryBroker())
    return broker.middlewares[0]


def message() -> Any:
    """Return what a broker hands to a worker."""
    return taskiq.TaskiqMessage(task_id="t", task_name="shop.mail", labels={}, args=[], kwargs={})


@pytest.mark.parametrize(
    ("error", "again", "outcome"),
    [
        (None, False, "succeeded"),
        (ValueError("no paper"), False, "failed"),
        (ValueError("no paper"), True, "retried"),
        (taskiq.NoResultError(), False, "ignored"),
    ],
)
def test_a_run_ends_as_its_result_says(
    middleware: Any, lines: Lines, error: Exception | None, again: bool, outcome: str
) -> None:
    """What a task raised, and whether it was sent again, is in its record."""
    of = message()
    result = taskiq.TaskiqResult[Any](
        is_err=error is not None, return_value=None, execution_time=0, error=error
    )
    middleware.pre_execute(of)
    if error is not None:
        middleware.on_error(of, result, error)
    if again:
        middleware.pre_send(of)
    middleware.post_execute(of, result)
    (line,) = lines()
    assert line["task"]["outcome"] == outcome
    assert ("exception" in line) is (outcome in ("failed", "retried"))


def test_a_fault_of_clews_own_stops_no_task(
    middleware: Any, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A message goes on as it came where clew fails, and the fault is said."""
    middleware.settings = None
    of = message()
    assert middleware.pre_send(of) is of
    assert middleware.pre_execute(of) is of
    middleware.on_error(of, None, ValueError())
    middleware.post_execute(of, None)
    assert lines() == []
    assert capsys.readouterr().err.count("AttributeError") >= 2


def test_a_label_that_cannot_be_read_is_none(middleware: Any, lines: Lines) -> None:
    """A label that is no JSON, or no text, gives the run an id of its own."""
    result = taskiq.TaskiqResult[Any](is_err=False, return_value=None, execution_time=0)
    for label in ("{", 5):
        of = message()
        of.labels["clew"] = label
        middleware.pre_execute(of)
        middleware.post_execute(of, result)
    assert len({line["requestId"] for line in lines()}) == 2


def test_the_handler_of_taskiqs_main_process_goes(middleware: Any, lines: Lines) -> None:
    """A worker that has clew's handler does not write its lines as text beside it."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    logging.root.addHandler(handler)
    middleware.startup()
    assert handler in logging.root.handlers
    middleware.broker.is_worker_process = True
    middleware.startup()
    assert handler not in logging.root.handlers
