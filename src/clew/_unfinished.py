"""What this process is at, noted in a table that outlives it."""

from __future__ import annotations

import atexit
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from threading import RLock

from ._faults import report_failure, warn
from ._lost import has_record
from ._remains import Remains, Stranger, is_alive, remains
from ._table import Mask, MaskedTable, Outline, Slot, Subject, Table

# Why a process keeps none, and where that is.
_LEFT_OUT = "The table of unfinished requests cannot be made in %s, and is left out: %s"

# Seconds after which a pool has noticed that a process of its is gone: Celery waits for ten.
_UNTIL_LOST = 60.0


class Unfinished:
    """What this process is at, in a table that outlives it."""

    def __init__(self) -> None:
        # None where nobody asked for it, and until there is something to note.
        self.table: Table | None = None
        # Notes that what has this outline begins now; returns where that is noted. Never raises.
        self.note: Callable[[bytes, bytes, bytes, bytes], Slot | None] = self._note_first
        self.is_on = False
        self._folder = Path()
        self._lock = RLock()
        self._guards = False
        self._guardian: str | None = None
        self._own: set[Path] = set()  # the tables that this process has made
        self._service: str | None = None
        # What writes the records of a dead process, and says what lines show.
        self._write: Callable[[Remains], bool] | None = None
        self._shown: Callable[[], tuple[dict[str, object], Mask | None]] = lambda: ({}, None)
        atexit.register(self.stop)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def connect(
        self,
        write: Callable[[Remains], bool],
        shown: Callable[[], tuple[dict[str, object], Mask | None]],
    ) -> None:
        """Have what a dead process was at written by *write*, which tells whether it could.

        *shown* returns what all lines of this process say of it, and what masks them.
        """
        self._write, self._shown = write, shown

    def start(self, folder: Path, service: str | None) -> None:
        """Keep a table in *folder* from now on, made with the first request or task.

        What dead processes of *service* were at is written then, too, or by `recover` before.
        """
        self.stop()
        self._folder, self._service = folder, service
        self.is_on = True

    def stop(self) -> None:
        """Keep no table any more."""
        table, self.table = self.table, None
        self.note = self._note_first
        self.is_on = self._guards = False
        if table is not None:
            table.close()

    def _forget(self) -> None:
        # The table is the parent's; this process makes one of its own when it has something to say.
        self._guardian = self.table.path.name if self._guards and self.table is not None else None
        self.table, self._guards = None, False
        self.note = self._note_first
        self._own.clear()
        self._lock = RLock()

    def guard(self) -> None:
        """Be the one who says which tasks a process died at that is forked from now on."""
        if self.is_on and (self.table or self._make()) is not None:
            self._guards = True

    @property
    def is_guarded(self) -> bool:
        """Whether another process says which tasks this one died at, and is asked before."""
        return self._guardian is not None

    def may_say(self, task_id: str) -> bool:
        """Tell whether this one is to record that the process of a task was lost.

        Not where that process has recorded the task before it died. What it was at is settled. The
        tables of dead processes in which nothing is are removed, once nobody asks for them.
        """
        table = self.table
        if not self._guards or table is None:
            return True
        if table.mask is not None:
            task_id = table.mask.text(task_id)
        was_recorded = False
        for found in remains(self._folder, own=self._own):
            if isinstance(found, Stranger) or found.guardian != table.path.name:
                continue
            for slot, row in found.rows:
                if row.is_task(task_id):
                    found.settle(slot)
                    if not (row.is_ending and has_record(found.facts.get("log"), row)):
                        return True
                    was_recorded = True
            was_recorded = was_recorded or found.was_at(task_id)
            if not (found.is_alive or found.rows) and found.age() > _UNTIL_LOST:
                found.remove()
        return not was_recorded

    def _is_for_us(self, found: Remains) -> bool:
        """Tell whether its process is dead, of this service, and no other says what it was at.

        One in which nothing is, as of a process that died at its start, is anybody's.
        """
        if found.is_alive:
            return False
        if found.guardian is None and not (found.rows or found.missed):
            return True
        if found.service != self._service:
            return False
        if found.guardian is None or (not found.rows and found.age() > _UNTIL_LOST):
            return True
        path = self._folder / found.guardian
        return not (self._guards if path in self._own else is_alive(path))

    def begin(self, subject: Subject) -> Slot | None:
        """Note that *subject* begins now; return where that is noted. Never raises."""
        table = self.table or self._make()
        return None if table is None else table.begin(subject)

    def _note_first(self, *outline: *Outline) -> Slot | None:
        table = self.table or self._make()
        return None if table is None else table.note(*outline)

    def _make(self) -> Table | None:
        with self._lock:  # a process's own locks of files do not keep its threads apart
            return self.table or self._make_table()

    def _make_table(self) -> Table | None:
        try:
            known, mask = self._shown()
            facts = {"service": self._service, "guardian": self._guardian, **known}
            self.table = table = (
                Table(self._folder, facts, report_failure)
                if mask is None
                else MaskedTable(mask, self._folder, facts, report_failure)
            )
            self.note = table.note
            self._own.add(self.table.path)
        except Exception as error:
            self.is_on = False
            warn(_LEFT_OUT, self._folder, error)
            return None
        self.recover()
        return self.table

    def recover(self) -> None:
        """Write what dead processes of this service were at, once, and remove their tables.

        What cannot be written stays for the next one.
        """
        try:
            for found in remains(self._folder, own=self._own):
                if isinstance(found, Stranger):
                    warn("%s", found)
                elif not self._settle(found):
                    break
        except Exception:
            report_failure()

    def _settle(self, found: Remains) -> bool:
        """Write what *found* says, if it is for us to say; tell whether more could be written."""
        try:
            return not self._is_for_us(found) or self._write is None or self._write(found)
        except Exception:  # what is damaged costs only what is in it
            report_failure()
            return True


unfinished = Unfinished()


def check_folder(folder: object) -> Path:
    """Return *folder* as an absolute path; raise an error where nothing can be written.

    It is made if need be.
    """
    if not isinstance(folder, (str, os.PathLike)) or not isinstance(os.fspath(folder), str):
        raise TypeError(f"unfinished must be a folder's path or None, not {folder!r}")
    if sys.platform == "win32":
        raise ValueError("unfinished needs locks of files that Windows does not have: leave it out")
    if not str(folder):
        raise ValueError("unfinished is empty: give a folder, or None")
    path = Path(folder)
    try:
        path = path.absolute()  # who gave it may go elsewhere
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        Table(path, {}).close()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # no reason for a service not to start
            warn(_LEFT_OUT, path, error)
            return path
        raise ValueError(
            f"unfinished is {str(folder)!r}, where no table can be written ({error}): "
            "give a folder that this user can write to"
        ) from error
    except ValueError as error:  # a zero, or half of a character
        raise ValueError(
            f"unfinished is {str(folder)!r}, which no folder can be called ({error}): "
            "give a path such as /run/shop"
        ) from error
    return path
