"""Requests that run for too long say so while they do: one thread looks at them.

It is one of the system's, also where gevent has put greenlets in the place of threads: a greenlet
would come too late where a request computes. The locks are gevent's then, for which that thread may
not wait: it writes past them, or leaves the line to a greenlet.
"""

from __future__ import annotations

import logging
import os
import time
from time import perf_counter
from typing import TYPE_CHECKING, Any

from clew._context import Context
from clew._current import enter, leave
from clew._faults import report_failure
from clew._lines.delivery import own_logger, put_beside
from clew._lines.entry import Entry
from clew._text import ask_nothing
from clew._threads import hub_here, original, run_in_hub, start_thread
from clew.records import HTTP_LOGGER

from .stack import stack_of
from .wire import shown_path

if TYPE_CHECKING:
    from .exchange import Exchange

# Seconds between two looks, at least.
_SHORTEST = 0.01
_LEVEL = logging.WARNING
_MESSAGE = "%s %s is still running after %g s"


class Watch:
    """The requests of one adapter, the oldest first; which are to be over within some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[int, Exchange] = {}

    def add(self, exchange: Exchange) -> None:
        """Look at *exchange* in time."""
        self._running[id(exchange)] = exchange
        if not _watcher.is_running:
            _watcher.start()
        if self not in _watcher.watches:
            _watcher.watches.append(self)

    def remove(self, exchange: Exchange) -> None:
        """Look at *exchange* no more: its response is complete."""
        self._running.pop(id(exchange), None)

    def clear(self) -> None:
        """Look at none: this is another process."""
        self._running.clear()

    def look(self) -> float:
        """Say which are slow by now, once; return in how many seconds to look again."""
        while True:
            try:
                exchange = next(iter(self._running.values()))
            except StopIteration:
                return self.seconds
            except RuntimeError:  # one came or went just now
                continue
            wait = exchange.arrived + self.seconds - perf_counter()
            if wait > 0:
                return wait
            self.remove(exchange)
            if not exchange.complete:
                try:
                    say_slow(exchange, self.seconds)
                except Exception:
                    report_failure()


class _Watcher:
    """The thread that looks."""

    def __init__(self) -> None:
        self.is_running = False
        self.hub: Any = None  # gevent's, which runs the requests
        self.watches: list[Watch] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def start(self) -> None:
        self.is_running, self.hub = True, hub_here()
        start_thread(self._run, "clew-watch")

    def _forget(self) -> None:
        self.is_running, self.hub = False, None
        for watch in self.watches:
            watch.clear()

    def _run(self) -> None:
        sleep = original("time", "sleep")
        if self.hub is not None:
            ask_nothing()  # what says what a value is may wait for a lock
        while True:
            waits = [watch.look() for watch in self.watches]
            sleep(max(min(waits, default=_SHORTEST), _SHORTEST))


_watcher = _Watcher()
_logger = own_logger(HTTP_LOGGER)


def say_slow(exchange: Exchange, seconds: float) -> None:
    """Write the line about *exchange*, with the stack at which it stands now."""
    # isEnabledFor() may take the logging module's lock.
    if _logger.disabled or _logger.manager.disable >= _LEVEL:
        return
    if _logger.getEffectiveLevel() > _LEVEL:
        return
    stack = stack_of(exchange, exchange.place)
    if _watcher.hub is None:
        _log_slow(exchange, seconds, stack)
        return
    entry = Entry(
        *(_LEVEL, _MESSAGE % _what(exchange, seconds), time.time(), HTTP_LOGGER),
        *(exchange.request_id, exchange.known_user(), _fields(exchange), exchange.fields),
        stack=stack,
    )
    if not put_beside(_logger, _LEVEL, entry):
        run_in_hub(_watcher.hub, _log_slow, exchange, seconds, stack)


def _log_slow(exchange: Exchange, seconds: float, stack: str) -> None:
    # As much of its context as can be had in another thread, without asking the application.
    context = Context(exchange.request_id)
    context.fields = exchange.fields
    context.bind({"user_id": exchange.known_user()})
    outer = enter(context)
    try:
        record = _logger.makeRecord(
            *(HTTP_LOGGER, _LEVEL, __file__, 0, _MESSAGE, _what(exchange, seconds), None),
            *("say_slow", _fields(exchange), stack),
        )
        _logger.handle(record)
    finally:
        leave(context, outer)


def _what(exchange: Exchange, seconds: float) -> tuple[str, str, float]:
    _, _, method, path = exchange.outline()
    where = shown_path(path.decode("utf-8", "replace"), exchange.settings.redactor)
    return method.decode("utf-8", "replace"), where, seconds


def _fields(exchange: Exchange) -> dict[str, str]:
    return {"action": "SLOW_REQUEST", **_route_of(exchange)}


def _route_of(exchange: Exchange) -> dict[str, str]:
    try:
        route = exchange.route()
    except Exception:  # the framework is at it in its own thread
        route = None
    return {} if route is None else {"route": route}
