"""What a process notes of itself for those that come after it, as its lines would show it."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from clew._redaction import DEFAULT, OFF, Redactor
from clew._table import TASK, Mask, Outline
from clew._targets import clean_path
from clew.records import HTTP_LOGGER

from .handler import LineHandler, own_handlers
from .json_formatter import JSONFormatter
from .record_line import user_of


class LineMask:
    """Makes of a process's notes what its lines would show.

    Args:
        redactors: What masks them, one behind the other.
    """

    def __init__(self, redactors: Iterable[Redactor]) -> None:
        self._redactors = tuple(redactors)

    def outline(self, outline: Outline) -> Outline:
        """Return what is noted of *outline*."""
        kind, request_id, *texts = outline
        name, path = (text.decode("utf-8", "replace") for text in texts)
        if kind == TASK:
            task, _, queue = path.partition("\n")
            name, path = self.text(name), f"{self.text(task)}\n{queue}"
        else:
            path = clean_path(path.partition("?")[0])
            for redactor in self._redactors:
                path = redactor.path(path)
        return kind, request_id, name.encode("utf-8", "replace"), path.encode("utf-8", "replace")

    def user(self, user_id: str) -> str:
        """Return what is noted of a user's id."""
        for redactor in self._redactors:
            user_id = user_of(user_id, redactor)
        return user_id

    def text(self, text: str) -> str:
        """Return what is noted of a task's name or id."""
        for redactor in self._redactors:
            text = redactor.text(text)
        return text


def shown() -> tuple[dict[str, object], Mask | None]:
    """Return what all lines of this process say of it, and what masks them beyond the default."""
    handlers = list(line_handlers())
    formatters = [each.formatter for each in handlers]
    encoders = [each.encoder for each in formatters if isinstance(each, JSONFormatter)]
    known: dict[str, object] = {"log": next(filter(None, map(_log_file, handlers)), None)}
    if encoders:
        known |= {"version": encoders[0].version, "fields": encoders[0].static}
    redactors = dict.fromkeys(each.redactor for each in encoders)
    further = [each for each in redactors if each not in (DEFAULT, OFF)]
    return known, LineMask(further) if further else None


def line_handlers() -> Iterator[LineHandler]:
    """Yield clew's handlers that the records of requests come to."""
    logger: logging.Logger | None = logging.getLogger(HTTP_LOGGER)
    while logger is not None:
        yield from own_handlers(logger)
        logger = logger.parent if logger.propagate else None


def _log_file(handler: LineHandler) -> list[object] | None:
    """Return the path, the device and the inode of the file that *handler* writes to."""
    if type(handler.formatter) is not JSONFormatter or handler.direct_encoder() is None:
        return None  # its lines have other keys
    try:
        descriptor = handler.stream.fileno()
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            link = Path(f"/proc/self/fd/{descriptor}")  # Linux; a stream may be called <stdout>
            path = link.readlink() if link.exists() else Path(handler.stream.name)
            return [str(path.absolute()), status.st_dev, status.st_ino]
    except (OSError, ValueError, AttributeError):  # a stream without a file
        pass
    return None
