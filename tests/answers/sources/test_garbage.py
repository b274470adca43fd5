"""Whatever stands in a line: it is an event, foreign or broken, and nothing is raised."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew import answers
from clew.answers.sources import documents, wrappings
from clew.answers.sources.form import find
from clew.answers.sources.forms import FORMS
from clew.answers.sources.parser import Parser
from clew.answers.sources.values import (
    address_of,
    level_of,
    milliseconds_of,
    target_of,
    time_of,
)
from tests.rows import each_row

from .test_forms import SAMPLES
from .wrapped import RAW, WRAPPINGS

_PATHS = {
    path
    for form in FORMS
    for paths in (*form.needs, *(field.paths for field in form.fields))
    for path in paths
}
# Each name that something is recognised by, and the parts of it.
_NAMES = sorted(
    {part for path in _PATHS for part in (path, *path.split("."))}
    | set(re.findall(r'"([\w@]+)"', Path(wrappings.__file__).read_text("utf-8")))
)
_KEYS = st.sampled_from(_NAMES)
_SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, 0, -1, 5, 200, "200", 1e308, 10**25, -(10**400), 1_795_888_700.12, ""),
        *("-", "GET /a HTTP/1.1", "GET", "2026-11-28T17:58:20Z", "28/Nov/2026:17:59:11 +0000"),
        *("x" * 50, "nan", "1e999", "http://[", "[::1]:5", '{"createdAt":5}', "{", "\ud83d", "\0"),
        *("Traceback\nValueError: x", "1m2.5s", "0x0", "9999-12-31T23:59:59-23:59", [], {}, [1]),
    ]
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(_KEYS, _JSON, min_size=1, max_size=6), min_size=1, max_size=4))
def test_any_object_of_known_names(objects: list[dict[str, Any]]) -> None:
    """Objects whose names are known and whose values are not are read, and none is lost."""
    for whole in (True, False):
        parser = Parser(whole=whole)
        text = "".join(json.dumps(each) + "\n" for each in objects).encode()
        parser.parse(text)
        parser.end()
        for line in parser.lines:
            assert b"\n" not in line
        assert parser.odd >= 0
        assert parser.broken >= 0


_PIECES = st.sampled_from(
    [part for name in WRAPPINGS for part in WRAPPINGS[name]().splitlines()[:3]]
    + [json.dumps(line) for _, line, _ in SAMPLES]
    + [
        "{",
        "}",
        "[",
        "]",
        "  {",
        "  },",
        '"a": 1,',
        "\\ud83d",
        "",
        " ",
        "\x00",
        "\ufeff",
        "[{",
        "},",
    ]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_PIECES | st.text(max_size=9), max_size=25), st.booleans())
def test_any_lines_beside_each_other(lines: list[str], plain_first: bool) -> None:
    """Pieces of documents, arrays and wrappings in any order: good lines after them are read."""
    good = '{"createdAt":1,"level":"info"}'
    text = "\n".join([*lines, good, good, good]) + "\n"
    parser = Parser(whole=not plain_first)
    parser.parse(text.encode(errors="replace"))
    parser.end()
    if parser.lines and not plain_first:
        assert all(isinstance(line, bytes) for line in parser.lines)
        assert sum(line.count(b'{"createdAt":1,"level":"info"}') for line in parser.lines) >= 1


def test_an_object_in_an_object_a_thousand_times_is_broken() -> None:
    """What no reader follows costs its line alone, also where it is in a wrapping."""
    deep = '{"a":' * 900 + "1" + "}" * 900
    entry = f'{{"logName":"x","timestamp":"2026-11-28T17:58:20Z","jsonPayload":{deep}}}'
    parser = Parser(whole=True)
    parser.parse("\n".join([RAW[0], entry, deep, RAW[1]]).encode())
    assert [line.decode() for line in parser.lines if b"createdAt" in line] == RAW[:2]
    assert len(parser.lines) + parser.broken + parser.foreign == 4


def test_a_document_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bracket at the beginning of a large file does not make one document of it."""
    monkeypatch.setattr(documents, "LONGEST_DOCUMENT", 1000)
    path = tmp_path / "app.log"
    event = json.dumps({"createdAt": 5, "x": "x" * 300})
    for inside in (f"  {event}", event):
        path.write_text("\n".join(["{", *[inside] * 9]))
        with answers.open(path) as logs:
            assert (logs.lines, logs.broken) == (10, 1)


@each_row(
    ("value", "milliseconds"),
    [
        (1_795_888_700, 1_795_888_700_000),
        (1_795_888_700.1234, 1_795_888_700_123),
        (1_795_888_700_123, 1_795_888_700_123),
        ("1795888700123456", 1_795_888_700_123),
        (1_795_888_700_123_456_789, 1_795_888_700_123),
        ("2026-11-28T17:58:20,123Z", 1_795_888_700_123),
        ("2026-11-28 17:58:20", 1_795_888_700_000),
        ("2026/11/28 17:58:20", 1_795_888_700_000),
        ("2026/11/28 17:58:20.123456789", 1_795_888_700_123),
        ({"seconds": "1795888700", "nanos": 123_000_000}, 1_795_888_700_123),
        ({"seconds": 1e300}, None),
        ("yesterday", None),
        (-5, None),
        (True, None),
        ([], None),
    ],
)
def test_times(value: object, milliseconds: int | None) -> None:
    """Numbers of any unit, ISO 8601, Google's objects; what is no time is none."""
    assert time_of(value) == milliseconds


@each_row(
    ("value", "unit", "milliseconds"),
    [
        (0.012, "s", 12.0),
        (12_000_000, "ns", 12.0),
        ("1h2m3.5s", "ms", 3_723_500.0),
        ("12.5ms", "s", 12.5),
        ("500µs", "s", 0.5),
        ("12 ms", "s", None),
        ({"seconds": 1, "nanos": 500_000_000}, "s", 1500.0),
        (None, "s", None),
    ],
)
def test_durations(value: object, unit: str, milliseconds: float | None) -> None:
    """Numbers of the form's unit, and texts as Go writes them."""
    assert milliseconds_of(value, unit) == milliseconds


def test_small_values() -> None:
    """Levels by name and number, addresses without ports, targets with a host or without."""
    assert [level_of(each) for each in ("WARN", "Error", "fatal", "odd", 10, 35, 60, None)] == [
        *("warning", "danger", "critical", None, "debug", "info", "critical", None)
    ]
    assert [level_of(each) for each in ("WARN+2", "DEBUG-4", "+2")] == ["warning", "debug", None]
    assert [address_of(each) for each in ("1.2.3.4:5", "[::1]:5", "::1", "-", 5)] == [
        *("1.2.3.4", "::1", "::1", None, "5")
    ]
    assert target_of("https://x.example/a?b=1") == ("/a", "b=1", "x.example")
    assert target_of("http://[") == ("http://[", "", None)
    assert target_of(5) is None
    assert find({"a.b": {"c": 1}, "a": {"b.c": 2}}, "a.b.c") in {1, 2}
