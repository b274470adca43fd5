"""Files that grow while they are followed: each line counts once, when it is whole."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from clew import answers
from clew.answers import AnswerError
from clew.answers.engines import table
from tests.answers.test_files import ACTION, Compress, compressions, counted, line, lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(lines(2))
    return path


@pytest.fixture
def logs(path: Path) -> Iterator[answers.Logs]:
    with answers.open(path, growing=True) as logs:
        yield logs


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_what_is_added_is_read(logs: answers.Logs, path: Path) -> None:
    """Each call reads what came since the last, and says how many lines that were."""
    assert (logs.engine.read(), counted(logs)) == (0, 2)
    add(path, lines(3) + b"broken\n")
    assert (logs.engine.read(), counted(logs), logs.lines, logs.broken) == (4, 5, 6, 1)
    assert (logs.engine.read(), counted(logs)) == (0, 5)


def test_lines_that_could_not_be_kept_are_not_forgotten(
    logs: answers.Logs, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk was full, each later reading says so: its answers would lack lines."""

    def full(*_: object) -> None:
        raise duckdb.IOException("No space left on device")

    add(path, lines(3))
    with monkeypatch.context() as patch:
        patch.setattr(table.EventTable, "add", full)
        with pytest.raises(AnswerError, match="do not fit into"):
            logs.engine.read()
    add(path, lines(2))
    with pytest.raises(AnswerError, match="do not fit into"):
        logs.engine.read()
    assert (counted(logs), logs.lines) == (2, 2)


def test_an_unfinished_line_waits_for_its_end(logs: answers.Logs, path: Path) -> None:
    """A line that is just being written counts once it has its end, as one line."""
    whole = line(7)
    for part in (whole[:5], whole[5:20], whole[20:-1]):
        add(path, part)
        assert (logs.engine.read(), counted(logs), logs.broken) == (0, 2, 0)
    add(path, whole[-1:])
    assert (logs.engine.read(), counted(logs), logs.broken) == (1, 3, 0)


def test_without_growing_an_unfinished_last_line_counts(path: Path) -> None:
    """A file that is read once is whole as it is: its last line needs no end."""
    add(path, line(7).rstrip())
    with answers.open(path) as logs:
        assert counted(logs) == 3


def test_a_file_that_was_cut_is_read_from_its_beginning(logs: answers.Logs, path: Path) -> None:
    """After ``truncate``, as log rotation by copying does it, nothing new is missed."""
    add(path, b'{"createdAt":')
    assert logs.engine.read() == 0
    path.write_bytes(line(1))
    assert (logs.engine.read(), counted(logs)) == (2, 3)
    assert logs.broken == 1  # what had been begun was never finished
    add(path, lines(3))
    assert (logs.engine.read(), counted(logs)) == (3, 6)


def test_a_file_that_was_replaced_is_read_from_its_beginning(
    logs: answers.Logs, path: Path
) -> None:
    """After a rotation by renaming, the new file of the name is read, smaller or larger."""
    for count in (1, 50, 1):
        before = counted(logs)
        path.rename(path.with_suffix(f".{count}"))
        assert logs.engine.read() == 0  # the new one is not there yet
        path.write_bytes(lines(count))
        assert (logs.engine.read(), counted(logs)) == (count, before + count)


def test_a_last_line_without_end_counts_when_its_file_was_replaced(
    logs: answers.Logs, path: Path
) -> None:
    """Nothing will be added to it: it is what it is."""
    add(path, line(7).rstrip())
    assert logs.engine.read() == 0
    path.unlink()
    path.with_name("new").write_bytes(lines(1))
    path.with_name("new").rename(path)
    assert (logs.engine.read(), counted(logs), logs.broken) == (2, 4, 0)


def test_an_empty_file_may_grow(tmp_path: Path) -> None:
    """A file that has no line yet is a log."""
    path = tmp_path / "app.log"
    path.touch()
    with answers.open(path, growing=True) as logs:
        add(path, lines(3))
        assert (logs.engine.read(), counted(logs)) == (3, 3)


@compressions
def test_a_compressed_file_may_grow(tmp_path: Path, compress: Compress) -> None:
    """Members and frames are read as they come, also one that comes in parts."""
    path = tmp_path / "app.log.gz"
    path.write_bytes(compress(lines(3)))
    with answers.open(path, growing=True) as logs:
        assert (counted(logs), logs.damage) == (3, [])
        add(path, compress(lines(2)))
        assert (logs.engine.read(), counted(logs), logs.damage) == (2, 5, [])
        member = compress(lines(4))
        add(path, member[:20])
        assert logs.engine.read() < 4
        assert logs.damage
        add(path, member[20:])
        logs.engine.read()
        assert (counted(logs), logs.damage, logs.broken) == (9, [], 0)


@compressions
def test_a_compressed_file_may_be_replaced(tmp_path: Path, compress: Compress) -> None:
    """Of a compressed file that was replaced by a plain one nothing stays, no damage either."""
    path = tmp_path / "app.log"
    path.write_bytes(compress(lines(300))[:-5])
    with answers.open(path, growing=True) as logs:
        before = counted(logs)
        assert logs.damage
        path.write_bytes(line(1))
        logs.engine.read()
        assert counted(logs) == before + 1
        assert logs.damage == []


def test_a_file_that_is_begun_later_is_read(tmp_path: Path) -> None:
    """In a folder that is followed, a log of the next day counts from its first line on."""
    (tmp_path / "app-1.ndjson").write_bytes(lines(2))
    with answers.open(tmp_path, growing=True) as logs:
        (tmp_path / "app-2.ndjson").write_bytes(lines(3))
        assert (logs.engine.read(), counted(logs)) == (3, 5)
        add(tmp_path / "app-2.ndjson", lines(1))
        assert (logs.engine.read(), counted(logs)) == (1, 6)


def test_a_rotated_file_counts_once_in_a_folder(tmp_path: Path) -> None:
    """Renamed to any name, copied to a rotated one, or compressed, its lines are not read again."""
    path = tmp_path / "app.ndjson"
    path.write_bytes(lines(2))
    with answers.open(tmp_path, growing=True) as logs:
        path.rename(tmp_path / "old.ndjson")
        path.write_bytes(lines(3))
        (tmp_path / "app.ndjson.1").write_bytes(lines(2))
        (tmp_path / "app.ndjson.1.gz").write_bytes(gzip.compress(lines(2)))
        assert (logs.engine.read(), counted(logs)) == (3, 5)
        assert (logs.engine.read(), counted(logs)) == (0, 5)


def test_wrapped_lines_may_grow(tmp_path: Path) -> None:
    """A line in pieces, and an object over several lines, count when their ends have come."""
    path = tmp_path / "app.log"
    at = "2026-11-28T17:58:32.386000000Z stdout"
    event = line(1).decode().rstrip()
    pretty = f'{{\n  "createdAt": 1793491200000,\n  "action": "{ACTION}"\n}}\n'
    for first in (b"", lines(1)):
        path.write_bytes(first)
        with answers.open(path, growing=True) as logs:
            before = counted(logs)
            for part in (f"{at} P {event[:9]}\n", f"{at} P {event[9:20]}\n"):
                add(path, part.encode())
                logs.engine.read()
                assert counted(logs) == before
            add(path, f"{at} F {event[20:]}\n{pretty[:9]}".encode())
            logs.engine.read()
            assert counted(logs) == before + 1
            add(path, pretty[9:].encode() + b"Traceback\n")
            logs.engine.read()
            assert (counted(logs), logs.lines, logs.broken) == (before + 2, before + 3, 1)
