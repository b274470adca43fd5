"""A question with what narrows it: checked once, and brought into the form that is bound."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import partial
from typing import Any

from .conditions import read_condition, read_name
from .engines.columns import PLACE
from .errors import AnswerError
from .narrowing import STATUS, Binder
from .question import RELATIONS, Question
from .questions import QUESTIONS
from .times import Steps, bucket_size, milliseconds_of, zone_of

_EQUAL = {"user": "userId", "action": "action", "value": "value", "request": "requestId"}
_SEVERAL = frozenset(("service", "route", "method", "status", "by"))


@dataclass(frozen=True, slots=True)
class Query:
    """A question with its parameters, as whoever asked wrote them and as they were understood.

    `Query.of` checks them. From there on the query travels alone.
    """

    question: Question
    texts: Mapping[str, Any]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, question: Question, parameters: Mapping[str, object]) -> Query:
        """Check the *parameters* of *question*; those that are None or empty lists are left out.

        One that is wrong, unknown or missing raises an `AnswerError`.
        """
        given = {
            name: value
            for name, value in parameters.items()
            if value is not None and not (name in _SEVERAL and value in ((), []))
        }
        for name in given:
            if name not in question.parameters:
                allowed = [_option(each) for each in question.parameters]
                raise AnswerError(
                    f"{question.name} takes no {_option(name)}{suggestion(_option(name), allowed)};"
                    f" it takes {', '.join(allowed)}"
                )
        for name in question.requires:
            if name not in given:
                example = _EXAMPLES.get((question.name, name)) or _EXAMPLES["", name]
                raise AnswerError(f"{question.name} needs {name}, as in --{name} {example}")
        values = _values(question, given)
        since, until = values.get("since"), values.get("until")
        if since is not None and until is not None and since >= until:
            raise AnswerError(
                f"since {given['since']} is not before until {given['until']}, "
                "so nothing lies between"
            )
        if "new_since" in values and since is not None:
            raise AnswerError("new-since looks at all that was before it: leave since out")
        return cls(question, given, values)

    def about(self, question: Question, **parameters: object) -> Query:
        """Return a query of *question*: with *parameters*, and those of this one that it takes."""
        taken = {name: text for name, text in self.texts.items() if name in question.parameters}
        shared = {name: value for name, value in self.values.items() if name in question.parameters}
        own = _values(question, parameters)
        return Query(question, taken | parameters, shared | own)

    @property
    def subject(self) -> str:
        """Return what it is asked of: an action, a value or a request."""
        return next((str(self.texts[name]) for name in self.question.requires), "")

    @property
    def zone(self) -> tzinfo:
        """Return the time zone in which times are shown."""
        zone: tzinfo = self.values.get("timezone", UTC)
        return zone

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns of the answer: those of the question, and those of ``by``."""
        columns = dict(self.question.columns)
        by = {".".join(path): Binder().column(path)[1] for path in self._by}
        if "bucket" in columns:
            return {"bucket": columns.pop("bucket"), **by, **columns}
        return by | columns

    @property
    def _by(self) -> list[tuple[str, ...]]:
        known = self.question.columns
        return [path for path in self.values.get("by", ()) if ".".join(path) not in known]

    def statement(self, *, counting: bool = False) -> tuple[str, dict[str, object]]:
        """Return one query in DuckDB's SQL, narrowed and in order, and what is bound in it.

        *counting* adds a last column, which says how many rows there are without a limit.
        """
        statement, names, bound = self._unordered(counting=counting)
        return self._in_order(statement, names), bound

    @property
    def count(self) -> tuple[str, dict[str, object]]:
        """Return a query in DuckDB's SQL that tells how many rows there are, and what is bound."""
        statement, _, bound = self._unordered(counting=False)
        return f"SELECT count(*) FROM ({statement}) AS whole", bound

    def _unordered(self, *, counting: bool) -> tuple[str, list[str], dict[str, object]]:
        question, values = self.question, self.values
        binder = Binder(self.zone)
        steps = Steps(values.get("bucket"), self.zone)
        by = {f"by{place}": binder.column(path)[0] for place, path in enumerate(self._by)}
        extra = by | (steps.columns if "[bucket]" in question.sql else {})
        sql = question.sql.replace("[by]", "".join(f'"{name}", ' for name in by))
        sql = sql.replace("[bucket]", steps.begin)
        columns = ", ".join(["*", *(f"{of} AS {name}" for name, of in extra.items())])
        conditions = " AND ".join(self._of_events(binder) or ["true"])
        relations = {
            "events": f"SELECT {columns} FROM logs WHERE {conditions}",
            **(steps.relations if "[bucket]" in question.sql else {}),
            **RELATIONS,
        }
        of_requests = "".join(f" AND {each}" for each in self._of_requests(binder))
        for name in ("requests", "calls"):
            relations[name] += of_requests
        given = iter(by)
        # What a user named is no part of the SQL, not even quoted.
        names = [name if name in question.columns else next(given) for name in self.columns]
        chosen = [
            f'{steps.instant(name) if name == "bucket" else _quote(name)} AS "{name}"'
            for name in names
        ]
        if "leftOut" in sql:
            chosen.append('CAST(sum("leftOut") OVER () AS BIGINT) AS "leftOut"')
        if counting:
            chosen.append("count(*) OVER () AS found")
        needed = needed_relations(relations, sql)
        before = ", ".join(f"{name} AS ({of})" for name, of in needed.items())
        statement = f"""
            {f"WITH {before}" if before else ""}
            SELECT {", ".join(chosen)}
            FROM ({sql}) AS answer
        """
        known = {**values, **binder.values}
        bound = {name: known.get(name) for name in re.findall(r"\$([a-z_]+[0-9]*)", statement)}
        return statement, names, bound

    def _in_order(self, statement: str, names: list[str]) -> str:
        question, limit = self.question, self.values.get("limit")
        by = question.orders.get(self.values.get("order", ""), question.order)
        order = {name.lstrip("-"): " DESC" if name[0] == "-" else "" for name in by}
        order |= {name: "" for name in names if name not in order}
        forward = ", ".join(f'"{name}"{way} NULLS LAST' for name, way in order.items())
        if limit is None or not question.history:
            return f"{statement} ORDER BY {forward}{'' if limit is None else f' LIMIT {limit}'}"
        # Of a history the last ones.
        back = ", ".join(f'"{name}" DESC NULLS FIRST' for name in order)
        last = f"SELECT * FROM ({statement}) AS whole ORDER BY {back} LIMIT {limit}"
        return f"SELECT * FROM ({last}) AS last ORDER BY {forward}"

    def _of_events(self, binder: Binder) -> list[str]:
        """Return the conditions that every line has to meet."""
        values, conditions = self.values, []
        for name, sign in (("since", ">="), ("until", "<")):
            if name in values:
                conditions.append(f"createdAt {sign} {binder.bind(values[name])}")
        if "service" in values:
            conditions.append(binder.any_of("service", values["service"]))
        equal = [name for name in _EQUAL if name in values and f"${name}" not in self.question.sql]
        conditions += [f"{_EQUAL[name]} = ${name}" for name in equal]
        if "where" in values:
            conditions.append(binder.condition(values["where"]))
        if "grep" in values:
            conditions.append(binder.containing(values["grep"]))
        return conditions

    def _of_requests(self, binder: Binder) -> list[str]:
        """Return the conditions that every request or call has to meet."""
        values, conditions = self.values, []
        if "route" in values:
            places = (binder.any_of(of, values["route"]) for of in ("coalesce(route, path)", PLACE))
            conditions.append(f"({' OR '.join(places)})")
        if "method" in values:
            conditions.append(binder.any_of("method", values["method"]))
        if "status" in values:
            ranges = (f"{STATUS} BETWEEN {low} AND {high}" for low, high in values["status"])
            conditions.append(f"({' OR '.join(ranges)})")
        return conditions


