"""Templates: what they write addresses and texts with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest

from clew import answers
from clew.answers.pages.sections import timeline
from clew.answers.pages.templates import (
    address,
    environment,
    facts,
    percent,
    render,
    segment,
    short,
)
from tests.answers.shop_lines import ORDER, shop, write
from tests.rows import each_row


def test_facts_of_a_request(tmp_path: Path) -> None:
    """Who sent it, from where, what came back and how long it took."""
    with answers.open(write(tmp_path / "a.ndjson", shop())) as logs:
        known = dict(facts(timeline(logs, ORDER)))
    assert known == {
        "Request": "POST /orders",
        "Status": "201",
        "User": "7",
        "From": "203.0.113.7",
        "Began": "2026-11-01 09:00:00.000 UTC",
        "Took": "42.0 ms",
        "Services": "gateway, catalogue",
    }


@each_row(
    ("query", "found"),
    [
        ({}, "/q/x"),
        ({"a": None, "b": ""}, "/q/x"),
        ({"a": "1 & 2", "b": "ä/?#"}, "/q/x?a=1+%26+2&b=%C3%A4%2F%3F%23"),
        ({"a": "\ud800"}, "/q/x?a=%3F"),
    ],
)
def test_addresses(query: dict[str, Any], found: str) -> None:
    """A query is encoded; what is not given is left out."""
    assert address("/q/x", **query) == found


def test_segments() -> None:
    """Any text is one segment of a path."""
    assert segment("../a?b#c%d") == "..%2Fa%3Fb%23c%25d"


def test_places() -> None:
    """Places in a drawing are percentages, of nothing too."""
    assert [percent(1, 3), percent(5, 5), percent(1, 0)] == ["33.33%", "100.00%", "0.00%"]


def test_long_texts_are_cut() -> None:
    """A text of a megabyte does not make a page of one."""
    assert short("x" * 300) == "x" * 300
    assert short("x" * 10**6) == "x" * 300 + "…"


def test_all_is_escaped() -> None:
    """Templates escape, and name what they were not given."""
    assert environment().from_string("{{ x }}").render(x="<'\">") == "&lt;&#39;&#34;&gt;"
    with pytest.raises(jinja2.UndefinedError):
        render("report.html")
