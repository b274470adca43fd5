"""Which context is current: entered, left, and taken along by what escapes from it."""

from __future__ import annotations

from contextvars import Context as Variables
from contextvars import ContextVar
from inspect import CO_ASYNC_GENERATOR, CO_GENERATOR
from opcode import opmap
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, cast
from weakref import ReferenceType, ref

from ._garbage import collection, come_back, is_interrupted
from ._garbage import variable as _current

if TYPE_CHECKING:
    from ._context import Context

UNSET = object()

# Weak reference to the context of the exception that escaped last.
_escaped: ContextVar[ReferenceType[Context] | None] = ContextVar("clew_escaped", default=None)

entered = _current.get  # also for what the garbage collector runs


def current() -> Context | None:
    """Return the current context; None for what the garbage collector runs in its midst."""
    context = _current.get()
    if collection and context is not None and is_interrupted(context):
        return None
    return context


def context_in(variables: Variables | None) -> Context | None:
    """Return the context that is current for whoever runs with these context *variables*."""
    return None if variables is None else variables.get(_current)


def enter(context: Context | None) -> Context | None:
    """Make *context* the current one; return the outer one, which `leave` gives back."""
    outer = _current.get()
    try:
        _current.set(context)
    except BaseException:  # a signal's, which Python looks for after the call
        _current.set(outer)
        raise
    return outer


def leave(
    context: Context | None,
    outer: Context | None,
    error: BaseException | None = None,
    *,
    ends: bool = True,
) -> None:
    """Make *outer* the current context again, where *context* still is the current one.

    It is not where what entered it (a generator, a coroutine) is closed or collected in the midst
    of another request, whose context stays; *ends* says that it does not come back after that one
    either. *error*, on its way out, takes *context* along.
    """
    # The variable is set again, not reset by a token: a token is refused in another copy of the
    # context, which is where some servers close a response.
    if collection and context is not None and is_interrupted(context):
        come_back(None if outer is None else _not_ended(outer))
    elif _current.get() is not context:
        if context is not None and ends:
            context.after = outer
    else:
        _current.set(None if outer is None else _not_ended(outer))
    if error is not None and context is not None:
        attach_context(error, context)


def _not_ended(outer: Context) -> Context | None:
    found: Context | None = outer
    seen: list[Context] = []
    while found is not None and found.after is not UNSET and found not in seen:
        seen.append(found)
        found = cast("Context | None", found.after)
    return found


def attach_context(error: BaseException, context: Context) -> None:
    """Attach *context* to *error*, which is on its way out of it."""
    head = error.__traceback__
    try:
        error.__clew_context__ = context  # type: ignore[attr-defined]
        error.__clew_left__ = head and _marks(head)  # type: ignore[attr-defined]
    except Exception:  # pragma: no cover - an exception class may forbid new attributes
        pass
    _escaped.set(ref(context))


def last_escaped() -> Context | None:
    """Return the context of the exception that escaped last, for a line that has only its text."""
    escaped = _escaped.get()
    return None if escaped is None else escaped()


def context_of(error: object) -> Context | None:
    """Return the current context, else the one that is attached to *error*.

    A context that has ended may still be current, where a server began the next request in it.
    """
    context = current()
    if error is not None and (context is None or not context.live):
        return attached_context(error) or context
    return context


def attached_context(error: object) -> Context | None:
    """Return the context that *error* took along; None where there is none, or an unpickled one.

    An exception that somebody kept, and raised again elsewhere, tells nothing of who was first.
    """
    try:
        context: Context | None = getattr(error, "__clew_context__", None)
        if context is None or not _is_raised_again(cast("BaseException", error)):
            return context
    except Exception:  # its class may fail at what it does not know
        pass
    return None


_RAISE = opmap["RAISE_VARARGS"]
# What carries an exception from one thread, or task, to another raises it there.
_POOL, _LOOPS = "concurrent", ("outcome", "trio")
_GENERATOR = CO_GENERATOR | CO_ASYNC_GENERATOR


def _marks(head: TracebackType) -> list[tuple[int, int, int]]:
    """Return what tells the frame that an exception leaves from others, and holds none."""
    following = head.tb_next
    if following is not None and head.tb_frame.f_code.co_flags & _GENERATOR:
        return [_mark(head), _mark(following)]  # contextlib takes off what its generator added
    return [_mark(head)]


def _mark(trace: TracebackType) -> tuple[int, int, int]:
    return id(trace), id(trace.tb_frame.f_code), trace.tb_lasti


def _is_raised_again(error: BaseException) -> bool:
    """Tell whether *error*, since it left its context, was raised by somebody who had kept it.

    On its way out each frame stands at a call of the next one, or raises what it caught itself or
    what a frame around it did.
    """
    left = error.__clew_left__  # type: ignore[attr-defined]
    trace = error.__traceback__
    if left is None or trace is None:  # somebody took the traceback off
        return False
    around: list[FrameType] = []
    while _mark(trace) not in left:
        frame, following = trace.tb_frame, trace.tb_next
        around.append(frame)
        if following is None or (
            frame.f_code.co_code[trace.tb_lasti] == _RAISE
            and following.tb_frame not in around
            and not _is_handed_over(frame, following.tb_frame)
        ):
            return True
        trace = following
    return False


def _is_handed_over(raising: FrameType, caught: FrameType) -> bool:
    """Tell whether a loop or a pool raises what came out of a task or a thread of its own."""
    if _package_of(raising) == _POOL:  # a future may as well keep it
        return _package_of(caught) == _POOL
    return _package_of(raising) in _LOOPS


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__")).partition(".")[0]
