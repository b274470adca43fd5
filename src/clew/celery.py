"""For Celery: ``clew.celery.install(app)``."""

from __future__ import annotations

import functools
import logging
import sys
import time
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

try:
    from billiard import current_process
    from celery import Celery, signals, states
    from celery.exceptions import Ignore, NotRegistered, Reject, Retry
except ImportError as error:
    raise ImportError('clew.celery is for Celery: pip install "clew[celery]"') from error

from ._lines.setup import configure_logging
from ._tasks import CARRIED, Job, JobSettings

# At INFO they write each task's arguments and return value; the TaskLog replaces that.
_TASK_LOGGERS = ("celery.app.trace", "celery.worker.strategy", "celery.pool")

# The settings of the app that is sending: Celery's signal does not tell which one it is.
_sending: ContextVar[JobSettings | None] = ContextVar("clew_sending", default=None)

# What the worker has received and still holds, for the tasks that another process loses.
_received: WeakValueDictionary[str, Any] = WeakValueDictionary()

_OUTCOMES = {
    states.SUCCESS: "succeeded",
    states.RETRY: "retried",
    states.IGNORED: "ignored",
    states.REJECTED: "rejected",
}


def install(
    app: Celery,
    *,
    fields: Collection[str] = (),
    user_id: bool = False,
    exclude: Collection[str] = (),
    log: bool = True,
    setup_logging: bool = True,
) -> None:
    """Install clew in *app*, where tasks are sent and where they run: before or after its tasks.

    The id of the context in which a task is sent travels in its header ``clew``. All lines of the
    task carry it, and its run ends in one TaskLog. Installing again only changes the options.

    Args:
        app: The Celery application; each app has its own options.
        fields: The bound fields that travel as well. Both sides name them.
        user_id: Whether the user's id travels as well.
        exclude: Tasks, or prefixes ended by ``*``, whose successes make no TaskLog.
        log: False keeps the id and the context, without the TaskLog.
        setup_logging: Whether the worker's logging stays as `configure_logging` set it up, or is
            set up by it. False leaves it to Celery, which replaces the root logger's handlers.
    """
    settings = JobSettings(fields=fields, user_id=user_id, exclude=exclude, log=log)
    if not isinstance(setup_logging, bool):
        raise TypeError(f"setup_logging must be True or False, not {setup_logging!r}")
    if not isinstance(app, Celery):
        raise TypeError(f"install() takes a celery.Celery, not {app!r}")
    if _settings_of(app) is None:
        _tell_who_sends(app)
    app._clew = settings
    signals.before_task_publish.connect(_carry)
    signals.task_prerun.connect(_begin)
    signals.task_postrun.connect(_end)
    signals.task_received.connect(_know_received)
    signals.task_failure.connect(_know_lost)
    signals.task_revoked.connect(_know_revoked)
    signals.task_unknown.connect(_know_unknown)
    if setup_logging:
        signals.setup_logging.connect(_keep_logging)
    for name in _TASK_LOGGERS if log else ():
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        if not any(isinstance(entry, _ArgumentsFilter) for entry in logger.filters):
            logger.addFilter(_ArgumentsFilter())


class _ArgumentsFilter(logging.Filter):
    """Take a task's arguments, which may be secret, from Celery's lines about it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.pop("data", None)
        return True


def _settings_of(app: Any) -> JobSettings | None:
    settings = getattr(app, "_clew", None)
    return settings if isinstance(settings, JobSettings) else None


def _tell_who_sends(app: Any) -> None:
    send = app.send_task

    @functools.wraps(send)
    def send_task(*args: Any, **options: Any) -> Any:
        token = _sending.set(app._clew)
        try:
            return send(*args, **options)
        finally:
            _sending.reset(token)

    app.send_task = send_task


def _keep_logging(loglevel: int | None = None, **_: Any) -> None:
    # That this is connected keeps Celery from replacing the root logger's handlers.
    if not logging.getLogger().handlers:
        configure_logging(level=loglevel or logging.INFO)


def _carry(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Put what travels into the *headers* of a task that is being sent, unless it is a retry,
    which sends its headers again, or the caller has done so.
    """
    settings = _sending.get()
    if settings is None or headers is None or CARRIED in headers:
        return
    carried = settings.carried()
    if carried is not None:
        headers[CARRIED] = carried


