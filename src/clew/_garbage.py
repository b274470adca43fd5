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
from collections import deque
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

# More collections than this do not come while one context variable is being set.
_MANY = 8


def _results_of(*functions: Callable[[], object]) -> Iterable[Any]:
    """Return an iterable of what *functions* return, which are called for each iterator."""
    iterate = staticmethod(partial(map, call, functions))
    return cast("Iterable[Any]", type("Results", (), {"__iter__": iterate})())


class _Collection(list[Any]):
    """While one goes on: a token that gives the context back at its end, and the thread.

    What is called later from there takes no context along either, as what closes an asynchronous
    generator does. What a finalizer entered and did not leave goes with it.
    """

    start = property(methodcaller("extend", _results_of(partial(variable.set, None), get_ident)))
    stop = property(attrgetter("_token_alone", "_reset", "_cleared"))
    _token_alone = property(methodcaller("__delitem__", slice(1, None)))
    _reset = property(methodcaller("sort", key=variable.reset))
    _cleared = property(methodcaller("clear"))


class _Values(deque[Variables]):
    """The values of all context variables, which Python does not hold on to before 3.12.

    A collection may come in the midst of a variable's being set: a finalizer that sets one would
    free the values before, and crash the process.
    """

    start = property(methodcaller("extend", _results_of(copy_context)))
    stop = None


collection = _Collection()  # false while there is none
if sys.version_info < (3, 12):
    gc.callbacks.append(partial(getattr, _Values(maxlen=_MANY)))
gc.callbacks.append(partial(getattr, collection))


def is_interrupted(context: Context) -> bool:
    """Tell whether a collection goes on here, in the midst of *context*."""
    match collection[:]:  # which another thread may end meanwhile
        case [token, thread]:
            return bool(thread == get_ident() and token.old_value is context)
    return False


def give_back(context: Context | None) -> None:
    """Have the end of the collection give *context* back."""
    present = variable.get()
    variable.set(context)
    collection[0] = variable.set(present)
