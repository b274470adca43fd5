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

from ._faults import report_failure
from ._lines.servers import add_filter_once
from ._lines.setup import configure_logging
from ._options import check_flag, needed
from ._secrets.looks import MASK
from ._tasks import PAYLOAD_KEY, TaskRun, TaskSettings
from ._unfinished import unfinished

with needed("clew.celery is for Celery: pip install celery"):
    from billiard import current_process
    from celery import Celery, signals, states
    from celery.exceptions import Ignore, NotRegistered, Reject, Retry

# At INFO they write each task's arguments and return value; the TaskLog replaces that.
_TASK_LOGGERS = ("celery.app.trace", "celery.worker.strategy", "celery.pool")

_PRIVATE = ("args", "kwargs", "return_value")

# It quotes the whole message of a task that it does not know, or cannot read.
_CONSUMER_LOGGER = "celery.worker.consumer.consumer"
_QUOTES = ("The full contents of the message body", " headers:%s", " Task: %r")

# The settings of the app that is sending: Celery's signal does not tell which one it is.
_sender: ContextVar[TaskSettings | None] = ContextVar("clew_sender", default=None)

# The requests that the worker holds, for the tasks that another process loses.
_requests: WeakValueDictionary[str, Any] = WeakValueDictionary()

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
        log: False keeps the id and the context, without the TaskLog. Arguments and results stay
            out of Celery's own lines either way.
        setup_logging: Whether the worker's logging stays as `configure_logging` set it up, or is
            set up by it. False leaves it to Celery, which replaces the root logger's handlers.

    Raises:
        TypeError: *app* is no Celery application, or an option is of the wrong type.
        ValueError: *fields* has a name that may not travel, *exclude* one that is no task's.
    """
    settings = TaskSettings(fields=fields, user_id=user_id, exclude=exclude, log=log)
    check_flag("setup_logging", setup_logging)
    if not isinstance(app, Celery):
        raise TypeError(f"install() takes a celery.Celery, not {app!r}")
    if _settings_of(app) is None:
        _patch_send_task(app)
    app._clew = settings
    signals.before_task_publish.connect(_inject)
    signals.worker_init.connect(_on_worker_init)
    # Only by then logging is set up, where Celery's own signal does that.
    signals.celeryd_after_setup.connect(_on_worker_init)
    signals.task_prerun.connect(_on_task_prerun)
    signals.task_postrun.connect(_on_task_postrun)
    signals.task_received.connect(_on_task_received)
    signals.task_failure.connect(_on_task_failure)
    signals.task_revoked.connect(_on_task_revoked)
    signals.task_unknown.connect(_on_task_unknown)
    if setup_logging:
        signals.setup_logging.connect(_on_setup_logging)
    for name in (*_TASK_LOGGERS, _CONSUMER_LOGGER):
        add_filter_once(logging.getLogger(name), _ArgumentsFilter)
    for name in _TASK_LOGGERS if log else ():
        logging.getLogger(name).setLevel(logging.WARNING)


class _ArgumentsFilter(logging.Filter):
    """Remove a task's arguments and result, which may be secret, from Celery's lines about it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.pop("data", None)
        args = record.args
        if isinstance(args, Mapping):
            record.args = {**args, **{name: MASK for name in _PRIVATE if name in args}}
        elif isinstance(record.msg, str):
            for quote in _QUOTES:
                said, found, _ = record.msg.partition(quote)
                if found:
                    # What could not be decoded quotes the body as well.
                    names = [_without_text(one) for one in (args or ())[: said.count("%")]]
                    record.msg, record.args = said.rstrip(), tuple(names)
        return True


def _without_text(value: object) -> object:
    return type(value).__name__ if isinstance(value, UnicodeError) else value


def _settings_of(app: Any) -> TaskSettings | None:
    settings = getattr(app, "_clew", None)
    return settings if isinstance(settings, TaskSettings) else None


def _patch_send_task(app: Any) -> None:
    """Let `_inject` know by whose settings *app* sends."""
    send = app.send_task

    @functools.wraps(send)
    def send_task(*args: Any, **options: Any) -> Any:
        outer = _sender.get()
        try:
            _sender.set(app._clew)
            return send(*args, **options)
        finally:
            _sender.set(outer)

    app.send_task = send_task


def _on_setup_logging(loglevel: int | None = None, **_: Any) -> None:
    # That this is connected keeps Celery from replacing the root logger's handlers.
    if not logging.getLogger().handlers:
        configure_logging(level=loglevel or logging.INFO)


def _on_worker_init(**_: Any) -> None:
    # The worker says of which tasks it lost the process, before anybody reads that one's table.
    unfinished.guard()


