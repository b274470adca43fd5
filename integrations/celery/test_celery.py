"""Celery: an id from a request into its tasks, over a real Redis and real workers."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import clew
from clew.answers.check import check
from integrations.processes import ROOT, Line, Worker
from tests.conftest import run_fresh, run_without
from tests.servers.server import PATIENCE, Server, fresh_id, until

from .conftest import SHOP, worker_of

celery = pytest.importorskip("celery", reason="Celery is not installed: pip install celery redis")
fastapi = pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install fastapi")

Send = Callable[..., str]


@pytest.fixture(scope="module")
def sender(environment: dict[str, str]) -> Iterator[Any]:
    """Somebody who writes to the broker, without clew."""
    app = celery.Celery("anybody", broker=environment["REDIS"], set_as_current=False)
    yield app
    app.close()


@pytest.fixture(scope="module")
def send(sender: Any) -> Send:
    """Send a task of the shop, with any header ``clew``; return its id."""

    def send(name: str, carried: object = None, args: tuple[Any, ...] = (), **how: Any) -> str:
        if carried is not None:
            how["headers"] = {"clew": carried}
        return str(sender.send_task(f"shop.{name}", args, **how).id)

    return send


def carried(request_id: str, **more: Any) -> dict[str, Any]:
    return {"requestId": request_id, **more}


def settled(worker: Worker, send: Send) -> None:
    """Wait until a task has been run that was sent now: a record too many would show."""
    for _ in range(2):  # one for each of the two that the worker runs at once
        worker.tasks(send("late"))


def of_request(worker: Worker, request_id: str, name: str, count: int) -> list[clew.TaskLog]:
    """Return the TaskLogs of a request's tasks of that name, as soon as there are *count*."""

    def found() -> list[clew.TaskLog] | None:
        logs = [
            msgspec.convert(line, clew.TaskLog)
            for line in worker.lines()
            if line["logger"] == "clew.task"
            and line["requestId"] == request_id
            and line["task"]["name"] == name
        ]
        return logs if len(logs) >= count else None

    return until(found, f"{count} records of {name}")


# From a request to its tasks.


def test_a_request_and_its_tasks_have_one_id(web: Server, worker: Worker, send: Send) -> None:
    """The task that a request starts, and the task that this task starts, log with the request's
    id, its user and the chosen field; no other field and no secret travels."""
    answer = web.ask("/orders", request_id := fresh_id(), method="POST")
    (bill,) = worker.tasks(json.loads(answer.body)["task"])
    (mail,) = of_request(worker, request_id, "shop.send_mail", 1)
    assert bill.request_id == mail.request_id == request_id
    assert bill.user_id == mail.user_id == "42"
    (billed,), (sent,) = worker.of(bill.task.id), worker.of(mail.task.id)
    assert (billed["action"], sent["action"]) == ("BILLED", "SENT_MAIL")
    for line, log in ((billed, bill), (sent, mail)):
        assert line["requestId"] == request_id
        assert (line["userId"], line["tenant"], line["attempt"]) == ("42", "acme", 1)
        assert line["task"] == {"name": log.task.name, "id": log.task.id}
        assert not {"basket", "colour"} & line.keys()
    settled(worker, send)
    assert len(worker.tasks(bill.task.id)) == len(worker.tasks(mail.task.id)) == 1


def test_the_timeline_shows_the_request_and_its_tasks(
    web: Server, worker: Worker, tmp_path: Path
) -> None:
    """`clew timeline` over the logs of both services shows the request, the task that it started
    and the task that this one started, each as a bar."""
    web.ask("/orders", request_id := fresh_id(), method="POST")
    for task in ("shop.bill", "shop.send_mail"):
        of_request(worker, request_id, task, 1)
    until(lambda: web.records(request_id) or None, "the request's record")
    for name, process in (("web", web), ("worker", worker)):
        (tmp_path / f"{name}.ndjson").write_text(process.output())
    script = "import sys\nfrom clew.__main__ import main\nsys.exit(main())"
    shown = run_fresh(script, "timeline", request_id, str(tmp_path)).splitlines()
    bars = {label: "━" in row for row in shown for label in LABELS if label in row}
    assert bars == LABELS


LABELS = {
    "POST /orders 200": True,
    "shop.bill succeeded": True,
    "shop.send_mail succeeded": True,
    "Took order": False,
    "Sent mail": False,
}


FLOWS = {
    "chain": {"shop.add": 3},
    "group": {"shop.add": 3},
    "chord": {"shop.add": 2, "shop.total": 1},
    "link": {"shop.add": 2},
    "errback": {"shop.fail": 1, "shop.total": 1},
    "replace": {"shop.fan_out": 1, "shop.add": 2, "shop.total": 1},
}


