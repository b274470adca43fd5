"""What pages hold: figures, answers cut to what is shown, and notable requests."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from clew.answers import lookups
from clew.answers.errors import AnswerError
from clew.answers.logs import Logs
from clew.answers.query import Query
from clew.answers.question import Question
from clew.answers.questions import QUESTIONS
from clew.answers.timeline import Timeline, timeline_of
from clew.answers.times import BUCKETS, bucket_size, step_begin, step_name

from .charts import Chart, chart_of, milliseconds
from .plots import Period

T = TypeVar("T")

# How many rows a table shows, and one of several tables.
ROWS, ROWS_OF_MANY = 20, 10
FREQUENT = 5
MOST_WIDE, MOST_NARROW = 400, 100
# A request id that is used again and again has no timeline that a person could read.
MOST_EVENTS = 500
LONGEST_TEXT = 300

# The question of a section is asked once for each of the most frequent of these.
_SUBJECTS: dict[str, tuple[str, Question]] = {
    "accessed": ("value", lookups.VALUES),
    "changes": ("value", lookups.CHANGED_VALUES),
    **dict.fromkeys(("access", "revenue", "customers", "products"), ("action", lookups.ACTIONS)),
}
MONETARY = frozenset(("revenue", "customers", "products"))
_REASONS = {
    "access": "No line has an action.",
    "accessed": "No line has a value.",
    "changes": "No line has a value and an oldValue or a comment.",
    **dict.fromkeys(MONETARY, "No line has an action and a monetaryValue."),
}
GROUPS = {
    "Speed": ("slowest", "waited", "latency", "traffic"),
    "Failures": ("errors", "exceptions", "statuses", "bad-links", "releases"),
    "Background": ("tasks", "calls"),
    "Users": ("clients", "actions", "access", "accessed", "changes"),
    "Business": ("revenue", "customers", "products"),
    "Lines": ("requests", "events"),
}
_EVERYTHING = Query.of(lookups.OVERVIEW, {})
_NO_CHART = Chart()


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures at the top of a page; *first* and *last* are when its events were."""

    first: str | None
    last: str | None
    events: int
    requests: int
    failed: int
    users: int
    services: list[str]

    def period(self, bucket: str | None = None, most: int = MOST_WIDE) -> Period:
        """Return what plots span, in steps of *bucket*, else in the finest of up to *most*."""
        begin, end = milliseconds(self.first or ""), milliseconds(self.last or "") + 1
        fine = [name for name, step in BUCKETS.items() if (end - begin) / step <= most]
        step = bucket_size("bucket", bucket or next(iter(fine), "day"))
        begin = step_begin(begin, step)
        return Period(begin, begin + -(-(end - begin) // step) * step, step)


@dataclass(frozen=True, slots=True)
class Panel:
    """One answer on a page: its first rows, or the last of a history, of *total* ones."""

    query: Query
    rows: list[tuple[Any, ...]]
    total: int
    chart: Chart = _NO_CHART

    @property
    def question(self) -> Question:
        """Return the question that it answers."""
        return self.query.question

    @property
    def columns(self) -> Mapping[str, str]:
        """Return the columns of the rows, and what they hold."""
        return self.query.columns

    @property
    def not_shown(self) -> int:
        """Return how many rows are not shown."""
        return self.total - len(self.rows)

    @property
    def measure(self) -> int | None:
        """Return the place of the column that a table has bars of; a history has a plot."""
        more = len(self.columns) - len(self.question.columns)
        place = None if self.question.history else self.question.measure
        return None if place is None else place + more

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
        texts = {name: text for name, text in self.query.texts.items() if name != "limit"}
        options = [
            shlex.quote(f"--{name.replace('_', '-')}={each}")
            for name, text in texts.items()
            for each in (text if isinstance(text, (list, tuple)) else [text])
        ]
        form = ["--format csv"] if self.not_shown else []
        return " ".join(["clew ask", self.question.name, "FILES", *options, *form])


@dataclass(frozen=True, slots=True)
class Section:
    """One question and its answers, one for each action, value or status it was asked of."""

    question: Question
    panels: list[Panel]

    @property
    def reason(self) -> str:
        """Return why there is no answer."""
        return _REASONS.get(self.question.name, "") if not self.panels else ""


@dataclass(frozen=True, slots=True)
class NotableRequest:
    """A request worth a look, with the columns of the lookups of requests."""

    row: Mapping[str, Any]
    timeline: Timeline | None = None


def run_lookup(
    logs: Logs, lookup: Question, scope: Query = _EVERYTHING, **parameters: object
) -> list[tuple[Any, ...]]:
    """Return the rows of a lookup, narrowed as *scope* is."""
    return logs.answer(scope.about(lookup, **parameters)).rows


def overview(logs: Logs, scope: Query) -> Overview:
    """Return the figures of what *scope* is narrowed to: a period, a service, a route."""
    [(first, last, events, inbound, failed, users)] = run_lookup(logs, lookups.OVERVIEW, scope)
    services = [service for service, _ in run_lookup(logs, lookups.SERVICES, scope)]
    return Overview(first, last, events, inbound, failed, users, services)


def section(
    logs: Logs,
    name: str,
    scope: Query,
    figures: Overview,
    bucket: str | None = None,
    rows: int = ROWS,
) -> Section:
    """Ask the question *name*, of the five most frequent ones where it needs one."""
    question = QUESTIONS[name]
    if name not in _SUBJECTS:
        period = figures.period(bucket)
        return Section(question, [panel(logs, scope.about(question), period, rows)])
    period = figures.period(bucket, MOST_NARROW)
    parameter, lookup = _SUBJECTS[name]
    frequent = run_lookup(logs, lookup, scope, limit=100)
    if name in MONETARY:
        frequent = [row for row in frequent if row[2]]
    queries = [
        scope.about(question, **{parameter: str(row[0])})
        for row in frequent[:FREQUENT]
        if row[0] != ""
    ]
    panels = [panel(logs, query, period, ROWS_OF_MANY) for query in queries]
    return Section(question, [each for each in panels if each.total])


def panel(
    logs: Logs, query: Query, period: Period | None, rows: int = ROWS, *, wide: bool | None = None
) -> Panel:
    """Answer *query* in up to *rows* rows, with a plot over *period* of what goes by buckets."""
    question = query.question
    if "bucket" not in question.columns:
        answer = logs.excerpt(query, rows)
        return Panel(query, answer.rows, answer.total or len(answer.rows))
    if period is None:
        answer = logs.answer(query)
        return Panel(query, answer.rows[-rows:], len(answer.rows))
    query = query.about(question, bucket=step_name(period.step))
    answer = logs.answer(query)
    wide = not question.requires if wide is None else wide
    chart = chart_of(query, answer.rows, period, wide=wide)
    return Panel(query, answer.rows[-rows:], len(answer.rows), chart)


def requests(logs: Logs, lookup: Question, scope: Query, rows: int = ROWS) -> list[NotableRequest]:
    """Return the requests that *lookup* finds, each id once."""
    by_id: dict[str, NotableRequest] = {}
    for row in run_lookup(logs, lookup, scope, limit=rows * 5):
        fields = dict(zip(lookup.columns, row, strict=True))
        if fields["requestId"] and len(fields["requestId"]) <= LONGEST_TEXT:
            by_id.setdefault(fields["requestId"], NotableRequest(fields))
    return list(by_id.values())[:rows]


def notable_requests(logs: Logs, scope: Query, rows: int = ROWS) -> dict[str, list[NotableRequest]]:
    """Return the requests worth a look: the last that failed and the slowest."""
    return {
        "Failed": requests(logs, lookups.FAILED_REQUESTS, scope, rows),
        "Slowest": requests(logs, lookups.SLOW_REQUESTS, scope, rows),
    }


def timeline(logs: Logs, request: str) -> Timeline:
    """Return the timeline of a request over all services and times."""
    parameters = {"request": request, "limit": MOST_EVENTS}
    return timeline_of(logs, Query.of(lookups.REQUEST_EVENTS, parameters))


def concurrently(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """Return what *tasks* return; while one draws, the next one asks."""
    with ThreadPoolExecutor(3) as threads:
        futures = [(task, threads.submit(task)) for task in tasks]
    # An answer that had no room in memory beside the others may have it alone.
    return [
        task() if isinstance(future.exception(), AnswerError) else future.result()
        for task, future in futures
    ]
