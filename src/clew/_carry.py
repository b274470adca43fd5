"""Carrying the context into threads, callbacks and processes."""

from __future__ import annotations

import functools
import inspect
import pickle
from collections.abc import Awaitable, Callable
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar, cast

from ._context import Context
from ._current import attach_context, current, enter, entered, leave
from ._plain import to_plain
from ._redaction import OFF

P = ParamSpec("P")
R = TypeVar("R")


def carry(work: Callable[P, R]) -> Callable[P, R]:
    """Return *work* wrapped so that it runs in the context in which carry was called.

    For pools and callbacks: ``executor.submit(clew.carry(work), item)``. Coroutine functions stay
    coroutine functions. The result may be called many times, also at once. In another process,
    where it runs in a copy, the context has the id, the user and the fields of now, as plain JSON;
    what is bound there stays there.

    Raises:
        TypeError: *work* is a generator function: where it runs is up to who iterates.
    """
    context = current()
    called = getattr(work, "__call__", work)  # noqa: B004 - of an object, its method
    for kind in (work, called):
        if inspect.isgeneratorfunction(kind) or inspect.isasyncgenfunction(kind):
            raise TypeError(
                f"carry() takes functions and coroutine functions, not {work!r}: "
                "carry the function that iterates over it"
            )
    if not (inspect.iscoroutinefunction(work) or inspect.iscoroutinefunction(called)):
        return _Carried(work, context)

    @functools.wraps(work)
    async def run(*args: P.args, **kwargs: P.kwargs) -> Any:
        outer = entered()
        try:
            try:
                enter(context)
                return await cast("Awaitable[Any]", work(*args, **kwargs))
            except GeneratorExit:
                # Closed from anywhere, where no context is current of whomever it may be.
                outer = None if context is None else outer
                raise
            except BaseException as error:
                if context is not None:
                    attach_context(error, context)
                raise
            finally:
                leave(context, outer, ends=False)
        except BaseException:  # a signal's, perhaps, as it was to be left
            leave(context, outer, ends=False)
            raise

    return cast("Callable[P, R]", run)


class _Carried(Generic[P, R]):
    """A function in the context that it was carried from; as functions are, a method in a class."""

    def __init__(self, work: Callable[P, R], context: Context | None) -> None:
        self._work, self._context = work, context
        functools.update_wrapper(self, work)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        context = self._context
        outer = entered()
        try:
            try:
                enter(context)
                return self._work(*args, **kwargs)
            except BaseException as error:
                if context is not None:
                    attach_context(error, context)
                raise
            finally:
                leave(context, outer, ends=False)
        except BaseException:  # a signal's, perhaps, as it was to be left
            leave(context, outer, ends=False)
            raise

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<clew.carry({self._work!r})>"

    def __copy__(self) -> _Carried[P, R]:
        return self

    def __deepcopy__(self, _memo: object) -> _Carried[P, R]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        try:
            pickle.dumps(self._work)
        except Exception as error:
            raise pickle.PicklingError(
                f"clew.carry({self._work!r}) runs in another process only where that finds the "
                f"function by its name: give one that stands in a module ({error})"
            ) from error
        context = self._context
        if context is None:
            return _Carried, (self._work, None)
        state = context.request_id, context.user_id(), to_plain(context.fields, OFF)
        return _carried_from, (self._work, *state)


def _carried_from(
    work: Callable[P, R], request_id: str, user_id: str | None, fields: dict[str, object]
) -> _Carried[P, R]:
    context = Context(request_id)
    context.bind({**fields, "user_id": user_id})
    return _Carried(work, context)