def test_every_task_of_a_flow_has_the_id(web: Server, worker: Worker) -> None:
    """The tasks of chains, groups and chords, links and replacements have the request's id."""
    for flow, counts in FLOWS.items():
        web.ask(f"/flows/{flow}", request_id := fresh_id(), method="POST")
        for name, count in counts.items():
            assert len(of_request(worker, request_id, name, count)) == count, flow


# The record of a run.


def test_a_success_is_recorded(worker: Worker, send: Send) -> None:
    """A run that succeeds ends in one record, with its queue and duration."""
    (log,) = worker.tasks(task := send("send_mail", carried(request_id := fresh_id())))
    assert (log.level, log.message) == ("info", "shop.send_mail succeeded")
    assert (log.logger, log.service, log.request_id) == ("clew.task", "worker", request_id)
    assert (log.task.name, log.task.id, log.task.queue) == ("shop.send_mail", task, "celery")
    assert (log.task.retries, log.task.outcome, log.exception) == (0, "succeeded", None)
    assert log.task.duration is not None
    assert log.task.duration == round(log.task.duration, 3) > 0


def test_a_failure_is_recorded(worker: Worker, send: Send) -> None:
    """A run that fails ends in one record with its exception, and Celery's own line about it has
    the id."""
    (log,) = worker.tasks(task := send("fail", carried(request_id := fresh_id())))
    assert (log.level, log.message) == ("danger", "shop.fail failed")
    assert log.exception is not None
    assert (log.exception.type, log.exception.message) == ("ValueError", "no paper")
    assert 'raise ValueError("no paper")' in log.exception.stack_trace
    [line] = [line for line in worker.of(task) if line["logger"] == "celery.app.trace"]
    assert (line["level"], line["requestId"]) == ("danger", request_id)
    settled(worker, send)
    assert len(worker.tasks(task)) == 1


@pytest.mark.parametrize("request_id", [None, "first"])
def test_retries_keep_the_id(worker: Worker, send: Send, request_id: str | None) -> None:
    """Each try ends in a record of its own; all have one id, whether the sender gave it or not,
    and the fields that the sender bound."""
    given = request_id and carried(fresh_id(), fields={"tenant": "acme"})
    logs = worker.tasks(task := send("retry", given), 3)
    assert sorted((log.task.retries, log.task.outcome, log.level) for log in logs) == [
        (0, "retried", "warning"),
        (1, "retried", "warning"),
        (2, "succeeded", "info"),
    ]
    ids = {log.request_id for log in logs}
    assert ids == ({given["requestId"]} if given else ids) and len(ids) == 1
    exceptions = [log.exception.type for log in logs if log.exception]
    assert exceptions == ["ConnectionError", "ConnectionError"]
    tries = worker.of(task)
    assert sorted(line["attempt"] for line in tries) == [0, 1, 2]
    assert {line.get("tenant") for line in tries} == {"acme" if given else None}


def test_the_last_retry_fails(worker: Worker, send: Send) -> None:
    """A run that may not be tried again failed."""
    logs = worker.tasks(send("auto", carried(fresh_id())), 2)
    assert sorted(log.task.outcome for log in logs) == ["failed", "retried"]


def test_other_ends_are_recorded(worker: Worker, send: Send) -> None:
    """A run that is rejected or ignored, or acknowledged late, ends in one record as well."""
    for name, outcome, level in (
        ("reject", "rejected", "warning"),
        ("ignore", "ignored", "info"),
        ("late", "succeeded", "info"),
    ):
        (log,) = worker.tasks(task := send(name, carried(request_id := fresh_id())))
        assert (log.task.outcome, log.level, log.request_id) == (outcome, level, request_id)
        settled(worker, send)
        assert len(worker.tasks(task)) == 1, name


