"""Where contenders write: each has a file, and its logging in place only while it is timed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import clew
import clew._ids
from clew._lines.handler import LineHandler

from .measuring import Contender

try:
    from uuid_utils import uuid7 as fast_uuid7
except ImportError as error:  # pragma: no cover
    raise SystemExit("The benchmarks need uuid-utils: make bench installs it") from error
from uuid6 import uuid7 as plain_uuid7

Run = Callable[[int], float]
SERVICE = "shop"


class Logs:
    """A folder of files, and the handlers that write into them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: list[Any] = []

    def path(self, name: str) -> Path:
        """Return the file of the contender *name*."""
        return self.folder / f"{''.join(c if c.isalnum() else '-' for c in name)}.log"

    def to_file(
        self, name: str, formatter: logging.Formatter, *filters: logging.Filter
    ) -> logging.Handler:
        """Return a plain FileHandler."""
        handler = logging.FileHandler(self.path(name), encoding="utf-8")
        handler.setFormatter(formatter)
        for entry in filters:
            handler.addFilter(entry)
        self._open.append(handler)
        return handler

    def of_clew(self, name: str) -> logging.Handler:
        """Return a FileHandler with what clew puts on a handler."""
        return self.to_file(name, clew.JSONFormatter(service=SERVICE), clew.ContextFilter())

    def configured(self, name: str) -> logging.Handler:
        """Return the handler that `clew.configure_logging` sets up."""
        with _restored():
            clew.configure_logging(service=SERVICE, stream=self.stream(name))
            [handler] = [h for h in logging.getLogger().handlers if isinstance(h, LineHandler)]
        return handler

    def stream(self, name: str) -> TextIO:
        """Return the file of the contender *name*, open."""
        stream = self.path(name).open("w", encoding="utf-8")
        self._open.append(stream)
        return stream

    def close(self) -> None:
        """Close all files."""
        for each in self._open:
            each.close()


@contextmanager
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers = root.handlers[:]
    try:
        yield
    finally:
        root.handlers[:] = handlers


def contender(
    name: str,
    run: Run,
    handlers: Sequence[logging.Handler] = (),
    *,
    file: Path | None = None,
    lines: int = 1,
    text: bool = False,
    fast: bool = True,
) -> Contender:
    """Return a contender whose *handlers* are the root logger's while it is timed.

    *fast* takes ids from uuid-utils, as ``clew[fast]`` does, else from uuid6.
    """
    root = logging.getLogger()

    def begin() -> None:
        root.handlers[:] = handlers
        root.setLevel(logging.INFO)
        vars(clew._ids)["uuid7"] = fast_uuid7 if fast else plain_uuid7

    def end() -> None:
        root.handlers[:] = []
        vars(clew._ids)["uuid7"] = fast_uuid7

    return Contender(name, run, begin, end, file, lines, text)
