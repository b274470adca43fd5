"""For RQ: ``clew.rq.install()``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ._faults import report_failure
from ._lines.servers import add_filter_once
from ._options import needed
from ._secrets.looks import MASK
from ._tasks import PAYLOAD_KEY, TaskRun, TaskSettings
from ._unfinished import unfinished

with needed("clew.rq is for RQ: pip install rq"):
    from rq.job import Job, JobStatus, Retry
    from rq.utils import now
    from rq.worker import Worker


def install(
    *,
    fields: Collection[str] = (),
    user_id: bool = False,
    exclude: Collection[str] = (),
    log: bool = True,
) -> None:
    """Install clew in RQ, where jobs are enqueued and in the worker: in all its classes.

    The id of the context in which a job is enqueued travels in its ``meta["clew"]``. All lines of
    the job carry it, and its run ends in one TaskLog. Installing again only changes the options.
    A worker has to do so before it takes a job: ``rq worker -c MODULE`` imports a module first.

    The options are those of `clew.celery.install`; *exclude* names functions.

    Raises:
        TypeError: An option is of the wrong type.
        ValueError: *fields* has a name that may not travel, *exclude* one that is no function's.
    """
    settings = TaskSettings(fields=fields, user_id=user_id, exclude=exclude, log=log)
    job_class: Any = Job
    if getattr(job_class, "_clew_settings", None) is None:
        job_class.create = classmethod(_wrap(job_class.create.__func__, _create))
        # Versions differ in which class it is that all workers have in common.
        base: Any = next(kind for kind in Worker.__mro__ if "perform_job" in vars(kind))
        base.perform_job = _wrap(base.perform_job, _perform_job)
        base.handle_exception = _wrap(base.handle_exception, _handle_exception)
        base.handle_job_failure = _wrap(base.handle_job_failure, _handle_job_failure)
        worker_class: Any = Worker
        worker_class.fork_work_horse = _wrap(worker_class.fork_work_horse, _fork_work_horse)
        # A job's description holds its arguments. The pool of workers has no option for this.
        base.log_job_description = property(lambda _: False, lambda _, __: None)
        add_filter_once(logging.getLogger("rq.worker"), _ArgumentsFilter)
    job_class._clew_settings = settings


class _ArgumentsFilter(logging.Filter):
    """Remove a job's arguments and result, which may be secret, from RQ's lines about it."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name in ("arguments", "kwargs"):
            record.__dict__.pop(name, None)
        if str(record.msg).endswith("result: %r") and isinstance(record.args, tuple):
            record.args = (*record.args[:-1], MASK)
        return True


def _wrap(method: Callable[..., Any], instead: Callable[..., Any]) -> Callable[..., Any]:
    """Return *instead*, which is given the *method* that it calls, in its place."""

    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return instead(method, *args, **kwargs)

    return wrapped


# Whatever clew does within RQ's own methods may not raise: the exception would be the job's.


def _create(create: Callable[..., Any], cls: type[Job], *args: Any, **kwargs: Any) -> Any:
    job = create(cls, *args, **kwargs)
    try:
        payload = job._clew_settings.payload()
        if payload is not None and PAYLOAD_KEY not in job.meta:
            job.meta = {**job.meta, PAYLOAD_KEY: payload}
    except Exception:
        report_failure()
    return job


def _fork_work_horse(fork: Callable[..., None], worker: Any, *args: Any) -> None:
    # The worker says which job its horse died at, before anybody reads that one's table.
    unfinished.guard()
    fork(worker, *args)


def _perform_job(
    perform: Callable[..., bool], worker: Any, job: Any, *args: Any, **kwargs: Any
) -> bool:
    try:
        run = job._clew_run = _JobRun(job)
    except Exception:
        report_failure()
        return perform(worker, job, *args, **kwargs)
    try:
        run.begin()
        done = perform(worker, job, *args, **kwargs)
        run.end(run.outcome(job, done), run.error)
    except BaseException as error:  # the job's, or a signal's that came in between
        run.end("failed", error)
        raise
    return done


def _handle_exception(handle: Callable[..., None], worker: Any, job: Any, *exc_info: Any) -> None:
    run = getattr(job, "_clew_run", None)
    if isinstance(run, _JobRun):
        run.record_exception(job, exc_info)
    handle(worker, job, *exc_info)


def _handle_job_failure(
    handle: Callable[..., None], worker: Any, job: Any, *args: Any, **kwargs: Any
) -> None:
    run = getattr(job, "_clew_run", None)
    if not (isinstance(run, _JobRun) and run.live):
        _log_killed(worker, job)
    handle(worker, job, *args, **kwargs)


def _log_killed(worker: Any, job: Any) -> None:
    """Log a job whose process was killed. Only the worker, which started it, hears of that."""
    try:
        if not unfinished.may_say(job.id):
            return
        began = job.started_at
        stopped = getattr(worker, "_stopped_job_id", None) == job.id
        _JobRun(job).end(
            "revoked" if stopped else "retried" if _may_retry(job) else "failed",
            duration=None if began is None else (now() - began).total_seconds() * 1000,
        )
    except Exception:
        report_failure()


def _may_retry(job: Any) -> bool:
    return (job.retries_left or 0) > 0


class _JobRun(TaskRun):
    """Run one of RQ's jobs."""

    def __init__(self, job: Any) -> None:
        try:
            name = job.func_name
        except Exception:  # what was enqueued cannot be read
            name = "<unreadable>"
        meta = job.meta if isinstance(job.meta, Mapping) else {}
        payload = meta.get(PAYLOAD_KEY)
        retries = payload.get("retries") if isinstance(payload, Mapping) else 0
        super().__init__(
            job._clew_settings, payload, name=name, id=job.id, queue=job.origin, retries=retries
        )
        # RQ saves it with the job for the next try.
        job.meta = {**meta, PAYLOAD_KEY: {**self.payload(), "retries": self.task.retries + 1}}

    def record_exception(self, job: Any, exc_info: tuple[Any, ...]) -> None:
        """Remember what the job raised, or one of its callbacks, and whether RQ tries again."""
        try:
            self.again = _may_retry(job)
            error = exc_info[1]
            self.error = error if isinstance(error, BaseException) else None
        except Exception:
            report_failure()

    def outcome(self, job: Any, done: bool) -> str:
        """Return how the run ended, which is *done* or failed."""
        try:
            if not done:
                return "retried" if self.again else "failed"
            if isinstance(job._result, Retry):
                failed = job.get_status(refresh=False) == JobStatus.FAILED
                return "failed" if failed else "retried"
        except Exception:
            report_failure()
        return "succeeded" if done else "failed"
