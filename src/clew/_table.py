"""The table of what a process is at: a memory-mapped file that outlives the process.

Each request and task has a slot from its beginning to its record. When the process is killed, its
slots still say what it was at. The file has a fixed size, which is allocated at once, so that a
full disk cannot strike later. A lock on it, which the kernel takes back from a dead process, tells
whether its process lives; it is not the pid, which another container may have as well.

A slot is zeroed, then written from its first byte to the one that says that it is used, and that
byte is cleared alone: whenever the process is killed, a used slot is whole.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import time, time_ns
from typing import Any, Protocol

import msgspec

if sys.platform != "win32":
    import fcntl

SUFFIX = ".unfinished"
NEW = ".new"  # while it is being made
MAGIC = b"clew unfinished 2\n"
SLOT = 1024
SLOTS = 1024
SIZE = SLOT * (SLOTS + 1)  # the first is the header
MISSED = SLOT - 8  # of the header: how often no slot was free
_LONGEST_FACTS = 960  # before it, with the zero at their end

_to_json = msgspec.json.Encoder(decimal_format="number").encode

# How long the user is, when it began, in seconds since the Unix epoch, the kind, and the texts,
# which are cut, and end at a zero; the state; and, behind that, the user.
USED = struct.Struct("<Bdc200s80s596sB")
USER = USED.size
KIND, STATE = 9, USER - 1  # where they stand
FREE, BUSY, ENDING = 0, 1, 2

_write = USED.pack_into

# What a process is at, when it begins: its kind, the request's id, the method or the task's id, and
# the path or the task's name and queue.
Outline = tuple[bytes, bytes, bytes, bytes]
HTTP, WEBSOCKET, TASK = b"h", b"w", b"t"


class Subject(Protocol):
    """What a process may be at."""

    def outline(self) -> Outline:
        """Return what is known of it at its beginning."""


class Mask(Protocol):
    """What makes of a process's notes what its lines would show."""

    def outline(self, outline: Outline) -> Outline:
        """Return what is noted of *outline*."""

    def user(self, user_id: str) -> str:
        """Return what is noted of a user's id."""

    def text(self, text: str) -> str:
        """Return what is noted of a task's name or id."""


class Slot:
    """What one of the things that a process is at has in the table, until it is freed.

    Args:
        table: The table's memory.
        start: Where the slot begins in it.
        free: The slots that are free.
    """

    __slots__ = ("_free", "_state", "_table", "start")

    def __init__(self, table: mmap.mmap, start: int, free: deque[Slot]) -> None:
        self._table, self._free = table, free
        self.start, self._state = start, start + STATE

    def know_user(self, user_id: str) -> None:
        """Note the user of what is in it."""
        data = user_id.encode("utf-8", "backslashreplace")[: SLOT - USER]
        start = self.start + USER
        self._table[start : start + len(data)] = data
        self._table[self.start] = len(data)

    def ending(self) -> None:
        """Note that the record of what is in it is being written."""
        self._table[self._state] = ENDING

    def end(self) -> None:
        """Free it: there is a record of what was in it."""
        self._table[self._state] = FREE
        self._free.append(self)


class Table:
    """The table of this process.

    Args:
        folder: Where it is made.
        facts: What is to be known of the process.
        report: Called while an exception is handled that keeps something out of it.

    Raises:
        OSError: It cannot be made there.
    """

    mask: Mask | None = None

    def __init__(
        self, folder: Path, facts: dict[str, Any], report: Callable[[], None] = lambda: None
    ) -> None:
        self._report = report
        name = f"{os.getpid()}-{time_ns():x}"
        self.path = folder / f"{name}{SUFFIX}"
        making = folder / f".{name}{NEW}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(making, flags, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._descriptor, 0, SIZE)
            else:  # macOS
                os.write(self._descriptor, bytes(SIZE))
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._map = mmap.mmap(self._descriptor, SIZE)
            header = MAGIC + _header_of(facts)
            self._map[: len(header)] = header
            making.rename(self.path)
        except BaseException:
            making.unlink(missing_ok=True)
            os.close(self._descriptor)
            raise
        self._free: deque[Slot] = deque()
        self._free += (self._slot(SLOT * n) for n in range(SLOTS, 0, -1))
        # The last one is in the processor's cache. But whoever is asked what this process has
        # recorded finds it in the slots that were freed longest ago.
        self._take = self._free.pop if facts.get("guardian") is None else self._free.popleft

    def _slot(self, start: int) -> Slot:
        return Slot(self._map, start, self._free)

    def begin(self, subject: Subject) -> Slot | None:
        """Note that *subject* begins now; return its slot, None where none is free.

        Never raises.
        """
        try:
            kind, request_id, name, path = subject.outline()
        except Exception:  # a server's odd scope or environ
            self._report()
            return None
        return self.note(kind, request_id, name, path)

    def note(self, kind: bytes, request_id: bytes, name: bytes, path: bytes) -> Slot | None:
        """Note that what has this outline begins now; return its slot, None where none is free.

        Never raises.
        """
        try:
            slot = self._take()
        except IndexError:
            self._miss()
            return None
        try:
            _write(self._map, slot.start, 0, time(), kind, request_id, name, path, BUSY)
            return slot
        except Exception:  # what is no text
            self._free.append(slot)
            self._report()
            return None

    def _miss(self) -> None:
        count = int.from_bytes(self._map[MISSED:SLOT], "little") + 1
        self._map[MISSED:SLOT] = count.to_bytes(8, "little")

    def close(self) -> None:
        """Remove the file where nothing is in it; what is in it is for another process to say."""
        try:
            if len(self._free) == SLOTS:
                self.path.unlink(missing_ok=True)
                self._map.close()
                os.close(self._descriptor)
        except OSError:  # the folder is gone, or read-only by now
            pass


class MaskedTable(Table):
    """The table of a process whose lines mask more than is masked by default.

    Args:
        mask: What makes of its notes what its lines would show.
        arguments: Those of a `Table`.
    """

    mask: Mask

    def __init__(self, mask: Mask, *arguments: Any) -> None:
        self.mask = mask
        super().__init__(*arguments)

    def note(self, *outline: *Outline) -> Slot | None:
        try:
            outline = self.mask.outline(outline)
        except Exception:
            self._report()
            return None
        return super().note(*outline)

    def _slot(self, start: int) -> Slot:
        return _MaskedSlot(self.mask, self._report, self._map, start, self._free)


class _MaskedSlot(Slot):
    """A slot that knows the user as its record would show it."""

    __slots__ = ("_mask", "_report")

    def __init__(self, mask: Mask, report: Callable[[], None], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._mask, self._report = mask, report

    def know_user(self, user_id: str) -> None:
        try:
            user_id = self._mask.user(user_id)
        except Exception:
            self._report()
        else:
            super().know_user(user_id)


def _header_of(facts: dict[str, Any]) -> bytes:
    """Return *facts* as JSON: the first that fit into the header, of a mapping its first entries.

    What is no JSON is left out.
    """
    header: dict[str, Any] = {"pid": os.getpid()}
    encoded = _to_json(header)
    for name, value in facts.items():
        parts = [{key: value[key]} for key in value] if isinstance(value, dict) else [value]
        for part in parts if value is not None else ():
            whole = {**header.get(name, {}), **part} if isinstance(part, dict) else part
            grown = _json_of({**header, name: whole})
            if grown is not None and len(grown) <= _LONGEST_FACTS:
                header[name], encoded = whole, grown
    return encoded


def _json_of(facts: dict[str, Any]) -> bytes | None:
    try:
        return _to_json(facts)
    except Exception:  # somebody's own type, or no UTF-8
        return None
