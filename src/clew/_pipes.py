"""Whole lines in a pipe, or a socket, that several processes write to.

One write to a pipe is one piece up to PIPE_BUF bytes, 4,096 on Linux (POSIX, write()). A longer one
waits as soon as the pipe is full, and what others write meanwhile, short lines too, comes into its
midst; a socket cuts it as well. So the processes take turns, by a lock of the pipe itself, which
the kernel takes back from one that dies. A file needs none of this: there one write is one piece.

The lock costs about what writing a short line costs. A process that is alone does not take it.
"""

from __future__ import annotations

import os
import stat
import sys
from io import FileIO, TextIOWrapper

if sys.platform != "win32":
    import fcntl

# Lines of fewer characters are one piece: one of them is up to four bytes of UTF-8.
SHORT = 1024

_FORKED_AND_NOT_REPLACED = 0x40  # PF_FORKNOEXEC, among the flags of proc(5)


def pipe_of(stream: object) -> int | None:
    """Return the descriptor of the pipe or socket that a plain *stream* writes to, if it does."""
    if sys.platform == "win32" or type(stream) is not TextIOWrapper:
        return None
    try:
        descriptor = stream.fileno()
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError):  # no file, or a closed one
        return None
    return descriptor if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def write_whole(pipe: int, line: bytes) -> None:
    """Write *line*, all of it, while no other process writes one."""
    locked = not is_alone() and _lock(pipe)
    try:
        # A signal may end a write early; sys.stdout loses the rest under PYTHONUNBUFFERED.
        while line:
            line = line[os.write(pipe, line) :]
    finally:
        if locked:
            fcntl.lockf(pipe, fcntl.LOCK_UN, 1)


def _lock(pipe: int) -> bool:
    try:
        fcntl.lockf(pipe, fcntl.LOCK_EX, 1)
    except OSError:  # not every system can lock a pipe
        return False
    return True


def is_alone() -> bool:
    """Tell whether no process that this one started, or was started by, writes lines as well."""
    # multiprocessing has that module where it started a process, and in that process.
    return not _Family.forked and "multiprocessing.spawn" not in sys.modules


def _was_forked() -> bool:
    """Tell whether this process was forked and is still the program that forked it."""
    try:
        with FileIO("/proc/self/stat") as file:
            # The name of the program, in brackets, may hold spaces and brackets of its own.
            fields = file.readall().rpartition(b")")[2].split()
        return bool(int(fields[6]) & _FORKED_AND_NOT_REPLACED)
    except (OSError, ValueError, IndexError):
        return False


class _Family:
    """Whether this process was forked, or has forked."""

    forked = _was_forked()

    @classmethod
    def fork(cls) -> None:
        cls.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_Family.fork)  # the child begins as a copy