def test_a_soft_time_limit_is_a_failure(
    environment: dict[str, str], worker: Worker, send: Send, request: pytest.FixtureRequest
) -> None:
    """A task that is told to end by its time limit logs with its id, and its run failed."""
    if request.node.callspec.params["worker"] == "threads":
        pytest.skip("there are no time limits in threads")
    (log,) = worker.tasks(task := send("slowish", carried(request_id := fresh_id())))
    assert log.exception is not None
    assert log.exception.type.endswith("SoftTimeLimitExceeded")
    assert (log.task.outcome, log.request_id) == ("failed", request_id)
    assert "Too slow" in [line["message"] for line in worker.of(task)]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("die", "WorkerLostError"), ("leave", "WorkerLostError"), ("slow", "TimeLimitExceeded")],
)
def test_a_process_that_is_lost_is_recorded_by_the_worker(
    worker: Worker, send: Send, name: str, kind: str, request: pytest.FixtureRequest
) -> None:
    """A task whose process is killed, leaves, or exceeds the hard time limit cannot log: the
    worker does, once, with its id and fields and how long it ran."""
    if request.node.callspec.params["worker"] == "threads":
        pytest.skip("threads are not killed")
    if name == "leave" and celery.VERSION < (5, 6):
        pytest.skip("Celery 5.6 is the first to tell of a process that leaves")
    given = carried(fresh_id(), userId="42", fields={"tenant": "acme"})
    (log,) = worker.tasks(task := send(name, given))
    assert (log.task.outcome, log.level) == ("failed", "danger")
    assert (log.request_id, log.user_id) == (given["requestId"], "42")
    assert log.exception is not None and log.exception.type.endswith(kind)
    assert log.task.duration is not None
    settled(worker, send)
    assert len(worker.tasks(task)) == 1


