"""Which files are read, and that each of their good lines counts, whatever surrounds it."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import zstandard

from clew import answers
from clew.answers import AnswerError, decoding, files
from clew.answers.check import check
from tests.rows import each_row

ACTION = "COUNTED"


def line(number: int, size: int = 0) -> bytes:
    """Return one event, its end included, of at least *size* bytes without it."""
    event = {"createdAt": 1_793_491_200_000 + number, "action": ACTION, "comment": ""}
    event["comment"] = "x" * max(0, size - len(json.dumps(event)))
    return json.dumps(event).encode() + b"\n"


def lines(count: int) -> bytes:
    return b"".join(map(line, range(count)))


def counted(logs: answers.Logs) -> int:
    """Return how many events there are."""
    return sum(row["events"] for row in logs.ask("actions", action=ACTION).dicts())


def read(*sources: Path) -> tuple[int, int, int]:
    """Return how many lines were read, how many of them are broken, and how many events."""
    with answers.open(*sources) as logs:
        return logs.lines, logs.broken, counted(logs)


@each_row(
    "name",
    [
        *("app.log", "app.ndjson", "app.jsonl", "app.log.gz", "app.ndjson.zst", "app.jsonl.gz"),
        *("app.log.1", "app.log.2.gz", "app.log-20261101", "app.log-20261101.gz", "app.2026.log"),
        *("app.log.2026-11-01_00-00", "app.ndjson.1.zst", ".log"),
    ],
)
def test_a_folder_stands_for_its_logs(tmp_path: Path, name: str) -> None:
    """The log files of a folder and those below are read, rotated and compressed ones too."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / name).write_bytes(lines(3))
    assert read(tmp_path) == (3, 0, 3)


@pytest.mark.parametrize("name", ["app.txt", "log", "app.log~", "app.json", "applog", "app.logs"])
def test_a_folder_without_logs_is_refused(tmp_path: Path, name: str) -> None:
    """Other files are no logs; a folder without one is named, with what is looked for."""
    (tmp_path / name).write_bytes(lines(3))
    (tmp_path / "folder.log").mkdir()
    with pytest.raises(AnswerError, match=r"no log in the folder '.*': \*\.ndjson, \*\.jsonl"):
        answers.open(tmp_path)


def test_a_hostile_name_in_a_folder_costs_no_time(tmp_path: Path) -> None:
    """A name that nearly is a log's in a thousand ways is looked at once."""
    (tmp_path / ("x.log" + "-a" * 100 + "!")).write_bytes(lines(1))
    (tmp_path / "app.log").write_bytes(lines(2))
    assert read(tmp_path) == (2, 0, 2)


def test_a_file_counts_once(tmp_path: Path) -> None:
    """A file that is named twice, or through a folder or a link, is read once."""
    path = tmp_path / "app.log"
    path.write_bytes(lines(3))
    (tmp_path / "linked.log").symlink_to(path)
    (tmp_path / "same.log").hardlink_to(path)
    others = [tmp_path / "linked.log", tmp_path / "same.log", tmp_path / ".." / tmp_path.name]
    assert read(path, path, tmp_path, *others) == (3, 0, 3)


@pytest.mark.parametrize("name", ["*.log", "app[1].log", "?.log", "a b.log", "ä'\".log", "{x}.log"])
def test_a_name_is_taken_literally(tmp_path: Path, name: str) -> None:
    """A name is no pattern, whatever characters are in it."""
    (tmp_path / name).write_bytes(lines(1))
    (tmp_path / "app1.log").write_bytes(lines(5))
    assert read(tmp_path / name) == (1, 0, 1)


def test_a_file_of_any_name_is_read_when_it_is_named(tmp_path: Path) -> None:
    """Only in a folder does the name tell what is a log."""
    (tmp_path / "app.txt").write_bytes(lines(2))
    assert read(tmp_path / "app.txt") == (2, 0, 2)


