"""What pages hold: figures, answers cut to what is shown, their plots, requests worth a look."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ._logs import Answer, Logs
from ._lookups import (
    ACTIONS,
    CHANGED_VALUES,
    FAILED_REQUESTS,
    OVERVIEW,
    SERVICES,
    SLOW_REQUESTS,
    STATUSES,
    VALUES,
)
from ._mistakes import AnswerError
from ._parameters import BUCKETS, bound
from ._plots import MOST_BUCKETS, Period, Series, bars, lines
from ._questions import QUESTIONS, Question
from ._timeline import Timeline, timeline_of
from ._wording import counted, length, shown

if TYPE_CHECKING:
    from markupsafe import Markup

T = TypeVar("T")

# How many rows a table shows, and one of several tables.
ROWS, ROWS_OF_MANY = 20, 10
FREQUENT = 5
MOST_WIDE, MOST_NARROW = 400, 100
_SERIES_IN_A_PLOT = 6
# Numbers of the page's colours.
_OTHER, _BAD, _ODD = 7, 8, 9
# A request id that is used again and again has no timeline that a person could read.
MOST_EVENTS = 500
LONGEST_TEXT = 300

# The question of a section is asked once for each of these.
_ASKED_OF: dict[str, tuple[str, Question]] = {
    "statuses": ("status", STATUSES),
    "access": ("action", ACTIONS),
    "accessed": ("value", VALUES),
    "revenue": ("action", ACTIONS),
    "customers": ("action", ACTIONS),
    "products": ("action", ACTIONS),
    "changes": ("value", CHANGED_VALUES),
}
_OF_MONEY = frozenset(("revenue", "customers", "products"))
_LACKING = {
    "statuses": "No request was answered with a status of 400 or above.",
    "access": "No line has an action.",
    "accessed": "No line has a value.",
    "changes": "No line has a value and an oldValue or a comment.",
    **dict.fromkeys(_OF_MONEY, "No line has an action and a monetaryValue."),
}
GROUPS = {
    "Speed": ("slowest", "waited", "latency"),
    "Failures": ("errors", "statuses", "bad-links"),
    "Users": ("actions", "access", "accessed", "changes"),
    "Business": ("revenue", "customers", "products"),
}


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures at the top of a page; *period* names its first and last event."""

    first: str | None
    last: str | None
    events: int
    requests: int
    failed: int
    users: int
    services: list[str]

    def period(self, bucket: str | None = None, most: int = MOST_WIDE) -> Period:
        """Return what plots span, in steps of *bucket*, else in the finest of up to *most*."""
        begin, end = _milliseconds(self.first or ""), _milliseconds(self.last or "") + 1
        fine = [name for name, step in BUCKETS.items() if (end - begin) / step <= most]
        step = BUCKETS[bucket or next(iter(fine), "day")]
        begin -= begin % step
        return Period(begin, begin + -(-(end - begin) // step) * step, step)


@dataclass(frozen=True, slots=True)
class Part:
    """One answer: its first rows, or last of a history, of the *found* ones."""

    question: Question
    given: Mapping[str, str]
    rows: list[tuple[Any, ...]]
    found: int
    plots: Sequence[Markup] = ()
    legend: Sequence[tuple[str, int]] = ()
    caption: str = ""

    @property
    def name(self) -> str:
        """Return what it is asked of: an action, a value or a status."""
        return next((self.given[name] for name in self.question.requires), "")

    @property
    def left(self) -> int:
        """Return how many rows are not shown."""
        return self.found - len(self.rows)

    @property
    def measure(self) -> int | None:
        """Return the place of the column that a ranking goes by."""
        for name in self.question.order[:1]:
            measured = name.lstrip("-")
            if self.question.columns[measured] in {"count", "amount", "duration"}:
                return list(self.question.columns).index(measured)
        return None

    def share(self, value: Any) -> float:
        """Return *value* in hundredths of the largest of its column in a ranking."""
        place = self.measure or 0
        largest = max((row[place] or 0 for row in self.rows), default=0)
        return max(0.0, 100 * float(value or 0) / float(largest)) if largest > 0 else 0.0

    @property
    def command(self) -> str:
        """Return the command line that gives all; none for a lookup."""
        if self.question.name not in QUESTIONS:
            return ""
        options = [shlex.quote(f"--{name}={value}") for name, value in self.given.items()]
        limit = ["--format csv"] if self.left else []
        return " ".join(["clew ask", self.question.name, "FILES", *options, *limit])


@dataclass(frozen=True, slots=True)
class Section:
    """One question and its answers, one for each action, value or status it was asked of."""

    question: Question
    parts: list[Part]

    @property
    def lacking(self) -> str:
        """Return why there is no answer."""
        return _LACKING.get(self.question.name, "") if not self.parts else ""


@dataclass(frozen=True, slots=True)
class FoundRequest:
    """A request worth a look, with the columns of the lookups of requests."""

    row: Mapping[str, Any]
    timeline: Timeline | None = None


def looked_up(
    logs: Logs, lookup: Question, narrowed: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """Return the rows of a lookup, narrowed by what it takes."""
    taken = {name: value for name, value in narrowed.items() if name in lookup.parameters}
    return logs.rows(lookup, bound(lookup, taken))


def overview(logs: Logs, narrowed: Mapping[str, object]) -> Overview:
    """Return the figures of the chosen period, service and route."""
    row = looked_up(logs, OVERVIEW, narrowed)[0]
    first, last, events, found, failed, users = row
    services = [service for service, _ in looked_up(logs, SERVICES, narrowed)]
    return Overview(first, last, events, found, failed, users, services)


def section(
    logs: Logs,
    name: str,
    narrowed: Mapping[str, Any],
    figures: Overview,
    bucket: str | None = None,
    rows: int = ROWS,
) -> Section:
    """Ask the question *name*, of the five most frequent ones where it needs one."""
    question = QUESTIONS[name]
    if name not in _ASKED_OF:
        period = figures.period(bucket)
        return Section(question, [part(logs, question, narrowed, period, rows)])
    period = figures.period(bucket, MOST_NARROW)
    parameter, lookup = _ASKED_OF[name]
    frequent = looked_up(logs, lookup, {**narrowed, "limit": 100})
    if name in _OF_MONEY:
        frequent = [row for row in frequent if row[2]]
    parts = [
        part(logs, question, {**narrowed, parameter: str(row[0])}, period, ROWS_OF_MANY)
        for row in frequent[:FREQUENT]
        if row[0] != ""
    ]
    return Section(question, [each for each in parts if each.found])


def part(
    logs: Logs,
    question: Question,
    parameters: Mapping[str, Any],
    period: Period | None,
    rows: int = ROWS,
    *,
    wide: bool | None = None,
) -> Part:
    """Ask *question* of *parameters*, as far as it takes them, and cut it to *rows*."""
    given = {
        name: value
        for name, value in parameters.items()
        if name in question.parameters and value is not None
    }
    said = {name: value for name, value in given.items() if name != "limit"}
    if "bucket" not in question.columns:
        found, number = _cut(logs, question, given, rows)
        return Part(question, said, found, number)
    if period is not None:
        bucket = next(name for name, step in BUCKETS.items() if step == period.step)
        given["bucket"] = said["bucket"] = bucket
    answer = Answer(question, logs.rows(question, bound(question, given)))
    whole = Part(question, said, answer.rows, len(answer.rows))
    if wide is None:
        wide = not question.requires
    drawn = plotted(whole, period, wide=wide) if period is not None else whole
    return replace(drawn, rows=answer.rows[-rows:])


def _cut(
    logs: Logs, question: Question, given: Mapping[str, Any], rows: int
) -> tuple[list[tuple[Any, ...]], int]:
    """Return the rows that a page shows, and how many there are."""
    history = "createdAt" in question.columns and not question.order
    counting = replace(
        question,
        columns={**question.columns, "found": "count"},
        sql=f"SELECT *, count(*) OVER () AS found FROM ({question.sql}) AS counted",
        order=tuple(f"-{name}" for name in question.columns) if history else question.order,
    )
    answered = logs.rows(counting, bound(counting, {**given, "limit": rows}))
    found = [row[:-1] for row in answered]
    return (found[::-1] if history else found), (answered[0][-1] if answered else 0)


def plotted(whole: Part, period: Period, *, wide: bool) -> Part:
    """Return *whole* with a plot of its rows; without one where there is nothing to see."""
    if period.buckets > MOST_BUCKETS:
        return replace(
            whole,
            caption=f"{period.buckets:,} buckets are too many to draw: "
            "choose a shorter period or longer buckets.",
        )
    if len({row[0] for row in whole.rows}) < 2:
        return whole
    if whole.question.name == "latency":
        return _latency(whole, period, wide=wide)
    return _bars(whole, period, wide=wide)


def _latency(whole: Part, period: Period, *, wide: bool) -> Part:
    rows = [(_milliseconds(row[0]), row) for row in whole.rows]
    slow = max(whole.rows, key=lambda row: row[3])
    unit, size = ("s", 1000) if slow[3] >= 10_000 else ("ms", 1)
    said = {
        at: f"{_at(at, period)}: median {length(row[2])}, p95 {length(row[3])},"
        f" {counted(row[1], 'request')}"
        for at, row in rows
    }
    series = [
        Series("p95", 1, {at: row[3] / size for at, row in rows}, said),
        Series("median", 0, {at: row[2] / size for at, row in rows}, said),
    ]
    caption = f"Slowest: p95 {length(slow[3])}, {_at(_milliseconds(slow[0]), period)}."
    title = f"{whole.question.title}. {caption}"
    legend = [(each.name, each.colour) for each in series]
    plots = lines(title, series, period, unit, wide=wide)
    return replace(whole, plots=plots, legend=legend, caption=caption)


def _bars(whole: Part, period: Period, *, wide: bool) -> Part:
    kinds = list(whole.question.columns.values())
    by_name: dict[str, dict[int, Any]] = {}
    for row in whole.rows:
        name = str(row[1]) if kinds[1] == "text" else ""
        by_name.setdefault(name, {})[_milliseconds(row[0])] = row[-1]
    ranked = sorted(by_name, key=lambda name: (-sum(by_name[name].values()), name))
    series = []
    for place, name in enumerate(ranked[:_SERIES_IN_A_PLOT]):
        series.append(
            _counted_series(name, _colour(whole, place), by_name[name], kinds[-1], period)
        )
    rest: dict[int, Any] = {}
    for name in ranked[_SERIES_IN_A_PLOT:]:
        for at, number in by_name[name].items():
            rest[at] = rest.get(at, 0) + number
    if rest:
        others = counted(len(ranked) - _SERIES_IN_A_PLOT, "other")
        series.append(_counted_series(others, _OTHER, rest, kinds[-1], period))
    sums: dict[int, Any] = {}
    for numbers in by_name.values():
        for at, number in numbers.items():
            sums[at] = sums.get(at, 0) + number
    most = max(sums, key=lambda at: sums[at])
    caption = (
        f"{shown(kinds[-1], sum(sums.values()))} in all, most {_at(most, period)}:"
        f" {shown(kinds[-1], sums[most])}."
    )
    title = f"{whole.question.title} {whole.name}. {caption}"
    legend = [(each.name, each.colour) for each in series] if len(by_name) > 1 else []
    plots = bars(title, series, period, wide=wide)
    return replace(whole, plots=plots, legend=legend, caption=caption)


def _colour(whole: Part, place: int) -> int:
    if whole.question.name == "statuses":
        return _BAD if whole.name >= "500" else _ODD
    return place


def _counted_series(
    name: str, colour: int, numbers: Mapping[int, Any], kind: str, period: Period
) -> Series:
    said = {
        at: f"{_at(at, period)}: {f'{name} ' if name else ''}{shown(kind, number)}"
        for at, number in numbers.items()
    }
    return Series(name, colour, {at: float(number) for at, number in numbers.items()}, said)


def requests(
    logs: Logs, lookup: Question, narrowed: Mapping[str, object], rows: int = ROWS
) -> list[FoundRequest]:
    """Return the requests that *lookup* finds, each id once."""
    found: dict[str, FoundRequest] = {}
    for row in looked_up(logs, lookup, {**narrowed, "limit": rows * 5}):
        named = dict(zip(lookup.columns, row, strict=True))
        if named["requestId"] and len(named["requestId"]) <= LONGEST_TEXT:
            found.setdefault(named["requestId"], FoundRequest(named))
    return list(found.values())[:rows]


def failed_and_slow(
    logs: Logs, narrowed: Mapping[str, object], rows: int = ROWS
) -> dict[str, list[FoundRequest]]:
    """Return the requests worth a look: the last that failed and the slowest."""
    return {
        "Failed": requests(logs, FAILED_REQUESTS, narrowed, rows),
        "Slowest": requests(logs, SLOW_REQUESTS, narrowed, rows),
    }


def timeline(logs: Logs, request: str) -> Timeline:
    """Return the timeline of a request over all services and times."""
    return timeline_of(logs, request=request, limit=MOST_EVENTS)


def together(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Return what *tasks* return; while one draws, the next one asks."""
    with ThreadPoolExecutor(3) as threads:
        started = [(task, threads.submit(task)) for task in tasks]
    # An answer that had no room in memory beside the others may have it alone.
    return [
        task() if isinstance(done.exception(), AnswerError) else done.result()
        for task, done in started
    ]


def _milliseconds(instant: str) -> int:
    moment = datetime.fromisoformat(instant)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _at(milliseconds: int, period: Period) -> str:
    """Return the beginning of a bucket, as exactly as the buckets are long."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%d}" if period.step == BUCKETS["day"] else f"{moment:%Y-%m-%d %H:%M} UTC"
