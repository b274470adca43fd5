"""One request and its response: begins, is the current context, ends. Knows no framework.

An adapter subclasses `Exchange` to translate (where a header, the path, the user stand in its
framework's request) and tells it what happens to the response. All decisions are taken here.

The way of one request::

    adapter                    exchange                       context, logger
    -------                    --------                       ---------------
    a request comes      ->    Exchange(settings)             its id is chosen
                               resume()                 ->    the context is set
    the application runs                                      lines carry the ids
    response starts      ->    started(status)
    body goes out        ->    sent(size)
    last byte is out     ->    finished()               ->    HTTPLog, unless 5xx
    it returned, raised  ->    end(error)               ->    HTTPLog, if none yet
                               pause(error)             ->    the outer context comes back,
                                                              the error takes this one along
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from clew._context import Context, begin_subscribers, notify, start_subscribers
from clew._current import UNSET, current, enter, entered, leave
from clew._faults import report_failure
from clew._lines.delivery import emit, own_logger
from clew._process import process
from clew._redaction import Redactor
from clew.records import HTTP_LOGGER

from . import record
from .presence import Presence
from .progress import Progress
from .request_id import choose_id
from .settings import Settings
from .users import RequestUser

_logger = own_logger(HTTP_LOGGER)

_EMPTY: Mapping[str, Any] = {}

# The answer to a crash before which nobody answered.
CRASH_BODY = b"Internal Server Error"


class Exchange(Progress, Presence, RequestUser):
    """A request being served: the current context, and what becomes of its response."""

    rejected: str | None = None  # why the client's id was refused
    _told: int | None = None  # the id of the exception that the record has
    _outer: Context | None = None
    _inside = False

    def __init__(self, settings: Settings, inbound: Sequence[str] = ()) -> None:
        """Begin with the values of the request-id header, as many as there are, but empty ones."""
        self.arrived = perf_counter()
        self.settings = settings
        # What each request reads is set: a class's default takes Python 3.11 ten times as long.
        self.status = self.ended = None
        self.is_disconnected = self.eventful = False
        self.body_size = 0
        self.fields = self.ids = _EMPTY
        self.backlog = None
        self.live = True
        self.logged = not settings.log
        self._process = process[0]
        self._user_id = UNSET
        if inbound:
            self.request_id, self.rejected = choose_id(inbound, settings, self)
            self.eventful = self.rejected is not None
        else:
            self.request_id = settings.made_id()
        self.slot = None
        if settings.watch is not None:
            self.watch()
        if begin_subscribers:
            notify(self, begin_subscribers)

    @property
    def header_name(self) -> str:
        return self.settings.inbound.name

    @property
    def redactor(self) -> Redactor:
        return self.settings.redactor

    # The current context.

    @property
    def answered(self) -> bool:
        """Whether a next request on the same connection may have begun."""
        return self.ended is not None

    def resume(self) -> None:
        """Make this the current context, until `pause`."""
        outer = entered()
        if outer is not self:
            self._outer = None if outer is None or _follows(self, outer) else outer
        self._inside = True
        enter(self)

    def pause(self, error: BaseException | None = None) -> None:
        """Let the outer context come back; *error*, on its way out, takes this one along.

        A signal may interrupt this with an exception; then it does what is left when called again.
        """
        if self._inside:
            leave(self, self._outer, error)
            self._inside = False

    def tells_of(self, error: BaseException | None) -> bool:
        if self.logged:
            return error is not None and self._told == id(error)
        if error is None:
            return _logger.isEnabledFor(logging.WARNING)
        ends_it = error is self.error and not (self.handled or self.is_disconnected)
        return ends_it and _logger.isEnabledFor(logging.ERROR)

    # The response's events.

    def started(self, status: int) -> None:
        if start_subscribers:
            notify(self, start_subscribers)
        if self.status is None and type(status) is int and not self.is_disconnected:
            self.status = status  # as a rule
        else:
            Progress.started(self, status)

    def finished(self) -> None:
        Progress.finished(self)
        self.log_if_due()

    def log_if_due(self) -> None:
        """Log the record of what is finished, except for a 5xx, whose exception may be to come."""
        if not self.logged and self.status is not None and self.status < 500:
            self.log()

    def failed(self, error: BaseException) -> None:
        Progress.failed(self, error)
        if self.logged:
            self.error = self.traceback = None  # too late; they hold what the request held

    def end(self, error: BaseException | None = None) -> None:
        """The application has returned, or raised *error*: log what is not logged yet."""
        if self.live:
            self.live = False
            if error is not None:
                self.failed(error)
            if not self.logged:
                self.log()
            if self.backlog is not None:
                # What failed behind the response, or leaves no record.
                if isinstance(error, Exception) or (not self.settings.log and self.is_failure()):
                    self.backlog.release()
                self.backlog = None
            if self.slot is not None or self.settings.watch is not None:
                self.vanish()
            if self.eventful:
                self.error = self.traceback = None

    def close(self, error: BaseException | None = None) -> None:
        """End, and let the outer context come back."""
        try:
            self.end(error)
        finally:
            self.pause(error)

    def is_failure(self) -> bool:
        """Tell whether the lines that were kept are wanted."""
        status, outcome = self.result()
        if status >= 500 or outcome in ("error", "aborted"):
            return True
        slow, ended = self.settings.slow, self.ended or perf_counter()
        return slow is not None and not self.websocket and ended - self.arrived >= slow

    def log(self) -> None:
        """Log the HTTPLog, which is not logged yet, unless another process will. Never raises."""
        self.logged = True
        if self._process is not process[0]:
            return
        is_made = False
        try:
            if self.backlog is not None and self.is_failure():
                self.backlog.release()
            found = record.of_exchange(self, _logger)
            is_made = True
            slot = self.slot
            if slot is not None:
                slot.ending()
            if self.settings.watch is not None:
                self.unwatch()
            if found is not None:
                http, level, fields = found
                error = None
                if http.exception is not None:
                    error, self._told = self.error, id(self.error)
                emit(_logger, http, fields, level, error, self.ids)
            if slot is not None:
                self.slot = None
                slot.end()
        except BaseException as error:
            self.logged = is_made  # what interrupts the making has it made at the end
            if not isinstance(error, Exception):
                raise
            report_failure()
            self.logged = True


def _follows(exchange: Exchange, outer: Context) -> bool:
    """Tell whether a server started this request in the context of the one before it."""
    return (
        isinstance(outer, Exchange)
        and outer.answered
        and outer.connection() == exchange.connection()
    )


def record_exception(error: BaseException | None) -> None:
    """Tell the current request that its framework caught *error*, and answers for it."""
    exchange = current()
    if isinstance(exchange, Exchange) and error is not None:
        exchange.failed(error)


def record_caught(error: BaseException) -> None:
    """Tell the current request that a handler of the application's answers *error*."""
    exchange = current()
    if isinstance(exchange, Exchange) and not exchange.logged:
        exchange.caught(error)
