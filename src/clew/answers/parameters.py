"""The parameters of a question: what each means, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from .conditions import read_condition, read_name
from .errors import AnswerError
from .question import Question
from .times import bucket_size, milliseconds_of, zone_of

# Those that may be given several times.
SEVERAL = frozenset(("service", "route", "method", "status", "by"))


def shown(text: object) -> str:
    """Return what was given for a parameter as one text."""
    return " or ".join(map(str, text)) if isinstance(text, (list, tuple)) else str(text)


def option_of(name: str) -> str:
    """Return the parameter *name* as the command line writes it."""
    return name.replace("_", "-")


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


def _statuses(name: str, value: object) -> tuple[int, int]:
    """Return the lowest and the highest of the statuses meant: one, or ``5xx``."""
    if isinstance(value, str) and re.fullmatch("[1-5]xx", value.lower(), re.ASCII):
        return int(value[0]) * 100, int(value[0]) * 100 + 99
    status = _number(name, value, 100, 599, "an HTTP status, 100 to 599, or as 5xx")
    return status, status


def _method(name: str, value: object) -> str:
    return _text(name, value).upper()


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "status": _statuses,
    "method": _method,
    "by": read_name,
    "where": read_condition,
    "limit": partial(_number, least=1, most=999_999_999, what="a whole number from 1 up"),
    "bucket": bucket_size,
    "timezone": zone_of,
}


def values_of(question: Question, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the parameters mean: of those that may be given several times, a tuple."""
    zone = zone_of("timezone", given.get("timezone", "UTC"))
    checks: dict[str, Callable[[str, object], Any]] = {
        **dict.fromkeys(("since", "until", "new_since"), partial(milliseconds_of, zone=zone)),
        "order": partial(_order, question),
        **_CHECKS,
    }
    values: dict[str, Any] = {}
    for name, value in given.items():
        check = checks.get(name, _text)
        if name in SEVERAL:
            several = value if isinstance(value, (list, tuple)) else [value]
            values[name] = tuple(dict.fromkeys(check(name, each) for each in several))
        else:
            values[name] = check(option_of(name), value)
    for path in values.get("by", ()):
        name = ".".join(path)
        if name in question.columns and not re.search(rf"GROUP BY .*\b{name}\b", question.sql):
            raise AnswerError(
                f"by is {name!r}, which {question.name} finds out: give another field"
            )
    return values


def _order(question: Question, name: str, value: object) -> str:
    if not isinstance(value, str) or value not in question.orders:
        raise AnswerError(f"{name} is {value!r}: give {' or '.join(question.orders)}")
    return value
