"""Plots over time as SVG, drawn by Vega-Lite, in the colours of the page that holds them.

Only numbers go in: what a log says (an action's name) is put into the SVG afterwards, as text.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from clew.answers.errors import require

# Beyond it a plot is a smear, and a page megabytes.
MOST_BUCKETS = 2_000
# Up to so many, each bucket is a bar that says its number when pointed at.
_MOST_BARS = 60
_WIDE, _NARROW = (1040, 210), (430, 190)
_PATIENCE = 5.0  # seconds

_DAY = 86_400_000
_AXIS = {
    "domain": False,
    "ticks": False,
    "title": None,
    "labelColor": "var(--muted)",
    "labelFontSize": 12,
    "labelPadding": 7,
    "gridColor": "var(--line)",
}
_LONG = re.compile(r"\d+\.\d{2,}")
_ELEMENTS = frozenset(("svg", "g", "path", "line", "rect", "text"))
_ATTRIBUTES = frozenset(
    (
        *("d", "transform", "viewBox", "x", "x1", "x2", "y", "y1", "y2", "width", "height"),
        *("fill", "fill-opacity", "opacity", "stroke", "stroke-width", "stroke-linejoin"),
        *("stroke-linecap", "text-anchor", "font-size"),
    )
)


@dataclass(frozen=True, slots=True)
class Period:
    """What a plot spans: from *begin* to *end* in steps of *step*, all in milliseconds."""

    begin: int
    end: int
    step: int

    @property
    def buckets(self) -> int:
        """Return how many steps it has."""
        return max(1, -(-(self.end - self.begin) // self.step))


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn in one colour: a number for each instant in milliseconds.

    ``titles`` say what each number means, and ``colour`` is the number of the page's colour.
    """

    name: str
    colour: int
    numbers: dict[int, float]
    titles: dict[int, str]


def bars(title: str, series: Sequence[Series], period: Period, *, wide: bool) -> list[Markup]:
    """Return *series* as bars upon each other, as `lines` does."""
    touching = period.buckets > _MOST_BARS
    values: list[dict[str, Any]] = []
    below: dict[int, float] = {}
    for each in series:
        points = sorted(each.numbers.items())
        if touching:  # an outline, which the last one once more closes
            steps = range(period.begin, period.end, period.step)
            points = [(at, each.numbers.get(at, 0)) for at in steps]
            points.append((points[-1][0] + period.step, points[-1][1]))
        for at, number in points:
            base = below.get(at, 0)
            below[at] = base + number
            # A hair of space between two bars, none in an outline.
            end = at + period.step * (1 if touching else 0.88)
            value = {"at": at, "end": end, "base": base, "y": base + number, "s": each.colour}
            values.append({**value, "title": each.titles.get(at, "")})
    mark: dict[str, Any] = {"type": "area", "interpolate": "step-after", "opacity": 1}
    encoding = {"y2": {"field": "base"}}
    if not touching:
        mark = {"type": "rect"}
        encoding |= {"x2": {"field": "end"}, "description": {"field": "n"}}
    layer = {"mark": mark, "encoding": encoding}
    return _draw(title, values, [layer], period, "", wide=wide)


def lines(
    title: str, series: Sequence[Series], period: Period, unit: str, *, wide: bool
) -> list[Markup]:
    """Return *series* as lines, broken where there is no number.

    The plots are of one content, for a desk and, when it is to be *wide* there, for a phone.
    """
    values: list[dict[str, Any]] = []
    step = period.step
    for each in series:
        for at in range(period.begin, period.end, step):
            number = each.numbers.get(at)
            alone = at - step not in each.numbers and at + step not in each.numbers
            dot = number is not None and (alone or period.buckets <= _MOST_BARS)
            value = {"at": at + step / 2, "y": number, "dot": dot, "s": each.colour}
            values.append({**value, "title": each.titles.get(at, "")})
    line = {"mark": {"type": "line", "strokeWidth": 1.75, "strokeJoin": "round"}}
    dots = {
        "mark": {"type": "circle", "size": 28, "opacity": 1},
        "encoding": {"description": {"field": "n"}},
        "transform": [{"filter": "datum.dot"}],
    }
    return _draw(title, values, [line, dots], period, unit, wide=wide)