def _inject(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Put the payload into the *headers* of a task that is being sent.

    A retry has it, since it sends its headers again; the caller may have put one there.
    """
    settings = _sender.get()
    if settings is None or headers is None or PAYLOAD_KEY in headers:
        return
    payload = settings.payload()
    if payload is not None:
        headers[PAYLOAD_KEY] = payload


def _make_run(
    settings: TaskSettings, request: Any, name: object, default: object = None
) -> TaskRun:
    """Return a run of the task of *request*, with the *default* payload where that has none."""
    payload = _headers(request).get(PAYLOAD_KEY)
    if payload is None:
        payload = default
    delivery = request.delivery_info
    queue = delivery.get("routing_key") if isinstance(delivery, Mapping) else None
    return TaskRun(
        settings, payload, name=name, id=request.id, queue=queue, retries=request.retries
    )


def _headers(request: Any) -> Mapping[str, Any]:
    headers = request.headers if isinstance(request.headers, Mapping) else {}
    # Sentry sends headers within the headers, and Celery gives those alone then.
    beside = getattr(request, PAYLOAD_KEY, None)
    return headers if beside is None else {PAYLOAD_KEY: beside, **headers}


def _on_task_prerun(task: Any, **_: Any) -> None:
    settings = _settings_of(task.app)
    if settings is None:
        return
    request = task.request
    run = _make_run(settings, request, task.name, settings.payload() if request.is_eager else None)
    request.headers = {**_headers(request), PAYLOAD_KEY: run.payload()}
    # An eager task may run while its caller handles an exception, which is not the task's.
    request._clew = (run, sys.exc_info()[1])
    run.begin()


def _on_task_postrun(task: Any, state: str | None = None, retval: object = None, **_: Any) -> None:
    # Celery's dispatch swallows a time limit that comes in here, and takes the next task. As this
    # function begins, before the try, nothing can be done about it.
    try:
        _end(task, state, retval, sys.exc_info()[1])
    except BaseException as error:
        _end(task, state, retval, error.__context__)
        raise


def _end(task: Any, state: str | None, retval: object, current: BaseException | None) -> None:
    """End the run of *task*, with the exception that is *current*; again, do what is left."""
    run, before = getattr(task.request, "_clew", (None, None))
    if run is None:
        return
    outcome, error = _outcome(state, retval, None if current is before else current)
    if not (error is None or isinstance(error, Exception)) and current_process().daemon:
        # It ends this process. The worker says so, or, where it ends itself by a cold shutdown,
        # the next one does.
        run.abandon()
    else:
        run.end(outcome, error)


def _outcome(
    state: str | None, retval: object, error: BaseException | None
) -> tuple[str, BaseException | None]:
    """Return how a run ended: by the *error* in flight, else by its *state*.

    There is an error in flight where Celery itself failed or hands the task's exception on.
    """
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


def _on_task_received(request: Any, **_: Any) -> None:
    if _settings_of(request.app) is not None:
        _requests[request.id] = request


def _on_task_failure(sender: Any, task_id: str, exception: object = None, **_: Any) -> None:
    """Log a task whose process was killed, by a time limit or from outside.

    Only the worker, which started that process, hears of it.
    """
    settings = _settings_of(sender.app)
    run, _before = getattr(sender.request, "_clew", (None, None))
    # A task that failed by itself is still running, or has rejected its message.
    if settings is None or (run is not None and run.live) or isinstance(exception, Reject):
        return
    request = _requests.pop(task_id, None)  # a time limit sends two signals
    if request is not None:
        error = exception if isinstance(exception, BaseException) else None
        _log_killed(settings, request, "failed", error)


def _on_task_revoked(sender: Any, request: Any, terminated: bool = False, **_: Any) -> None:
    settings = _settings_of(sender.app)
    if settings is None:
        return
    own = _requests.pop(request.id, None)
    if own is not None:
        _log_killed(settings, own, "revoked")
    elif not terminated:
        _make_run(settings, request, sender.name).end("revoked")


def _log_killed(
    settings: TaskSettings, request: Any, outcome: str, error: BaseException | None = None
) -> None:
    try:
        if not unfinished.may_say(request.id):
            return
    except Exception:
        report_failure()
    context, started = request._context, request.time_start
    duration = None if started is None else (time.time() - started) * 1000
    _make_run(settings, context, request.task.name).end(outcome, error, duration)


def _on_task_unknown(
    sender: Any, message: Any, name: object = "", id: object = "", **_: Any
) -> None:
    settings = _settings_of(sender.app)
    if settings is not None:
        payload = _headers(message).get(PAYLOAD_KEY)
        run = TaskRun(settings, payload, name=name, id=id)
        run.end("rejected", NotRegistered(run.task.name))
