"""Requests that run for too long say so while they do: one thread looks at them."""

from __future__ import annotations

import logging
import os
import threading
import time
from time import perf_counter
from typing import TYPE_CHECKING

from clew._context import Context
from clew._current import enter, leave
from clew._faults import report_failure
from clew.records import HTTP_LOGGER

from .stack import stack_of
from .wire import shown_path

if TYPE_CHECKING:
    from .exchange import Exchange

# Seconds between two looks, at least.
_SHORTEST = 0.01


class Watch:
    """The requests of one adapter, the oldest first; which are to be over within some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[int, Exchange] = {}

    def add(self, exchange: Exchange) -> None:
        """Look at *exchange* in time."""
        self._running[id(exchange)] = exchange
        if _watcher.thread is None:
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
        self.thread: threading.Thread | None = None
        self.watches: list[Watch] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, name="clew-watch", daemon=True)
        self.thread.start()

    def _forget(self) -> None:
        self.thread = None
        for watch in self.watches:
            watch.clear()

    def _run(self) -> None:
        while True:
            waits = [watch.look() for watch in self.watches]
            time.sleep(max(min(waits, default=_SHORTEST), _SHORTEST))


_watcher = _Watcher()


def say_slow(exchange: Exchange, seconds: float) -> None:
    """Write the line about *exchange*, with the stack at which it stands now."""
    logger = logging.getLogger(HTTP_LOGGER)
    if not logger.isEnabledFor(logging.WARNING):
        return
    _, _, method, path = exchange.outline()
    where = shown_path(path.decode("utf-8", "replace"), exchange.settings.redactor)
    # As much of its context as can be had in another thread, without asking the application.
    context = Context(exchange.request_id)
    context.fields = exchange.fields
    context.bind({"user_id": exchange.known_user()})
    outer = enter(context)
    try:
        record = logger.makeRecord(
            *(HTTP_LOGGER, logging.WARNING, __file__, 0, "%s %s is still running after %g s"),
            (method.decode("utf-8", "replace"), where, seconds),
            None,
            "say_slow",
            {"action": "SLOW_REQUEST", **_route_of(exchange)},
            stack_of(exchange, exchange.place),
        )
        logger.handle(record)
    finally:
        leave(context, outer)


def _route_of(exchange: Exchange) -> dict[str, str]:
    try:
        route = exchange.route()
    except Exception:  # the framework is at it in its own thread
        route = None
    return {} if route is None else {"route": route}
