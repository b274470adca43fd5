"""What a question is, and the relations that it is asked of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clew.records import TASK_LOGGER

from .engines.columns import ENDPOINT
from .narrowing import STATUS

# Each is made of ``events``, the lines within what narrows the question.
RELATIONS = {
    "requests": f"""
        SELECT *, {ENDPOINT} AS endpoint, {STATUS} AS status,
            coalesce(outcome, '') = 'websocket' AS websocket,
            coalesce({STATUS} BETWEEN 500 AND 599, false) OR coalesce(outcome, '') = 'lost'
                AS failed
        FROM events
        WHERE method IS NOT NULL AND coalesce(direction, '') <> 'outgoing'
    """,
    "answered": "SELECT * FROM requests WHERE NOT websocket AND durationUs IS NOT NULL",
    "calls": f"""
        SELECT *, {STATUS} AS status,
            coalesce({STATUS} BETWEEN 500 AND 599, true) OR coalesce(outcome, '') = 'error'
                AS failed
        FROM events
        WHERE method IS NOT NULL AND direction = 'outgoing'
    """,
    # A call's record has what its request is bound to, which would count twice.
    "own": """
        SELECT * FROM events WHERE method IS NULL OR coalesce(direction, '') <> 'outgoing'
    """,
    "tasks": f"""
        SELECT *, coalesce(taskOutcome, '') IN ('failed', 'lost') AS failed
        FROM events
        WHERE logger = '{TASK_LOGGER}' AND taskName IS NOT NULL
    """,
}
# What narrows questions about requests besides.
OF_REQUESTS = ("route", "method", "status")
_ALWAYS = ("since", "until", "timezone", "service", "where", "grep")


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the logs.

    ``sql`` gives a row for each line of the answer. Its ``columns`` map names to what they hold, so
    that every engine and format shows it alike: ``text``, ``instant`` and ``bucket`` (milliseconds
    since the epoch), ``beginning`` and ``duration`` (microseconds), ``count``, ``amount``,
    ``share``, ``flag``. Where it says ``[by]``, the columns of ``by`` come in; ``[bucket]`` is the
    beginning of the step that an event lies in.

    ``order`` are the columns that it goes by first, descending when marked by a minus sign; ties go
    by the columns left to right. ``orders`` are others, by name. ``takes`` are the parameters that
    narrow it, ``requires`` those without which it cannot be asked. ``purpose`` says what it is good
    for.
    """

    name: str
    title: str
    purpose: str
    columns: dict[str, str]
    sql: str
    order: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of all its parameters, the required ones first."""
        own = (*self.takes, *(["bucket"] if "[bucket]" in self.sql else []))
        grouping = (*(["by"] if "[by]" in self.sql else []), *(["order"] if self.orders else []))
        return (*self.requires, *own, *_ALWAYS, *grouping, "limit")

    @property
    def history(self) -> bool:
        """Tell whether it goes by time, and so of many rows the last are shown, not the first."""
        return not self.order and not {"createdAt", "bucket"}.isdisjoint(self.columns)

    @property
    def lists_lines(self) -> bool:
        """Tell whether each request, or each line, that is within has a row of its own."""
        return not {"WHERE", "GROUP"} & set(self.sql.split())

    @property
    def measure(self) -> int | None:
        """Return the place of the column that a bar is drawn of, None where there is none."""
        kinds = list(self.columns.values())
        if self.order:
            place = list(self.columns).index(self.order[0].removeprefix("-"))
        elif "bucket" in kinds:
            place = len(kinds) - 1
        else:
            return None
        return place if kinds[place] in {"count", "amount", "duration"} else None
