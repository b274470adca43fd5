"""An exception as text, within bounds."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any

from ._faults import raise_interruption
from .records import ExceptionInfo

# Some services read lines of a bounded length only.
_LONGEST_MESSAGE = 4_096
_LONGEST_TRACE = 65_536
_MOST_FRAMES = 100
_FIRST_FRAMES = 20


def describe(error: BaseException, trace: TracebackType | None = None) -> ExceptionInfo:
    """Return *error* as text, with *trace* for a traceback that was taken off it.

    Works for exceptions whose own ``__str__`` raises.

    What is long is cut, and the cut shown as ``...``: the message, each part of the traceback, and
    the traceback itself, of which the end is kept, and of many frames the first and the last.
    """
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    try:
        message = _cut(str(error))
    except Exception:
        raise_interruption()
        message = f"<{name} without a text>"
    try:
        stack_trace = _trace(error, error.__traceback__ or trace)
    except Exception:
        raise_interruption()
        stack_trace = ""
    return ExceptionInfo(name, message, stack_trace)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}..."


class _Cut(traceback.StackSummary):
    """The last frames of a stack, and perhaps its first ones."""

    first: traceback.StackSummary | None = None

    def format(self, **options: Any) -> list[str]:
        first = [] if self.first is None else self.first.format(**options)
        return [*first, "  ...\n", *super().format(**options)]


def _trace(error: BaseException, begin: TracebackType | None) -> str:
    # One exception that is raised again and again has a frame more each time, those of the last
    # time in front; those in the middle are left out at once, since looking at each is what costs.
    trace = last = begin
    count = 0
    while last is not None:
        last = last.tb_next
        count += 1
        if count > _MOST_FRAMES + 1 and trace is not None:
            trace = trace.tb_next
    limit = -_MOST_FRAMES - 1
    whole = traceback.TracebackException(type(error), error, trace, limit=limit, compact=True)
    pending: list[traceback.TracebackException | None] = [whole]
    while pending:
        one = pending.pop()
        if one is not None:
            if len(one.stack) > _MOST_FRAMES:
                one.stack = _Cut(one.stack[1:])
            pending += [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
    if isinstance(whole.stack, _Cut):
        frames = traceback.walk_tb(begin)
        whole.stack.first = traceback.StackSummary.extract(frames, limit=_FIRST_FRAMES)
        del whole.stack[:_FIRST_FRAMES]
    text = "".join(
        part if len(part) <= _LONGEST_MESSAGE + 200 else f"{_cut(part)}\n"
        for part in whole.format()
    )
    return text if len(text) <= _LONGEST_TRACE else f"...{text[-_LONGEST_TRACE:]}"
