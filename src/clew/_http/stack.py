"""Where a request stands while it runs: in its thread, its greenlet, or its tasks."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
from collections.abc import Iterable
from contextvars import Context as Variables
from functools import partial
from types import BuiltinMethodType, FrameType
from typing import Any

from clew._context import Context
from clew._current import context_in
from clew._threads import original

# By which Python knows its threads' frames.
_get_ident = original("_thread", "get_ident")

_LONGEST = 65_536
_MOST_FRAMES = 100

# How deep a task's chain of awaits may be.
_DEEPEST = 500

# Where a request runs, as its adapter knows it when it comes: the thread and, where there are any,
# the greenlet; in an event loop, that loop, or trio's task.
Place = Any


def thread_here() -> Place:
    """Return the thread in which the caller runs, and its greenlet."""
    greenlet = sys.modules.get("greenlet")
    return _get_ident(), None if greenlet is None else greenlet.getcurrent()


def loop_here() -> Place:
    """Return the event loop in which the caller runs, or its task where that is trio's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
        return None if trio is None else trio.lowlevel.current_task()


def stack_of(context: Context, place: Place) -> str:
    """Return the stacks of all that works for *context*, which runs at *place*, as Python prints
    them.
    """
    threads = [_frames(frame) for frame in sys._current_frames().values()]
    stacks: list[list[FrameType]]
    if isinstance(place, tuple):
        thread, greenlet = place
        frame = getattr(greenlet, "gr_frame", None) or sys._current_frames().get(thread)
        stacks = [_frames(frame)]
    else:
        if isinstance(place, asyncio.AbstractEventLoop):
            coroutines = [
                each.get_coro() for each in asyncio.all_tasks(place) if _is_for(each, context)
            ]
        else:
            coroutines = [] if place is None else [place.coro]
        stacks = [_of_coroutine(each, threads) for each in coroutines]
        stacks += [frames for frames in (_working(each, context) for each in threads) if frames]
    return "\n".join(filter(None, map(_text, stacks)))[-_LONGEST:]


def _frames(frame: FrameType | None) -> list[FrameType]:
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found[::-1]


def _of_coroutine(coroutine: Any, threads: list[list[FrameType]]) -> list[FrameType]:
    """Return the frames of a task, from its own coroutine to that which awaits something else."""
    found: list[FrameType] = []
    while coroutine is not None and len(found) < _DEEPEST:
        frame = _first(coroutine, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            break
        for frames in threads:
            if frame in frames:  # it is just running
                return found + frames[frames.index(frame) :]
        found.append(frame)
        coroutine = _first(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
    return found


def _first(coroutine: Any, *names: str) -> Any:
    return next((value for name in names if (value := getattr(coroutine, name, None))), None)


def _is_for(task: Any, context: Context) -> bool:
    """Tell whether *task* runs in *context*."""
    variables = (one for one in gc.get_referents(task) if isinstance(one, Variables))
    return any(context_in(one) is context for one in variables)


def _working(frames: list[FrameType], context: Context) -> list[FrameType]:
    """Return those of a thread's *frames* that work for *context*, as for a sync endpoint.

    Whoever runs a function in a copy of the context has that, or its method ``run``, at hand.
    """
    for at, frame in enumerate(frames):
        if any(_leads_to(value, context) for value in list(frame.f_locals.values())):
            return frames[at:]
    return []


def _leads_to(value: object, context: Context) -> bool:
    if type(value).__name__ == "_WorkItem":  # of concurrent.futures
        value = getattr(value, "fn", None)
    if type(value) is partial:
        value = value.func
    if type(value) is BuiltinMethodType:
        value = value.__self__
    return type(value) is Variables and context_in(value) is context


def _text(frames: Iterable[FrameType]) -> str:
    places = [(frame, frame.f_lineno) for frame in frames][-_MOST_FRAMES:]
    summary = traceback.StackSummary.extract(iter(places))
    return f"Stack (most recent call last):\n{''.join(summary.format())}" if places else ""
