"""The plot of an answer over time: its rows as series, with a legend and a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from clew.answers.formatting import count_of, format_duration, format_value
from clew.answers.query import Query
from clew.answers.times import BUCKETS

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
    if len(query.columns) > len(query.question.columns):
        return Chart()  # a series for each of what nobody has counted
    if query.question.name == "latency":
        return _latency(query, rows, period, wide=wide)
    if query.question.name == "traffic":
        counts = [
            (bucket, name, count)
            for bucket, requests, refused, failed, _ in rows
            for name, count in (
                ("answered", requests - refused - failed),
                ("refused", refused),
                ("failed", failed),
            )
        ]
        colours = {"answered": 0, "refused": _ODD, "failed": _BAD}
        return _bars(query, counts, period, "count", colours, wide=wide)
    kind = list(query.question.columns.values())[-1]
    named = len(rows[0]) > 2 and query.question.name in ("actions", "statuses")
    series = [(row[0], str(row[1]) if named else "", row[-1]) for row in rows]
    return _bars(query, series, period, kind, {}, wide=wide)


def milliseconds(instant: str) -> int:
    """Return an instant of ISO 8601 in milliseconds since the epoch."""
    moment = datetime.fromisoformat(instant)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _latency(query: Query, rows: Sequence[tuple[Any, ...]], period: Period, *, wide: bool) -> Chart:
    slowest = max(rows, key=lambda row: row[-2])
    unit, size = ("s", 1000) if slowest[-2] >= 10_000 else ("ms", 1)
    medians: dict[int, float] = {}
    p95s: dict[int, float] = {}
    titles: dict[int, str] = {}
    for bucket, requests, median, p95, _ in rows:
        at = milliseconds(bucket)
        medians[at], p95s[at] = median / size, p95 / size
        titles[at] = (
            f"{_date(at, period)}: median {format_duration(median)}, p95 {format_duration(p95)},"
            f" {count_of(requests, 'request')}"
        )
    series = [Series("p95", 1, p95s, titles), Series("median", 0, medians, titles)]
    when = _date(milliseconds(slowest[0]), period)
    caption = f"Slowest: p95 {format_duration(slowest[-2])}, {when}."
    plots = lines(f"{query.question.title}. {caption}", series, period, unit, wide=wide)
    return Chart(plots, series, caption)


def _bars(
    query: Query,
    rows: Sequence[tuple[str, str, Any]],
    period: Period,
    kind: str,
    colours: Mapping[str, int],
    *,
    wide: bool,
) -> Chart:
    """Draw numbers over buckets, each with the name of its series, in the *colours* of these."""
    by_name: dict[str, dict[int, Any]] = {}
    for bucket, name, number in rows:
        by_name.setdefault(name, {})[milliseconds(bucket)] = number
    ranking = sorted(by_name, key=lambda name: (-sum(by_name[name].values()), name))
    sums: Counter[int] = Counter()
    for numbers in by_name.values():
        sums.update(numbers)
    series = [
        _series(name, colours.get(name, place), by_name[name], kind, period)
        for place, name in enumerate(ranking[:_MOST_SERIES])
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
    return (
        f"{moment:%Y-%m-%d}"
        if period.step % BUCKETS["day"] == 0
        else f"{moment:%Y-%m-%d %H:%M} UTC"
    )
