"""What a question is, and the relations that it is asked of."""

from __future__ import annotations

from dataclasses import dataclass

RELATIONS = {
    "requests": """
        SELECT *,
            CASE WHEN operation IS NULL THEN coalesce(route, path)
                ELSE coalesce(route, path) || ' ' || operation END AS endpoint,
            coalesce(graphqlStatus, httpStatus) AS status,
            coalesce(outcome, '') = 'websocket' AS websocket
        FROM events
        WHERE method IS NOT NULL AND coalesce(direction, '') <> 'outgoing'
    """,
    "answered": "SELECT * FROM requests WHERE NOT websocket AND durationUs IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the logs.

    ``sql`` gives a row for each line of the answer. Its ``columns`` map names to what they hold, so
    that every engine and format shows it alike: ``text``, ``instant`` and ``bucket`` (milliseconds
    since the epoch), ``beginning`` and ``duration`` (microseconds), ``count``, ``amount``,
    ``share``, ``flag``. ``order`` are the columns that it goes by first, descending when marked by
    a minus sign; ties go by the columns left to right. ``takes`` are the parameters that narrow
    it, ``requires`` those without which it cannot be asked. ``purpose`` says what it is good for.
    """

    name: str
    title: str
    purpose: str
    columns: dict[str, str]
    sql: str
    order: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of all its parameters, the required ones first."""
        return (*self.requires, *self.takes, "since", "until", "service", "limit")

    @property
    def history(self) -> bool:
        """Tell whether it goes by time, and so of many rows the last are shown, not the first."""
        return not self.order and not {"createdAt", "bucket"}.isdisjoint(self.columns)

    @property
    def measure(self) -> int | None:
        """Return the place of the column that a bar is drawn of, None where there is none."""
        kinds = list(self.columns.values())
        if self.order:
            place = list(self.columns).index(self.order[0].lstrip("-"))
        elif "bucket" in kinds:
            place = len(kinds) - 1
        else:
            return None
        return place if kinds[place] in {"count", "amount", "duration"} else None
