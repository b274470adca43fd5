"""Django's signals of tasks become runs. Where Django is too old to have them, they are made here;
integrations/django_tasks has the real ones, with a worker.
"""

from __future__ import annotations

import enum
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from .conftest import Lines

dispatch = pytest.importorskip("django.dispatch", reason="pip install django")


class Status(enum.Enum):
    """Django's, as far as it is looked at."""

    FAILED = "FAILED"
    SUCCESSFUL = "SUCCESSFUL"


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give clew.django_tasks, with the signals that it listens to."""
    base, signals = ModuleType("django.tasks.base"), ModuleType("django.tasks.signals")
    base.__dict__["TaskResultStatus"] = Status
    signals.__dict__.update(task_started=dispatch.Signal(), task_finished=dispatch.Signal())
    for module in (ModuleType("django.tasks"), base, signals):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "clew.django_tasks", raising=False)
    yield importlib.import_module("clew.django_tasks")
    sys.modules.pop("clew.django_tasks", None)


def result(id: str = "t", status: Status = Status.SUCCESSFUL, **arguments: str) -> Any:
    """Return a task's result, as the signals have it."""
    task = SimpleNamespace(module_path="shop.mail", queue_name="default")
    return SimpleNamespace(id=id, status=status, kwargs=arguments, task=task, attempts=1)


def test_a_task_has_the_id_of_its_argument(tasks: Any, lines: Lines) -> None:
    """The run of a task has the id that it was given, and ends in one record."""
    tasks.install()
    tasks.install(keyword="trace")  # which takes the place of the first
    tasks.task_started.send(None, task_result=result(trace="r-1"))
    tasks.task_finished.send(None, task_result=result(trace="r-1"))
    (line,) = lines()
    assert (line["requestId"], line["message"]) == ("r-1", "shop.mail succeeded")
    assert line["task"]["queue"] == "default"


def test_a_task_that_failed_has_its_exception(tasks: Any, lines: Lines) -> None:
    """The exception that is handled as a task ends is its record's."""
    tasks.install()
    tasks.task_started.send(None, task_result=result())
    try:
        raise ValueError("no paper")
    except ValueError:
        tasks.task_finished.send(None, task_result=result(status=Status.FAILED))
    (line,) = lines()
    assert (line["task"]["outcome"], line["exception"]["message"]) == ("failed", "no paper")


def test_a_task_that_did_not_start_is_recorded(tasks: Any, lines: Lines) -> None:
    """An end without a beginning, within another task, is a record of its own."""
    tasks.install()
    tasks.task_started.send(None, task_result=result("outer"))
    tasks.task_finished.send(None, task_result=result("inner", Status.FAILED))
    tasks.task_finished.send(None, task_result=result("outer"))
    assert [line["task"]["id"] for line in lines()] == ["inner", "outer"]


def test_a_fault_of_clews_own_reaches_no_sender(
    tasks: Any, lines: Lines, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receiver never raises, and says what went wrong."""
    tasks.install()
    tasks.task_started.send(None, task_result=None)
    tasks.task_finished.send(None, task_result=None)
    assert lines() == []
    assert "AttributeError" in capsys.readouterr().err


def test_what_is_no_arguments_name_is_refused(tasks: Any) -> None:
    """The keyword is the name of an argument."""
    for keyword in ("request id", 5):
        with pytest.raises(ValueError, match=f"keyword must be .*{keyword!r}"):
            tasks.install(keyword=keyword)
