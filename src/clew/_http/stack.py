"""Where a request stands while it runs: in its thread, its greenlet, or its tasks."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import traceback
from collections.abc import Iterable
from contextvars import Context as Variables
from functools import partial
from itertools import chain
from pathlib import Path
from types import BuiltinMethodType, CodeType, FrameType
from typing import Any

from clew._context import Context
from clew._current import context_in
from clew._exceptions import is_installed
from clew._threads import original

# By which Python knows its threads' frames.
_get_ident = original("_thread", "get_ident")

_LONGEST = 65_536
_MOST_FRAMES = 100

# How deep a task's chain of awaits may be.
_DEEPEST = 500

# These hold first what they run.
_AWAITABLES = frozenset(
    ("async_generator_asend", "async_generator_athrow", "anext_awaitable", "coroutine_wrapper")
)
# How many frames, of libraries, a task may begin with.
_BEGINNING = 4
_MOST_NESTED = 10
_CLEW = str(Path(__file__).parents[1]) + os.sep

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
    if isinstance(place, tuple):
        thread, greenlet = place
        frame = getattr(greenlet, "gr_frame", None) or sys._current_frames().get(thread)
        # Of a coroutine that it waits for, run by a loop of another thread.
        stacks = [_frames(frame), *_of_tasks(_loops_in(threads), context, threads)]
    elif isinstance(place, asyncio.AbstractEventLoop):
        stacks = _of_tasks([place], context, threads)
        # What the loop's own thread is at, the tasks show.
        others = [each for each in threads if place not in _loops_in([each])]
        stacks += [frames for frames in (_working(each, context) for each in others) if frames]
    else:
        stacks = [] if place is None else [_of_coroutine(place.coro, threads)]
        stacks += [frames for frames in (_working(each, context) for each in threads) if frames]
    return "\n".join(filter(None, map(_text, stacks)))[-_LONGEST:]


def _loops_in(threads: list[list[FrameType]]) -> list[asyncio.AbstractEventLoop]:
    """Return the event loops that run in *threads*."""
    loops: dict[int, asyncio.AbstractEventLoop] = {}
    for frame in chain.from_iterable(threads):
        # Django and Flask have asgiref run their coroutines.
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package in ("asgiref", "asyncio"):
            for value in list(frame.f_locals.values()):
                if issubclass(type(value), asyncio.AbstractEventLoop) and value.is_running():
                    loops[id(value)] = value
    return list(loops.values())


def _of_tasks(
    loops: list[asyncio.AbstractEventLoop], context: Context, threads: list[list[FrameType]]
) -> list[list[FrameType]]:
    """Return the frames of those tasks that run in *context*, the innermost last: what stands in
    code of the application, and of that what others have begun.
    """
    tasks = [task for loop in loops for task in asyncio.all_tasks(loop) if _is_for(task, context)]
    stacks = [_of_coroutine(task.get_coro(), threads) for task in tasks]

    depths = _depths(stacks)
    return sorted(stacks, key=lambda frames: (any(map(_is_own, frames)), depths[_begin(frames)]))


def _begin(frames: list[FrameType]) -> tuple[CodeType, ...]:
    return tuple(frame.f_code for frame in frames[:_BEGINNING])


def _depths(stacks: list[list[FrameType]]) -> dict[tuple[CodeType, ...], int]:
    """Return how deep tasks stand within others, by what they begin with: a function of those."""
    within: dict[tuple[CodeType, ...], set[object]] = {}
    for frames in stacks:
        held = within.setdefault(_begin(frames), set())
        held.update(*(_functions(frame) for frame in frames))
    depths = dict.fromkeys(within, 0)
    for _ in range(min(len(depths), _MOST_NESTED)):
        for begin in depths:
            outer = [one for one in within if one != begin and not within[one].isdisjoint(begin)]
            depths[begin] = max((depths[one] + 1 for one in outer), default=0)
    return depths


def _functions(frame: FrameType) -> list[CodeType]:
    return [one for one in frame.f_code.co_consts if isinstance(one, CodeType)]


def _is_own(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return not (name.startswith(_CLEW) or is_installed(name))


def _frames(frame: FrameType | None) -> list[FrameType]:
    found = []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found[::-1]


def _of_coroutine(coroutine: Any, threads: list[list[FrameType]]) -> list[FrameType]:
    """Return the frames of a task, from its own coroutine to that which awaits something else."""
    found: list[FrameType] = []
    for _ in range(_DEEPEST):
        frame = _first(coroutine, "cr_frame", "gi_frame", "ag_frame")
        if frame is None:
            coroutine = _behind(coroutine)
            if coroutine is None:
                break
            continue
        for frames in threads:
            if frame in frames:  # it is just running
                return found + frames[frames.index(frame) :]
        found.append(frame)
        coroutine = _first(coroutine, "cr_await", "gi_yieldfrom", "ag_await")
    return found


def _behind(awaitable: Any) -> Any:
    """Return what an *awaitable* of Python's own runs, as that of an asynchronous generator."""
    if type(awaitable).__name__ not in _AWAITABLES:
        return None
    return next(iter(gc.get_referents(awaitable)), None)


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
