"""For RQ: ``clew.rq.install()``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

try:
    from rq.job import Job as RQJob
    from rq.job import JobStatus, Retry
    from rq.utils import now
    from rq.worker import Worker
except ImportError as error:
    raise ImportError('clew.rq is for RQ: pip install "clew[rq]"') from error

from ._faults import report_failure
from ._tasks import CARRIED, Job, JobSettings

_LOGGER = "rq.worker"


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

    Args:
        fields: The bound fields that travel as well. Both sides name them.
        user_id: Whether the user's id travels as well.
        exclude: Functions, or prefixes ended by ``*``, whose successes make no TaskLog.
        log: False keeps the id and the context, without the TaskLog.
    """
    settings = JobSettings(fields=fields, user_id=user_id, exclude=exclude, log=log)
    job_class: Any = RQJob
    if getattr(job_class, "_clew_settings", None) is None:
        job_class.create = classmethod(_creating(job_class.create.__func__))
        # Versions differ in which class it is that all workers have in common.
        base: Any = next(kind for kind in Worker.__mro__ if "perform_job" in vars(kind))
        for name, wrap in (
            ("perform_job", _performing),
            ("handle_exception", _handling_exception),
            ("handle_job_failure", _handling_failure),
        ):
            setattr(base, name, wrap(getattr(base, name)))
        # A job's description holds its arguments. The pool of workers has no option for this.
        base.log_job_description = property(lambda _: False, lambda _, __: None)
        logging.getLogger(_LOGGER).addFilter(_ArgumentsFilter())
    job_class._clew_settings = settings


class _ArgumentsFilter(logging.Filter):
    """Take a job's arguments, which may be secret, from RQ's line about its exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name in ("arguments", "kwargs"):
            record.__dict__.pop(name, None)
        return True


# What of clew runs within RQ's own methods is kept from raising into them, one by one: an exception
# there would be the job's.


def _creating(create: Callable[..., RQJob]) -> Callable[..., RQJob]:
    @functools.wraps(create)
    def create_job(cls: type[RQJob], *args: Any, **kwargs: Any) -> RQJob:
        job = create(cls, *args, **kwargs)
        try:
            _carry(job)
        except Exception:
            report_failure()
        return job

    return create_job


def _carry(job: Any) -> None:
    carried = job._clew_settings.carried()
    if carried is not None and CARRIED not in job.meta:
        job.meta = {**job.meta, CARRIED: carried}


def _performing(perform: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(perform)
    def perform_job(worker: Any, job: Any, *args: Any, **kwargs: Any) -> bool:
        run = _begun(job)
        if run is None:
            return perform(worker, job, *args, **kwargs)
        try:
            done = perform(worker, job, *args, **kwargs)
        except BaseException as error:
            run.end("failed", error)
            raise
        run.end(run.outcome(job, done), run.error)
        return done

    return perform_job


def _begun(job: Any) -> _Run | None:
    try:
        run = job._clew_run = _Run(job)
        run.begin()
        return run
    except Exception:
        report_failure()
        return None


def _handling_exception(handle: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(handle)
    def handle_exception(worker: Any, job: Any, *exc_info: Any) -> None:
        run = getattr(job, "_clew_run", None)
        if isinstance(run, _Run):
            run.failed(job, exc_info)
        handle(worker, job, *exc_info)

    return handle_exception


def _handling_failure(handle: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(handle)
    def handle_job_failure(worker: Any, job: Any, *args: Any, **kwargs: Any) -> None:
        run = getattr(job, "_clew_run", None)
        if not (isinstance(run, _Run) and run.live):
            _lost(worker, job)
        handle(worker, job, *args, **kwargs)

    return handle_job_failure


def _lost(worker: Any, job: Any) -> None:
    """Log a job whose process was killed: the worker, which started it, is the one to know."""
    try:
        began = job.started_at
        stopped = getattr(worker, "_stopped_job_id", None) == job.id
        _Run(job).end(
            "revoked" if stopped else "retried" if _may_retry(job) else "failed",
            duration=None if began is None else (now() - began).total_seconds() * 1000,
        )
    except Exception:
        report_failure()


def _may_retry(job: Any) -> bool:
    return (job.retries_left or 0) > 0


class _Run(Job):
    """A run of one of RQ's jobs."""

    error: BaseException | None = None
    again = False

    def __init__(self, job: Any) -> None:
        try:
            name = job.func_name
        except Exception:  # what was enqueued cannot be read
            name = "<unreadable>"
        meta = job.meta if isinstance(job.meta, Mapping) else {}
        carried = meta.get(CARRIED)
        tries = carried.get("retries") if isinstance(carried, Mapping) else 0
        super().__init__(
            job._clew_settings, carried, name=name, id=job.id, queue=job.origin, retries=tries
        )
        # The next try is saved with it.
        again = {**self.carried(), "retries": self.task.retries + 1}
        job.meta = {**meta, CARRIED: again}

    def failed(self, job: Any, exc_info: tuple[Any, ...]) -> None:
        """The job raised an exception, or one of its callbacks did."""
        try:
            self.again = _may_retry(job)
            error = exc_info[1]
            self.error = error if isinstance(error, BaseException) else None
        except Exception:
            report_failure()

    def outcome(self, job: Any, done: bool) -> str:
        """Return how the run ended, which was *done* or failed."""
        try:
            if not done:
                return "retried" if self.again else "failed"
            if isinstance(job._result, Retry):
                failed = job.get_status(refresh=False) == JobStatus.FAILED
                return "failed" if failed else "retried"
        except Exception:
            report_failure()
        return "succeeded" if done else "failed"
