"""Whole lines in a pipe, or a socket, that several processes write to.

One write to a pipe is one piece up to PIPE_BUF bytes, 4,096 on Linux (POSIX, write()). A longer one
waits as soon as the pipe is full, and what others write meanwhile, short lines too, comes into its
midst; a socket cuts it as well. So the processes take turns, by a lock of the pipe itself, which
the kernel takes back from one that dies. A file needs none of this: there one write is one piece.

The lock costs about what writing a short line costs.
"""

from __future__ import annotations

import os
import stat
import sys
from io import TextIOWrapper
from select import select

if sys.platform != "win32":
    import fcntl


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
    locked = _lock(pipe)
    try:
        # A signal may end a write early; sys.stdout loses the rest under PYTHONUNBUFFERED.
        while line:
            try:
                line = line[os.write(pipe, line) :]
            except BlockingIOError:  # somebody made the pipe one that does not wait
                select((), (pipe,), ())
    finally:
        if locked:
            fcntl.lockf(pipe, fcntl.LOCK_UN, 1)


def _lock(pipe: int) -> bool:
    try:
        fcntl.lockf(pipe, fcntl.LOCK_EX, 1)
    except OSError:  # not every system can lock a pipe
        return False
    return True