def test_a_cold_shutdown_loses_its_task_and_says_so(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """A worker that ends at once says nothing of the task that it ran: the next one does, once. A
    task that leaves by itself is its worker's to say, and nobody says it again.
    """
    if celery.VERSION < (5, 6):
        pytest.skip("Celery 5.6 is the first to tell of a process that leaves")
    folder, broker = tmp_path / "run", environment["REDIS"].removesuffix("/0") + "/1"
    environment = {**environment, "REDIS": broker, "UNFINISHED": str(folder)}
    app = celery.Celery("cold", broker=broker, set_as_current=False)
    try:
        with worker_of("prefork", environment, tmp_path) as worker:
            left = app.send_task("shop.leave").id
            assert [log.task.outcome for log in worker.tasks(left)] == ["failed"]
            task = app.send_task("shop.endless", headers={"clew": carried("r-1")}).id
            until(lambda: worker.of(task) or None, "the task to run")
            worker.process.send_signal(signal.SIGQUIT)
            worker.process.wait(PATIENCE)
            lines = worker.lines()
    finally:
        app.close()
    script = "import sys\nfrom clew.__main__ import main\nsys.exit(main())"
    lost = [json.loads(line) for line in run_fresh(script, "unfinished", str(folder)).splitlines()]
    records = [line for line in (*lines, *lost) if line["logger"] == "clew.task"]
    assert [(line["task"]["id"], line["task"]["outcome"]) for line in records] == [
        *((left, "failed"), (task, "lost")),
    ]
    assert records[-1]["requestId"] == "r-1"


def test_a_task_that_is_terminated_is_revoked(
    worker: Worker, sender: Any, send: Send, request: pytest.FixtureRequest
) -> None:
    """A task that runs and is revoked ends in one record, from the worker."""
    if request.node.callspec.params["worker"] == "threads":
        pytest.skip("threads are not killed")
    task = send("slow", carried(request_id := fresh_id()))
    until(lambda: worker.of(task) or None, "the task to run")
    sender.control.revoke(task, terminate=True)
    (log,) = worker.tasks(task)
    assert (log.task.outcome, log.level, log.request_id) == ("revoked", "warning", request_id)
    assert log.task.duration is not None
    settled(worker, send)
    assert len(worker.tasks(task)) == 1


def test_a_task_that_has_expired_is_revoked(worker: Worker, send: Send) -> None:
    """A task that never ran has a record without a duration."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    (log,) = worker.tasks(send("send_mail", carried(request_id := fresh_id()), expires=past))
    assert (log.task.outcome, log.task.duration) == ("revoked", None)
    assert log.request_id == request_id


def test_an_unknown_task_is_rejected(worker: Worker, send: Send) -> None:
    """A task that the worker does not know has a record with the sender's id."""
    (log,) = worker.tasks(send("nothing", carried(request_id := fresh_id())))
    assert (log.message, log.request_id) == ("shop.nothing rejected", request_id)
    assert log.exception is not None and log.exception.type.endswith("NotRegistered")


def test_excluded_tasks_are_recorded_when_they_fail(worker: Worker, send: Send) -> None:
    """A success of an excluded task makes no record, a failure does."""
    quiet = send("quiet", carried(fresh_id()))
    (log,) = worker.tasks(send("quiet", carried(fresh_id()), kwargs={"crash": True}))
    assert log.task.outcome == "failed"
    settled(worker, send)
    assert not [line for line in worker.lines() if line.get("task", {}).get("id") == quiet]


def test_what_a_task_binds_is_in_its_record(worker: Worker, send: Send) -> None:
    """A user and fields that a task binds are in its record; a field of its own called task is
    written as it is on its lines, and beside the record's."""
    given = carried(fresh_id(), userId="42", fields={"tenant": "acme"})
    (log,) = worker.tasks(task := send("bound", given))
    assert (log.user_id, log.task.name) == ("88", "shop.bound")
    own = [line for line in worker.lines() if line.get("message") == "Bound"][-1]
    assert (own["task"], own["tenant"], own["requestId"]) == ({"own": 1}, "mine", log.request_id)
    (record,) = [
        line for line in worker.lines() if line.get("task_") and line["task"]["id"] == task
    ]
    assert (record["task_"], record["tenant"]) == ("dishes", "mine")


def test_a_sender_without_a_context(worker: Worker, send: Send) -> None:
    """A task that is sent without an id gets one of its own, different for each."""
    ids = [worker.tasks(send("send_mail"))[0].request_id for _ in range(2)]
    assert len({uuid.UUID(each).version for each in ids if each}) == 1
    assert len(set(ids)) == 2


def test_the_older_message_protocol(environment: dict[str, str], worker: Worker) -> None:
    """The header travels with messages of Celery's protocol 1, too."""
    app = celery.Celery("old", broker=environment["REDIS"], set_as_current=False)
    app.conf.task_protocol = 1
    given = carried(request_id := fresh_id())
    task = app.send_task("shop.send_mail", headers={"clew": given}).id
    app.close()
    assert worker.tasks(task)[0].request_id == request_id


def test_periodic_tasks_have_ids_of_their_own(
    environment: dict[str, str], worker: Worker, tmp_path: Path
) -> None:
    """Every run that a real beat starts has an id of its own."""
    command = ["celery", "--quiet", "-A", SHOP, "beat"]
    schedule = {**environment, "SCHEDULE": str(tmp_path / "schedule")}

    def starts(line: Line) -> bool:
        return bool(line["logger"] == "celery.beat")

    with Worker(command, tmp_path, ready=starts, environment=schedule):

        def ticks() -> list[Line] | None:
            found = [line for line in worker.lines() if line["message"] == "shop.tick succeeded"]
            return found if len(found) >= 3 else None

        records = until(ticks, "three periodic runs")
    assert len({line["requestId"] for line in records}) == len(records)
    (line,) = worker.of(records[0]["task"]["id"])
    assert (line["message"], line["requestId"]) == ("Tick", records[0]["requestId"])


# What a stranger writes to the broker.


BAD_HEADERS: list[object] = [
    "text",
    17,
    [],
    {},
    carried(""),
    carried("x" * 201),
    carried('forged"}\n{"level":"info"'),
    carried("id\u2028"),
    {"requestId": 5},
    {"requestId": {"a": "b"}},
    {"requestId": None, "userId": "7"},
]


def test_a_bad_header_is_replaced(worker: Worker, send: Send) -> None:
    """A header that is no object, or whose id is not safe, costs the id and not the task; no try
    hands it on."""
    for header, task in [(header, send("retry", header)) for header in BAD_HEADERS]:
        (request_id,) = {log.request_id for log in worker.tasks(task, 3)}
        assert request_id is not None and uuid.UUID(request_id), header
        assert {line["requestId"] for line in worker.of(task)} == {request_id}, header


def test_a_strange_set_of_headers_costs_the_id(worker: Worker, sender: Any) -> None:
    """What stands in the place of all headers, and is none, costs no task."""
    task = sender.send_task("shop.retry", headers={"headers": "text", "retries": 0}).id
    (request_id,) = {log.request_id for log in worker.tasks(task, 3)}
    assert request_id is not None and uuid.UUID(request_id)


FIELDS: list[tuple[object, dict[str, object]]] = [
    ({"tenant": "x" * 5000}, {"tenant": "x" * 1024}),
    ({"tenant": 2**70}, {"tenant": str(2**70)}),
    ({"tenant": True}, {"tenant": True}),
    ({"tenant": {"a": ["b"]}}, {}),
    ({"tenant": ["a"] * 1000}, {}),
    ({"tenant": None}, {}),
    ({f"field{n}": n for n in range(1000)}, {}),
    (
        {"requestId": "forged", "level": "debug", "password": "x", "tenant": "a"},
        {"tenant": "a"},
    ),
    ("text", {}),
    ([1], {}),
]


def test_only_chosen_and_short_fields_are_taken(worker: Worker, send: Send) -> None:
    """Of the fields in a header, those are bound that were chosen here, cut to a bound."""
    known = {"level", "message", "createdAt", "logger", "service", "requestId", "task"}
    for fields, kept in FIELDS:
        (log,) = worker.tasks(task := send("send_mail", carried(fresh_id(), fields=fields)))
        (line,) = worker.of(task)
        taken = {key: line[key] for key in line.keys() - known - {"action", "value"}}
        assert (taken, line["requestId"]) == (kept, log.request_id)


def test_only_a_short_text_is_a_user(worker: Worker, send: Send) -> None:
    """Of what stands as a user in a header, a short text is taken."""
    for user, taken in (("42", "42"), (42, None), ("", None), ("u" * 201, None), ({"a": 1}, None)):
        (log,) = worker.tasks(send("send_mail", carried(fresh_id(), userId=user)))
        assert log.user_id == taken, user


# The worker's own lines.


def test_arguments_and_results_are_in_no_line(worker: Worker, send: Send) -> None:
    """What a task is called with, and what it returns, stands in none of Celery's lines."""
    secret = fresh_id()
    worker.tasks(send("fail", args=(secret,)))
    worker.tasks(send("send_mail"))
    output = worker.output()
    assert secret not in output
    assert "the secret of" not in output


def test_the_arguments_of_an_unknown_task_are_in_no_line(worker: Worker, send: Send) -> None:
    """The line about a task that the worker does not know says which, not with what."""
    secret = fresh_id()
    worker.tasks(send("nothing", args=(secret,), kwargs={"password": secret}))
    said = [line for line in worker.lines() if "unregistered task" in str(line["message"])]
    assert "shop.nothing" in said[-1]["message"]
    assert secret not in worker.output()


QUOTING = """
import logging, sys
import celery
from celery.worker.consumer import consumer
import clew, clew.celery
clew.configure_logging(level="DEBUG")
clew.celery.install(celery.Celery("shop"), log=sys.argv[1] == "True")
body, headers = "['in-clear']", {"argsrepr": "['in-clear']"}
consumer.error(consumer.UNKNOWN_TASK_ERROR, KeyError("shop.nothing"), body, headers, {})
consumer.error(consumer.INVALID_TASK_ERROR, ValueError("why"), body)
consumer.warn(consumer.UNKNOWN_FORMAT, body)
consumer.crit(consumer.MESSAGE_DECODE_ERROR, ValueError("why"), "a", "b", str(headers), body)
from celery.app import trace
data = {"name": "shop.mail", "id": "1", "runtime": 1, "return_value": "in-clear",
        "args": "['in-clear']", "kwargs": "{}"}
trace.logger.info(trace.LOG_SUCCESS, data, extra={"data": data})
logging.getLogger("celery.worker.strategy").warning("Task %(name)s %(args)s", data)
logging.getLogger("celery.worker.strategy").error(
    "Couldn't convert ETA %r to timestamp: %r. Task: %r", "soon", ValueError("why"), data)
broken = UnicodeDecodeError("utf-8", b"in-clear", 0, 1, "invalid start byte")
consumer.crit(consumer.MESSAGE_DECODE_ERROR, broken, "a", "b", str(headers), body)
retry = "Can't retry shop.mail[1] args:['in-clear'] kwargs:{'card': 'in-clear'}"
logging.getLogger("celery.worker.request").error("Task handler raised error: %r", OSError(retry))
"""


@pytest.mark.parametrize("log", [True, False])
def test_celerys_own_lines_quote_no_arguments(log: bool) -> None:
    """Whether TaskLogs are written or not, no line of Celery's has arguments or results."""
    printed = run_fresh(QUOTING, str(log))
    assert "Received unregistered task of type 'shop.nothing'." in printed
    assert "Received invalid task message: why" in printed
    assert "Received and deleted unknown message." in printed
    assert "decode message body: ValueError('why')" in printed
    assert ("Task shop.mail[1] succeeded" in printed) is not log
    assert "Task shop.mail ***" in printed
    assert "Couldn't convert ETA 'soon' to timestamp: ValueError('why')." in printed
    assert "decode message body: 'UnicodeDecodeError'" in printed
    assert "Can't retry shop.mail[1] args:*** kwargs:***" in printed
    assert "in-clear" not in printed


def test_every_line_is_json_and_fits_the_schema(worker: Worker, send: Send, tmp_path: Path) -> None:
    """Whatever the worker and its processes write is a line that `clew check` accepts, but for
    what tasks print."""
    worker.tasks(send("print"))
    log = tmp_path / "worker.ndjson"
    text = worker.output()
    log.write_text(text.replace("printed\n", ""))
    assert text.count("printed\n") >= 1
    assert [(line, why) for _, line, why in check([str(log)]) if why is not None] == []


# Without a worker: tasks that run where they are called.

EAGER = """
import os, sys
os.environ.update(REDIS="memory://", BACKEND="cache+memory://", EAGER="1")
sys.path.insert(0, sys.argv[1])
import clew
from integrations.celery.app import shop
with clew.context(request_id="outer", user_id="42", tenant="acme", colour="red"):
    {calls}
    clew.get_logger("shop").info("After")
"""


def eager(*calls: str) -> list[Line]:
    """Return the lines of *calls* in a process where tasks run at once."""
    script = EAGER.format(calls="\n    ".join(calls))
    lines = [json.loads(line) for line in run_fresh(script, str(ROOT)).splitlines()]
    return [line for line in lines if line["logger"] in ("shop", "clew.task")]


def test_an_eager_task_has_its_callers_id() -> None:
    """A task that runs where it is called has a context of its own, with the caller's id; the
    caller's comes back."""
    *lines, after = eager("shop.bill.delay()")
    assert [line["message"] for line in lines] == [
        *("Billed", "Sent mail", "shop.send_mail succeeded", "shop.bill succeeded"),
    ]
    assert {line["requestId"] for line in lines} == {"outer"}
    assert {(line["userId"], line["tenant"], line.get("colour")) for line in lines} == {
        ("42", "acme", None)
    }
    assert [line["task"]["name"] for line in lines[:2]] == ["shop.bill", "shop.send_mail"]
    assert (after["colour"], after.get("task")) == ("red", None)


OUTSIDE = "import contextvars; contextvars.Context().run(shop.retry.apply, throw=False)"


def test_eager_retries_keep_the_id() -> None:
    """Tries that follow at once have one id, inside a context and outside of any."""
    calls = ("shop.retry.delay()", "shop.retry.apply()", OUTSIDE)
    *lines, _ = eager(*calls)
    assert len(lines) == 18, "a line and a record for each try"
    for number, call in enumerate(calls):
        own = lines[number * 6 : number * 6 + 6]
        records = [line for line in own if line["logger"] == "clew.task"]
        assert [(r["task"].get("retries", 0), r["task"]["outcome"]) for r in records] == [
            (0, "retried"),
            (1, "retried"),
            (2, "succeeded"),
        ]
        (request_id,) = {line["requestId"] for line in own}
        assert (request_id == "outer") == (call != OUTSIDE)


def test_an_eager_retry_that_is_raised() -> None:
    """A retry that an eager task hands on to its caller is one, with its cause."""
    *lines, after = eager(
        "from celery.exceptions import Retry",
        "try: shop.retry.apply(throw=True)",
        "except Retry: pass",
    )
    assert lines[-1]["task"]["outcome"] == "retried"
    assert lines[-1]["exception"]["type"] == "ConnectionError"
    assert after["requestId"] == "outer"


def test_an_eager_exception_leaves_no_context() -> None:
    """An exception that an eager task hands on to its caller is in its record, and not in that of
    a task which runs while it is handled."""
    *lines, after = eager(
        "try: shop.fail.apply(throw=True)",
        "except ValueError: shop.late.apply(); shop.ignore.apply(); shop.quiet.apply()",
    )
    records = [line for line in lines if line["logger"] == "clew.task"]
    assert [(r["task"]["outcome"], "exception" in r) for r in records] == [
        ("failed", True),
        ("succeeded", False),
        ("ignored", False),
    ]
    assert after.get("task") is None and after["requestId"] == "outer"


def test_an_exception_that_a_task_returns_is_its_result() -> None:
    """A task that gives an exception to its caller has succeeded."""
    why = "def why(): return ValueError('kept')"
    *lines, _ = eager(why, "shop.app.task(name='shop.why')(why).apply()")
    (record,) = (line for line in lines if line["logger"] == "clew.task")
    assert record["task"]["outcome"] == "succeeded"
    assert "exception" not in record


BESIDE = """
import logging
from celery import Celery, signals
import clew, clew.celery
mine, other = (Celery(name, broker="memory://", set_as_current=False) for name in ("a", "b"))
clew.configure_logging()
clew.celery.install(mine)

@mine.task(name="mine")
def bill(): clew.get_logger("shop").info("mine")

@other.task(name="other")
def mail(): clew.get_logger("shop").info("other")

for task in (bill, mail):
    task.apply()
    task.push_request(id=task.name)
    signals.task_revoked.send(task, request=task.request, terminated=False)
logging.getLogger("celery.app.trace").warning(ValueError("no text"))
"""


def test_an_app_beside_it_is_left_alone() -> None:
    """Tasks of an app that clew is not installed in have no context and no record; a line of
    Celery's that is no text is written as it is."""
    lines = [json.loads(line) for line in run_fresh(BESIDE).splitlines()]
    assert [(line["message"], line.get("task", {}).get("name")) for line in lines] == [
        ("mine", "mine"),
        ("mine succeeded", "mine"),
        ("mine revoked", "mine"),
        ("other", None),
        ("no text", None),
    ]


LOST = """
import os, signal, sys
from pathlib import Path
from billiard.exceptions import WorkerLostError
from celery import Celery, signals
from celery.contrib.testing.mocks import TaskMessage
from celery.worker.request import Request
import clew, clew.celery
from clew._table import Table
from clew._tasks import TaskRun, TaskSettings
from clew._unfinished import unfinished

folder = Path(sys.argv[1])
app = Celery("shop", broker="memory://", set_as_current=False)
clew.celery.install(app)
clew.configure_logging(unfinished=folder)
signals.worker_init.send(sender=None)

@app.task(name="bill")
def bill(): pass

def run_of(request):
    return TaskRun(TaskSettings(), {"requestId": request.id}, name="bill", id=request.id)

def recorded(request):
    run = run_of(request)
    run.begin()
    run.end("succeeded")

def begun(request):
    table = Table(folder, {"log": ["\\0", 1, 2], "guardian": unfinished._guardian})
    table.begin(run_of(request)).ending()

for work in (recorded, begun):
    request = Request(TaskMessage("bill"), app=app)
    signals.task_received.send(sender=None, request=request)
    if (child := os.fork()) == 0:
        try:
            work(request)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    lost = WorkerLostError("killed")
    signals.task_failure.send(sender=bill, task_id=request.id, exception=lost)
"""


def test_who_starts_a_process_says_what_it_did_not_say_itself(tmp_path: Path) -> None:
    """A task that has its record before its process is killed is not recorded again; one of which
    nobody can tell, since the table is damaged, is."""
    printed = run_fresh(LOST, str(tmp_path), errors="embedded null byte")
    records = [line for line in map(json.loads, printed.splitlines()) if "task" in line]
    assert [(line["message"], line.get("exception", {}).get("message")) for line in records] == [
        ("bill succeeded", None),
        ("bill failed", "killed"),
    ], printed


# Installing.

APPS = """
import json
from celery import Celery, signals
import clew, clew.celery
sent = []
apps = [Celery(name, broker="memory://", set_as_current=False) for name in "abc"]
{install}
@signals.before_task_publish.connect
def see(headers, **_): sent.append(headers.get("clew"))
apps[1].conf.task_routes = {{"routed": {{"headers": {{"own": 1}}}}}}
{send}
print(json.dumps(sent))
"""


def sent(install: str, send: str) -> Any:
    return json.loads(run_fresh(APPS.format(install=install, send=send)))


INTERRUPTED = """
import signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import celery
from celery.app.trace import build_tracer
import clew, clew.celery
from tests.interruptions import TimeLimit, left_behind, on_alarm
signal.signal(signal.SIGALRM, on_alarm)
app = celery.Celery("shop", broker="memory://", set_as_current=False)
clew.celery.install(app)
@app.task(name="shop.mail")
def mail(): pass
run = build_tracer("shop.mail", mail, app=app)
request = {"id": "1", "task": "shop.mail", "is_eager": False, "delivery_info": {}, "retries": 0}
path = Path(sys.argv[2])
with path.open("w") as stream:
    clew.configure_logging(stream=stream)
    print(left_behind(lambda: run("1", (), {}, request), TimeLimit, path))
"""


def test_a_time_limit_within_clew_leaves_no_context_to_the_next_task(tmp_path: Path) -> None:
    """Celery swallows a time limit that comes in clew's receivers, and goes on in the process. As
    a receiver begins, no try of its own holds yet."""
    printed = run_fresh(INTERRUPTED, str(ROOT), str(tmp_path / "log"))
    assert printed == "['_on_task_postrun']\n"


def test_each_app_has_its_own_options() -> None:
    """An app sends what was chosen for it, and one that clew is not installed in nothing."""
    install = "for app, name in zip(apps, ('x', 'y')): clew.celery.install(app, fields=[name])"
    send = "with clew.context(request_id='r', x=1, y=2):\n for app in apps: app.send_task('t')"
    assert sent(install, send) == [
        {"requestId": "r", "fields": {"x": 1}},
        {"requestId": "r", "fields": {"y": 2}},
        None,
    ]


def test_installing_again_changes_the_options() -> None:
    """The options of the last call count, and nothing is sent twice."""
    install = "for user in (False, True): clew.celery.install(apps[0], user_id=user)"
    send = "with clew.context(request_id='r', user_id=7): apps[0].send_task('t')"
    assert sent(install, send) == [{"requestId": "r", "userId": "7"}]


def test_the_callers_header_stays() -> None:
    """A header that the caller set stays, and outside any context none is added."""
    install = "clew.celery.install(apps[0])"
    send = (
        "apps[0].send_task('t')\n"
        "with clew.context(request_id='r'): apps[0].send_task('t', headers={'clew': 'mine'})"
    )
    assert sent(install, send) == [None, "mine"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"fields": "tenant"}, "fields must be a collection of strings, not 'tenant'"),
    ({"fields": [5]}, "fields has 5"),
    ({"fields": ["password"]}, "fields has 'password', the name of a secret"),
    ({"fields": ["user[email]"]}, "the name of a secret or of personal data"),
    ({"fields": ["accessToken"]}, "a broker would store"),
    ({"fields": ["requestId"]}, "names of fields that you bind yourself"),
    ({"fields": ["task"]}, "names of fields that you bind yourself"),
    ({"fields": ["user_id"]}, "travels with user_id=True"),
    ({"user_id": 1}, "user_id must be True or False, not 1"),
    ({"log": None}, "log must be True or False, not None"),
    ({"setup_logging": 0}, "setup_logging must be True or False, not 0"),
    ({"exclude": "shop.*"}, "exclude must be a collection of strings"),
    ({"exclude": ["*.quiet"]}, "exclude has '*.quiet': allowed are a task's name"),
]


