"""Log files into a table of ClickHouse."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any, cast

from .engines.columns import COLUMNS, LATER_COLUMNS, Column
from .engines.connection import (
    Address,
    address_of,
    check_columns,
    columns_of,
    connect,
    failures,
)
from .engines.duckdb import DuckDBEngine
from .engines.engine import Progress
from .engines.need import ALL_COLUMNS, Need
from .errors import AnswerError, require
from .extremes import write_extremes
from .files import find
from .keep import LoadResult
from .sources.mapping import form_of

with require("duckdb"):
    import duckdb
with require("clickhouse-connect"):
    from clickhouse_connect.driver.client import Client

# By what two lines are told apart; a table has one of these, of its first load on.
_LINE_HASH = "lineHash"
_FINGERPRINT = "fingerprint"
_LONGEST_TTL = 10_000
_LAST_SECOND = 2**32 - 1
_TYPES = {
    **dict.fromkeys(("text", "left out", "json"), "Nullable(String) CODEC(ZSTD)"),
    **dict.fromkeys(("word", "place"), "LowCardinality(Nullable(String))"),
    "time": "Int64 CODEC(Delta, ZSTD)",
    "integer": "Nullable(Int64)",
    "microseconds": "Nullable(Int64) CODEC(ZSTD)",
    "amount": "Nullable(Decimal(38, 6)) CODEC(ZSTD)",
}
# The next load must see all that this one added.
_INSERT: dict[str, Any] = {
    "async_insert": 0,
    "distributed_foreground_insert": 1,
    # Logs of many years in no order would be refused.
    "max_partitions_per_insert_block": 0,
}
# What is searched for exactly and stands in few blocks of the table.
_INDEXED = ("requestId", "userId", "action", "value", "oldValue")
# The server holds a file that is sent in memory.
_SIZES = "FILE_SIZE_BYTES '32MB', ROW_GROUP_SIZE_BYTES '16MB'"
_PIECE = 65536
_MOST_DAYS = 1000
_DAY = 86_400_000
_EARLIER = [column for column in COLUMNS if column not in LATER_COLUMNS]


def _join(columns: Iterable[Column]) -> str:
    """Return SQL for all that *columns* hold, as one text."""
    return ", ".join(
        f"'{column.name}=' || strlen({column.name}::VARCHAR) || ':' || {column.name}::VARCHAR"
        for column in columns
    )


# The fields that have no column, in an order of their own.
_KNOWN = sorted({column.path.partition(".")[0] for column in COLUMNS if column.path})
_OTHERS = f"""
    array_to_string(list_sort(list_transform(
        list_filter(json_keys(fields), lambda key: key NOT IN ({", ".join(map(repr, _KNOWN))})),
        lambda key: concat(key, '=', json_extract(
            fields, '/' || replace(replace(key, '~', '~0'), '/', '~1')
        ))
    )), chr(10))
"""
# Unlike a hash of DuckDB's own, they stay the same with another version. Tables of earlier versions
# tell lines apart by the columns that there were.
_HASHES = {
    _LINE_HASH: f"md5_number_lower(concat({_join(COLUMNS[:-1])}, {_OTHERS}))",
    _FINGERPRINT: f"md5_number_lower(concat({_join(_EARLIER)}))",
}
_NEW = """
    CREATE TABLE added AS
    WITH present AS (
        SELECT createdAt, hash, count(*) AS copies
        FROM read_csv($present, auto_detect = false, delim = '\t', header = false,
            columns = {{createdAt: 'BIGINT', hash: 'UBIGINT'}})
        GROUP BY ALL
    ), hashed AS (
        SELECT rowid AS line, createdAt, {hash} AS hash FROM lines
        WHERE createdAt IS NOT NULL
    ), numbered AS (
        SELECT *, row_number() OVER (PARTITION BY createdAt, hash) AS copy FROM hashed
    )
    SELECT line, hash
    FROM numbered LEFT JOIN present USING (createdAt, hash)
    WHERE copy > coalesce(copies, 0)
