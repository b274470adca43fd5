"""What was asked for and is not in the logs at all, answered with what is."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any

from . import lookups
from .conditions import Comparison, Condition, comparisons
from .errors import suggestion
from .logs import Logs
from .narrowing import column_of, has_column
from .query import Query
from .question import Question

_SHOWN = 10
# The lookup of what there is, for each parameter that names something.
_LOOKUPS: dict[str, Question] = {
    "service": lookups.SERVICES,
    "route": lookups.ROUTES,
    "method": lookups.METHODS,
    "status": lookups.STATUSES,
    "action": lookups.NAMES["action"],
    "value": lookups.NAMES["value"],
    "user": lookups.USERS,
}
_OF_CALLS = {"method": lookups.METHODS_OF_CALLS, "status": lookups.STATUSES_OF_CALLS}
_EVERYTHING = Query.of(lookups.OVERVIEW, {})


def missing(
    logs: Logs, query: Query, *, found: bool = False, empty: Container[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield a sentence for each part of *query* that no line of the logs has, by its parameter.

    Rows that were *found* prove that what each of them has to have is there. Nothing is looked up
    for that, nor for fields whose columns are not *empty*.
    """
    values = query.values
    request = values.get("request")
    if request is not None and not found and not _rows(logs, lookups.IDS, request=request):
        yield "request", f"No line carries the request id {request!r}, or one that begins so"
    for name in _LOOKUPS:
        wanted = values.get(name, ())
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        if wanted and not (found and len(wanted) == 1):
            for sentence in _parameter(logs, query, name, wanted):
                yield name, sentence
    paths = [path for path in values.get("by", ()) if not found or ".".join(path) in empty]
    where = values.get("where")
    if where is not None and not (found and _is_proven(where)):
        paths += (each.path for each in comparisons(where))
        for sentence in dict.fromkeys(_where(logs, where)):
            yield "where", sentence
    fields = {path[0] for path in paths if not has_column(path)}
    if fields:
        present = _column(logs, lookups.FIELDS)
        for field in sorted(fields - set(present)):
            # Of many lines some may have what the first ones lack.
            if _rows(logs, lookups.LAST_EVENT, where=f'"{field}" is not null') == [(None,)]:
                yield "field", _sentence("field", field, present)


def _parameter(logs: Logs, query: Query, name: str, wanted: tuple[Any, ...]) -> Iterator[str]:
    """Yield a sentence for each of the values *wanted* of the parameter *name*."""
    of_calls = _OF_CALLS if query.question.name == "calls" else {}
    present = _column(logs, of_calls.get(name, _LOOKUPS[name]))
    for each in wanted:
        if name == "status":
            low, high = each
            if not any(low <= int(status) <= high for status in present):
                words = str(low) if low == high else f"{low // 100}xx"
                yield _sentence(name, words, present)
        elif each not in present and not (name == "route" and _is_place(logs, each)):
            yield _sentence(name, each, present)


def _is_place(logs: Logs, route: str) -> bool:
    """Tell whether requests without a route went to *route*, which is a path then."""
    [(_, _, _, requests, *_)] = _rows(logs, lookups.OVERVIEW, route=route)
    return bool(requests)


def _where(logs: Logs, condition: Condition) -> Iterator[str]:
    """Yield a sentence for each text in *condition* that its column is to equal."""
    for each in _demanded(condition):
        column = column_of(each.path)
        if column in lookups.NAMES and each.sign == "=" and isinstance(each.value, str):
            present = _column(logs, lookups.NAMES[column])
            if each.value not in present:
                yield _sentence(each.name, each.value, present)


def _demanded(condition: Condition) -> Iterator[Comparison]:
    """Yield the comparisons in *condition* of which one is to be met; what is to be none is not."""
    if isinstance(condition, Comparison):
        yield condition
    elif condition.word != "not":
        for part in condition.of:
            yield from _demanded(part)


def _is_proven(condition: Condition) -> bool:
    """Tell whether whatever meets *condition* has all that it names."""
    if isinstance(condition, Comparison):
        return condition.sign != "null"
    return condition.word == "and" and all(map(_is_proven, condition.of))


def _column(logs: Logs, lookup: Question) -> list[str]:
    return [str(row[0]) for row in _rows(logs, lookup)]


def _rows(logs: Logs, lookup: Question, **narrowed: object) -> list[tuple[Any, ...]]:
    return logs.answer(_EVERYTHING.about(lookup, **narrowed)).rows


def _sentence(noun: str, wanted: str, present: Iterable[str]) -> str:
    names = list(present)
    if not names:
        return f"no line has a {noun}"
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return f"there is no {noun} {wanted!r}{suggestion(wanted, names)}; there are {shown}"
