"""Run one task: its payload, its context, its record. Knows no task system.

A module for a task system translates: where a message keeps the payload, what a task is called,
how a run ended. All decisions are taken here.

The way of one task::

    module                  run                                context, logger
    ------                  ---                                ---------------
    a task is sent     ->   settings.payload()                 the id and the chosen fields
                            ... the broker ...
    a worker takes it  ->   TaskRun(settings, payload, ...)    the id is checked
                            begin()                       ->   the context is set
    the task runs                                              lines carry the id and the task
    it ends            ->   end(outcome, error)           ->   TaskLog, the outer context

The payload is untrusted: whoever has access to the broker can forge it. An id is accepted when
`is_safe_id` admits it, a field when it is chosen here too, and both are short.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from time import perf_counter

from ._context import Context, notify
from ._current import attach_context, current, enter, entered, leave
from ._exceptions import describe
from ._faults import report_failure
from ._ids import accepted_or_new, as_user_id
from ._levels import level_word
from ._lines.delivery import emit, own_logger
from ._options import Patterns, check_flag, set_field, strings
from ._process import process
from ._table import TASK, Outline
from ._task_fields import field_name, short_value
from ._text import one_line, text_of
from ._unfinished import unfinished
from .records import TASK_LOGGER, Task, TaskLog

_logger = own_logger(TASK_LOGGER)

# The name under which a message has the payload.
PAYLOAD_KEY = "clew"

_LONGEST_TEXT = 200

_LEVELS = {
    "succeeded": logging.INFO,
    "ignored": logging.INFO,
    "retried": logging.WARNING,
    "rejected": logging.WARNING,
    "revoked": logging.WARNING,
    "failed": logging.ERROR,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class TaskSettings:
    """Hold the options of a task system: the same names everywhere, checked at once.

    Args:
        fields: The bound fields that travel with a task, beside the id.
        user_id: Whether the user's id travels, too.
        exclude: Tasks, or prefixes ended by ``*``, whose successes make no TaskLog.
        log: False keeps the id and the context, without the TaskLog.
    """

    fields: Collection[str] = ()
    user_id: bool = False
    exclude: Collection[str] = ()
    log: bool = True

    excluded: Patterns = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for option in ("user_id", "log"):
            check_flag(option, getattr(self, option))
        set_field(self, "fields", tuple(map(field_name, strings("fields", self.fields))))
        names = strings("exclude", self.exclude)
        for name in names:
            if not name or "*" in name[:-1]:
                raise ValueError(
                    f"exclude has {name!r}: allowed are a task's name, as 'shop.heartbeat', "
                    "or a prefix ended by a star, as 'celery.*'"
                )
        set_field(self, "excluded", Patterns(names))

    def payload(self, context: Context | None = None) -> dict[str, object] | None:
        """Return what travels with a task that is sent in *context*, or now. Never raises.

        It is plain JSON; None outside any context.
        """
        context = context or current()
        if context is None:
            return None
        payload: dict[str, object] = {"requestId": context.request_id}
        if isinstance(context, TaskRun):
            payload["parentId"] = context.task.id
        try:
            user = context.user_id() if self.user_id else None
            if user is not None and len(user) <= _LONGEST_TEXT:
                payload["userId"] = user
            if fields := self.select(context.fields):
                payload["fields"] = fields
        except Exception:
            report_failure()
        return payload

    def select(self, fields: object) -> dict[str, object]:
        """Return those of *fields* that the options name and that may travel."""
        if not isinstance(fields, Mapping):
            return {}
        selection = {name: short_value(fields[name]) for name in self.fields if name in fields}
        return {name: value for name, value in selection.items() if value is not None}


class TaskRun(Context):
    """Run a task: be the current context from `begin` to `end`, and log what became of it."""

    # What the task system told of it meanwhile: what was raised, and that it will be tried again.
    error: BaseException | None = None
    again = False
    _outer: Context | None = None
    _inside = False
    _is_made = False  # whether its record is, or none is wanted
    _started: float | None = None
    _process: object = None  # where it began

    def __init__(
        self,
        settings: TaskSettings,
        payload: object,
        *,
        name: object,
        id: object,
        queue: object = None,
        retries: object = 0,
    ) -> None:
        """Take the *payload* of a message, and what it says of its task, whoever wrote it."""
        content = payload if isinstance(payload, Mapping) else {}
        super().__init__(accepted_or_new(content.get("requestId")))
        self.settings = settings
        user = content.get("userId") if settings.user_id else None
        if isinstance(user, str) and len(user) <= _LONGEST_TEXT:
            self._user_id = as_user_id(user)
        self.task = Task(
            name=_short(name),
            id=_short(id),
            queue=_short(queue) if queue and isinstance(queue, str) else None,
            retries=retries if type(retries) is int and 0 < retries < 2**31 else 0,
            parent_id=_parent_id(content.get("parentId"), _short(id)),
            outcome="",
        )
        fields = settings.select(content.get("fields"))
        self.fields = {**fields, "task": {"name": self.task.name, "id": self.task.id}}

    def payload(self) -> dict[str, object]:
        """Return what travels with another run of the same task."""
        payload = {**(self.settings.payload(self) or {}), "parentId": self.task.parent_id}
        return {key: value for key, value in payload.items() if value is not None}

    def begin(self) -> None:
        """Make this the current context, until `end`; not where it raises what a signal does."""
        notify(self)
        self._process = process[0]
        self._started = perf_counter()
        self._outer = entered()
        try:
            self._inside = True
            enter(self)
            try:
                if unfinished.is_on:
                    self.slot = unfinished.begin(self)
                    self.note_user(self.user_id())
            except Exception:
                report_failure()
        except BaseException:
            self._leave(None)
            raise

    def outline(self) -> Outline:
        """Return what is known of it at its beginning, for the process's table."""
        task = self.task
        where = f"{one_line(task.name)}\n{one_line(task.queue or '')}"
        return TASK, self.request_id.encode(), task.id.encode("utf-8", "replace"), where.encode()

    def end(
        self, outcome: str, error: BaseException | None = None, duration: float | None = None
    ) -> None:
        """Log the TaskLog, once, and restore the outer context.

        Raises only what a signal does, and then has done all the same what it could; called again,
        it does what is left. *duration*, in milliseconds, is that of a run which did not `begin`
        in this process.
        """
        try:
            self._finish(outcome, error, duration)
        except BaseException:
            self._finish(outcome, error, duration)
            raise

    def leave(self) -> None:
        """Restore the outer context, without a record. Called again, it does what is left."""
        self.live, self._is_made = False, True
        try:
            self._leave(None)
        except BaseException:
            self._leave(None)
            raise

    def abandon(self) -> None:
        """Restore the outer context: this process dies at it, which another one finds and says."""
        if unfinished.is_guarded:  # or it would be said twice
            self.slot = None
        self.leave()

    def _finish(self, outcome: str, error: BaseException | None, duration: float | None) -> None:
        try:
            self.live = False
            if not self._is_made:
                self._record(outcome, error, duration)
        finally:
            self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        if self._inside:
            leave(self, self._outer, error)
            self._inside = False
        elif error is not None and self._started is None:
            attach_context(error, self)
        if self.slot is not None and self._process is process[0]:
            slot, self.slot = self.slot, None
            slot.end()

    def _record(self, outcome: str, error: BaseException | None, duration: float | None) -> None:
        try:
            if error is not None or outcome == "failed":
                self.release()
            if self.slot is not None:
                self.slot.ending()
            made = self._make(outcome, error, duration)
            self._is_made = True  # what interrupts the making has it made again
            if made is not None:
                emit(_logger, *made, error)
        except Exception:
            report_failure()
            self._is_made = True

    def _make(
        self, outcome: str, error: BaseException | None, duration: float | None
    ) -> tuple[TaskLog, dict[str, object], int] | None:
        """Return the record, the fields beside it and its level; None where none is wanted."""
        task, settings = self.task, self.settings
        if self._process not in (None, process[0]):
            return None  # a forked process has left the task, whose end its own process sees
        if not settings.log or (outcome == "succeeded" and settings.excluded.match(task.name)):
            return None
        level = _LEVELS[outcome]
        if not _logger.isEnabledFor(level):
            return None
        if self._started is not None:
            duration = (perf_counter() - self._started) * 1000
        task.outcome = outcome
        task.duration = None if duration is None else round(max(duration, 0.0), 3)
        # The record has the task itself; what the application bound under that name stays.
        fields = {name: value for name, value in self.fields.items() if name != "task"}
        bound = self.fields.get("task")
        if bound is not None and bound != {"name": task.name, "id": task.id}:
            fields["task_"] = bound
        log = TaskLog(
            level=level_word(level),
            message=f"{task.name} {outcome}",
            created_at=int(time.time() * 1000),
            logger=TASK_LOGGER,
            request_id=self.request_id,
            user_id=self.user_id(),
            task=task,
            exception=None if error is None else describe(error),
        )
        return log, fields, level


def _parent_id(value: object, own: str) -> str | None:
    """Return the id of the task that sent one; a task that is sent again has not sent itself."""
    return _short(value) if value and isinstance(value, str) and value != own else None


def _short(value: object) -> str:
    return text_of(value)[:_LONGEST_TEXT]
