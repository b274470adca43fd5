"""What nobody catches becomes a line, with the id of the context that it comes from.

Python hands it to hooks: of the main thread, of other threads, of finalizers and the like
(``sys.unraisablehook``), of asyncio's loops, and of warnings. Hooks that somebody set before are
called as well; Python's own, which print on stderr, only where no line can be written.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from contextvars import Context as Variables
from typing import Any

from clew._context import Context
from clew._current import attach_context, context_in, enter, entered, leave
from clew._faults import report_failure

_log = logging.getLogger("clew.uncaught")
_warnings = logging.getLogger("py.warnings")

# What shows a warning unless somebody records them.
_shows_warning = getattr(warnings, "_showwarnmsg_impl", None)

_LOOPS = (("asyncio", "BaseEventLoop"), ("uvloop", "Loop"))


class _Hooks:
    """The hooks that are set, each with the one that was there before."""

    def __init__(self) -> None:
        # How many lines could not be written up to now.
        self.count_losses: Callable[[], int] = lambda: 0
        self._before: dict[tuple[Any, str], Any] = {}

    def install(self) -> None:
        """Set all hooks; those that are set already stay."""
        self._set(sys, "excepthook", _on_exception)
        self._set(threading, "excepthook", _on_thread)
        self._set(sys, "unraisablehook", _on_unraisable)
        if warnings.showwarning is not getattr(logging, "_showwarning", None):
            self._set(warnings, "showwarning", _on_warning)
        self.see_loops()

    def see_loops(self) -> None:
        """Set the hook of each kind of asyncio's loops that is imported by now."""
        if not self._before:
            return
        for module, name in _LOOPS:
            kind = getattr(sys.modules.get(module), name, None)
            if kind is not None and (kind, "call_exception_handler") not in self._before:
                self._set(kind, "call_exception_handler", _of_loop(kind.call_exception_handler))

    def uninstall(self) -> None:
        """Give back what was there before, where nobody has set another hook since."""
        for (place, name), before in self._before.items():
            if getattr(getattr(place, name), "_clew", False):
                setattr(place, name, before)
        self._before.clear()

    def _set(self, place: Any, name: str, hook: Any) -> None:
        before = getattr(place, name)
        if not getattr(before, "_clew", False):
            hook._clew = True
            self._before[place, name] = before
            setattr(place, name, hook)

    def before(
        self, place: Any, name: str, *arguments: Any, default: Any, is_written: bool = False
    ) -> None:
        """Call the hook that was there before; Python's own only where no line *is_written*."""
        hook = self._before.get((place, name), default)
        if hook is not default or not is_written:
            hook(*arguments)


hooks = _Hooks()


def _say(
    logger: logging.Logger, level: int, message: str, error: Any = None, **fields: object
) -> bool:
    """Log a line; tell whether it has been written, as far as that can be known."""
    try:
        before = hooks.count_losses()
        logger.log(level, message, exc_info=error, extra=fields)
        is_lost = hooks.count_losses() > before
        return logger.isEnabledFor(level) and logger.hasHandlers() and not is_lost
    except Exception:
        report_failure()
        return False


def _on_exception(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    # Somebody at a prompt reads tracebacks, not lines.
    if issubclass(kind, (KeyboardInterrupt, SystemExit)) or hasattr(sys, "ps1"):
        hooks._before.get((sys, "excepthook"), sys.__excepthook__)(kind, error, trace)
        return
    done = _say(_log, logging.CRITICAL, f"Uncaught {kind.__name__}", (kind, error, trace))
    default = sys.__excepthook__
    hooks.before(sys, "excepthook", kind, error, trace, default=default, is_written=done)


def _on_thread(arguments: threading.ExceptHookArgs) -> None:
    kind, error, done = arguments.exc_type, arguments.exc_value, False
    if not issubclass(kind, (KeyboardInterrupt, SystemExit)):
        thread = "unknown" if arguments.thread is None else arguments.thread.name
        message = f"Uncaught {kind.__name__} in a thread"
        done = _say(_log, logging.ERROR, message, error, inThread=thread)
    elif issubclass(kind, SystemExit):
        return  # as Python does
    default = threading.__excepthook__
    hooks.before(threading, "excepthook", arguments, default=default, is_written=done)


def _on_unraisable(unraisable: Any) -> None:
    kind, error, thing = unraisable.exc_type, unraisable.exc_value, unraisable.object
    name = getattr(thing, "__qualname__", type(thing).__qualname__)
    message = f"{unraisable.err_msg or 'Exception ignored in'}: {kind.__name__}"
    done = _say(_log, logging.ERROR, message, error, ignoredIn=name)
    default = sys.__unraisablehook__
    hooks.before(sys, "unraisablehook", unraisable, default=default, is_written=done)


def _on_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    default = getattr(warnings, "_showwarning_orig", None)
    before = hooks._before.get((warnings, "showwarning"), default)
    is_recorded = getattr(warnings, "_showwarnmsg_impl", None) is not _shows_warning
    done = False
    if file is None:
        where = {"category": category.__name__, "source": f"{filename}:{lineno}"}
        done = _say(_warnings, logging.WARNING, str(message), **where)
    if before is not None and (
        file is not None or before is not default or is_recorded or not done
    ):
        before(message, category, filename, lineno, file, line)


def _of_loop(call: Any) -> Any:
    """Return *call*, the method of a loop's that handles what nobody awaited, in its context."""

    def call_exception_handler(loop: Any, facts: dict[str, Any]) -> None:
        context, outer = None, entered()
        try:
            try:
                context = _context_of(facts)
                if context is not None:
                    enter(context)
                _tell(loop, facts, context)
                call(loop, facts)
            finally:
                leave(context, outer, ends=False)
        except BaseException:  # a signal's, perhaps, as it was to be left
            leave(context, outer, ends=False)
            raise

    return call_exception_handler


def _context_of(facts: dict[str, Any]) -> Context | None:
    """Return the context of the task or the callback that the *facts* are about."""
    try:
        thing = facts.get("task") or facts.get("future") or facts.get("handle")
        return None if thing is None else context_in(_variables_of(thing))
    except Exception:
        report_failure()
        return None


def _tell(loop: Any, facts: dict[str, Any], context: Context | None) -> None:
    """Write the line, where the application's own handler would be the only one to know."""
    try:
        error = facts.get("exception")
        if context is not None and error is not None:
            attach_context(error, context)
        if loop.get_exception_handler() is not None:
            _say(_log, logging.ERROR, str(facts.get("message")), error)
    except Exception:
        report_failure()


def _variables_of(thing: Any) -> Variables | None:
    """Return the context variables that a task or a callback runs with."""
    for referent in gc.get_referents(thing):
        if isinstance(referent, Variables):
            return referent
    return None
