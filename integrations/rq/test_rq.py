"""RQ: an id from where a job is enqueued into its run, over a real Redis and real workers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import clew
from clew._tasks import TaskSettings
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
from tests.interruptions import Stopped, left_behind
from tests.rows import each_row
from tests.servers.server import fresh_id, until

rq = pytest.importorskip("rq", reason="RQ is not installed: pip install rq")
redis = pytest.importorskip("redis", reason="redis is not installed: pip install redis")
clew_rq = pytest.importorskip("clew.rq")

__all__ = ["environment", "lines", "pytest_runtest_call", "restored_logging"]

SHOP = "integrations.rq.app.shop"

Send = Callable[..., str]


def is_ready(line: Line) -> bool:
    return line["logger"] == "rq.worker" and "istening on" in line["message"]


@pytest.fixture(scope="module", params=["Worker", "SimpleWorker"])
def worker(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Worker]:
    """A worker of the shop: with a process for each job, and with one for all."""
    command = ["rq.cli", "worker", "shop", "-c", SHOP]
    with Worker(
        [*command, f"--worker-class=rq.worker.{request.param}"],
        tmp_path_factory.mktemp("worker"),
        ready=is_ready,
        environment=environment,
    ) as worker:
        yield worker


@pytest.fixture(scope="module")
def queue(environment: dict[str, str]) -> Iterator[Any]:
    """The shop's queue, for somebody without clew."""
    with redis.Redis.from_url(environment["REDIS"]) as connection:
        yield rq.Queue("shop", connection=connection)


@pytest.fixture(scope="module")
def send(queue: Any) -> Send:
    """Enqueue a job of the shop, with anything as ``meta["clew"]``; return its id."""

    def send(name: str, carried: object = None, *args: Any, **how: Any) -> str:
        meta = {} if carried is None else {"meta": {"clew": carried}}
        return str(queue.enqueue(f"{SHOP}.{name}", *args, **meta, **how).id)

    return send


def settled(worker: Worker, send: Send) -> None:
    """Wait until a job has been run that was sent now: a record too many would show."""
    worker.tasks(send("send_mail"))


SEND = f"""
import os, sys
os.environ.update(REDIS=sys.argv[1], SERVICE="web")
sys.path.insert(0, {str(ROOT)!r})
import clew
from {SHOP} import bill, queue
with clew.context(request_id=sys.argv[2], user_id=42, tenant="acme", colour="red"):
    shop = queue()
    print(shop.enqueue(bill, meta={{"own": 1}}).meta)
    shop.connection.close()
"""


def test_an_id_travels_from_job_to_job(worker: Worker, environment: dict[str, str]) -> None:
    """The job that a context enqueues, and the job that this one enqueues, log with the context's
    id, its user and the chosen field; no other field travels, and the caller's meta stays."""
    request_id = fresh_id()
    meta = run_fresh(SEND, environment["REDIS"], request_id)
    carried = {"requestId": request_id, "userId": "42", "fields": {"tenant": "acme"}}
    assert meta == f"{ {'own': 1, 'clew': carried} }\n"

    def found() -> list[Line] | None:
        lines = [line for line in worker.lines() if line.get("requestId") == request_id]
        return lines if sum(line["logger"] == "clew.task" for line in lines) == 2 else None

    lines = [line for line in until(found, "both records") if line["logger"] != "rq.worker"]
    assert [line["message"] for line in lines] == [
        *("Billed", f"{SHOP}.bill succeeded", "Sent mail", f"{SHOP}.send_mail succeeded"),
    ]
    for line in lines:
        assert (line["userId"], line["tenant"], line.get("colour")) == ("42", "acme", None)
    assert lines[0]["task"].keys() == {"name", "id"}
    assert lines[0]["task"]["id"] == lines[1]["task"]["id"] != lines[2]["task"]["id"]


def test_a_success_is_recorded(worker: Worker, send: Send) -> None:
    """A run that succeeds, of a function or a coroutine function, ends in one record."""
    for name in ["send_mail", "wait"]:
        (log,) = worker.tasks(job := send(name, {"requestId": (request_id := fresh_id())}))
        assert (log.level, log.message) == ("info", f"{SHOP}.{name} succeeded")
        assert (log.request_id, log.service) == (request_id, "worker")
        assert (log.task.name, log.task.queue, log.task.retries) == (f"{SHOP}.{name}", "shop", 0)
        assert log.task.duration is not None and log.task.duration > 0
        assert {line["requestId"] for line in worker.of(job)} == {request_id}
        settled(worker, send)
        assert len(worker.tasks(job)) == 1


def test_a_failure_is_recorded(worker: Worker, send: Send) -> None:
    """A run that fails ends in one record with its exception; RQ's own line about it has the id,
    and none of the arguments."""
    secret = fresh_id()
    given = {"requestId": (request_id := fresh_id())}
    (log,) = worker.tasks(job := send("fail", given, secret, card=secret))
    assert (log.level, log.message) == ("danger", f"{SHOP}.fail failed")
    assert log.exception is not None
    assert (log.exception.type, log.exception.message) == ("ValueError", "no paper")
    (line,) = [line for line in worker.of(job) if line["level"] == "danger"]
    assert (line["logger"], line["requestId"]) == ("rq.worker", request_id)
    assert secret not in worker.output()


