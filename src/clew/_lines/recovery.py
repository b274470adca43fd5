"""Nothing dies unseen: what a killed process was at is written by the next one of its service."""

from __future__ import annotations

from pathlib import Path

from clew._faults import warn
from clew._lost import has_record, lost_log
from clew._remains import Remains
from clew._unfinished import unfinished

from .delivery import emit_lost
from .notes import line_handlers, shown


def keep_table(folder: Path, service: str | None) -> None:
    """Keep a table in *folder*, and write what dead processes of *service* were at."""
    unfinished.start(folder, service)
    unfinished.recover()


def _write(found: Remains) -> bool:
    """Write what the process died at; tell whether it could be, and *found* is gone."""
    log = found.facts.get("log")
    for slot, row in found.rows:
        if not (row.is_ending and has_record(log, row)):
            before = _losses()
            found.announce(slot)
            emit_lost(lost_log(row, found.service, found.version), found.fields)
            if _losses() != before:  # a full disk, or no stdout
                found.keep(slot)
                return False
        found.settle(slot)
    if found.missed:
        before = _losses()
        warn("%s", found.said_of_missed())
        if _losses() != before:
            return False
    found.remove()
    return True


def _losses() -> int:
    return sum(handler.losses.total for handler in line_handlers())


unfinished.connect(_write, shown)
