r"""What one line says, whoever says it.

An `Entry` is made in three ways: of a call of clew's `Logger`, of a `logging.LogRecord`, and of
an HTTPLog or a TaskLog; structlog's and loguru's events make them as well. It is encoded by an
`Encoder`, and handed to the handlers by `deliver`::

    Logger.info(...)      \
    logging.LogRecord      >   Entry   ->   Encoder.encode(entry)   ->   LineHandler
    HTTPLog, TaskLog      /
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from logging import LogRecord
from typing import Any, Self

from msgspec import Struct

from clew._current import context_of, current
from clew._exceptions import describe
from clew.records import ExceptionInfo, HTTPLog, TaskLog


class Entry(Struct):
    r"""What one line says.

    On a LogRecord it holds what must be known in the thread that made the record: the ids, the
    bound fields, the exception, and what a QueueHandler would put into one text.

    Attributes:
        level: A level of the logging module.
        message: The message, with its arguments in it.
        created: Seconds since the Unix epoch.
        logger: The logger's name.
        request_id: The request's id.
        user_id: The user's id.
        fields: The caller's own fields, by the names that the caller chose.
        bound: The fields that are bound to the context.
        ids: Further ids, as those of a `Context`.
        log: The record of a request, a call or a task, which the line is then about.
        exception: The exception, as text.
        stack: The stack, as text.
        kept: Whether it was kept, and is written since its context failed.
    """

    level: int
    message: str
    created: float
    logger: str
    request_id: str | None = None
    user_id: str | None = None
    fields: Mapping[Any, object] = {}
    bound: Mapping[str, object] = {}
    ids: Mapping[str, str | None] | None = None
    log: HTTPLog | TaskLog | None = None
    exception: ExceptionInfo | None = None
    stack: str | None = None
    kept: bool = False

    @classmethod
    def now(cls, level: int, message: str, logger: str, fields: Mapping[Any, object]) -> Self:
        """Make the entry of a line that is logged in the current context."""
        context = current()
        if context is None:
            return cls(level, message, time.time(), logger, None, None, fields)
        request_id, user_id = context.request_id, context.user_id()
        return cls(level, message, time.time(), logger, request_id, user_id, fields, context.fields)

    @classmethod
    def of_event(
        cls,
        level: int,
        message: str,
        created: float,
        logger: str,
        fields: Mapping[Any, object],
        *,
        error: BaseException | None = None,
        record: LogRecord | None = None,
    ) -> Self:
        """Make the entry of what another logging library says, with *error*.

        The ids are those that *record* holds, else those of the current context, or of that
        which is attached to *error*.
        """
        entry = cls(level, message, created, logger, fields=fields)
        entry.take_ids(error, record)
        if error is not None:
            entry.exception = describe(error)
        return entry

    def take_ids(self, error: BaseException | None, record: LogRecord | None = None) -> None:
        """Take the ids and the bound fields that *record* holds, else the current context's, or
        those of that which is attached to *error*.
        """
        held = None if record is None else record.__dict__.get("_clew")
        if type(held) is Entry:
            self.request_id, self.user_id = held.request_id, held.user_id
            self.bound = held.bound
            return
        context = context_of(error)
        if context is not None:
            self.request_id, self.user_id = context.request_id, context.user_id()
            self.bound = context.fields

    def without_fields(self) -> Entry:
        """Return what a record holds of this: it has the message and the fields of its own."""
        return Entry(
            *(self.level, "", self.created, self.logger, self.request_id, self.user_id),
            bound=self.bound,
        )

    def attach_to(self, record: LogRecord) -> None:
        """Let *record* hold this, and give it its ``requestId`` and ``userId``."""
        attributes = record.__dict__
        for name in ("requestId", "userId"):
            if name in attributes:  # a caller wrote something there
                attributes[f"{name}_"] = attributes[name]
        attributes["requestId"] = self.request_id or ""
        attributes["userId"] = self.user_id or ""
        attributes["_clew"] = self

    def add_ids(self, record: LogRecord, ids: Mapping[str, str | None]) -> None:
        """Add further *ids*, and give them to *record*, whatever a caller wrote there."""
        attributes = record.__dict__
        for name, value in ids.items():
            if name in attributes:
                attributes[f"{name}_"] = attributes[name]
            attributes[name] = value or ""
        self.ids = dict(ids)
