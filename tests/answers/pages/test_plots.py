"""Plots: what is drawn, and what is said of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from clew.answers.pages.plots import Period, Series, bars, lines
from tests.conftest import run_fresh

HOUR = 3_600_000
DAY = Period(0, 24 * HOUR, HOUR)
HOSTILE = '"><script>alert(1)</script>&'


@pytest.mark.outside
def test_an_import_that_a_signal_cut_short_does_not_hold_a_command_up() -> None:
    """With the lock of imports left taken, what is warmed up beside is not waited for."""
    run_fresh("""
import _imp
from clew.answers.pages import plots
plots._PATIENCE = 0.1
_imp.acquire_lock()
with plots.warm_up():
    pass
""")


def texts(svg: str, name: str = "text") -> list[str]:
    """Return the texts of the elements of that *name*."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter(name)]


def test_colours_are_those_of_the_page() -> None:
    """A plot has no colour of its own: light and dark come from the page."""
    [svg] = bars("Requests", [Series("", 3, {0: 5.0, HOUR: 2.0}, {})], DAY, wide=False)
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
    assert "var(--c3)" in colours
    assert all(colour == "none" or colour.startswith("var(--") for colour in colours), colours


def test_nothing_but_shapes() -> None:
    """There is no style, script, link or further document in a plot."""
    [svg] = bars(HOSTILE, [Series(HOSTILE, 0, {0: 1.0}, {0: HOSTILE})], DAY, wide=False)
    names = {element.tag for element in ET.fromstring(svg).iter()}
    assert names <= {"svg", "g", "path", "line", "rect", "text", "title"}
    assert not re.search(r"style=|class=|href|url\(|http", svg)


def test_texts_of_logs_are_text() -> None:
    """A name out of a log is shown as it is, and is no markup."""
    [svg] = bars(HOSTILE, [Series("", 0, {0: 1.0, HOUR: 2.0}, {0: HOSTILE})], DAY, wide=False)
    assert ET.fromstring(svg).get("aria-label") == HOSTILE
    assert texts(svg, "title") == [HOSTILE]


def test_a_bar_says_its_number() -> None:
    """Each bar has a title of its own, in its place."""
    numbers = {0: 5.0, 2 * HOUR: 7.0}
    [svg] = bars("x", [Series("", 0, numbers, {0: "five", 2 * HOUR: "seven"})], DAY, wide=False)
    assert texts(svg, "title") == ["five", "seven"]


def test_series_stand_upon_each_other() -> None:
    """The highest bar of two series is as high as their sum."""
    series = [Series("a", 0, {0: 300.0}, {}), Series("b", 1, {0: 500.0}, {})]
    [svg] = bars("x", series, DAY, wide=False)
    assert max(int(text) for text in texts(svg) if text.isdigit()) >= 800


def test_times_are_utc() -> None:
    """A day's plot begins and ends at midnight UTC, wherever it is drawn."""
    [svg] = bars("x", [Series("", 0, {0: 1.0}, {})], DAY, wide=False)
    times = [text for text in texts(svg) if ":" in text]
    assert times[0] == times[-1] == "00:00"


def test_no_line_where_there_was_nothing() -> None:
    """A line is broken where buckets are missing, and what stands alone is a dot."""
    numbers = {at * HOUR: 1.0 + at for at in (0, 1, 2, 10, 11, 12, 20)}
    [svg] = lines("x", [Series("p95", 1, numbers, {})], DAY, "ms", wide=False)
    paths = [element.get("d", "") for element in ET.fromstring(svg).iter("path")]
    [line] = [path for path in paths if path.count("M") == 3 and "A" not in path]
    assert line.count("L") == 4
    assert sum("A" in path for path in paths) == len(numbers)


def test_a_long_period_is_one_outline() -> None:
    """Hundreds of buckets are drawn as one shape, so that a page stays small."""
    year = Period(0, 365 * 24 * HOUR, 24 * HOUR)
    numbers = {day * 24 * HOUR: float(day % 7 + 1) for day in range(365)}
    [svg] = bars("x", [Series("", 0, numbers, {})], year, wide=False)
    assert len([e for e in ET.fromstring(svg).iter("path") if e.get("fill") == "var(--c0)"]) == 1
    assert len(svg) < 20_000


def test_two_widths() -> None:
    """A wide plot comes in two widths, so that its texts can be read on a phone too."""
    desk, phone = bars("x", [Series("", 0, {0: 1.0}, {})], DAY, wide=True)
    width = [int(ET.fromstring(svg).get("width", "0")) for svg in (desk, phone)]
    assert width[0] > 1000 and width[1] < 450


def test_numbers_beyond_all_measure() -> None:
    """Sums that no float holds exactly, and negative ones, are drawn."""
    [svg] = bars("x", [Series("", 0, {0: 2.0**70, HOUR: -(2.0**70)}, {})], DAY, wide=False)
    assert "NaN" not in svg and "Infinity" not in svg
