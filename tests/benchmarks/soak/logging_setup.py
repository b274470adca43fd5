"""How the applications of the soak log: to stdout, or to a file that is rotated in some way."""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import time
from collections.abc import Iterator

import clew

from .kinds import CHUNK, CHUNKS

log = clew.get_logger("soak")
legacy = logging.getLogger("soak.legacy")


def set_up() -> None:
    """Set up logging as ``SOAK_LOG`` (a file) and ``SOAK_ROTATION`` say: to stdout without them."""
    path, rotation = os.environ.get("SOAK_LOG"), os.environ.get("SOAK_ROTATION")
    if path is None:
        clew.configure_logging(service="soak")
    elif rotation == "watched":
        handler = logging.handlers.WatchedFileHandler(path)
        handler.setFormatter(clew.JSONFormatter(service="soak"))
        handler.addFilter(clew.ContextFilter())
        logging.basicConfig(level="INFO", handlers=[handler], force=True)
    else:
        reopen(path)
        signal.signal(signal.SIGUSR1, lambda *_: reopen(path))


def with_clew() -> bool:
    """Tell whether the application is to have clew: without it, there is something to compare."""
    return "SOAK_BARE" not in os.environ


def reopen(path: str) -> None:
    """Write to *path* from now on, to what stands there now."""
    stream = open(path, "a", encoding="utf-8")
    clew.configure_logging(service="soak", stream=stream)


def begin(number: str) -> None:
    """Bind the user and the field of a request, and write its first line."""
    clew.bind(user_id=f"u{number}", tenant=f"t{number}")
    log.info("begun", own=number)


def say(number: str) -> None:
    """Write a line from wherever this runs."""
    log.info("at work", own=number)


def chunks(number: str) -> Iterator[bytes]:
    """Yield more than a client takes that leaves; say when it is closed."""
    try:
        for _ in range(CHUNKS):
            yield CHUNK
            time.sleep(0.005)
    finally:
        log.info("closed", own=number)
