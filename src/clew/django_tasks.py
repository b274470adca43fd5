"""For Django's own tasks, from Django 6.0 on: ``clew.django_tasks.install()``."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

from ._faults import report_failure
from ._nested import Nested
from ._options import needed
from ._tasks import TaskRun, TaskSettings

with needed('clew.django_tasks is for Django 6.0: pip install "django>=6.0"'):
    from django.tasks.base import TaskResultStatus
    from django.tasks.signals import task_finished, task_started


def install(
    *, keyword: str = "request_id", exclude: Collection[str] = (), log: bool = True
) -> None:
    """Install clew in Django's tasks, in the worker; as in the ``ready()`` of an AppConfig.

    All lines of a task carry an id, and its run ends in one TaskLog. Django has no place beside a
    task's arguments for what travels, so the sender gives the id as one of them::

        send_mail.enqueue(order.id, request_id=clew.request_id())

    A task that was enqueued without it, or with an id that is not safe, has a new one; where it
    runs at once, its sender's. Installing again only changes the options.

    *keyword* names that argument. *exclude* and *log* are those of `clew.celery.install`.

    Raises:
        TypeError: *exclude* or *log* is of the wrong type.
        ValueError: *keyword* is no name of an argument, or *exclude* has one that is no task's.
    """
    if not isinstance(keyword, str) or not keyword.isidentifier():
        raise ValueError(f"keyword must be the name of an argument, not {keyword!r}")
    tasks = _Tasks(keyword, TaskSettings(exclude=exclude, log=log))
    receivers = ((task_started, tasks.on_task_started), (task_finished, tasks.on_task_finished))
    for signal, receiver in receivers:
        signal.disconnect(dispatch_uid="clew")
        signal.connect(receiver, weak=False, dispatch_uid="clew")


# Django's ImmediateBackend runs a task within the one that enqueues it.
_runs: Nested[TaskRun] = Nested("clew_django_tasks")


class _Tasks:
    """Translate Django's signals. They hand on what a receiver raises, so these never do."""

    def __init__(self, keyword: str, settings: TaskSettings) -> None:
        self.keyword = keyword
        self.settings = settings

    def on_task_started(self, task_result: Any, **_: Any) -> None:
        try:
            run = self._make_run(task_result)
            _runs.begin(run)
        except Exception:
            report_failure()

    def on_task_finished(self, task_result: Any, **_: Any) -> None:
        try:
            run = _runs.innermost()
            if run is None or run.task.id != task_result.id:
                run = self._make_run(task_result)  # it could not be started
            failed = task_result.status == TaskResultStatus.FAILED
            outcome = "failed" if failed else "succeeded"
            _runs.end(run, outcome, sys.exc_info()[1] if failed else None)
        except Exception:
            report_failure()

    def _make_run(self, result: Any) -> TaskRun:
        request_id = result.kwargs.get(self.keyword)
        return TaskRun(
            self.settings,
            self.settings.payload() if request_id is None else {"requestId": request_id},
            name=result.task.module_path,
            id=result.id,
            queue=result.task.queue_name,
            retries=result.attempts - 1,
        )