"""


def load(
    names: Sequence[str],
    url: str,
    *,
    ttl_days: int | None = None,
    map: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Add the events of log files to the table of *url*, which is created where there is none.

    Events that the table has already are left out, so that files can be loaded again, after they
    grew or after a load was interrupted. Two events are the same when all their fields are. Of an
    event that the files hold several times, the table gets as many as it lacks: equal lines count
    as often as they were written, but once if they come in two files that are loaded one after
    the other. One load at a time: two at once do not see what the other adds. A table that an
    earlier version created gets the columns that it lacks.

    *ttl_days* is how long ClickHouse keeps events, from their ``createdAt`` on; None leaves it as
    it is, without an end in a new table. *map* says what a home-made form calls its fields.
    *progress* is called with the bytes that were read and
    sent, and those that there are.
    """
    if ttl_days is not None and not 1 <= ttl_days <= _LONGEST_TTL:
        raise AnswerError(f"ttl-days is {ttl_days!r}: give a number from 1 to {_LONGEST_TTL}")
    address = address_of(url)
    form = form_of(map or {})
    find(names)
    with closing(connect(address, create=True)) as client:
        hashed, notes = _prepare(client, address, ttl_days)
        size = 0

        def report(done: int, of: int) -> None:
            nonlocal size
            size = of
            if progress is not None:
                progress(done // 2, of)  # sending them is the other half

        with (
            closing(
                DuckDBEngine(names, progress=report, need=Need(ALL_COLUMNS), form=form)
            ) as engine,
            tempfile.TemporaryDirectory(prefix="clew-") as folder,
        ):
            try:
                added = _find_missing(engine, client, address, hashed, Path(folder))
                paths = _write(engine, hashed, Path(folder))
            except (duckdb.IOException, OSError) as error:  # the disk is full
                raise AnswerError(
                    f"The events do not fit into {folder!r}; "
                    f"set TMPDIR to a folder with more room: {error}"
                ) from error
            for place, path in enumerate(paths, 1):
                _send(path, client, address, hashed)
                if progress is not None:
                    progress(size // 2 + (size - size // 2) * place // len(paths), size)
            return LoadResult(
                engine.lines,
                engine.broken,
                added,
                engine.damage,
                notes,
                engine.foreign,
                engine.likeliest,
            )


def ddl(name: str, ttl_days: int | None = None) -> str:
    """Return the statement that creates the table *name*."""
    lines = [f"    `{column.name}` {_TYPES[column.kind]}" for column in COLUMNS]
    lines.append(f"    `{_LINE_HASH}` UInt64")
    lines += [
        f"    INDEX `by_{column}` `{column}` TYPE bloom_filter(0.001) GRANULARITY 1"
        for column in _INDEXED
    ]
    ttl = "" if ttl_days is None else f"TTL {_ttl(ttl_days)}\n"
    return (
        f"CREATE TABLE IF NOT EXISTS {name}\n(\n" + ",\n".join(lines) + "\n)\nENGINE = MergeTree\n"
        "PARTITION BY toYYYYMM(fromUnixTimestamp64Milli(`createdAt`, 'UTC'))\n"
        "ORDER BY (`service`, `createdAt`)\n"
        f"{ttl}SETTINGS allow_nullable_key = 1"
    )


def _ttl(days: int) -> str:
    # A DateTime ends in 2106: what should stay longer stays until then.
    last = _LAST_SECOND - days * 86_400
    return f"toDateTime(least(intDiv(`createdAt`, 1000), {last}), 'UTC') + toIntervalDay({days})"


def _prepare(client: Client, address: Address, ttl_days: int | None) -> tuple[str, tuple[str, ...]]:
    """Create the table, or add what it lacks; return its column of hashes, and what was added."""
    with failures(address):
        # Whoever may only insert is refused a CREATE TABLE, though it would change nothing.
        if not client.command(f"EXISTS TABLE {address.name}"):
            client.command(ddl(address.name, ttl_days))
    present = columns_of(client, address)
    hashed = _FINGERPRINT if _FINGERPRINT in present else _LINE_HASH
    check_columns(present, address, [*(column.name for column in _EARLIER), hashed])
    missing = [column for column in LATER_COLUMNS if column.name not in present]
    notes: tuple[str, ...] = ()
    with failures(address):
        if missing:
            additions = (f"ADD COLUMN `{each.name}` {_TYPES[each.kind]}" for each in missing)
            client.command(f"ALTER TABLE {address.name} {', '.join(additions)}")
            names = ", ".join(column.name for column in missing)
            notes = (
                (
                    f"The table was of an earlier version and has new columns, {names}: the lines"
                    " that were in it have nothing there; load them into a new table to ask those"
                ),
            )
        if ttl_days is not None:
            created = str(client.command(f"SHOW CREATE TABLE {address.name}"))
            if f"toIntervalDay({ttl_days})" not in created:
                client.command(f"ALTER TABLE {address.name} MODIFY TTL {_ttl(ttl_days)}")
    return hashed, notes


def _find_missing(
    engine: DuckDBEngine, client: Client, address: Address, hashed: str, folder: Path
) -> int:
    """Make a table ``added`` of the events that ClickHouse lacks; return how many they are."""
    present = folder / "present.tsv"
    query = f"SELECT createdAt, {hashed} FROM {address.name} WHERE {_period(engine)}"
    with present.open("wb") as file:
        file.writelines(_stream(query, client, address))
    try:
        engine.rows(_NEW.format(hash=_HASHES[hashed]), {"present": str(present)})
    except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
        raise AnswerError(f"What answers at {address} is no ClickHouse") from error
    present.unlink()
    [(added,)] = engine.rows("SELECT count(*) FROM added", {})
    return int(added)


def _stream(query: str, client: Client, address: Address) -> Iterator[bytes]:
    with failures(address):
        # An error in the middle would come as text among the rows.
        answer = client.raw_stream(query, fmt="TabSeparated", settings={"wait_end_of_query": 1})
        with closing(cast("IO[bytes]", answer)) as stream:
            while piece := stream.read(_PIECE):
                yield piece


def _period(engine: DuckDBEngine) -> str:
    """Return when the events were, as a condition; a stray old one does not stretch it."""
    [(first, last)] = engine.rows("SELECT min(createdAt), max(createdAt) FROM logs", {})
    if first is None:
        return "false"
    days = engine.rows(f"SELECT DISTINCT createdAt // {_DAY} FROM logs LIMIT {_MOST_DAYS + 1}", {})
    condition = f"createdAt BETWEEN {first} AND {last}"
    if len(days) > _MOST_DAYS:
        return condition
    among = ", ".join(str(day) for (day,) in days)
    return f"{condition} AND intDiv(createdAt, {_DAY}) IN ({among})"


def _write(engine: DuckDBEngine, hashed: str, folder: Path) -> list[Path]:
    """Write the events that ClickHouse lacks into files of bounded size."""
    write_extremes(engine)
    columns = ", ".join(f'lines."{column.name}"' for column in COLUMNS[:-1])
    target = str(folder / "events").replace("'", "''")
    engine.rows(
        f"COPY (SELECT {columns}, coalesce(extremes.fields, lines.fields) AS fields,"
        f" hash AS {hashed} FROM lines JOIN added ON lines.rowid = line"
        " LEFT JOIN extremes USING (line))"
        f" TO '{target}' (FORMAT parquet, {_SIZES})",
        {},
    )
    return sorted((folder / "events").iterdir())


def _send(path: Path, client: Client, address: Address, hashed: str) -> None:
    with path.open("rb") as file, failures(address):
        client.raw_insert(
            address.name,
            [*(column.name for column in COLUMNS), hashed],
            file,
            fmt="Parquet",
            # A replicated table would take lines that equal those of an earlier load for a retry.
            settings={**_INSERT, "insert_deduplication_token": uuid.uuid4().hex},
        )
    path.unlink()
