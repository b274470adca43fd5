"""The table of what a process is at: a memory-mapped file that outlives the process.

Each request and task has a slot from its beginning to its record. When the process is killed, its
slots still say what it was at. The file has a fixed size, which is allocated at once, so that a
full disk cannot strike later. A lock on it, which the kernel takes back from a dead process, tells
whether its process lives; it is not the pid, which another container may have as well.

A slot is zeroed, then written from its first byte to the one that says that it is used, and that
byte is cleared alone: whenever the process is killed, a used slot is whole.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import struct
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time, time_ns
from typing import Any, Protocol

if sys.platform != "win32":
    import fcntl

SUFFIX = ".unfinished"
_NEW, _LONGEST_MAKING = ".new", 10.0  # while it is being made, and for how many seconds at most
_MAGIC = b"clew unfinished 2\n"
_SLOT = 1024
_SLOTS = 1024
_SIZE = _SLOT * (_SLOTS + 1)  # the first is the header
_MISSED = _SLOT - 8  # of the header: how often no slot was free

# How long the user is, when it began, in seconds since the Unix epoch, the kind, and the texts,
# which are cut, and end at a zero; the state; and, behind that, the user.
_USED = struct.Struct("<Bdc200s80s596sB")
_USER = _USED.size
_KIND, _STATE = 9, _USER - 1  # where they stand
_FREE, _BUSY, _ENDING = 0, 1, 2

_write = _USED.pack_into

# What a process is at, when it begins: its kind, the request's id, the method or the task's id, and
# the path or the task's name and queue.
Outline = tuple[bytes, bytes, bytes, bytes]
HTTP, WEBSOCKET, TASK = b"h", b"w", b"t"


class Subject(Protocol):
    """What a process may be at."""

    def outline(self) -> Outline:
        """Return what is known of it at its beginning."""


@dataclass(frozen=True)
class Row:
    """What a slot says.

    Attributes:
        kind: `HTTP`, `WEBSOCKET` or `TASK`.
        request_id: The request's id.
        name: The method; of a task, its id.
        path: The path as it came; of a task, its name and, behind a line end, its queue.
        began: When, in seconds since the Unix epoch.
        user_id: The user, where one was known by then.
        is_ending: Whether its record was just being written.
    """

    kind: bytes
    request_id: str
    name: str
    path: str
    began: float
    user_id: str | None
    is_ending: bool

    def is_task(self, task_id: str) -> bool:
        """Tell whether this is the task *task_id*, of which it may have the beginning only."""
        return self.kind == TASK and bool(self.name) and task_id.startswith(self.name)


class Slot:
    """What one of the things that a process is at has in the table, until it is freed.

    Args:
        table: The table's memory.
        start: Where the slot begins in it.
        free: The slots that are free.
    """

    __slots__ = ("_free", "_state", "_table", "start")

    def __init__(self, table: mmap.mmap, start: int, free: list[Slot]) -> None:
        self._table, self._free = table, free
        self.start, self._state = start, start + _STATE

    def know_user(self, user_id: str) -> None:
        """Note the user of what is in it."""
        data = user_id.encode("utf-8", "backslashreplace")[: _SLOT - _USER]
        start = self.start + _USER
        self._table[start : start + len(data)] = data
        self._table[self.start] = len(data)

    def ending(self) -> None:
        """Note that the record of what is in it is being written."""
        self._table[self._state] = _ENDING

    def end(self) -> None:
        """Free it: there is a record of what was in it."""
        self._table[self._state] = _FREE
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

    def __init__(
        self, folder: Path, facts: dict[str, Any], report: Callable[[], None] = lambda: None
    ) -> None:
        self._report = report
        name = f"{os.getpid()}-{time_ns():x}"
        self.path = folder / f"{name}{SUFFIX}"
        making = folder / f".{name}{_NEW}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(making, flags, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._descriptor, 0, _SIZE)
            else:  # macOS
                os.write(self._descriptor, bytes(_SIZE))
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._map = mmap.mmap(self._descriptor, _SIZE)
            header = _MAGIC + json.dumps({**facts, "pid": os.getpid()}).encode()[: _MISSED - 32]
            self._map[: len(header)] = header
            making.rename(self.path)
        except BaseException:
            making.unlink(missing_ok=True)
            os.close(self._descriptor)
            raise
        self._free: list[Slot] = []
        self._free += (Slot(self._map, _SLOT * n, self._free) for n in range(_SLOTS, 0, -1))

    def begin(self, subject: Subject) -> Slot | None:
        """Note that *subject* begins now; return its slot, None where none is free.

        Never raises.
        """
        try:
            slot = self._free.pop()
        except IndexError:
            self._miss()
            return None
        try:
            kind, request_id, name, path = subject.outline()  # starred, it took half as long again
            _write(self._map, slot.start, 0, time(), kind, request_id, name, path, _BUSY)
            return slot
        except Exception:  # a server's odd scope or environ
            self._free.append(slot)
            self._report()
            return None

    def _miss(self) -> None:
        count = int.from_bytes(self._map[_MISSED:_SLOT], "little") + 1
        self._map[_MISSED:_SLOT] = count.to_bytes(8, "little")

    def close(self) -> None:
        """Remove the file where nothing is in it; what is in it is for another process to say."""
        try:
            if len(self._free) == _SLOTS:
                self.path.unlink(missing_ok=True)
                self._map.close()
                os.close(self._descriptor)
        except OSError:  # the folder is gone, or read-only by now
            pass


class Remains:
    """The table of another process, as a file."""

    def __init__(self, path: Path, descriptor: int, content: bytes, *, is_alive: bool) -> None:
        self.path = path
        self.is_alive = is_alive
        self._descriptor = descriptor
        self._content = content
        header, _, _ = content[len(_MAGIC) : _MISSED].partition(b"\0")
        facts = json.loads(header)
        self.facts: dict[str, Any] = facts if isinstance(facts, dict) else {}
        self.missed = int.from_bytes(content[_MISSED:_SLOT], "little")
        self.rows = [
            (slot, _row(content[slot : slot + _SLOT]))
            for slot in range(_SLOT, _SIZE, _SLOT)
            if content[slot + _STATE] != _FREE
        ]

    @property
    def service(self) -> str | None:
        """The service whose process it was."""
        return self.facts.get("service")

    @property
    def guardian(self) -> str | None:
        """The name of the table of the process that says itself which tasks this one died at."""
        return self.facts.get("guardian")

    def was_at(self, task_id: str) -> bool:
        """Tell whether a slot that is free by now had the task *task_id* in it before."""
        content = self._content
        return any(
            _row(content[slot : slot + _SLOT]).is_task(task_id)
            for slot in range(_SLOT, _SIZE, _SLOT)
            if content[slot + _STATE] == _FREE and content[slot + _KIND] != 0
        )

    def age(self) -> float:
        """Return for how many seconds, about, nothing has been written there."""
        return time() - os.fstat(self._descriptor).st_mtime

    def settle(self, slot: int) -> None:
        """Free *slot*: what was in it has its record now."""
        os.pwrite(self._descriptor, bytes([_FREE]), slot + _STATE)

    def announce(self, slot: int) -> None:
        """Note that the record of what is in *slot* is being written."""
        os.pwrite(self._descriptor, bytes([_ENDING]), slot + _STATE)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def _row(slot: bytes) -> Row:
    size, began, kind, *texts, state = _USED.unpack_from(slot)
    request_id, name, path = (text.partition(b"\0")[0].decode("utf-8", "replace") for text in texts)
    user = slot[_USER:][:size].decode("utf-8", "replace") or None
    return Row(kind, request_id, name, path, began, user, state == _ENDING)


def is_alive(path: Path) -> bool:
    """Tell whether the process of the table *path* lives; it is another one than this."""
    try:
        descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def remains(folder: Path, *, own: Collection[Path] = ()) -> Iterator[Remains | Path]:
    """Yield the tables in *folder*, of live and of dead processes.

    A file that is no table is left alone, and its path comes in the place of one. Those of this
    process, *own*, are left out, since its own lock does not keep it away from them. While one is
    looked at, no other process takes it.
    """
    _remove_halves(folder)
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        if path in own:
            continue
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:  # another process was faster
            continue
        except OSError:
            yield path
            continue
        try:
            yield from _looked_at(path, descriptor)
        finally:
            os.close(descriptor)


def _remove_halves(folder: Path) -> None:
    """Remove the tables that processes were making when they died."""
    for path in folder.glob(f".*{_NEW}"):
        try:
            if time() - path.lstat().st_mtime > _LONGEST_MAKING:
                path.unlink()
        except OSError:  # another process was faster
            continue


def _looked_at(path: Path, descriptor: int) -> Iterator[Remains | Path]:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alive = False
    except OSError:
        alive = True
    status = os.fstat(descriptor)
    try:
        if path.stat().st_ino != status.st_ino:
            return
    except FileNotFoundError:  # another process has looked at it, and removed it
        return
    is_ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    content = os.pread(descriptor, _SIZE, 0) if is_ours and status.st_size == _SIZE else b""
    try:
        is_table = content.startswith(_MAGIC)
        yield Remains(path, descriptor, content, is_alive=alive) if is_table else path
    except ValueError:
        yield path
