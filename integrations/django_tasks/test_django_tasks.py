"""Django's own tasks: an id into a task and its run, over a database and a real worker."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.processes import Line, Worker
from tests.conftest import run_fresh
from tests.servers.server import fresh_id

pytest.importorskip(
    "django.tasks", reason="There is no Django 6.0, for Python 3.12: pip install 'django>=6.0'"
)
pytest.importorskip(
    "django_tasks_db", reason="django-tasks-db is not installed: pip install django-tasks-db"
)

ROOT = Path(__file__).parents[2]
TASKS = "integrations.django_tasks.project.tasks"

SCRIPT = f"""
import os, sys
os.environ.update(
    DJANGO_SETTINGS_MODULE="integrations.django_tasks.project.settings",
    DATABASE=sys.argv[1], SERVICE="web",
)
sys.path.insert(0, {str(ROOT)!r})
import clew, django
django.setup()
from {TASKS} import *
"""

Run = Callable[..., list[str]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the tables of the tasks."""
    path = str(tmp_path_factory.mktemp("database") / "db.sqlite3")
    migrate = (
        "from django.core.management import call_command\ncall_command('migrate', verbosity=0)"
    )
    run_fresh(SCRIPT + migrate, path)
    return path


@pytest.fixture(scope="module")
def run(database: str) -> Run:
    """Run lines of Python in the project; return what they print."""
    return lambda *lines: run_fresh(SCRIPT + "\n".join(lines), database).splitlines()


@pytest.fixture(scope="module")
def worker(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """A worker of the project."""

    def is_ready(line: Line) -> bool:
        return str(line["message"]).startswith("Starting worker")

    with Worker(
        ["django", "db_worker", "--interval=0.05", "--no-startup-delay"],
        tmp_path_factory.mktemp("worker"),
        ready=is_ready,
        environment={
            "DJANGO_SETTINGS_MODULE": "integrations.django_tasks.project.settings",
            "DATABASE": database,
            "PYTHONPATH": str(ROOT),
        },
    ) as worker:
        yield worker


def test_an_id_travels_from_task_to_task(worker: Worker, run: Run) -> None:
    """The task that a context enqueues, and the task that this one enqueues, log with the id that
    was given along; each run ends in one record."""
    request_id = fresh_id()
    (task,) = run(
        f"with clew.context(request_id={request_id!r}):",
        "    print(bill.enqueue('order-77', request_id=clew.request_id()).id)",
    )
    (log,) = worker.tasks(task)
    assert (log.request_id, log.message) == (request_id, f"{TASKS}.bill succeeded")
    assert (log.task.queue, log.task.retries, log.service) == ("default", 0, "worker")
    assert log.task.duration is not None and log.task.duration > 0

    def mail(line: Line) -> bool:
        return bool(line.get("requestId") == request_id and "send_mail" in line["message"])

    worker.line(lambda line: mail(line) and line["logger"] == "clew.task", "the other record")
    said = [line for line in worker.lines() if line["logger"] == "shop"]
    assert [line["message"] for line in said if line["requestId"] == request_id] == [
        *("Billed", "Sent mail"),
    ]


def test_a_failure_is_recorded(worker: Worker, run: Run) -> None:
    """A run that fails ends in one record with its exception."""
    (log,) = worker.tasks(run("print(fail.enqueue(request_id='r').id)")[0])
    assert (log.request_id, log.task.outcome, log.level) == ("r", "failed", "danger")
    assert log.exception is not None and log.exception.message == "no paper"


@pytest.mark.parametrize("given", ["None", "'a b'", "5", "[1]", "'x' * 201"])
def test_a_bad_id_is_replaced(worker: Worker, run: Run, given: str) -> None:
    """What is no safe id costs the id and not the task."""
    (log,) = worker.tasks(run(f"print(fail.enqueue(request_id={given}).id)")[0])
    assert log.request_id is not None and uuid.UUID(log.request_id)


def test_excluded_tasks_make_no_record(worker: Worker, run: Run) -> None:
    """A success of an excluded task makes no record."""
    quiet, fails = run("print(quiet.enqueue().id)", "print(fail.enqueue().id)")
    worker.tasks(fails)
    records = [line["task"]["id"] for line in worker.lines() if line["logger"] == "clew.task"]
    assert fails in records and quiet not in records


def test_a_task_that_runs_at_once_has_its_senders_id(run: Run) -> None:
    """Django's ImmediateBackend runs a task in its sender's context; that comes back."""
    printed = run(
        "with clew.context(request_id='r', colour='red'):",
        "    at_once.enqueue()",
        "    log.info('After')",
    )
    lines: list[Any] = [json.loads(line) for line in printed]
    lines = [line for line in lines if line["logger"] in ("shop", "clew.task")]
    assert [(line["message"], line["requestId"], line.get("colour")) for line in lines] == [
        ("At once", "r", None),
        (f"{TASKS}.at_once succeeded", "r", None),
        ("After", "r", "red"),
    ]