@each_row("name", ["app.log", "a*.log", "no/app.log", "x" * 300, "nul\0.log"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    """A file that is not there, or that cannot be, is a sentence with its name."""
    with pytest.raises(AnswerError, match=r"^(There is no file '|'.*' cannot be read: )"):
        answers.open(tmp_path / name)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """What cannot be opened is a sentence with its name and the reason."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "app.log"))
        with pytest.raises(AnswerError, match=r"app\.log' cannot be read: "):
            answers.open(tmp_path / "app.log")


def test_nothing_given_is_refused() -> None:
    """Without a source there is nothing to ask."""
    with pytest.raises(AnswerError, match="at least one log file"):
        answers.open()


@pytest.mark.outside
def test_the_standard_input_is_read(tmp_path: Path) -> None:
    """``-`` is the standard input: plain, compressed, a pipe or a file, also beside others."""
    script = (
        "from clew import answers\n"
        "with answers.open('-', *__import__('sys').argv[1:]) as logs:\n"
        "    print(logs.lines, logs.broken, len(logs.ask('actions', bucket='minute').rows))\n"
    )
    path = tmp_path / "app.log"
    path.write_bytes(lines(3))

    def run(given: bytes | None, *arguments: object) -> str:
        with path.open("rb") as file:
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
                input=given,
                stdin=file if given is None else None,
                capture_output=True,
                check=True,
                timeout=60,
            )
        return done.stdout.decode()

    assert run(lines(5) + b"broken\n") == "6 1 1\n"
    assert run(gzip.compress(lines(5))) == "5 0 1\n"
    assert run(b"") == "0 0 0\n"
    assert run(None) == "3 0 1\n"
    assert run(lines(5), path) == "8 0 1\n"


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content)


def zstandarded(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


compressions = pytest.mark.parametrize("compress", [gzipped, zstandarded], ids=["gzip", "zstd"])
Compress = Callable[[bytes], bytes]


@compressions
def test_a_compressed_file_is_known_by_its_bytes(tmp_path: Path, compress: Compress) -> None:
    """Compressed files are read whatever their name, in any number of members or frames."""
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(compress(line(number)) for number in range(500)) + compress(b""))
    assert read(path) == (500, 0, 500)


@compressions
def test_members_may_part_a_line(tmp_path: Path, compress: Compress) -> None:
    """Members and frames are bytes one after another: a line may begin in one, end in another."""
    content = lines(10)
    path = tmp_path / "app.log.gz"
    path.write_bytes(b"".join(compress(content[at : at + 7]) for at in range(0, len(content), 7)))
    assert read(path) == (10, 0, 10)


@compressions
def test_a_truncated_file_counts_as_far_as_it_goes(tmp_path: Path, compress: Compress) -> None:
    """Of a compressed file that was cut, the lines before the cut count, and it is said."""
    content = b"".join(
        line(number) + os.urandom(99).hex().encode() + b"\n" for number in range(9999)
    )
    whole = compress(content)
    path = tmp_path / "app.log.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with answers.open(path) as logs:
        [damage] = logs.damage
        assert damage == f"{str(path)!r} is damaged and was read in part: its end is missing"
        assert 3000 < counted(logs) < 6000


@compressions
def test_a_whole_file_is_not_damaged(tmp_path: Path, compress: Compress) -> None:
    """Zeros behind the end, as tapes and block devices leave them, are no damage."""
    path = tmp_path / "app.log.gz"
    path.write_bytes(compress(lines(5)) + bytes(3_000_000) + compress(lines(2)) + bytes(5))
    with answers.open(path) as logs:
        assert (logs.damage, counted(logs)) == ([], 7)


@compressions
def test_what_follows_the_end_is_damage(tmp_path: Path, compress: Compress) -> None:
    """The lines before trailing garbage count, and the garbage is told of."""
    path = tmp_path / "app.log.gz"
    path.write_bytes(compress(lines(5)) + b"garbage")
    with answers.open(path) as logs:
        assert (len(logs.damage), counted(logs), logs.broken) == (1, 5, 0)


@compressions
def test_lines_before_the_damage_count(tmp_path: Path, compress: Compress) -> None:
    """A member that is no more what it was costs what follows it, nothing before."""
    path = tmp_path / "app.log.gz"
    third = compress(lines(100))
    spoilt = third[: len(third) // 2] + bytes(200) + third[len(third) // 2 + 200 :]
    path.write_bytes(compress(lines(1000)) + compress(lines(2000)) + spoilt)
    with answers.open(path) as logs:
        [damage] = logs.damage
        assert "is damaged and was read in part" in damage
        assert counted(logs) >= 3000


def test_a_gzip_file_of_many_small_members_is_read_in_time_that_grows_with_it() -> None:
    """Each member is unfolded without the bytes behind it being moved again."""
    moved = 0

    class Member:
        def __init__(self) -> None:
            self._of = zlib.decompressobj(zlib.MAX_WBITS | 16)

        def decompress(self, read: bytes) -> bytes:
            nonlocal moved
            moved += len(read)
            return self._of.decompress(read)

        @property
        def eof(self) -> bool:
            return self._of.eof

        @property
        def unused_data(self) -> bytes:
            return self._of.unused_data

    content = gzip.compress(b"{}\n") * 20_000
    assert b"".join(decoding._Decompressor(Member, zlib.error).feed(content)) == b"{}\n" * 20_000
    assert moved < 100 * len(content)


@compressions
def test_a_bomb_stays_in_bounded_memory(tmp_path: Path, compress: Compress) -> None:
    """A small file that unfolds into a line of many megabytes is one broken line."""
    zeros = compress(b"x" * (1 << 26))
    path = tmp_path / "app.log.gz"
    path.write_bytes(compress(lines(2)) + zeros * 5 + compress(b"\n" + lines(3)))
    file = files.LogFile(str(path))
    tracemalloc.start()
    try:
        content = b"".join(file.read())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert content == lines(2) + files.OVERLONG + lines(3)
    assert most < 200_000_000


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    """A mark at a file's beginning is no part of its first line."""
    mark = b"\xef\xbb\xbf"
    (tmp_path / "1.log").write_bytes(mark + lines(1))
    (tmp_path / "3.log").write_bytes(mark)
    own = b'{"level":"info","createdAt":1793491200000,"action":"%b"}\n' % ACTION.encode()
    compressed = gzip.compress(mark + own + b"2026-11-29T10:00:00.000000007Z " + own)
    (tmp_path / "4.log.gz").write_bytes(compressed)
    assert read(tmp_path / "4.log.gz") == (2, 0, 2)
    assert read(tmp_path) == (3, 0, 3)


def test_ends_of_lines(tmp_path: Path) -> None:
    """Lines end with LF or CRLF, the last one may lack it, and blank ones do not count."""
    content = lines(3).replace(b"\n", b"\r\n") + b"\r\n\n   \n\t\n" + line(3).rstrip(b"\n")
    (tmp_path / "app.log").write_bytes(content)
    assert read(tmp_path) == (4, 0, 4)


@pytest.mark.parametrize("ended", [True, False], ids=["ended", "unfinished"])
def test_a_long_line_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ended: bool) -> None:
    """Wherever the pieces that are read begin, a long line is one broken line."""
    monkeypatch.setattr(files, "LONGEST_LINE", 100)
    monkeypatch.setattr(files, "_PIECE", 50)
    path = tmp_path / "app.log"
    for before, size in product((0, 1, 30, 99, 100), (99, 100, 101, 102, 199, 201, 1000)):
        first = b"x" * before + b"\n" if before else b""
        last = b"y" * size
        path.write_bytes(first + last + (b"\nlast\n" if ended else b""))
        middle = last + b"\n" if size <= 100 else files.OVERLONG
        content = b"".join(files.LogFile(str(path)).read())
        assert content == first + middle + (b"last\n" if ended else b""), (before, size)


def test_a_check_tells_of_damage_and_of_lines_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `clew check` finds is also what no line says: that one is too long, that an end is
    missing.
    """
    monkeypatch.setattr(files, "LONGEST_LINE", 1000)
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(b"x" * 2000 + b"\n") + gzip.compress(lines(3))[:-9])
    found = [why for _, _, why in check([str(path)])]
    assert found[0] == "longer than 16 MiB"
    assert "is damaged and was read in part" in str(found[-1])


@pytest.mark.parametrize("mark", [b"\0" * 5_000, b"\xef\xbb\xbf", b"\0\xef\xbb\xbf\0"])
def test_what_stands_in_front_of_a_line_is_left_out(tmp_path: Path, mark: bytes) -> None:
    """Zeros of a file that was cut while it was written, and marks of files put together."""
    (tmp_path / "a.log").write_bytes(mark + line(1) + mark + line(2) + line(3))
    assert read(tmp_path) == (3, 0, 3)