@pytest.mark.parametrize("given", [None, "first"])
def test_retries_keep_the_id(worker: Worker, send: Send, given: str | None) -> None:
    """Each try of a job that raises ends in a record of its own, with the same id."""
    job = send("fail", given and {"requestId": given}, retry=rq.Retry(max=2))
    logs = worker.tasks(job, 3)
    assert [(log.task.retries, log.task.outcome, log.level) for log in logs] == [
        (0, "retried", "warning"),
        (1, "retried", "warning"),
        (2, "failed", "danger"),
    ]
    (request_id,) = {log.request_id for log in logs}
    assert request_id == given or (given is None and uuid.UUID(str(request_id)))


def test_a_job_that_asks_for_another_try(worker: Worker, send: Send) -> None:
    """A run that returns a Retry was one, until no more are allowed."""
    for name, outcomes in [("again", ["retried", "succeeded"]), ("give_up", ["retried", "failed"])]:
        logs = worker.tasks(send(name, {"requestId": (request_id := fresh_id())}), 2)
        assert [(log.task.retries, log.task.outcome) for log in logs] == list(enumerate(outcomes))
        assert {log.request_id for log in logs} == {request_id}


def test_callbacks_belong_to_the_run(worker: Worker, send: Send) -> None:
    """A callback logs with the job's id, and one that raises fails the run."""
    given = {"requestId": (request_id := fresh_id())}
    job = send("send_mail", given, on_success=rq.Callback(f"{SHOP}.succeeded"))
    worker.tasks(job)
    (line,) = [line for line in worker.of(job) if line["message"] == "In a callback"]
    assert line["requestId"] == request_id
    (log,) = worker.tasks(send("send_mail", given, on_success=rq.Callback(f"{SHOP}.crash")))
    assert log.task.outcome == "failed"
    assert log.exception is not None and log.exception.message == "the callback"


def test_excluded_jobs_are_recorded_when_they_fail(worker: Worker, send: Send) -> None:
    """A success of an excluded job makes no record, a failure does."""
    quiet = send("quiet")
    assert worker.tasks(send("quiet", None, crash=True))[0].task.outcome == "failed"
    settled(worker, send)
    assert not [
        line
        for line in worker.lines()
        if line["logger"] == "clew.task" and line["task"]["id"] == quiet
    ]


def test_a_time_limit_is_a_failure(worker: Worker, send: Send) -> None:
    """A job that takes longer than it may failed."""
    (log,) = worker.tasks(send("slow", {"requestId": "limit"}, job_timeout=1))
    assert (log.task.outcome, log.request_id) == ("failed", "limit")
    assert log.exception is not None and log.exception.type.endswith("JobTimeoutException")


def skip_without_processes(request: pytest.FixtureRequest) -> None:
    if request.node.callspec.params["worker"] == "SimpleWorker":
        pytest.skip("the job runs in the worker's own process")


def test_the_pool_of_workers_writes_no_arguments(
    environment: dict[str, str], queue: Any, tmp_path: Path
) -> None:
    """The workers of a pool record their jobs, and write none of the arguments."""
    command = ["rq.cli", "worker-pool", "pool", "-n", "1", "-c", SHOP]
    with Worker(command, tmp_path, ready=is_ready, environment=environment) as pool:
        secret = fresh_id()
        enqueue = rq.Queue("pool", connection=queue.connection).enqueue
        (log,) = pool.tasks(enqueue(f"{SHOP}.fail", secret, card=secret).id)
        assert log.task.outcome == "failed"
        settled = enqueue(f"{SHOP}.send_mail")
        pool.tasks(settled.id)
        assert secret not in pool.output() + pool.errors()


def test_a_process_that_is_lost_is_recorded_by_the_worker(
    worker: Worker, send: Send, request: pytest.FixtureRequest
) -> None:
    """A job whose process is killed cannot log: the worker does, once."""
    skip_without_processes(request)
    given = {"requestId": (request_id := fresh_id()), "fields": {"tenant": "acme"}}
    (log,) = worker.tasks(job := send("die", given))
    assert (log.task.outcome, log.request_id) == ("failed", request_id)
    assert log.task.duration is not None
    settled(worker, send)
    assert len(worker.tasks(job)) == 1


def test_a_job_that_is_stopped_is_revoked(
    worker: Worker, send: Send, queue: Any, request: pytest.FixtureRequest
) -> None:
    """A job that is stopped while it runs was revoked."""
    skip_without_processes(request)
    from rq.command import send_stop_job_command

    job = send("slow", {"requestId": (request_id := fresh_id())})
    until(lambda: worker.of(job) or None, "the job to run")
    send_stop_job_command(queue.connection, job)
    (log,) = worker.tasks(job)
    assert (log.task.outcome, log.request_id) == ("revoked", request_id)