@contextmanager
def warm_up() -> Iterator[None]:
    """Start what draws beside the block, which takes half a second, while logs are read.

    What a signal raises in the midst of an import may leave the lock of all imports taken, for
    which the thread would wait for good: it is waited for some seconds.
    """
    thread = threading.Thread(target=_draw_two, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(_PATIENCE)


def _draw_two() -> None:
    two = Series("", 0, {0: 0.0, 1: 0.0}, {})
    with suppress(Exception):  # what fails here fails again when it is needed
        lines("", [two], Period(0, 2, 1), "", wide=False)


def _draw(
    title: str,
    values: list[dict[str, Any]],
    layers: list[dict[str, Any]],
    period: Period,
    unit: str,
    *,
    wide: bool,
) -> list[Markup]:
    with require("vl-convert-python"):
        from vl_convert import vegalite_to_svg
    titles = [value.pop("title") for value in values]
    for place, value in enumerate(values):
        value["n"] = place
    plots = []
    for size in (_WIDE, _NARROW) if wide else (_NARROW,):
        spec = {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": size[0],
            "height": size[1],
            "autosize": {"type": "fit", "contains": "padding"},
            "padding": {"left": 10, "top": 6, "right": 6, "bottom": 0},
            "background": None,
            "config": {"view": {"stroke": None}},
            "data": {"values": values},
            "encoding": _encoding(values, period, unit, size[0] // 110),
            "layer": layers,
        }
        root = ET.fromstring(vegalite_to_svg(spec, allowed_base_urls=[]))  # noqa: S314 - of numbers
        plot = _visible(root, titles)
        plot.attrib |= {"viewBox": f"0 0 {size[0]} {size[1]}", "role": "img", "aria-label": title}
        plots.append(Markup(ET.tostring(plot, encoding="unicode")))  # noqa: S704 - it is escaped
    return plots


def _encoding(
    values: list[dict[str, Any]], period: Period, unit: str, ticks: int
) -> dict[str, Any]:
    """Return what all layers share: the axes and the colours."""
    days = (period.end - period.begin) / _DAY
    form = "%H:%M" if days <= 1.5 else "%d %b" if days > 6 else "%d %b %H:%M"
    time_axis = {**_AXIS, "grid": False, "tickCount": ticks, "format": form}
    number_axis = {**_AXIS, "tickCount": 4, "labelExpr": "format(datum.value, '~s')"}
    most = max((value["y"] for value in values if value["y"] is not None), default=0)
    if unit:  # 1,200 ms, not 1.2k ms
        number_axis["labelExpr"] = f"format(datum.value, ',~') + '\u2009{unit}'"
    elif most < 4:  # no half requests
        number_axis["tickMinStep"] = 1
    end = period.begin + period.buckets * period.step
    colours = sorted({value["s"] for value in values})
    return {
        "x": {
            "field": "at",
            "type": "temporal",
            "scale": {"type": "utc", "domain": [period.begin, end]},
            "axis": {**time_axis, "labelOverlap": True, "labelFlush": 12},
        },
        "y": {
            "field": "y",
            "type": "quantitative",
            "scale": {"nice": 4, "zero": True},
            "axis": number_axis,
        },
        "color": {
            "field": "s",
            "type": "nominal",
            "legend": None,
            "scale": {"domain": colours, "range": [f"var(--c{colour})" for colour in colours]},
        },
    }


def _visible(element: ET.Element, titles: list[str]) -> ET.Element:
    """Return what is visible of *element*, with a title for each mark.

    Vega writes the description of a mark as its aria-label: here its place in *titles*.
    """
    copy = ET.Element(
        element.tag.rpartition("}")[2],
        {
            name: _LONG.sub(lambda number: f"{float(number[0]):.1f}", value)
            for name, value in element.items()
            if name in _ATTRIBUTES and (name, value) not in (("opacity", "1"), ("x2", "0"))
        },
    )
    copy.text = element.text
    place = element.get("aria-label", "")
    if copy.tag == "path" and place.isdigit() and titles[int(place)]:
        ET.SubElement(copy, "title").text = titles[int(place)]
    for child in element:
        tag = child.tag.rpartition("}")[2]
        hidden = child.get("display") == "none" or child.get("class") == "background"
        if tag in _ELEMENTS and not hidden:
            part = _visible(child, titles)
            if len(part) or part.tag != "g":
                copy.append(part)
    return copy
