"""What a question can be narrowed by: checked, and brought into the form that is bound."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from ._mistakes import AnswerError
from ._questions import QUESTIONS, Question

BUCKETS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}


def question_named(name: str) -> Question:
    """Return the question *name*."""
    try:
        return QUESTIONS[name]
    except KeyError:
        raise AnswerError(
            f"There is no question {name!r}{_nearest(name, QUESTIONS)}; "
            f"there are {', '.join(QUESTIONS)}"
        ) from None


def bound(question: Question, given: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters of *question* as the engines bind them; those that are None are not."""
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in question.parameters:
            raise AnswerError(
                f"{question.name} takes no {name}{_nearest(name, question.parameters)}; "
                f"it takes {', '.join(question.parameters)}"
            )
    for name in question.requires:
        if name not in given:
            raise AnswerError(f"{question.name} needs {name}, as in {EXAMPLES[name]}")
    parameters: dict[str, object] = {
        name: _CHECKS.get(name, _text)(name, value) for name, value in given.items()
    }
    since, until = parameters.get("since"), parameters.get("until")
    if isinstance(since, int) and isinstance(until, int) and since >= until:
        raise AnswerError(
            f"since {given['since']} is not before until {given['until']}, so nothing lies between"
        )
    if "bucket" in question.takes:
        parameters.setdefault("bucket", BUCKETS["hour"])
    return parameters


EXAMPLES = {
    "status": "--status 401",
    "action": "--action READ_JOURNAL",
    "value": "--value user:12345",
    "request": "--request 018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a",
}


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}" if near else ""


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise AnswerError(f"{name} is {value!r}: give a text")
    return value.encode(errors="replace").decode()  # the shell may give bytes that are no UTF-8


def _status(name: str, value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) == 3 and 100 <= int(text) <= 599):
        raise AnswerError(f"{name} is {value!r}: give an HTTP status, 100 to 599")
    return int(text)


def _limit(name: str, value: object) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise AnswerError(f"{name} is {value!r}: give a whole number from 1 up")
    return int(text)


def _bucket(name: str, value: object) -> int:
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
    "status": _status,
    "limit": _limit,
    "bucket": _bucket,
    "since": _time,
    "until": _time,
}
