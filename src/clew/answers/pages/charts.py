"""The plot of an answer over time: its rows as series, with a legend and a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from clew.answers.formatting import count_of, format_duration, format_value
from clew.answers.query import BUCKETS, Query

from .plots import MOST_BUCKETS, Period, Series, bars, lines

_MOST_SERIES = 6
# Numbers of the page's colours.
_OTHER, _BAD, _ODD = 7, 8, 9


@dataclass(frozen=True, slots=True)
class Chart:
    """One answer as plots of the same content, none where there is nothing to see."""

    plots: Sequence[Markup] = ()
    legend: Sequence[Series] = ()
    caption: str = ""


def chart_of(query: Query, rows: Sequence[tuple[Any, ...]], period: Period, *, wide: bool) -> Chart:
    """Draw the *rows* that answer *query*, of a question whose first column is the bucket."""
    if period.buckets > MOST_BUCKETS:
        return Chart(
            caption=f"{period.buckets:,} buckets are too many to draw: "
            "choose a shorter period or longer buckets."
        )
    if len({row[0] for row in rows}) < 2:
        return Chart()
    if query.question.name == "latency":
        return _latency(query, rows, period, wide=wide)
    return _bars(query, rows, period, wide=wide)


def milliseconds(instant: str) -> int:
    """Return an instant of ISO 8601 in milliseconds since the epoch."""
    moment = datetime.fromisoformat(instant)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _latency(query: Query, rows: Sequence[tuple[Any, ...]], period: Period, *, wide: bool) -> Chart:
    slowest = max(rows, key=lambda row: row[3])
    unit, size = ("s", 1000) if slowest[3] >= 10_000 else ("ms", 1)
    medians: dict[int, float] = {}
    p95s: dict[int, float] = {}
    titles: dict[int, str] = {}
    for bucket, requests, median, p95 in rows:
        at = milliseconds(bucket)
        medians[at], p95s[at] = median / size, p95 / size
        titles[at] = (
            f"{_date(at, period)}: median {format_duration(median)}, p95 {format_duration(p95)},"
            f" {count_of(requests, 'request')}"
        )
    series = [Series("p95", 1, p95s, titles), Series("median", 0, medians, titles)]
    when = _date(milliseconds(slowest[0]), period)
    caption = f"Slowest: p95 {format_duration(slowest[3])}, {when}."
    plots = lines(f"{query.question.title}. {caption}", series, period, unit, wide=wide)
    return Chart(plots, series, caption)


def _bars(query: Query, rows: Sequence[tuple[Any, ...]], period: Period, *, wide: bool) -> Chart:
    kinds = list(query.question.columns.values())
    kind = kinds[-1]
    by_name: dict[str, dict[int, Any]] = {}
    for row in rows:
        name = str(row[1]) if kinds[1] == "text" else ""
        by_name.setdefault(name, {})[milliseconds(row[0])] = row[-1]
    ranking = sorted(by_name, key=lambda name: (-sum(by_name[name].values()), name))
    sums: Counter[int] = Counter()
    for numbers in by_name.values():
        sums.update(numbers)
    colours = list(range(_MOST_SERIES))
    if query.question.name == "statuses":
        colours = [_BAD if query.subject >= "500" else _ODD]
    series = [
        _series(name, colour, by_name[name], kind, period)
        for name, colour in zip(ranking, colours, strict=False)
    ]
    others: Counter[int] = Counter()
    for name in ranking[_MOST_SERIES:]:
        others.update(by_name[name])
    if others:
        name = count_of(len(ranking) - _MOST_SERIES, "other")
        series.append(_series(name, _OTHER, others, kind, period))
    most = max(sums, key=lambda at: sums[at])
    caption = (
        f"{format_value(kind, sum(sums.values()))} in all, most {_date(most, period)}:"
        f" {format_value(kind, sums[most])}."
    )
    title = f"{query.question.title} {query.subject}. {caption}"
    plots = bars(title, series, period, wide=wide)
    return Chart(plots, series if len(by_name) > 1 else (), caption)


def _series(
    name: str, colour: int, numbers: Mapping[int, Any], kind: str, period: Period
) -> Series:
    titles = {
        at: f"{_date(at, period)}: {f'{name} ' if name else ''}{format_value(kind, number)}"
        for at, number in numbers.items()
    }
    return Series(name, colour, {at: float(number) for at, number in numbers.items()}, titles)


def _date(at: int, period: Period) -> str:
    """Return the beginning of a bucket, as exactly as the buckets are long."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment:%Y-%m-%d}" if period.step == BUCKETS["day"] else f"{moment:%Y-%m-%d %H:%M} UTC"
