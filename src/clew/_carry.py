"""Carrying the context into threads, callbacks and processes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

from ._context import current, enter, leave

P = ParamSpec("P")
R = TypeVar("R")


def carry(work: Callable[P, R]) -> Callable[P, R]:
    """Return *work* wrapped so that it runs in the context in which carry was called.

    For thread pools and callbacks: ``executor.submit(clew.carry(work), item)``. Coroutine
    functions stay coroutine functions. The result may be called many times, also at once.
    Generator functions raise TypeError: where they run is up to who iterates.
    """
    context = current()
    called = getattr(work, "__call__", work)  # noqa: B004 - of an object, its method
    for kind in (work, called):
        if inspect.isgeneratorfunction(kind) or inspect.isasyncgenfunction(kind):
            raise TypeError(
                f"carry() takes functions and coroutine functions, not {work!r}: "
                "carry the function that iterates over it"
            )
    if inspect.iscoroutinefunction(work) or inspect.iscoroutinefunction(called):

        @functools.wraps(work)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            outer = enter(context)
            try:
                return await cast("Awaitable[Any]", work(*args, **kwargs))
            except GeneratorExit:
                # Closed from anywhere, where no context is current of whomever it may be.
                outer = None if context is None else outer
                raise
            finally:
                leave(context, outer, ends=False)

        return cast("Callable[P, R]", run_async)

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        outer = enter(context)
        try:
            return work(*args, **kwargs)
        finally:
            leave(context, outer, ends=False)

    return run