BAD_META: list[object] = [
    "text",
    17,
    [],
    {},
    {"requestId": "x" * 201},
    {"requestId": "a\nb"},
    {"requestId": 5},
]


@each_row("carried", BAD_META)
def test_a_bad_meta_is_replaced(worker: Worker, send: Send, carried: object) -> None:
    """What is no object in the meta, or has no safe id, costs the id and not the job."""
    (log,) = worker.tasks(send("send_mail", carried))
    assert log.request_id is not None and uuid.UUID(log.request_id)


def test_only_chosen_and_short_fields_are_taken(worker: Worker, send: Send) -> None:
    """Of the fields in the meta, those are bound that were chosen here, cut to a bound."""
    fields = {"tenant": "x" * 5000, "level": "debug", "colour": "red"}
    worker.tasks(job := send("send_mail", {"requestId": "r", "fields": fields, "retries": "many"}))
    (line,) = [line for line in worker.of(job) if line["logger"] == "shop"]
    assert (line["tenant"], line["level"], line.get("colour")) == ("x" * 1024, "info", None)


def test_every_line_is_json_and_fits_the_schema(worker: Worker, send: Send, tmp_path: Path) -> None:
    """Whatever the worker and its processes write is a line that `clew check` accepts."""
    settled(worker, send)
    (tmp_path / "worker.ndjson").write_text(worker.output())
    assert [(line, why) for _, line, why in check([str(tmp_path)]) if why is not None] == []


INSTALL = """
import clew, clew.rq, logging
from rq.job import Job
for user in (False, True):
    clew.rq.install(user_id=user)
class Own(Job): pass
with clew.context(request_id="r", user_id=7, tenant="acme"):
    print(Own.create("math.sqrt", connection=object()).meta)
    print(Job.create("math.sqrt", connection=object(), meta={"clew": "mine"}).meta)
print(Job.create("math.sqrt", connection=object()).meta)
"""


def test_installing_again_changes_the_options() -> None:
    """The options of the last call count, in subclasses too; a caller's own meta stays, and
    outside any context there is none."""
    assert run_fresh(INSTALL).splitlines() == [
        "{'clew': {'requestId': 'r', 'userId': '7'}}",
        "{'clew': 'mine'}",
        "{}",
    ]


def test_wrong_options_are_refused() -> None:
    """A secret is refused where it is chosen, and RQ left as it is."""
    script = (
        "import clew.rq\nfrom rq.job import Job\ncreate = Job.create\n"
        "try: clew.rq.install(fields=['apiKey'])\n"
        "except ValueError as error: print(error, Job.create == create)\n"
    )
    assert run_fresh(script).startswith("fields has 'apiKey', the name of a secret")
    assert run_fresh(script).endswith(" True\n")


def test_without_rq_it_says_what_to_install() -> None:
    """Without RQ, importing is refused with the line that installs it."""
    told = run_without("rq", "clew.rq")
    assert told == "clew.rq is for RQ: pip install rq\n"


# In this process.


def a_job(**other: Any) -> Any:
    """Return what clew sees of a job."""
    fields = {"func_name": "shop.mail", "meta": {}, "id": "j", "origin": "shop"}
    return SimpleNamespace(_clew_settings=TaskSettings(), **{**fields, **other})


def test_what_a_job_raises_is_raised_on(lines: Lines) -> None:
    """A job that leaves by an exception, as at its worker's end, has failed."""

    def perform(*_: object) -> bool:
        raise SystemExit

    with pytest.raises(SystemExit):
        clew_rq._perform_job(perform, None, a_job())
    (line,) = lines()
    assert line["task"]["outcome"] == "failed"


def test_what_a_signal_raises_within_clew_leaves_no_context(
    tmp_path: Path, restored_logging: None
) -> None:
    """A worker that runs jobs in its own process, and goes on, is in no job's context then."""
    path = tmp_path / "log"
    with path.open("w") as stream:
        clew.configure_logging(stream=stream)
        assert not left_behind(
            lambda: clew_rq._perform_job(lambda *_: True, None, a_job()), Stopped, path
        )


def test_a_fault_of_clews_own_stops_no_job(
    lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job is made, performed and given up as ever where clew fails, and the fault is said."""
    assert clew_rq._create(lambda cls: "job", object) == "job"
    assert clew_rq._perform_job(lambda *_: True, None, None)
    clew_rq._log_killed(None, None)
    run = clew_rq._JobRun(a_job())
    run.record_exception(None, ())
    assert run.outcome(None, True) == "succeeded"
    assert lines() == []
    assert "AttributeError" in capsys.readouterr().err


def test_a_job_that_cannot_be_read_is_named_so() -> None:
    """What was enqueued may not be importable, nor its meta a dictionary."""

    class Unreadable:
        _clew_settings = TaskSettings()
        meta, id, origin = None, "j", "shop"

        @property
        def func_name(self) -> str:
            raise ValueError("no such module")

    assert clew_rq._JobRun(Unreadable()).task.name == "<unreadable>"
