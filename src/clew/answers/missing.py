"""What was asked for and is not in the logs at all, answered with what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import lookups
from .conditions import comparisons
from .errors import suggestion
from .logs import Logs
from .narrowing import has_column
from .query import Query
from .question import Question

_SHOWN = 10
# The lookup of what there is, for each parameter that names something.
_LOOKUPS: dict[str, Question] = {
    "service": lookups.SERVICES,
    "route": lookups.ROUTES,
    "method": lookups.METHODS,
    "status": lookups.STATUSES,
    "action": lookups.ACTIONS,
    "value": lookups.VALUES,
    "user": lookups.USERS,
}
_EVERYTHING = Query.of(lookups.OVERVIEW, {})


def missing(logs: Logs, query: Query) -> Iterator[str]:
    """Yield a sentence for each part of *query* that no line of the logs has."""
    for name, lookup in _LOOKUPS.items():
        if name not in query.values:
            continue
        present = _column(logs, lookup)
        wanted = query.values[name]
        for each in wanted if isinstance(wanted, tuple) else [wanted]:
            if name == "status":
                low, high = each
                if not any(low <= int(status) <= high for status in present):
                    words = str(low) if low == high else f"{low // 100}xx"
                    yield _sentence(name, words, present)
            elif each not in present:
                yield _sentence(name, each, present)
    conditions = comparisons(query.values["where"]) if "where" in query.values else []
    paths = [*(each.path for each in conditions), *query.values.get("by", ())]
    fields = {path[0] for path in paths if not has_column(path)}
    if fields:
        present = _column(logs, lookups.FIELDS)
        for field in sorted(fields - set(present)):
            yield _sentence("field", field, present)


def _column(logs: Logs, lookup: Question) -> list[str]:
    return [str(row[0]) for row in logs.answer(_EVERYTHING.about(lookup)).rows]


def _sentence(noun: str, wanted: str, present: Iterable[str]) -> str:
    names = list(present)
    if not names:
        return f"no line has a {noun}"
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"there is no {noun} {wanted!r}{suggestion(wanted, names)}; there are {shown}"
