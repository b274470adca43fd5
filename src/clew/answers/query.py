"""A question with what narrows it: checked once, and brought into the form that is bound."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from .engines.columns import PLACE
from .errors import AnswerError, suggestion
from .narrowing import STATUS, Binder
from .parameters import SEVERAL, option_of, values_of
from .question import RELATIONS, Question
from .questions import QUESTIONS
from .times import Steps

_EQUAL = {"user": "userId", "action": "action", "value": "value", "request": "requestId"}


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
            if value is not None and not (name in SEVERAL and value in ((), []))
        }
        for name in given:
            if name not in question.parameters:
                option = option_of(name)
                allowed = [option_of(each) for each in question.parameters]
                raise AnswerError(
                    f"{question.name} takes no {option}{suggestion(option, allowed)};"
                    f" it takes {', '.join(allowed)}"
                )
        for name in question.requires:
            if name not in given:
                example = _EXAMPLES.get((question.name, name)) or _EXAMPLES["", name]
                raise AnswerError(f"{question.name} needs {name}, as in --{name} {example}")
        values = values_of(question, given)
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
        own = values_of(question, parameters)
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
    def count_statement(self) -> tuple[str, dict[str, object]]:
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
        # DuckDB keeps what is asked twice, unless told otherwise: as long as texts and fields are
        # not looked into, it takes less to read the columns again.
        again = () if {"where", "grep"} & values.keys() else ("events", "own")
        kept = dict.fromkeys(again, "NOT MATERIALIZED ")
        before = ", ".join(f"{name} AS {kept.get(name, '')}({of})" for name, of in needed.items())
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
