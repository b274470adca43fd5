"""What is said when logging itself fails. Nothing here waits for anybody, or raises but what
interrupts it.

A fault that comes again and again is said once a minute: each line that a full disk loses would
otherwise leave a traceback, and a stderr that nobody reads would stop the service.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import time
import traceback
from io import TextIOWrapper
from typing import Any
from weakref import WeakSet

from ._interruptions import raise_interruption

_EVERY = 60.0  # seconds
_LONGEST = 3_000  # characters of a traceback
_ROOM = 4_096  # bytes that a pipe takes at once, if it takes any (PIPE_BUF)

# When each fault may be said again, by where it happened, and how often it came since.
_next_report: dict[object, float] = {}
_unsaid: dict[object, int] = {}
_MOST_FAULTS = 200


def report_failure(record: logging.LogRecord | None = None) -> None:
    """Write the exception that is being handled to stderr, and where *record* was logged.

    One that the handler of a signal raised is raised again.
    """
    raise_interruption()
    if not logging.raiseExceptions:
        return
    kind, _, trace = sys.exc_info()
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace and (trace.tb_frame.f_code, trace.tb_lineno)
    fault = kind, place
    try:
        if not is_due(fault):
            _unsaid[fault] = _unsaid.get(fault, 0) + 1
            return
        unsaid = _unsaid.pop(fault, 0)
        more = f" ({unsaid:,} more since the last one)" if unsaid else ""
        where = "" if record is None else f"Logged at {record.pathname}:{record.lineno}\n"
        write_error(f"--- Logging error ---{more}\n{traceback.format_exc()[-_LONGEST:]}{where}")
    except RecursionError:  # there is no room for that
        pass


def is_due(fault: object) -> bool:
    """Tell whether *fault* may be said now: it was not within the last minute."""
    now = time.monotonic()
    if now < _next_report.get(fault, now):
        return False
    if len(_next_report) >= _MOST_FAULTS:
        _next_report.clear()
        _unsaid.clear()
    _next_report[fault] = now + _EVERY
    return True


def warn(
    message: str, *args: object, logger: str = "clew", error: BaseException | None = None
) -> None:
    """Log a warning of clew's own on *logger*, with the traceback of *error*."""
    try:
        options: dict[str, Any] = {} if error is None else {"exc_info": error}
        logging.getLogger(logger).warning(message, *args, **options)
    except Exception:
        report_failure()


def write_error(text: str) -> None:
    """Write *text* to stderr, its end where it is long, unless nobody reads what is there."""
    try:
        stream = sys.stderr
        if type(stream) is TextIOWrapper and hasattr(select, "poll"):
            poll = select.poll()
            poll.register(stream.fileno(), select.POLLOUT)
            if not poll.poll(0):
                return
            encoded = text.encode(stream.encoding, "backslashreplace")
            if len(encoded) > _ROOM:
                text = encoded[-_ROOM:].decode(stream.encoding, "ignore")
        stream.write(text)
        stream.flush()
    except Exception:  # there may be no stderr, or a closed one
        pass


class Losses:
    """Counts what is lost of one kind, and says so at once, then once a minute."""

    def __init__(self, what: str) -> None:
        self.count = self.total = 0
        self._what = what
        self._since = 0.0
        self._next = 0.0
        _losses.add(self)

    def forget(self) -> None:
        """Forget what was lost: this is a fork, and the parent says it."""
        self.count = 0

    def add(self, reason: object, count: int = 1) -> None:
        """Count one more, or *count*, lost for *reason*."""
        if not self.count:
            self._since = time.time()
        self.count += count
        self.total += count
        now = time.monotonic()
        if now >= self._next and logging.raiseExceptions:
            self._next = now + _EVERY
            self._say(f"cannot be written: {reason}")

    def end(self) -> None:
        """Say how many there were, once what was lost can be written again."""
        count, self.count = self.count, 0
        if count and logging.raiseExceptions:
            self._next = 0.0
            self.count = count
            self._say("can be written again")
            self.count = 0

    def _say(self, state: str) -> None:
        since = time.strftime("%H:%M:%S", time.localtime(self._since))
        write_error(f"clew: {self._what} {state}; {self.count:,} lost since {since}\n")


_losses: WeakSet[Losses] = WeakSet()


def _forget_losses() -> None:
    _unsaid.clear()
    for losses in list(_losses):
        losses.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_losses)
