"""For Django's own tasks, from Django 6.0 on: ``clew.django_tasks.install()``."""

from __future__ import annotations

import sys
from collections.abc import Collection
from contextvars import ContextVar
from typing import Any

try:
    from django.tasks.base import TaskResultStatus
    from django.tasks.signals import task_finished, task_started
except ImportError as error:
    raise ImportError('clew.django_tasks is for Django 6.0: pip install "django>=6.0"') from error

from ._faults import report_failure
from ._tasks import Job, JobSettings


def install(
    *, keyword: str = "request_id", exclude: Collection[str] = (), log: bool = True
) -> None:
    """Install clew in Django's tasks, in the worker; as in the ``ready()`` of an AppConfig.

    All lines of a task carry an id, and its run ends in one TaskLog. Django has no place beside a
    task's arguments for what travels, so the sender gives the id as one of them::

        send_mail.enqueue(order.id, request_id=clew.request_id())

    A task that was enqueued without it, or with an id that is not safe, has a new one; where it
    runs at once, its sender's. Installing again only changes the options.

    Args:
        keyword: The keyword argument that holds the id.
        exclude: Tasks, or prefixes ended by ``*``, whose successes make no TaskLog.
        log: False keeps the id and the context, without the TaskLog.
    """
    if not isinstance(keyword, str) or not keyword.isidentifier():
        raise ValueError(f"keyword must be the name of an argument, not {keyword!r}")
    tasks = _Tasks(keyword, JobSettings(exclude=exclude, log=log))
    for signal, receiver in ((task_started, tasks.begin), (task_finished, tasks.end)):
        signal.disconnect(dispatch_uid="clew")
        signal.connect(receiver, weak=False, dispatch_uid="clew")


class _Run(Job):
    """A run of one of Django's tasks."""

    outer: _Run | None = None  # whose task waits for this one


_running: ContextVar[_Run | None] = ContextVar("clew_running_django", default=None)


class _Tasks:
    """What Django's signals call; they hand on what a receiver raises, so that these never do."""

    def __init__(self, keyword: str, settings: JobSettings) -> None:
        self.keyword = keyword
        self.settings = settings

    def begin(self, task_result: Any, **_: Any) -> None:
        try:
            run = self._run(task_result)
            run.outer = _running.get()
            _running.set(run)
            run.begin()
        except Exception:
            report_failure()

    def end(self, task_result: Any, **_: Any) -> None:
        try:
            run = _running.get()
            if run is not None and run.task.id == task_result.id:
                _running.set(run.outer)
            else:
                run = self._run(task_result)  # it could not be started
            failed = task_result.status == TaskResultStatus.FAILED
            run.end("failed" if failed else "succeeded", sys.exc_info()[1] if failed else None)
        except Exception:
            report_failure()

    def _run(self, result: Any) -> _Run:
        given = result.kwargs.get(self.keyword)
        carried = self.settings.carried() if given is None else {"requestId": given}
        return _Run(
            self.settings,
            carried,
            name=result.task.module_path,
            id=result.id,
            queue=result.task.queue_name,
            retries=result.attempts - 1,
        )
