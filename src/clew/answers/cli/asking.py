"""The commands that ask: a question, the timeline of a request, SQL."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import click

from clew.answers.errors import AnswerError
from clew.answers.formatting import count_of
from clew.answers.query import Query, find_question
from clew.answers.questions import QUESTIONS

from .group import cli, opened
from .options import (
    FAIL_IF,
    FORMAT,
    MAP,
    NARROWING,
    OF,
    PERIOD,
    SHAPE,
    SOURCES,
    TABLE_ROWS,
    TIMEZONE,
    condition_of,
    form_of,
)
from .output import print_answer, print_timeline, say
from .privacy import TOKEN, queries_of

if TYPE_CHECKING:
    from clew.answers.logs import Answer, Logs


def _complete_question(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name, help=question.title)
        for name, question in QUESTIONS.items()
        if name.startswith(incomplete)
    ]


_names = textwrap.wrap(", ".join(QUESTIONS), 76)


@cli.command(
    help="Answer one question, and say what it is good for.\n\n\b\n" + "\n".join(_names),
    epilog="Example: clew ask access app.ndjson --action READ_JOURNAL --since 2d. clew --help says"
    " what SOURCES may be. The exit status is 2 where something is wrong.",
)
@click.argument("question", shell_complete=_complete_question)
@SOURCES
@OF
@PERIOD
@TIMEZONE
@TOKEN
@NARROWING
@MAP
@SHAPE
@FAIL_IF
@FORMAT
def ask(
    question: str,
    sources: tuple[str, ...],
    form: str | None,
    fail_if: str | None,
    names: tuple[str, ...],
    token: str | None,
    **parameters: Any,
) -> int:
    """Answer one question."""
    # What is wrong is said before anything is read.
    queries = queries_of(find_question(question), parameters, token)
    return _ask(queries, sources, names, form_of(form), condition_of(queries[0], fail_if))


def _ask(
    queries: list[Query],
    sources: tuple[str, ...],
    names: tuple[str, ...],
    form: str,
    fails: Callable[[dict[str, Any]], bool] | None,
) -> int:
    query, *others = queries
    is_timeline = query.question.name == "timeline"
    with opened(sources, names, first=None if others else query) as logs:
        if is_timeline and form == "table":
            from clew.answers.timeline import timeline_of

            timeline = timeline_of(logs, query)
            if not timeline.spans:
                raise _no_request(logs, query)
            absent = say_missing(logs, query, found=True)
            print_timeline(timeline)
            return 0 if fails is None else _status(fails, logs.find(query), absent)
        # A table shows few rows; a condition is to be met by any.
        few = form == "table" and fails is None
        answer = logs.page(query, TABLE_ROWS) if few else logs.find(query)
        for other in others:
            answer.rows.extend(logs.find(other).rows)
        if not answer.rows and is_timeline:
            raise _no_request(logs, query)
        absent = _explain(logs, query, answer)
        print_answer(answer, form, limited="limit" in query.values)
        return 0 if fails is None else _status(fails, answer, absent)


def _status(
    fails: Callable[[dict[str, Any]], bool], answer: Answer, absent: Collection[str]
) -> int:
    """Return the exit status; an alarm that cannot go off, as of a name that is not there, is 2.

    A status is no name: an alarm may wait for the first one.
    """
    if any(map(fails, answer.dicts())):
        return 3
    return 2 if any(name != "status" for name in absent) else 0


def _no_request(logs: Logs, query: Query) -> AnswerError:
    from clew.answers.missing import missing

    sentences = [sentence for _, sentence in missing(logs, query)]
    others = f"No line of the request {query.subject!r} is within what was asked for"
    return AnswerError("; ".join(sentences) or others)


def say_missing(logs: Logs, query: Query, **rows: Any) -> list[str]:
    """Say what was asked for and is not in the logs at all; return of which parameters it is.

    *rows* tell what was found.
    """
    from clew.answers.missing import missing

    absent = list(missing(logs, query, **rows))
    for _, sentence in absent:
        say(sentence)
    return [name for name, _ in absent]


def _explain(logs: Logs, query: Query, answer: Answer) -> list[str]:
    """Say why there is nothing, and what is not in the sums.

    Return what was asked for that is not in the logs at all.
    """
    from clew.answers.lookups import OVERVIEW

    if answer.left_out:
        say(
            f"{count_of(answer.left_out, 'line')} with a text where an amount should be: not in"
            " the sums; clew check names them"
        )
    empty = [
        name
        for place, name in enumerate(answer.columns)
        if all(row[place] is None for row in answer.rows)
    ]
    if answer.rows:
        return say_missing(logs, query, found=True, empty=empty)
    [(first, last, events, *_)] = logs.answer(Query.of(OVERVIEW, {})).rows
    if not events:
        say("no line is an event, with a createdAt in milliseconds")
        return ["events"]
    absent = say_missing(logs, query)
    if not absent:
        say(f"nothing found between {first} and {last}")
    return absent


@cli.command(epilog="Example: clew timeline 018f6b0e gateway.ndjson orders.ndjson")
@click.argument("request_id", metavar="ID")
@SOURCES
@TIMEZONE
@MAP
@FORMAT
def timeline(
    request_id: str,
    sources: tuple[str, ...],
    names: tuple[str, ...],
    form: str | None,
    timezone: str | None,
) -> int:
    """Show what happened in one request, over all services.

    What happened within what, in order of beginning, with bars that show where the time went,
    stretches in which nothing was logged, and what failed in red. The beginning of an id will do.
    """
    strangers = [source for source in sources if not _is_source(source)]
    if len(strangers) == 1 and _is_source(request_id):  # the id stands behind the files
        sources = (request_id, *(source for source in sources if source != strangers[0]))
        request_id = strangers[0]
    parameters = {"request": request_id, "timezone": timezone}
    query = Query.of(find_question("timeline"), parameters)
    return _ask([query], sources, names, form_of(form), None)


def _is_source(name: str) -> bool:
    # Path.exists() raises where a name is too long.
    return name == "-" or "://" in name or os.path.exists(name)  # noqa: PTH110


@cli.command(
    epilog='Example: clew sql "SELECT service, count(*) FROM requests GROUP BY ALL" app.ndjson'
)
@click.argument("query", metavar="SELECT")
@SOURCES
@MAP
@FORMAT
def sql(query: str, sources: tuple[str, ...], names: tuple[str, ...], form: str | None) -> None:
    """Answer a query in DuckDB's SQL.

    It reads the relations logs, requests, tasks and calls, and nothing else. Each has the columns
    of a line, durationUs in microseconds among them; fields is the whole line as JSON, of which
    json_extract_string(fields, '$.tenant') is one.
    """
    from clew.answers.free_sql import checked

    text = checked(query)  # what is wrong is said before anything is read
    form = form_of(form)
    with opened(sources, names, first=text) as logs:
        print_answer(logs.sql(query), form, limited=False)