def _job(settings: JobSettings, request: Any, name: object, carried: object) -> Job:
    delivery = request.delivery_info
    queue = delivery.get("routing_key") if isinstance(delivery, Mapping) else None
    return Job(settings, carried, name=name, id=request.id, queue=queue, retries=request.retries)


def _headers(request: Any) -> Mapping[str, Any]:
    headers = request.headers if isinstance(request.headers, Mapping) else {}
    # Sentry sends headers within the headers, and Celery gives those alone then.
    beside = getattr(request, CARRIED, None)
    return headers if beside is None else {CARRIED: beside, **headers}


def _begin(task: Any, **_: Any) -> None:
    settings = _settings_of(task.app)
    if settings is None:
        return
    request = task.request
    carried = _headers(request).get(CARRIED)
    if carried is None and request.is_eager:
        carried = settings.carried()
    job = _job(settings, request, task.name, carried)
    request.headers = {**_headers(request), CARRIED: job.carried()}
    # An eager task may run while its caller handles an exception, which is not the task's.
    request._clew = (job, sys.exc_info()[1])
    job.begin()


def _end(task: Any, state: str | None = None, retval: object = None, **_: Any) -> None:
    job, before = getattr(task.request, "_clew", (None, None))
    if job is None:
        return
    raised = sys.exc_info()[1]
    outcome, error = _outcome(state, retval, None if raised is before else raised)
    if not (error is None or isinstance(error, Exception)) and current_process().daemon:
        job.leave()  # it takes this process with it, of which the worker tells
    else:
        job.end(outcome, error)


def _outcome(
    state: str | None, retval: object, raised: BaseException | None
) -> tuple[str, BaseException | None]:
    """Return how a run ended, by its *state* or, where Celery itself failed or hands the task's
    exception on, by what it *raised*.
    """
    error = raised
    if error is None and isinstance(retval, BaseException) and state != states.SUCCESS:
        error = retval
    if isinstance(error, Retry):
        cause = error.exc
        return "retried", cause if isinstance(cause, BaseException) else None
    if isinstance(error, Reject):
        return "rejected", None
    if isinstance(error, Ignore):
        return "ignored", None
    if error is not None:
        return "failed", error
    return _OUTCOMES.get(state or "", "failed"), None


def _know_received(request: Any, **_: Any) -> None:
    if _settings_of(request.app) is not None:
        _received[request.id] = request


def _know_lost(sender: Any, task_id: str, exception: object = None, **_: Any) -> None:
    """Log a task whose process was killed, by a time limit or from outside: the worker, which
    started that process, is the one to know.
    """
    settings = _settings_of(sender.app)
    job, _before = getattr(sender.request, "_clew", (None, None))
    # A task that failed by itself is still running, or has rejected its message.
    if settings is None or (job is not None and job.live) or isinstance(exception, Reject):
        return
    received = _received.pop(task_id, None)  # of a time limit there are two signals
    if received is not None:
        error = exception if isinstance(exception, BaseException) else None
        _lost(settings, received, "failed", error)


def _know_revoked(sender: Any, request: Any, terminated: bool = False, **_: Any) -> None:
    settings = _settings_of(sender.app)
    if settings is None:
        return
    received = _received.pop(request.id, None)
    if received is not None:
        _lost(settings, received, "revoked")
    elif not terminated:
        _job(settings, request, sender.name, _headers(request).get(CARRIED)).end("revoked")


def _lost(
    settings: JobSettings, received: Any, outcome: str, error: BaseException | None = None
) -> None:
    request = received._context
    started = received.time_start
    duration = None if started is None else (time.time() - started) * 1000
    job = _job(settings, request, received.task.name, _headers(request).get(CARRIED))
    job.end(outcome, error, duration)


def _know_unknown(sender: Any, message: Any, name: object = "", id: object = "", **_: Any) -> None:
    settings = _settings_of(sender.app)
    if settings is not None:
        headers = message.headers
        carried = headers.get(CARRIED) if isinstance(headers, Mapping) else None
        job = Job(settings, carried, name=name, id=id)
        job.end("rejected", NotRegistered(job.task.name))
