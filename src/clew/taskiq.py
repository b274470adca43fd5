"""For Taskiq: ``clew.taskiq.install(broker)``."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextvars import ContextVar
from typing import Any

import msgspec

try:
    from taskiq import AsyncBroker, TaskiqMessage, TaskiqMiddleware, TaskiqResult
    from taskiq.exceptions import NoResultError
except ImportError as error:
    raise ImportError('clew.taskiq is for Taskiq: pip install "clew[taskiq]"') from error

from ._faults import report_failure
from ._lines.handler import LineHandler
from ._tasks import CARRIED, Job, JobSettings


def install(
    broker: AsyncBroker,
    *,
    fields: Collection[str] = (),
    user_id: bool = False,
    exclude: Collection[str] = (),
    log: bool = True,
) -> None:
    """Install clew in *broker*, where tasks are sent and in the worker: outside its middlewares.

    The id of the context in which a task is sent travels in its label ``clew``. All lines of the
    task carry it, and its run ends in one TaskLog. Installing again only changes the options.

    Args:
        broker: The broker; each has its own options.
        fields: The bound fields that travel as well. Both sides name them.
        user_id: Whether the user's id travels as well.
        exclude: Tasks, or prefixes ended by ``*``, whose successes make no TaskLog.
        log: False keeps the id and the context, without the TaskLog.
    """
    settings = JobSettings(fields=fields, user_id=user_id, exclude=exclude, log=log)
    if not isinstance(broker, AsyncBroker):
        raise TypeError(f"install() takes a broker of Taskiq, not {broker!r}")
    for middleware in broker.middlewares:
        if isinstance(middleware, _Middleware):
            middleware.settings = settings
            return
    middleware = _Middleware(settings)
    middleware.set_broker(broker)
    broker.middlewares.insert(0, middleware)


class _Run(Job):
    """A run of one of Taskiq's tasks."""

    outer: _Run | None = None  # whose task waits for this one, in memory
    error: BaseException | None = None
    again = False


_running: ContextVar[_Run | None] = ContextVar("clew_running", default=None)


class _Middleware(TaskiqMiddleware):
    """What Taskiq calls; it stops a task whose middleware raises, so that these never do."""

    def __init__(self, settings: JobSettings) -> None:
        super().__init__()
        self.settings = settings

    def startup(self) -> None:
        """Remove the handler that a worker inherits when it takes the place of one that ended.

        Taskiq's main process then logs by ``logging.debug()``, which gives the root logger one.
        """
        root = logging.getLogger()
        if not self.broker.is_worker_process:
            return
        if any(isinstance(handler, LineHandler) for handler in root.handlers):
            for handler in root.handlers[:]:
                form = getattr(handler.formatter, "_fmt", None)
                if type(handler) is logging.StreamHandler and form == logging.BASIC_FORMAT:
                    root.removeHandler(handler)

    def pre_send(self, message: TaskiqMessage) -> TaskiqMessage:
        try:
            run = _running.get()
            if run is not None and run.task.id == message.task_id:
                run.again = True
            if CARRIED not in message.labels:
                carried = self.settings.carried()
                if carried is not None:
                    message.labels[CARRIED] = msgspec.json.encode(carried).decode()
        except Exception:
            report_failure()
        return message

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        try:
            labels = message.labels
            run = _Run(
                self.settings,
                _read(labels.get(CARRIED)),
                name=message.task_name,
                id=message.task_id,
                queue=labels.get("queue_name") or getattr(self.broker, "queue_name", None),
                retries=labels.get("_retries"),
            )
            labels[CARRIED] = msgspec.json.encode(run.carried()).decode()  # a retry sends it again
            run.outer = _running.get()
            _running.set(run)
            run.begin()
        except Exception:
            report_failure()
        return message

    def on_error(
        self,
        message: TaskiqMessage,  # noqa: ARG002
        result: TaskiqResult[Any],  # noqa: ARG002
        exception: BaseException,
    ) -> None:
        run = _running.get()
        if run is not None:
            run.error = exception

    def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:  # noqa: ARG002
        run = _running.get()
        if run is not None:
            _running.set(run.outer)
            run.end(*_outcome(run, result))


def _outcome(run: _Run, result: TaskiqResult[Any]) -> tuple[str, BaseException | None]:
    error = run.error
    if error is None and not result.is_err:
        return "succeeded", None
    # A middleware that sends the task again, at once or later, takes its result away.
    if run.again or (
        isinstance(result.error, NoResultError) and not isinstance(error, NoResultError)
    ):
        return "retried", error
    return ("ignored", None) if isinstance(error, NoResultError) else ("failed", error)


def _read(label: object) -> object:
    try:
        return msgspec.json.decode(label) if isinstance(label, str) else None
    except Exception:
        return None
