"""The options of the commands that ask: what narrows a question, and how its answer is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from clew.answers.conditions import Condition, comparisons, meets, read_condition
from clew.answers.errors import AnswerError
from clew.answers.query import Query

# So many rows has a table when no limit is given.
TABLE_ROWS = 20

F = TypeVar("F", bound=Callable[..., Any])


def _once(_: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> str | None:
    """Return the one value; of two, click would silently take the last."""
    if len(given) > 1:
        first, second = given[:2]
        raise AnswerError(f"{parameter.opts[0]} is given as {first!r} and as {second!r}: give one")
    return given[0] if given else None


def once(*names: str, help: str, metavar: str = "TEXT", **more: Any) -> Callable[[F], F]:
    """Return an option that may be given once."""
    return click.option(*names, help=help, metavar=metavar, multiple=True, callback=_once, **more)


def several(name: str, help: str, metavar: str = "TEXT") -> Callable[[F], F]:
    """Return an option that may be repeated: any of its values will do."""
    return click.option(name, help=help, metavar=metavar, multiple=True)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return *options* as one decorator, in their order."""

    def decorate(command: F) -> F:
        for each in reversed(options):
            command = each(command)
        return command

    return decorate


SOURCES = click.argument("sources", nargs=-1, type=click.Path(allow_dash=True))
MAP = click.option(
    "--map",
    "names",
    metavar="NAME=PATH",
    multiple=True,
    help="Of home-made lines: status=http.code.",
)
PERIOD = together(
    once("--since", metavar="TIME", help="15m, 2d, 17:58, today, 2026-11-01T09:30."),
    once("--until", metavar="TIME", help="Before this time."),
)
_SERVICE = several("--service", "Any of these, where repeated.", "NAME")
TIMEZONE = once("--timezone", metavar="ZONE", help="Europe/Oslo, local; else UTC.")
NARROWING = together(
    _SERVICE,
    several("--status", "401, 5xx; likewise.", "STATUS"),
    several("--method", "Likewise.", "NAME"),
    several("--route", "Likewise: /orders/{order_id}.", "ROUTE"),
    once("--where", metavar="CONDITION", help="\"status >= 500 and tenant = 'acme'\"."),
    once("--grep", help="In message and exception."),
)
OF = together(
    once("--action", metavar="NAME", help="As READ_JOURNAL."),
    once("--value", help="As user:12345."),
    once("--user", metavar="ID", help="Of this user."),
    once("--request", metavar="ID", help="Its beginning will do."),
)
SHAPE = together(
    several("--by", "A column more, as tenant.", "FIELD"),
    once("--bucket", metavar="STEP", help="30s, 5m, hour, day; else as fits."),
    once("--order", metavar="ORDER", help="Of requests: slowest, else latest."),
    once("--new-since", metavar="TIME", help="Of exceptions: the new ones."),
    once("--limit", metavar="ROWS", help=f"A table shows {TABLE_ROWS}."),
)
FORMAT = once("--format", "form", metavar="FORM", help="table, json, csv.")
FAIL_IF = once(
    "--fail-if", metavar="CONDITION", help='Exit with 3 if any row fits: "share > 0.01".'
)


def form_of(form: str | None) -> str:
    """Return how an answer is written; a form that there is not is an `AnswerError`."""
    form = form or "table"
    if form not in ("table", "json", "csv"):
        raise AnswerError(f"format is {form!r}: give table, json or csv")
    return form


def condition_of(query: Query, text: str | None) -> Callable[[dict[str, Any]], bool] | None:
    """Return what tells whether a row of the answer to *query* meets the condition *text*."""
    if text is None:
        return None
    condition: Condition = read_condition("fail-if", text)
    for each in comparisons(condition):
        if each.name not in query.columns:
            raise AnswerError(
                f"fail-if has {each.name!r}, but the columns of {query.question.name} are"
                f" {', '.join(query.columns)}"
            )
    return lambda row: meets(condition, row) is True
