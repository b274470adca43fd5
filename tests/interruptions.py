"""Raising an exception at every place of clew's code where Python looks for signals.

That is when a function begins, behind a call, and when a loop goes back.
"""

from __future__ import annotations

import dis
import functools
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import clew
from clew._current import enter, entered
from clew._lines.delivery import in_handler

Work = Callable[[], object]
SOURCE = str(Path(clew.__file__).parent) + os.sep


class Stopped(BaseException):
    """As KeyboardInterrupt."""


class TimeLimit(Exception):
    """As Celery's soft time limit."""


@functools.cache
def names_of(code: CodeType) -> dict[int, str]:
    """Return the names of the instructions of *code*, by where they stand."""
    return {step.offset: step.opname for step in dis.get_instructions(code)}


def looks_after(name: str | None) -> bool:
    """Tell whether Python looks for signals after the instruction *name*."""
    return name in ("RESUME", "JUMP_BACKWARD") or (
        name is not None and name.startswith("CALL") and not name.startswith("CALL_INTRINSIC")
    )


class Interruption:
    """Raises *error* at the place *number* of clew's code, counted from 1."""

    def __init__(self, number: int, error: BaseException) -> None:
        self.number = number
        self.error = error
        self.place: str | None = None
        self.is_armed = False
        self._passed = 0
        self._before: dict[FrameType, str | None] = {}

    def begin(self, frame: FrameType, _event: str, _value: object) -> Any:
        """Trace what is clew's, as `sys.settrace` has it."""
        code = frame.f_code
        # What a finalizer raises, Python drops.
        if not code.co_filename.startswith(SOURCE) or code.co_name == "__del__":
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self._before[frame] = "RESUME"
        return self._step

    def _step(self, frame: FrameType, event: str, _value: object) -> Any:
        if event == "exception":
            self._before[frame] = None
        elif event == "opcode":
            before = self._before[frame]
            self._before[frame] = names_of(frame.f_code).get(frame.f_lasti)
            if self.is_armed and looks_after(before):
                self._passed += 1
                if self._passed == self.number:
                    self.place = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
                    self._before.clear()
                    on_alarm(0, None, self.error)
        elif event == "return":
            self._before.pop(frame, None)
        return self._step


def on_alarm(_number: int, _frame: object, error: BaseException = TimeLimit()) -> None:
    """Raise, as the handler of a signal that sets a time limit."""
    raise error


def interrupted(
    work: Work, interruption: Interruption, path: Path
) -> tuple[BaseException | None, str]:
    """Return what *work* raised while *interruption* came, and what it wrote to the file *path*."""
    tracer = sys.gettrace()
    gc.disable()  # what its callbacks raise, Python drops
    begin = 0
    sys.settrace(interruption.begin)
    try:
        if sys.version_info >= (3, 12):
            work()  # a function's instructions are traced from its second call on
        begin = path.stat().st_size
        interruption.is_armed = True
        work()
    except BaseException as error:
        found: BaseException | None = error
        error.__traceback__ = error.__context__ = None  # they hold what the request held
    else:
        found = None
    finally:
        sys.settrace(tracer)
        gc.enable()
    interruption.error.__traceback__ = None
    return found, path.read_bytes()[begin:].decode()


def interruptions(
    work: Work, error: type[BaseException], path: Path
) -> Iterator[tuple[Interruption, BaseException | None, str]]:
    """Interrupt *work*, which writes to the file *path*, at one place after the other, by *error*.

    With each interruption go what *work* raised, and what it wrote.
    """
    for _ in range(3):  # Python 3.12 begins to trace
        interrupted(work, Interruption(0, error()), path)
    number = 1
    while True:
        interruption = Interruption(number, error())
        found, written = interrupted(work, interruption, path)
        if interruption.place is None:
            return
        yield interruption, found, written
        number += 1


def left_behind(work: Work, error: type[BaseException], path: Path) -> list[str]:
    """Return the functions of clew's in which *error* has *work* leave a context behind.

    Or leave it so that clew believes a handler at work, which costs the records of calls.
    """
    left = []
    for interruption, _, _ in interruptions(work, error, path):
        if entered() is not None or in_handler():
            left.append(str(interruption.place).partition(":")[0])
            enter(None)
    return left
