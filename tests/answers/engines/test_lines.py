"""Lines of any length and content: what an event is, and that a long line costs only itself."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clew import answers
from clew.answers import AnswerError, files
from clew.answers.engines import blocks, duckdb
from clew.answers.engines.columns import COLUMNS
from tests.answers import oracle_events
from tests.answers.logs_of import ODD, Written, log
from tests.answers.test_files import line, read

LIMIT = 16 * 1024 * 1024


def found(path: Path) -> tuple[int, int, Counter[tuple[Any, ...]]]:
    """Return the lines, the broken ones, and the events with every column but the whole line."""
    names = ", ".join(f'"{column.name}"' for column in COLUMNS[:-1])
    with answers.open(path) as logs:
        rows = logs.engine.rows(f"SELECT {names} FROM logs", {})
        return logs.lines, logs.broken, Counter(rows)


def expected(content: bytes) -> tuple[int, int, Counter[tuple[Any, ...]]]:
    """Return the same of the oracle."""
    log = oracle_events.read(content)
    rows = (tuple(event[column.name] for column in COLUMNS[:-1]) for event in log.events)
    return log.lines, log.broken, Counter(rows)


@pytest.mark.parametrize("seed", range(100, 110))
def test_every_column_of_every_event_is_exact(tmp_path: Path, seed: int) -> None:
    """Each line of an odd log is broken, foreign or an event, and each field what it should be."""
    path = tmp_path / "app.log"
    path.write_bytes(log(seed, 400))
    assert found(path) == expected(log(seed, 400))


PLACES = sorted({path for each in COLUMNS for path in (each.path, each.task_path) if path})


def test_an_unexpected_type_costs_the_field(tmp_path: Path) -> None:
    """Whatever a field holds, its line counts, and its other fields are what they are."""
    content = b"".join(_with(place, odd) for place in PLACES for odd in ODD)
    path = tmp_path / "app.log"
    path.write_bytes(content)
    assert found(path) == expected(content)


def test_an_unexpected_type_costs_the_object(tmp_path: Path) -> None:
    """What should be an object and is none costs the fields in it, not the line."""
    objects = ("request", "response", "exception", "task")
    content = b"".join(_with(place, odd) for place in objects for odd in ODD)
    path = tmp_path / "app.log"
    path.write_bytes(content)
    assert found(path) == expected(content)
    assert found(path)[:2] == (len(objects) * len(ODD), 0)


def _with(place: str, value: str) -> bytes:
    event = {"createdAt": "1793491200000", "userId": '"7"', "action": '"BUY"', "value": '"lamp"'}
    parent, _, name = place.rpartition(".")
    if "task" in (parent, name):
        event["logger"] = '"clew.task"'
    event[parent or name] = f'{{"{name}":{value},"other":1}}' if parent else value
    return f"{{{','.join(f'{json.dumps(key)}:{of}' for key, of in event.items())}}}\n".encode()


# A control character is escaped in either case of the hexadecimal digits.
_CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\0\n\t\x01\x7f")
_TEXTS = st.text(_CHARACTERS, max_size=8)
# Of those that want an exponent, versions differ in when they write one.
_NUMBERS = st.integers(-(2**70), 2**70) | st.floats(-1e15, 1e15).map(lambda of: round(of, 4))
_SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS
_NESTED = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=5,
)
_JSON = _NESTED | st.sampled_from(ODD)


def _texts(value: Any) -> str:
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_texts, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(key)}:{_texts(of)}' for key, of in value.items())}}}"
    return json.dumps(value)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(PLACES), _JSON), min_size=1, max_size=30))
def test_any_value_anywhere(tmp_path: Path, values: list[tuple[str, Any]]) -> None:
    """Any JSON value in any field is read as the oracle reads it."""
    content = b"".join(_with(place, _texts(value)) for place, value in values)
    path = tmp_path / "app.log"
    path.write_bytes(content)
    assert found(path) == expected(content)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=20))
def test_any_bytes(tmp_path: Path, garbage: list[bytes]) -> None:
    """Between any bytes, every good line counts, and every other one is broken."""
    content = line(0) + b"".join(part + b"\n" + line(n) for n, part in enumerate(garbage))
    path = tmp_path / "app.log"
    path.write_bytes(content)
    assert found(path) == expected(content)


def test_the_longest_line_and_one_byte_more(tmp_path: Path) -> None:
    """A line of 16 MiB is good, without its end; one more byte, and it is broken. 40 MB are too."""
    path = tmp_path / "app.log"
    long = b'{"createdAt":1793491200000,"action":"COUNTED","x":"' + b"x" * 40_000_000 + b'"}\n'
    path.write_bytes(
        line(1) + line(2, LIMIT) + line(3) + line(4, LIMIT + 1) + line(5) + long + line(6, LIMIT)
    )
    assert len(line(2, LIMIT)) == LIMIT + 1
    assert read(path) == (7, 2, 5)


@pytest.mark.parametrize(("piece", "block"), [(4, 100), (7, 1), (64, 1), (1000, 10_000)])
def test_pieces_and_blocks_part_no_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, piece: int, block: int
) -> None:
    """However a file is cut into what is read and converted at once, its lines are the same."""
    monkeypatch.setattr(files, "_PIECE", piece)
    monkeypatch.setattr(blocks, "BLOCK_SIZE", block)
    content = log(7, 40)
    path = tmp_path / "app.log"
    path.write_bytes(content)
    wanted = expected(content.replace(b"\xef\xbb\xbf", b""))
    assert found(path) == wanted


def test_good_lines_next_to_broken_ones_count(tmp_path: Path) -> None:
    """Thirty thousand lines, every third broken in one of many ways: the rest counts."""
    garbage = (b'{"a":', b"text", b"\xff\xfe", b"[]", b'"', b'{"a":1}}', b"{}{}", b"\x00")
    content = b"".join(
        garbage[number // 3 % len(garbage)] + b"\n" if number % 3 == 0 else line(number)
        for number in range(30_000)
    )
    path = tmp_path / "app.log"
    path.write_bytes(content)
    assert read(path) == (30_000, 10_000, 20_000)


NESTED, CUT = b"[" * 7_000_000 + b"]" * 7_000_000, b"[" + b"1," * 8_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [(b"value", NESTED), (b"request", NESTED), (b"foreign", NESTED), (b"request", CUT)],
    ids=["value-nested", "request-nested", "foreign-nested", "request-cut"],
)
def test_a_line_of_millions_of_values_costs_no_other(
    tmp_path: Path, field: bytes, value: bytes
) -> None:
    """Whether it is whole and deeply nested, or cut: the lines around it count."""
    path = tmp_path / "app.log"
    heavy = b'{"createdAt":1,"action":"COUNTED","' + field + b'":' + value + b"}\n"
    path.write_bytes(line(1) + heavy + line(2))
    whole = value.endswith(b"]")
    assert read(path) == (3, 0 if whole else 1, 3 if whole else 2)


def test_lines_beyond_the_memory_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines that need more than is ever taken to read them are refused with what to do."""
    monkeypatch.setattr(duckdb, "_ASK_MEMORY", "30MB")
    monkeypatch.setattr(duckdb, "_READ_MEMORY", "30MB")
    path = tmp_path / "app.log"
    path.write_bytes(
        line(1) + b'{"createdAt":1,"a":' + b"[" * 7_000_000 + b"]" * 7_000_000 + b"}\n"
    )
    with pytest.raises(AnswerError, match="do not fit into 30MB of memory; split the files"):
        answers.open(path)


def test_a_temporary_folder_that_is_none_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be written beside the files, that is said with what to set."""
    path = tmp_path / "app.log"
    path.write_bytes(line(1))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(AnswerError, match="Set TMPDIR to a folder that can be written: .*none"):
        answers.open(path)


def test_an_answer_beyond_the_memory_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that do not fit into memory are refused with what to do about it."""
    monkeypatch.setattr(duckdb, "_ASK_MEMORY", "30MB")
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(line(number, 3_000_000) for number in range(20)))
    with answers.open(path) as logs, pytest.raises(AnswerError, match="30MB .* narrow it"):
        logs.engine.rows("SELECT comment FROM logs ORDER BY comment", {})
