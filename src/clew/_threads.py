"""Threads of the system's, also where gevent has put greenlets in the place of threads."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from threading import Thread
from typing import Any


def original(module: str, name: str) -> Any:
    """Return the *name* of a *module* of Python's as it was before gevent patched it."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is not None:
        return monkey.get_original(module, name)
    return getattr(import_module(module), name)


def hub_here() -> Any:
    """Return gevent's hub of this thread, where threads are greenlets; None elsewhere."""
    monkey: Any = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return None
    return sys.modules["gevent"].get_hub()


def run_in_hub(hub: Any, work: Callable[..., object], *arguments: object) -> None:
    """Do *work* in a greenlet of *hub*, which another thread runs, as soon as that comes to it.

    The locks of patched modules are gevent's: a thread beside may not wait for one.
    """
    hub.loop.run_callback_threadsafe(sys.modules["gevent"].spawn, work, *arguments)


def start_thread(work: Callable[[], object], name: str) -> None:
    """Run *work* in a thread of the system's that does not hold up the interpreter's end."""
    if hub_here() is not None:
        original("_thread", "start_new_thread")(work, ())
    else:
        Thread(target=work, name=name, daemon=True).start()
