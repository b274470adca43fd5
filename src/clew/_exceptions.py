"""An exception as text, within bounds."""

from __future__ import annotations

import re
import traceback
from types import TracebackType
from typing import Any

from ._frames import sensitive_texts
from ._interruptions import raise_interruption
from ._secrets.looks import MASK
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
    the traceback itself, of which the end is kept, and of many frames the first and the last. What
    Django was told to keep to itself is masked.
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
    try:
        for secret in sorted(sensitive_texts(error, error.__traceback__ or trace), key=len)[::-1]:
            message = message.replace(secret, MASK)
            stack_trace = stack_trace.replace(secret, MASK)
    except Exception:
        raise_interruption()
        message = stack_trace = MASK  # what it may quote is not known
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


# Behind the margin of an exception group, perhaps.
_FRAME = re.compile(r'( *\| |)  File "(.*?)", line \d+, in ')
# Where packages are installed, and a part of the path of every frame within one.
_INSTALLED = re.compile(
    r".*[/\\](?:site|dist)-packages[/\\](\w+)|.*[/\\]lib[/\\]python3\.\d+[/\\]|<frozen ",
    re.IGNORECASE,
)


def is_installed(file: str) -> bool:
    """Tell whether *file* is one of Python or of an installed package."""
    return _INSTALLED.match(file) is not None


def without_installed(trace: str) -> str:
    """Return *trace*, a traceback's text, with one line for frames of installed packages in a row.

    The last frame of each exception stays: that is where it was raised.
    """
    kept: list[str] = []
    row: list[tuple[str, list[str]]] = []  # frames that may be left out: package and lines

    def end_row(*, with_last: bool) -> None:
        last = row.pop()[1] if row and with_last else []
        if row:
            packages = ", ".join(dict.fromkeys(package for package, _ in row))
            frames = "frame" if len(row) == 1 else "frames"
            kept.append(f"{margin}  ... {len(row)} {frames} of {packages}\n")
        kept.extend(last)
        row.clear()

    in_installed, margin = False, ""
    for line in trace.splitlines(keepends=True):
        frame = _FRAME.match(line)
        if frame is not None:
            found = _INSTALLED.match(frame[2])
            in_installed, margin = found is not None, frame[1]
            if found is None:
                end_row(with_last=False)
                kept.append(line)
            else:
                row.append((found[1] or "Python", [line]))
        elif in_installed and line.startswith(f"{margin}    "):
            row[-1][1].append(line)
        else:
            end_row(with_last=True)
            in_installed = False
            kept.append(line)
    end_row(with_last=True)
    return "".join(kept)
