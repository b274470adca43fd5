"""Nothing dies unseen: what a killed process was at is written by the next one of its service."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from clew._faults import warn
from clew._lost import has_record, lost_log
from clew._remains import Remains
from clew._unfinished import unfinished

from .delivery import emit, own_logger
from .handler import own_handlers
from .json_formatter import JSONFormatter


def keep_table(folder: Path, service: str | None) -> None:
    """Keep a table in *folder*, and write what dead processes of *service* were at."""
    unfinished.start(folder, service)
    unfinished.recover()


def _write(found: Remains) -> None:
    log = found.facts.get("log")
    for slot, row in found.rows:
        if not (row.is_ending and has_record(log, row)):
            found.announce(slot)
            lost = lost_log(row)
            emit(own_logger(lost.logger), lost, {}, logging.ERROR, None)
        found.settle(slot)
    if found.missed:
        warn(
            "A process that died had no room for %d requests in its table of unfinished ones",
            found.missed,
        )
    found.remove()


def _log_file() -> list[object] | None:
    """Return the path, the device and the inode of the file that clew's handler writes to."""
    for handler in own_handlers():
        if type(handler.formatter) is not JSONFormatter or handler.direct_encoder() is None:
            continue  # its lines have other keys
        try:
            descriptor = handler.stream.fileno()
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                link = Path(f"/proc/self/fd/{descriptor}")  # Linux; a stream may be called <stdout>
                path = link.readlink() if link.exists() else Path(handler.stream.name)
                return [str(path.absolute()), status.st_dev, status.st_ino]
        except (OSError, ValueError, AttributeError):  # a stream without a file
            continue
    return None


unfinished.connect(_write, _log_file)
