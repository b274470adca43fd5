"""The commands of a privacy officer: what is in clear, all about somebody, forgetting somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from clew.answers.errors import AnswerError
from clew.answers.query import Query

from .group import cli
from .options import SOURCES
from .output import echo, echo_json, say, tell

if TYPE_CHECKING:
    from clew.answers.question import Question

TOKEN = click.option(
    "--token", metavar="NAME", help="NAME is written as a token: --value email:bob@x.org."
)
_USER = click.option("--user", required=True, metavar="ID", help="The id that lines have: 12345.")


def queries_of(question: Question, parameters: dict[str, Any], token: str | None) -> list[Query]:
    """Return what is asked: by each key, where the values of the name *token* are tokens."""
    value = parameters.get("value")
    if token is None:
        return [Query.of(question, parameters)]
    if not value:
        raise AnswerError(
            f"--token is {token!r}, and --value is missing: --value {token}:bob@x.org"
        )
    from clew.answers.privacy import values_of

    return [Query.of(question, {**parameters, "value": one}) for one in values_of(value, token)]


def check_privacy(sources: tuple[str, ...]) -> int:
    """Say what lines still hold in clear; return the exit status."""
    from clew.answers.privacy import revealing

    found = revealing(sources)
    for kind, where in found.items():
        lines = "line" if where.lines == 1 else "lines"
        echo(f"{kind}: {where.lines:,} {lines}, first {where.first}")
    if not found:
        say("no line holds an address, a card number, a credential, a token or a key in clear")
    return 1 if found else 0


def check_names(sources: tuple[str, ...]) -> int:
    """Say of each name in the lines why it is masked, or not; return the exit status."""
    from clew.answers.privacy import names_of

    in_clear = 0
    for name, (where, verdict, clear) in names_of(sources).items():
        said = "not masked" if verdict is None else f"masked: {verdict.reason}"
        if clear:
            in_clear += 1
            said += "; a value of it is in clear"
        echo(f"{name}: {said} ({where.lines:,}, first {where.first})")
    if in_clear:
        say(f"{in_clear:,} names that are masked have values in clear")
    return 1 if in_clear else 0


@cli.command(epilog="Example: clew export --user 12345 logs/ > 12345.ndjson")
@_USER
@SOURCES
def export(user: str, sources: tuple[str, ...]) -> None:
    """Print all lines about a person, who did something or to whom it was done.

    As they stand there, one JSON object a line. A token of the id counts where CLEW_REDACT_KEY is
    set.
    """
    from clew.answers.person import export as lines_about

    count = 0
    for line in lines_about(user, sources):
        count += 1
        echo_json(line.removesuffix(b"\r"))
    say(f"{count:,} lines")


@cli.command(epilog="Example: clew forget --user 12345 logs/")
@_USER
@SOURCES
def forget(user: str, sources: tuple[str, ...]) -> None:
    """Rewrite files without a person's values.

    What happened stays, with its time, route and status; who did it, from where, what was said of
    it and every other field is gone. A file is replaced as a whole or left as it is: stop what
    writes to it, or rotate it, before.
    """
    from clew.answers.person import forget as forget_in

    total = 0
    for done in forget_in(user, sources):
        total += done.changed
        broken = f", {done.broken:,} broken ones left as they are" if done.broken else ""
        # A file that is done is no reason to leave the others as they are.
        tell(f"{done.name}: {done.changed:,} of {done.lines:,} lines changed{broken}")
    say(f"{total:,} lines changed")
