"""Exceptions that the handlers of signals raise, in the midst of anything."""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import Any

_SIGNALS = signal.valid_signals()


def raise_interruption() -> None:
    """Raise the exception that is being handled again, where the handler of a signal raised it.

    A soft time limit, Celery's or one by ``signal.alarm``, comes at any place, in the midst of
    clew's code too. It is no fault of clew's, and not clew's to catch.
    """
    _, error, trace = sys.exc_info()
    if error is None or trace is None or trace.tb_next is None:
        return
    try:
        codes = {_code_of(signal.getsignal(number)) for number in _SIGNALS}
    except RecursionError:  # there is no room for that
        return
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            raise error
        trace = trace.tb_next


def _code_of(handler: Any) -> object:
    while isinstance(handler, partial):
        handler = handler.func
    function = getattr(handler, "__func__", handler)
    return getattr(function, "__code__", getattr(type(handler).__call__, "__code__", None))
