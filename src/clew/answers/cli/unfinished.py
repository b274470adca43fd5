"""What killed processes were at, and what live ones are at: the command ``clew unfinished``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from clew._lost import has_record, lost_log
from clew._remains import Remains, Stranger, is_alive, remains
from clew._text import one_line
from clew.answers.errors import AnswerError
from clew.records import TaskLog

from .group import cli
from .output import echo, echo_json, say

_encode = msgspec.json.Encoder(decimal_format="number").encode

_COLUMNS = ("since (UTC)", "seconds", "process", "service", "what", "userId", "requestId")


@cli.command(epilog="Example: clew unfinished /run/shop >> shop.ndjson")
@click.argument("folder", type=click.Path())
@click.option("--running", is_flag=True, help="Show what live processes are at, and since when.")
def unfinished(folder: str, running: bool) -> None:
    """Write what killed processes were at, as lines of a log, and forget it.

    FOLDER is what configure_logging(unfinished=...) names. A process of the same service writes
    these lines, too, when it starts: here they are for a service that does not start again.
    """
    # A Path would make one slash of the two by which a password is found in an address.
    place = Path(folder)
    if not place.is_dir():
        raise AnswerError(f"{folder!r} is no folder: give the one of unfinished=...")
    tables = _tables_in(place)
    if running:
        _show([table for table in tables if table.is_alive])
        return
    count = 0
    for table in tables:
        if table.is_alive or (table.guardian is not None and is_alive(place / table.guardian)):
            continue
        for slot, row in table.rows:
            if not (row.is_ending and has_record(table.facts.get("log"), row)):
                line = msgspec.to_builtins(lost_log(row, table.service, table.version))
                echo_json(_encode({**line, **table.fields, **line}))
                count += 1
            table.settle(slot)
        if table.missed:
            say(table.said_of_missed())
        table.remove()
    say(f"{count} unfinished in {folder}")


def _tables_in(folder: Path) -> Iterator[Remains]:
    for found in remains(folder):
        if isinstance(found, Stranger):
            say(str(found))
        else:
            yield found


def _show(tables: list[Remains]) -> None:
    now = time.time()
    rows: list[tuple[str, ...]] = [_COLUMNS]
    for table in tables:
        for _, row in sorted(table.rows, key=lambda each: each[1].began):
            log = lost_log(row)
            if isinstance(log, TaskLog):
                what = f"task {log.task.name} {log.task.queue or ''}".rstrip()
            else:
                what = f"{log.request.method} {log.request.path}"
            began = datetime.fromtimestamp(row.began, UTC).strftime("%Y-%m-%d %H:%M:%S")
            known = (str(table.facts.get("pid")), table.service or "", what, log.user_id or "")
            cells = (began, f"{now - row.began:.1f}", *known, log.request_id or "")
            rows.append(tuple(map(one_line, cells)))
        if table.missed:
            pid = table.facts.get("pid")
            say(f"Process {pid} had no room for {table.missed} more, which are not shown")
    widths = [max(len(line[place]) for line in rows) for place in range(len(_COLUMNS))]
    for line in rows:
        echo("  ".join(map(str.ljust, line, widths)).rstrip())