def test_wrong_options_are_refused() -> None:
    """A wrong option is refused where it is given, in a sentence."""
    import clew.celery

    app = celery.Celery("refused", set_as_current=False)
    for options, why in WRONG:
        with pytest.raises((TypeError, ValueError)) as refused:
            clew.celery.install(app, **options)
        assert why in str(refused.value)


def test_only_an_app_is_installed_in() -> None:
    """What is no Celery application is refused."""
    import clew.celery

    with pytest.raises(TypeError, match=r"takes a celery\.Celery, not 'shop'"):
        clew.celery.install("shop")


QUIET = """
import logging, celery, clew, clew.celery
clew.configure_logging(level="DEBUG")
clew.celery.install(celery.Celery("shop"))
for name in ("celery.app.trace", "celery.worker.strategy", "celery.pool", "celery.worker"):
    print(name, logging.getLogger(name).isEnabledFor(logging.INFO))
"""


def test_loggers_that_write_arguments_are_quiet() -> None:
    """What Celery writes of a task with its arguments is off, at every level of the root logger;
    its other lines are not."""
    assert run_fresh(QUIET).splitlines() == [
        *("celery.app.trace False", "celery.worker.strategy False", "celery.pool False"),
        "celery.worker True",
    ]


LOGGING = """
import logging, sys
from celery import Celery
import clew, clew.celery
app = Celery("shop", set_as_current=False)
clew.celery.install(app, setup_logging={setup_logging})
{before}
app.log.setup(loglevel="INFO")
print(*[type(handler).__name__ for handler in logging.getLogger().handlers])
"""