def needed_relations(relations: Mapping[str, str], sql: str) -> dict[str, str]:
    """Return those of *relations* that *sql* asks, by way of others too, in their order."""
    needed: dict[str, str] = {}
    for name, of in reversed(list(relations.items())):
        if re.search(rf"\b(FROM|JOIN) {name}\b", " ".join([sql, *needed.values()])):
            needed[name] = of
    return dict(reversed(list(needed.items())))


def _quote(name: str) -> str:
    return f'"{name}"'


def find_question(name: str) -> Question:
    """Return the question *name*; an unknown one raises an `AnswerError` that lists all."""
    if name not in QUESTIONS:
        raise AnswerError(
            f"There is no question {name!r}{suggestion(name, QUESTIONS)}; "
            f"there are {', '.join(QUESTIONS)}"
        )
    return QUESTIONS[name]


_EXAMPLES = {
    ("access", "action"): "READ_JOURNAL",
    ("", "action"): "PURCHASE_COMPLETED",
    ("", "value"): "user:12345",
    ("", "request"): "018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a",
}


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return which of *names* may have been meant."""
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}" if near else ""


def shown(text: object) -> str:
    """Return what was given for a parameter as one text."""
    return " or ".join(map(str, text)) if isinstance(text, (list, tuple)) else str(text)


def _option(name: str) -> str:
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


def _values(question: Question, given: Mapping[str, Any]) -> dict[str, Any]:
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
        if name in _SEVERAL:
            several = value if isinstance(value, (list, tuple)) else [value]
            values[name] = tuple(dict.fromkeys(check(name, each) for each in several))
        else:
            values[name] = check(_option(name), value)
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
