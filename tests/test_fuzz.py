"""What is made up and planted stays out of the lines."""

from __future__ import annotations

from tests.benchmarks import fuzz


def test_made_up_secrets_stay_out() -> None:
    """Of some thousand secrets, each in one of the ways, none comes through, nor fails a line."""
    tried, clear, _ = fuzz.count(6_000)
    assert sum(tried.values()) == 6_000
    assert clear == {}


def test_what_is_counted_can_come_through() -> None:
    """A secret that is written in clear, or as base64, is one by what it is known by."""
    assert any(part in "a Zq7abcdefghijk" for part in fuzz._traces("Zq7abcdefghijk"))
    assert not any(part in "a ***" for part in fuzz._traces("Zq7abcdefghijk"))
