"""Exceptions that nobody catches, and warnings, are lines with the id that they come from."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import warnings
from typing import Any

import pytest

import clew
from clew._lines.uncaught import hooks
from tests.conftest import Lines, parse_line, run_fresh

# What a fresh interpreter does first: lines are on stdout.
SET_UP = """
import asyncio, logging, sys, threading, warnings
import clew
clew.configure_logging(service="shop")
"""


def lines_of(script: str, *, code: int = 0, errors: str = "") -> list[dict[str, Any]]:
    """Return the lines that *script* writes in a fresh interpreter, which exits with *code*."""
    written = run_fresh(SET_UP + script, code=code, errors=errors)
    return [parse_line(line) for line in written.splitlines()]


def test_an_exception_that_ends_the_process_is_a_line() -> None:
    """The last line is critical, with the exception and the id of its context, and nothing is on
    stderr.
    """
    (line,) = lines_of('with clew.context(request_id="r-1"): raise LookupError("gone")', code=1)
    assert (line["level"], line["logger"]) == ("critical", "clew.uncaught")
    assert (line["message"], line["requestId"]) == ("Uncaught LookupError", "r-1")
    assert line["exception"]["message"] == "gone"


def test_an_interruption_is_left_alone() -> None:
    """KeyboardInterrupt and SystemExit are no lines, and end the process as ever."""
    assert lines_of("raise SystemExit(3)", code=3) == []
    script = "raise KeyboardInterrupt"
    assert lines_of(script, code=-2, errors="KeyboardInterrupt") == []


def test_a_hook_that_was_there_before_is_called_too() -> None:
    """An error tracker's hook gets what it got before; without a handler Python prints."""
    script = """
hooked = sys.excepthook
clew.configure_logging(uncaught=False)
sys.excepthook = lambda kind, error, trace: sys.stderr.write(f"tracked {error}")
clew.configure_logging()
raise LookupError("gone")
"""
    (line,) = lines_of(script, code=1, errors="tracked gone")
    assert line["message"] == "Uncaught LookupError"
    script = "logging.root.handlers.clear()\nraise LookupError('gone')"
    assert lines_of(script, code=1, errors="LookupError: gone") == []


def test_a_threads_exception_is_a_line(lines: Lines) -> None:
    """With the thread's name, and the id of the context that was carried into it."""
    with clew.context(request_id="r-1"):
        work = clew.carry(fail)
    hooks.uninstall()
    before = threading.excepthook
    threading.excepthook = lambda arguments: seen.append(arguments.exc_type)
    seen: list[object] = []
    try:
        lines.configure()
        for target in (work, leave):
            thread = threading.Thread(target=target, name="mailer")
            thread.start()
            thread.join()
    finally:
        hooks.uninstall()
        threading.excepthook = before
    (line,) = lines()
    assert (line["message"], line["inThread"]) == ("Uncaught LookupError in a thread", "mailer")
    assert (line["requestId"], line["level"]) == ("r-1", "danger")
    assert seen == [LookupError]


def fail() -> None:
    raise LookupError("no such voucher")


def leave() -> None:
    raise SystemExit


def test_what_cannot_be_raised_is_a_line() -> None:
    """An exception in a finalizer is a line, at the interpreter's end too."""
    script = """
class Failing:
    def __del__(self): raise LookupError("in the end")
with clew.context(request_id="r-1"):
    Failing()
last = Failing()
"""
    first, second = lines_of(script)
    assert (first["ignoredIn"], first["requestId"]) == ("Failing.__del__", "r-1")
    assert first["message"].endswith(": LookupError")
    assert second["exception"]["message"] == "in the end"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_task_that_nobody_awaited_has_its_requests_id(loop: str) -> None:
    """asyncio's own line has the id of the context in which the task was made."""
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    script = f"""
import gc
import {loop}
async def fail(): raise LookupError("unseen")
async def main():
    with clew.context(request_id="r-1"):
        task = asyncio.get_running_loop().create_task(fail())
    with clew.context(request_id="r-2"):
        await asyncio.sleep(0.001)
        del task
        gc.collect()
    with clew.context(request_id="r-3"):
        asyncio.get_running_loop().call_soon(fail_now)
    with clew.context(request_id="r-4"):
        await asyncio.sleep(0.001)
def fail_now(): raise LookupError("at once")
clew.configure_logging()
{loop}.run(main())
"""
    first, second = lines_of(script)
    assert (first["logger"], first["requestId"]) == ("asyncio", "r-1")
    assert first["exception"]["message"] == "unseen"
    assert (second["exception"]["message"], second["requestId"]) == ("at once", "r-3")


def test_a_loops_own_handler_is_called_too(lines: Lines) -> None:
    """Where the application has a handler of its own, clew writes the line, and calls it."""
    seen: list[Any] = []

    def remember(_: object, facts: object) -> None:
        seen.append(facts)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(remember)
        with clew.context(request_id="r-1"):
            asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0.01)

    asyncio.run(main())
    (line,) = lines()
    assert (line["requestId"], line["logger"]) == ("r-1", "clew.uncaught")
    assert "exception" in seen[0]


def test_a_warning_is_a_line() -> None:
    """A warning has its category, its place and the id; what asks for a file gets it there."""
    script = """
import io
warnings.simplefilter("always")
with clew.context(request_id="r-1"):
    warnings.warn("old", DeprecationWarning)
warnings.showwarning("into a file", UserWarning, "x.py", 1, io.StringIO())
with warnings.catch_warnings(record=True) as seen:
    warnings.warn("recorded")
assert len(seen) == 1
"""
    (line,) = lines_of(script)
    assert (line["message"], line["category"]) == ("old", "DeprecationWarning")
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert (line["requestId"], line["source"][-2:]) == ("r-1", ":9")


def test_who_captures_warnings_already_keeps_doing_so(lines: Lines) -> None:
    """logging.captureWarnings(True) stays as it is."""
    hooks.uninstall()
    logging.captureWarnings(True)
    try:
        lines.configure()
        assert warnings.showwarning is logging._showwarning  # type: ignore[attr-defined]
    finally:
        logging.captureWarnings(False)


def test_nothing_is_hooked_without_it(lines: Lines) -> None:
    """With uncaught=False all hooks are those of before; another's that came since stays."""
    before = sys.excepthook
    lines.configure(uncaught=False)
    hooked = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    assert [hook for hook in hooked if hasattr(hook, "_clew")] == []
    lines.configure()
    lines.configure()
    assert hasattr(sys.excepthook, "_clew")
    other: Any = lambda *_: None  # noqa: E731
    sys.excepthook = other
    try:
        lines.configure(uncaught=False)
        assert sys.excepthook is other
    finally:
        sys.excepthook = before if not hasattr(before, "_clew") else sys.__excepthook__
    gc.collect()


def test_a_hook_that_cannot_log_leaves_it_to_the_one_before(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where logging itself fails, Python prints what nobody caught."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("logging is broken")

    monkeypatch.setattr(logging.Logger, "log", broken)
    error = LookupError("gone")
    sys.excepthook(LookupError, error, None)
    assert "LookupError: gone" in capsys.readouterr().err
