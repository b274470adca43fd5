"""Log files into a file of DuckDB's, which is asked in the place of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from .engines.cursor import connect
from .engines.engine import Progress
from .engines.need import ALL_COLUMNS
from .engines.reader import FileReader
from .engines.store import DERIVED, attach, check_store, failures, is_store
from .engines.table import EventTable
from .errors import AnswerError, require
from .files import find
from .formatting import summary_of
from .sources.mapping import form_of

with require("duckdb"):
    import duckdb

SUFFIX = ".duckdb"
_MEMORY = "700MB"
# Of lines that are equal, those beyond as many as there are. Both sides are hashed by the same
# version of DuckDB, so that no hash is kept.
_ADD = """
    INSERT INTO store.lines ({names})
    WITH present AS (
        SELECT createdAt, hash(fields) AS hashed, count(*) AS copies FROM store.lines GROUP BY ALL
    ), coming AS (
        SELECT *, hash(fields) AS hashed FROM incoming.lines WHERE createdAt IS NOT NULL
    ), missing AS (
        SELECT createdAt, hashed, any_value(coalesce(present.copies, 0)) AS copies
        FROM coming LEFT JOIN present USING (createdAt, hashed)
        GROUP BY createdAt, hashed
        HAVING count(*) > any_value(coalesce(present.copies, 0))
    ), numbered AS (
        SELECT *, row_number() OVER (PARTITION BY createdAt, hashed) AS copy
        FROM coming JOIN missing USING (createdAt, hashed)
    )
    SELECT {names} FROM numbered WHERE copy > copies
"""


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did: the lines it read, those of them that are broken, the events it added.

    ``damage`` has a sentence for each file that could be read only in part, ``notes`` one for what
    was changed in the table. ``foreign`` lines are of another form, as ``likeliest`` says.
    """

    lines: int
    broken: int
    added: int
    damage: list[str]
    notes: tuple[str, ...] = ()
    foreign: int = 0
    likeliest: str = ""

    @property
    def summary(self) -> str:
        """Return what was read, in words."""
        return summary_of(self.lines, self.broken, self.foreign, self.likeliest)


def keep(
    names: Sequence[str],
    target: str,
    *,
    map: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Add the events of log files to the file *target*, which is made where there is none.

    Events that it has already are left out, as `load.load` does: files can be loaded again, after
    they grew or after a load was interrupted, and equal lines count as often as they were written.
    One that is interrupted leaves the file as it was. One load at a time: another is refused.
    """
    form = form_of(map or {})
    find(names)
    if stores := [name for name in names if is_store(name)]:
        raise AnswerError(f"{stores[0]!r} is asked alone: load the logs that it was made of")
    with tempfile.TemporaryDirectory(prefix="clew-") as name, _into(target) as (path, is_new):
        folder = Path(name)
        more = str(folder / "more")
        connection = connect(memory_limit=_MEMORY, temp_directory=more)
        with failures(target), closing(connection):
            attach(connection, str(path), read_only=False)
            columns = [] if is_new else check_store(connection, target)
            if not is_new:
                into = folder / "incoming.duckdb"
                connection.execute("ATTACH $path AS incoming", {"path": str(into)})
            connection.execute(f"USE {'store' if is_new else 'incoming'}")
            table = EventTable(connection, ALL_COLUMNS, DERIVED)
            reader = FileReader(names, table, folder, form=form)
            with _room(folder):
                reader.read(connection, progress, nullcontext)
                added = _finish(connection) if is_new else _add(connection, columns)
        count = reader.count
    return LoadResult(
        count.lines,
        count.broken,
        added,
        reader.damage,
        foreign=count.foreign,
        likeliest=reader.likeliest,
    )


@contextmanager
def _into(target: str) -> Iterator[tuple[Path, bool]]:
    """Give the file to write, and whether it is new: then it takes *target*'s place when whole."""
    path = Path(os.path.realpath(target))
    if path.exists():
        if not is_store(target):
            raise AnswerError(
                f"{target!r} is no file of logs of clew's: name one that is not there"
            )
        yield path, False
        return
    beside = path.with_name(f".{path.name[:200]}.loading")
    if beside.exists():  # what was interrupted is begun again; what is going on is left alone
        with failures(target), connect() as connection:
            attach(connection, str(beside), read_only=False)
        _remove(beside)
    try:
        yield beside, True
        beside.replace(path)
    finally:
        _remove(beside)


def _remove(path: Path) -> None:
    for each in (path, path.with_name(f"{path.name}.wal")):
        with suppress(OSError):
            each.unlink(missing_ok=True)


@contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
        raise AnswerError(
            f"The events do not fit: make room in {str(folder.parent)!r}, "
            f"or set TMPDIR to a folder with more, and load again: {error}"
        ) from error


def _finish(connection: duckdb.DuckDBPyConnection) -> int:
    """Leave the events alone in a new file; return how many they are."""
    connection.execute("DELETE FROM store.lines WHERE createdAt IS NULL")
    connection.execute("ALTER TABLE store.lines DROP COLUMN isForeign")
    [(added,)] = connection.execute("SELECT count(*) FROM store.lines").fetchall()
    connection.execute("USE memory")
    connection.execute("DETACH store")
    return int(added)


def _add(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> int:
    """Add the events that a file with these *columns* lacks; return how many they are."""
    connection.execute("USE memory")
    names = ", ".join(f'"{name}"' for name in columns)
    [(added,)] = connection.execute(_ADD.format(names=names)).fetchall()
    return int(added)
