"""Times, zones and steps as they are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clew.answers import AnswerError, times
from clew.answers.times import Steps, bucket_size, milliseconds_of, step_name, zone_of
from tests.rows import each_row

OSLO = ZoneInfo("Europe/Oslo")
# A day after the clocks were set forward.
NOW = datetime(2026, 3, 30, 9, 30, 15, tzinfo=OSLO)


@pytest.fixture(autouse=True)
def _present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOW.astimezone(UTC))


@each_row(
    ("text", "expected"),
    [
        ("now", NOW),
        ("30s", NOW - timedelta(seconds=30)),
        ("15m", NOW - timedelta(minutes=15)),
        ("1h", NOW - timedelta(hours=1)),
        ("2d", NOW.astimezone(UTC) - timedelta(days=2)),
        ("1w", NOW.astimezone(UTC) - timedelta(days=7)),
        ("today", datetime(2026, 3, 30, tzinfo=OSLO)),
        ("yesterday", datetime(2026, 3, 29, tzinfo=OSLO)),
        ("9:05", datetime(2026, 3, 30, 9, 5, tzinfo=OSLO)),
        ("17:58", datetime(2026, 3, 30, 17, 58, tzinfo=OSLO)),
        ("00:00:01", datetime(2026, 3, 30, 0, 0, 1, tzinfo=OSLO)),
        ("2026-03-29", datetime(2026, 3, 29, tzinfo=OSLO)),
        ("2026-03-29T04:00", datetime(2026, 3, 29, 2, tzinfo=UTC)),
        ("2026-03-29T04:00Z", datetime(2026, 3, 29, 4, tzinfo=UTC)),
    ],
)
def test_a_time_is_meant_in_its_zone(text: str, expected: datetime) -> None:
    """What has no zone of its own is by the clock of the one that was given; lengths are real."""
    assert milliseconds_of("since", text, OSLO) == round(expected.timestamp() * 1000)


def test_without_a_zone_a_day_is_utcs() -> None:
    """Today began at midnight UTC."""
    assert milliseconds_of("since", "today") == 1_774_828_800_000


@pytest.mark.parametrize(
    ("name", "size"),
    [("second", 1), ("30s", 30), ("minute", 60), ("5m", 300), ("hour", 3600), ("week", 604_800)],
)
def test_a_step_is_of_any_size(name: str, size: int) -> None:
    """Words and numbers of units; its own name leads back to it."""
    assert bucket_size("bucket", name) == size * 1000
    assert bucket_size("bucket", step_name(size * 1000)) == size * 1000


def test_zones_are_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own zone is local; one that there is not is told of."""
    assert zone_of("timezone", "utc") is zone_of("timezone", "UTC") is UTC
    monkeypatch.setenv("TZ", "Europe/Oslo")
    assert zone_of("timezone", "local") == OSLO
    monkeypatch.delenv("TZ")
    assert datetime(2026, 1, 1, tzinfo=zone_of("timezone", "local")).utcoffset() is not None
    monkeypatch.setenv("TZ", "Nowhere")
    with pytest.raises(AnswerError, match="timezone is 'local': give a time zone"):
        zone_of("timezone", "local")


def test_a_machine_without_its_zone_has_the_present_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing says which zone it is, the clock does."""
    monkeypatch.delenv("TZ", raising=False)

    def refuse(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("clew.answers.times.Path.open", refuse)
    assert datetime(2026, 1, 1, tzinfo=zone_of("timezone", "local")).utcoffset() is not None


def test_a_step_in_a_zone_follows_its_clock() -> None:
    """The SQL names when the clocks were set, and nothing of the user's."""
    steps = Steps(86_400_000, OSLO)
    assert "1774746000000" in steps.columns["clock"]  # 2026-03-29T01:00Z
    assert Steps(86_400_000).columns == {}
    assert Steps(None).relations and not steps.relations
