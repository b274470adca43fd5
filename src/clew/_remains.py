"""The tables of other processes, as files: what dead ones died at, and live ones are at."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from ._table import (
    BUSY,
    ENDING,
    FREE,
    KIND,
    MAGIC,
    MISSED,
    NEW,
    SIZE,
    SLOT,
    SLOTS,
    STATE,
    SUFFIX,
    TASK,
    USED,
    USER,
)
from .records import OWNED_KEYS

if sys.platform != "win32":
    import fcntl

_LONGEST_MAKING = 10.0  # in seconds


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


@dataclass(frozen=True)
class Stranger:
    """A file in the folder that is none of our tables.

    Attributes:
        path: Where it is.
        reason: Why it is left alone.
    """

    path: Path
    reason: str = "is no table of unfinished requests"

    def __str__(self) -> str:
        return f"{self.path} {self.reason}: left alone"


class Remains:
    """The table of another process, as a file."""

    def __init__(self, path: Path, descriptor: int, content: bytes, *, is_alive: bool) -> None:
        self.path = path
        self.is_alive = is_alive
        self._descriptor = descriptor
        self._content = content
        header, _, _ = content[len(MAGIC) : MISSED].partition(b"\0")
        facts = json.loads(header)
        self.facts: dict[str, Any] = facts if isinstance(facts, dict) else {}
        self.missed = int.from_bytes(content[MISSED:SLOT], "little")
        self.rows = [
            (slot, _row(content[slot : slot + SLOT]))
            for slot in range(SLOT, SIZE, SLOT)
            if content[slot + STATE] != FREE
        ]

    @property
    def service(self) -> str | None:
        """The service whose process it was."""
        return self.facts.get("service")

    @property
    def version(self) -> str | None:
        """The release of that service."""
        version = self.facts.get("version")
        return version if isinstance(version, str) else None

    @property
    def fields(self) -> dict[str, Any]:
        """The further fields that each of its lines had, as far as they are known."""
        fields = self.facts.get("fields")
        fields = fields if isinstance(fields, dict) else {}
        return {name: value for name, value in fields.items() if name not in OWNED_KEYS}

    @property
    def guardian(self) -> str | None:
        """The name of the table of the process that says itself which tasks this one died at."""
        return self.facts.get("guardian")

    def was_at(self, task_id: str) -> bool:
        """Tell whether a slot that is free by now had the task *task_id* in it before."""
        content = self._content
        return any(
            _row(content[slot : slot + SLOT]).is_task(task_id)
            for slot in range(SLOT, SIZE, SLOT)
            if content[slot + STATE] == FREE and content[slot + KIND] != 0
        )

    def said_of_missed(self) -> str:
        """Return the sentence that says how many requests its table had no room for."""
        return (
            f"A process that died had no room for {self.missed} requests in its table of "
            f"unfinished ones, which holds {SLOTS:,}"
        )

    def age(self) -> float:
        """Return for how many seconds, about, nothing has been written there."""
        return time() - os.fstat(self._descriptor).st_mtime

    def settle(self, slot: int) -> None:
        """Free *slot*: what was in it has its record now."""
        os.pwrite(self._descriptor, bytes([FREE]), slot + STATE)

    def announce(self, slot: int) -> None:
        """Note that the record of what is in *slot* is being written."""
        os.pwrite(self._descriptor, bytes([ENDING]), slot + STATE)

    def keep(self, slot: int) -> None:
        """Note that the record of what is in *slot* was not written, after all."""
        os.pwrite(self._descriptor, bytes([BUSY]), slot + STATE)

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def _row(slot: bytes) -> Row:
    size, began, kind, *texts, state = USED.unpack_from(slot)
    request_id, name, path = (text.partition(b"\0")[0].decode("utf-8", "replace") for text in texts)
    user = slot[USER:][:size].decode("utf-8", "replace") or None
    return Row(kind, request_id, name, path, began, user, state == ENDING)


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


def remains(folder: Path, *, own: Collection[Path] = ()) -> Iterator[Remains | Stranger]:
    """Yield the tables in *folder*, of live and of dead processes.

    A file that is no table, or another user's, is left alone. Those of this
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
        except OSError as error:
            yield _stranger(path, error.strerror)
            continue
        try:
            yield from _looked_at(path, descriptor)
        finally:
            os.close(descriptor)


def _remove_halves(folder: Path) -> None:
    """Remove the tables that processes were making when they died."""
    for path in folder.glob(f".*{NEW}"):
        try:
            if time() - path.lstat().st_mtime > _LONGEST_MAKING:
                path.unlink()
        except OSError:  # another process was faster
            continue


def _stranger(path: Path, reason: object = None) -> Stranger:
    """Return what is said of *path*: most of all whether it is another user's."""
    try:
        owner = path.lstat().st_uid
    except OSError:  # it is gone
        owner = os.geteuid()
    if owner != os.geteuid():
        return Stranger(path, f"is another user's (uid {owner}), and a folder is of one user")
    return Stranger(path) if reason is None else Stranger(path, f"{Stranger.reason} ({reason})")


def _looked_at(path: Path, descriptor: int) -> Iterator[Remains | Stranger]:
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
    content = os.pread(descriptor, SIZE, 0) if is_ours and status.st_size == SIZE else b""
    try:
        is_table = content.startswith(MAGIC)
        yield Remains(path, descriptor, content, is_alive=alive) if is_table else _stranger(path)
    except ValueError:
        yield _stranger(path)
