"""The records of what a process died at, made of what its table says."""

from __future__ import annotations

import logging
import mmap
import re
from pathlib import Path
from typing import Any

from ._levels import level_word
from ._remains import Row
from ._secrets.defaults import shown_path
from ._table import TASK
from ._targets import clean_method, clean_path
from ._text import printable
from .records import HTTP_LOGGER, TASK_LOGGER, HTTPLog, Request, Response, Task, TaskLog

_ID = re.compile(r"[A-Za-z0-9._~+/=:@-]{1,200}")

# How often an id that stands in a log is looked at before it counts as not there.
_MOST_PLACES = 1_000


def lost_log(row: Row, service: str | None = None, version: str | None = None) -> HTTPLog | TaskLog:
    """Return the record of what *row* says, which a process of *service* died at."""
    # Another one is no id that clew has taken over or made: the table is damaged.
    request_id = row.request_id if _ID.fullmatch(row.request_id) else None
    known: dict[str, Any] = {
        "level": level_word(logging.ERROR),
        "created_at": int(row.began * 1000),
        "service": service,
        "service_version": version,
        "request_id": request_id,
        "user_id": row.user_id and printable(row.user_id),
    }
    if row.kind == TASK:
        name, _, queue = printable(row.path).partition("\n")
        task = Task(name=name, id=printable(row.name), queue=queue or None, outcome="lost")
        return TaskLog(message=f"{name} lost", logger=TASK_LOGGER, task=task, **known)
    # Some servers leave the query in it.
    method, path = clean_method(row.name), clean_path(row.path.partition("?")[0])
    path = shown_path(path)
    headers = {} if request_id is None else {"requestId": request_id}
    return HTTPLog(
        message=f"{method} {path} lost",
        logger=HTTP_LOGGER,
        request=Request(method=method, path=path, headers=headers),
        response=Response(),
        outcome="lost",
        **known,
    )


def has_record(log: object, row: Row) -> bool:
    """Tell whether the record of *row* stands in the file *log*; as a rule it does.

    The process was killed while it wrote it, or just behind. Of a pipe nobody can tell, where a
    write that has room is done before the process dies.
    """
    if not isinstance(log, list) or len(log) != 3:
        return True
    kind = b'"task":{' if row.kind == TASK else b'"response":{'
    request_id = f'"requestId":"{row.request_id}"'.encode()
    for path in _under_any_name(*log):
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as text:
                end = len(text)
                for _ in range(_MOST_PLACES):
                    place = text.rfind(request_id, 0, end)
                    if place < 0:
                        break
                    start = text.rfind(b"\n", 0, place) + 1
                    line = text[start : text.find(b"\n", place) + 1 or len(text)]
                    if kind in line and b'"direction":' not in line:
                        return True
                    end = start
        except OSError:  # it is gone
            continue
        except ValueError:  # it is empty
            pass
        return False
    return True


def _under_any_name(name: str, device: int, inode: int) -> list[Path]:
    """Return the file, which may have been renamed when logs were rotated."""
    path = Path(name)
    try:
        entries = [path, *path.parent.glob(f"{path.name}*")]
    except OSError:
        return []
    found = []
    for entry in entries:
        try:
            status = entry.stat()
        except OSError:
            continue
        if (status.st_dev, status.st_ino) == (device, inode):
            found.append(entry)
    return found[:1]