@pytest.mark.parametrize(
    ("setup_logging", "before", "handlers"),
    [
        (True, "clew.configure_logging()", "LineHandler"),
        (True, "logging.basicConfig()", "StreamHandler"),
        (True, "", "LineHandler"),
        (False, "clew.configure_logging()", "StreamHandler"),
    ],
)
def test_the_workers_logging(setup_logging: bool, before: str, handlers: str) -> None:
    """The handlers that are set up stay, or clew's are; or Celery replaces them."""
    script = LOGGING.format(setup_logging=setup_logging, before=before)
    assert run_fresh(script).split() == [handlers]


def test_without_celery_it_says_what_to_install() -> None:
    """Without Celery, importing is refused with the line that installs it."""
    told = run_without("celery", "clew.celery")
    assert told == "clew.celery is for Celery: pip install celery\n"


def test_a_worker_under_load_mixes_nothing_up(
    environment: dict[str, str], send: Send, worker: Worker
) -> None:
    """A hundred tasks at once, and as many that they send: each line has its own task's id."""
    tasks = {send("bill", carried(request := fresh_id())): request for _ in range(100)}
    for task, request_id in tasks.items():
        (log,) = worker.tasks(task)
        assert log.request_id == request_id
        assert {line["requestId"] for line in worker.of(task)} == {request_id}
