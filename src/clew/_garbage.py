"""The variable that holds the current context, which the garbage collector runs without.

What it runs (finalizers, generators' ``finally``, weak references' callbacks) belongs to anybody
but the request in whose midst it comes. There is one collection at a time.

Python looks for signals whenever it enters a function, and loses what their handlers raise while
the collector calls that function: a Ctrl-C, a time limit, a worker's end. So nothing of what it
calls here is written in Python. ``getattr(hook, phase, info)`` reads the attribute ``start`` or
``stop`` of a hook: a property, whose getter calls methods of that hook, a list.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from contextvars import Context as Variables
from contextvars import ContextVar, copy_context
from functools import partial
from operator import attrgetter, call, methodcaller
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from ._context import Context

variable: ContextVar[Context | None] = ContextVar("clew", default=None)

# How many collections may come while one context variable is being set: one, where they do not
# come after every few objects.
_MANY = 32 if gc.get_threshold()[0] < 100 else 4


def _calling(*functions: Callable[[], object]) -> Iterable[Any]:
    """Return an iterable that calls *functions* whenever it is gone through, for their results."""
    iterate = staticmethod(partial(map, call, functions))
    return cast("Iterable[Any]", type("Calling", (), {"__iter__": iterate})())


class _Values(list[Variables]):
    """The values of all context variables, which Python does not hold on to before 3.12.

    A collection may come in the midst of a variable's being set: a finalizer that sets one would
    free the values before, and crash the process.
    """

    start = property(methodcaller("extend", _calling(copy_context)))
    stop = property(methodcaller("__delitem__", slice(None, -_MANY)))


class _Collection(list[Any]):
    """While one goes on: the context that comes back at its end, and the thread.

    What is called later from there takes no context along either, as what closes an asynchronous
    generator does. What a finalizer entered and did not leave goes with it.
    """

    start = property(
        methodcaller("extend", _calling(variable.get, get_ident, partial(variable.set, None)))
    )
    stop = property(attrgetter("_context_alone", "_set", "_cleared"))
    _context_alone = property(methodcaller("__delitem__", slice(1, None)))
    # Sorting calls its key, for the one element that there is.
    _set = property(methodcaller("sort", key=variable.set))
    _cleared = property(methodcaller("clear"))


collection = _Collection()  # false while there is none
# What was kept of the values goes while there is no context.
if sys.version_info < (3, 12):
    gc.callbacks.append(partial(getattr, _Values()))
gc.callbacks.append(partial(getattr, collection))


def is_interrupted(context: Context) -> bool:
    """Tell whether a collection goes on here, in the midst of *context*."""
    match collection[:]:  # which another thread may end meanwhile
        case [outer, thread, _]:
            return bool(thread == get_ident() and outer is context)
    return False


def come_back(context: Context | None) -> None:
    """Have *context* come back at the end of the collection."""
    collection[0] = context
