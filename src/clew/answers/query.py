"""A question with what narrows it: checked once, and brought into the form that is bound."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from .errors import AnswerError
from .question import RELATIONS, Question
from .questions import QUESTIONS

BUCKETS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
_CONDITIONS = {
    "since": "createdAt >= $since",
    "until": "createdAt < $until",
    "service": "service = $service",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A question with its parameters, as whoever asked wrote them and as the engines bind them.

    `Query.of` checks them. From there on the query travels alone.
    """

    question: Question
    texts: Mapping[str, object]
    values: Mapping[str, object]

    @classmethod
    def of(cls, question: Question, parameters: Mapping[str, object]) -> Query:
        """Check the *parameters* of *question*; those that are None are left out.

        One that is wrong, unknown or missing raises an `AnswerError`.
        """
        texts = {name: value for name, value in parameters.items() if value is not None}
        for name in texts:
            if name not in question.parameters:
                raise AnswerError(
                    f"{question.name} takes no {name}{_suggestion(name, question.parameters)}; "
                    f"it takes {', '.join(question.parameters)}"
                )
        for name in question.requires:
            if name not in texts:
                raise AnswerError(f"{question.name} needs {name}, as in {_EXAMPLES[name]}")
        values = _values(question, texts)
        since, until = values.get("since"), values.get("until")
        if isinstance(since, int) and isinstance(until, int) and since >= until:
            raise AnswerError(
                f"since {texts['since']} is not before until {texts['until']}, "
                "so nothing lies between"
            )
        return cls(question, texts, values)

    def about(self, question: Question, **parameters: object) -> Query:
        """Return a query of *question*: with *parameters*, and those of this one that it takes."""
        texts = {name: text for name, text in self.texts.items() if name in question.parameters}
        shared = {name: value for name, value in self.values.items() if name in question.parameters}
        own = _values(question, parameters)
        values = own | shared | {name: own[name] for name in parameters}
        return Query(question, texts | parameters, values)

    @property
    def subject(self) -> str:
        """Return what it is asked of: an action, a value or a status."""
        return next((str(self.texts[name]) for name in self.question.requires), "")

    @property
    def bindings(self) -> dict[str, object]:
        """Return a value for each parameter that stands in the SQL."""
        question = self.question
        optional = (name for name in question.takes if f"${name}" in question.sql)
        return {**dict.fromkeys(optional), **self.values}

    @property
    def sql(self) -> str:
        """Return one query in DuckDB's SQL, narrowed and in order."""
        question = self.question
        conditions = [sql for name, sql in _CONDITIONS.items() if name in self.values]
        route = " AND coalesce(route, path) = $route" if "route" in self.values else ""
        order = {name.lstrip("-"): " DESC" if name[0] == "-" else "" for name in question.order}
        order |= {name: "" for name in question.columns if name not in order}
        return f"""
            WITH events AS (SELECT * FROM logs WHERE {" AND ".join(conditions or ["true"])}),
            requests AS ({RELATIONS["requests"]}{route}),
            answered AS ({RELATIONS["answered"]})
            SELECT {", ".join(f'"{name}"' for name in question.columns)}
            FROM ({question.sql}) AS answer
            ORDER BY {", ".join(f'"{name}"{way} NULLS LAST' for name, way in order.items())}
            {"LIMIT $limit" if "limit" in self.values else ""}
        """


def find_question(name: str) -> Question:
    """Return the question *name*; an unknown one raises an `AnswerError` that lists all."""
    if name not in QUESTIONS:
        raise AnswerError(
            f"There is no question {name!r}{_suggestion(name, QUESTIONS)}; "
            f"there are {', '.join(QUESTIONS)}"
        )
    return QUESTIONS[name]


_EXAMPLES = {
    "status": "--status 401",
    "action": "--action READ_JOURNAL",
    "value": "--value user:12345",
    "request": "--request 018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a",
}


def _suggestion(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}" if near else ""


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise AnswerError(f"{name} is {value!r}: give a text")
    return value.encode(errors="replace").decode()  # the shell may give bytes that are no UTF-8


def _number(name: str, value: object, least: int, most: int, what: str) -> int:
    text = str(value)
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not (digits and least <= int(text) <= most):
        raise AnswerError(f"{name} is {value!r}: give {what}")
    return int(text)


def bucket_size(name: str, value: object) -> int:
    """Return the step of time that *value* names, in milliseconds."""
    if not isinstance(value, str) or value not in BUCKETS:
        raise AnswerError(f"{name} is {value!r}: give {', '.join(BUCKETS)}")
    return BUCKETS[value]


def _time(name: str, value: object) -> int:
    """Return an instant in milliseconds; a date is its midnight, and no time zone is UTC."""
    moment = value
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            raise AnswerError(
                f"{name} is {value!r}: give a date or time of ISO 8601, "
                "as in 2026-11-01 or 2026-11-01T09:30:00Z"
            ) from None
    elif isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if not isinstance(moment, datetime):
        raise AnswerError(f"{name} is {value!r}: give a date, a datetime or a text of ISO 8601")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # Whole milliseconds from here on lie after it.
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return -(-since_epoch // timedelta(milliseconds=1))


_CHECKS: dict[str, Callable[[str, object], int | str]] = {
    "status": partial(_number, least=100, most=599, what="an HTTP status, 100 to 599"),
    "limit": partial(_number, least=1, most=999_999_999, what="a whole number from 1 up"),
    "bucket": bucket_size,
    "since": _time,
    "until": _time,
}


def _values(question: Question, texts: Mapping[str, object]) -> dict[str, object]:
    values: dict[str, object] = {
        name: _CHECKS.get(name, _text)(name, text) for name, text in texts.items()
    }
    if "bucket" in question.takes:
        values.setdefault("bucket", BUCKETS["hour"])
    return values
