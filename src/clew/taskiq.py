"""For Taskiq: ``clew.taskiq.install(broker)``."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

import msgspec

from ._faults import report_failure
from ._lines.handler import own_handlers
from ._lines.servers import add_filter_once, remove_console_handlers
from ._nested import Nested
from ._options import needed
from ._tasks import PAYLOAD_KEY, TaskRun, TaskSettings

with needed("clew.taskiq is for Taskiq: pip install taskiq"):
    from taskiq import AsyncBroker, TaskiqMessage, TaskiqMiddleware, TaskiqResult
    from taskiq.exceptions import NoResultError


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

    The options are those of `clew.celery.install`; each *broker* has its own.

    Raises:
        TypeError: *broker* is no broker, or an option is of the wrong type.
        ValueError: *fields* has a name that may not travel, *exclude* one that is no task's.
    """
    settings = TaskSettings(fields=fields, user_id=user_id, exclude=exclude, log=log)
    if not isinstance(broker, AsyncBroker):
        raise TypeError(f"install() takes a broker of Taskiq, not {broker!r}")
    for middleware in broker.middlewares:
        if isinstance(middleware, _Middleware):
            middleware.settings = settings
            return
    for name in _QUOTING_LOGGERS:
        add_filter_once(logging.getLogger(name), _ArgumentsFilter)
    middleware = _Middleware(settings)
    middleware.set_broker(broker)
    broker.middlewares.insert(0, middleware)


# They quote a message that cannot be read, and at DEBUG every one.
_QUOTING_LOGGERS = ("taskiq", "taskiq.receiver.receiver")


class _ArgumentsFilter(logging.Filter):
    """Remove a task's arguments, which may be secret, from Taskiq's lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith("Cannot parse message"):
            error = record.exc_info[1] if record.exc_info else None
            # What failed quotes the message as well.
            record.msg, record.args = "Cannot parse message: %s.", (type(error).__name__,)
            record.exc_info = None
        return not str(record.msg).startswith(("Received message: %s", "Kicking "))


# With a broker in memory a task may wait for another one.
_runs: Nested[TaskRun] = Nested("clew_taskiq")


class _Middleware(TaskiqMiddleware):
    """Translate what Taskiq calls. It stops a task whose middleware raises, so these never do."""

    def __init__(self, settings: TaskSettings) -> None:
        super().__init__()
        self.settings = settings

    def startup(self) -> None:
        """Remove the handler that a worker inherits when it takes the place of one that ended.

        Taskiq's main process then logs by ``logging.debug()``, which gives the root logger one.
        """
        if self.broker.is_worker_process and own_handlers():
            remove_console_handlers(
                logging.getLogger(),
                lambda handler: getattr(handler.formatter, "_fmt", None) == logging.BASIC_FORMAT,
            )

    def pre_send(self, message: TaskiqMessage) -> TaskiqMessage:
        try:
            run = _runs.innermost()
            if run is not None and run.task.id == message.task_id:
                run.again = True
            if PAYLOAD_KEY not in message.labels:
                payload = self.settings.payload()
                if payload is not None:
                    message.labels[PAYLOAD_KEY] = msgspec.json.encode(payload).decode()
        except Exception:
            report_failure()
        return message

    def pre_execute(self, message: TaskiqMessage) -> TaskiqMessage:
        try:
            labels = message.labels
            run = TaskRun(
                self.settings,
                _decode(labels.get(PAYLOAD_KEY)),
                name=message.task_name,
                id=message.task_id,
                queue=labels.get("queue_name") or getattr(self.broker, "queue_name", None),
                retries=labels.get("_retries"),
            )
            # A retry sends it again.
            labels[PAYLOAD_KEY] = msgspec.json.encode(run.payload()).decode()
            _runs.begin(run)
        except Exception:
            report_failure()
        return message

    def on_error(
        self,
        message: TaskiqMessage,  # noqa: ARG002
        result: TaskiqResult[Any],  # noqa: ARG002
        exception: BaseException,
    ) -> None:
        run = _runs.innermost()
        if run is not None:
            run.error = exception

    def post_execute(self, message: TaskiqMessage, result: TaskiqResult[Any]) -> None:  # noqa: ARG002
        run = _runs.innermost()
        if run is not None:
            _runs.end(run, *_outcome(run, result))


def _outcome(run: TaskRun, result: TaskiqResult[Any]) -> tuple[str, BaseException | None]:
    error = run.error
    if error is None and not result.is_err:
        return "succeeded", None
    # A middleware that sends the task again, at once or later, takes its result away.
    if run.again or (
        isinstance(result.error, NoResultError) and not isinstance(error, NoResultError)
    ):
        return "retried", error
    return ("ignored", None) if isinstance(error, NoResultError) else ("failed", error)


def _decode(label: object) -> object:
    try:
        return msgspec.json.decode(label) if isinstance(label, str) else None
    except Exception:
        return None
