"""The variable that holds the current context, which the garbage collector runs without.

What it runs (finalizers, generators' ``finally``, weak references' callbacks) belongs to anybody
but the request in whose midst it comes. There is one collection at a time.

Python looks for signals whenever it enters a function, and loses what their handlers raise while
the collector calls that function: a Ctrl-C, a time limit, a worker's end. So nothing of what it
calls here is written in Python. ``getattr(hook, phase, info)`` reads the attribute ``start`` or
``stop`` of a hook, which is a list: a property whose getter calls methods of that list.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from contextvars import Context as Variables
from contextvars import ContextVar, Token, copy_context
from functools import partial
from operator import attrgetter, call, methodcaller
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ._context import Context

variable: ContextVar[Context | None] = ContextVar("clew", default=None)

# More collections than this do not come while one context variable is being set.
_MANY = 8


def _results_of(function: Callable[[], object]) -> Iterable[Any]:
    """Return an iterable of what *function* returns, which is called for each iterator."""
    iterate = staticmethod(partial(map, call, (function,)))
    return cast("Iterable[Any]", type("Results", (), {"__iter__": iterate})())


def _setting_to(values: Iterable[object]) -> Any:
    return methodcaller("__setitem__", slice(None), values)


class _Threads(list[int]):
    """The thread in which a collection is going on, while one is."""

    start = property(_setting_to(_results_of(get_ident)))
    stop = property(methodcaller("clear"))


class _Tokens(list[Token["Context | None"]]):
    """What gives back, at a collection's end, the context that is taken away at its start.

    What is called later from there takes none along either, as what closes an asynchronous
    generator does. What a finalizer entered and did not leave goes with it.
    """

    start = property(_setting_to(_results_of(partial(variable.set, None))))
    stop = property(attrgetter("_reset", "_cleared"))
    _reset = property(methodcaller("sort", key=variable.reset))
    _cleared = property(methodcaller("clear"))


class _Values(list[Variables]):
    """The values of all context variables, which Python does not hold on to before 3.12.

    A collection may come in the midst of a variable's being set: a finalizer that sets one would
    free the values before, and crash the process.
    """

    start = property(attrgetter("_added", "_cut"))
    stop = property(len)
    _added = property(methodcaller("__setitem__", slice(0, 0), _results_of(copy_context)))
    _cut = property(methodcaller("__delitem__", slice(_MANY, None)))


threads, _tokens = _Threads(), _Tokens()
if sys.version_info < (3, 12):
    gc.callbacks.append(partial(getattr, _Values()))
gc.callbacks.extend((partial(getattr, _tokens), partial(getattr, threads)))


def is_interrupted(context: Context) -> bool:
    """Tell whether a collection goes on here, in the midst of *context*."""
    return get_ident() in threads and any(token.old_value is context for token in _tokens)


def give_back(context: Context | None) -> None:
    """Have the end of the collection give *context* back."""
    present = variable.get()
    variable.set(context)
    _tokens[:] = [variable.set(present)]
