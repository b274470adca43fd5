"""The command line: a thin cover over `clew.answers`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from clew._text import one_line
from clew.answers.errors import AnswerError
from clew.answers.formatting import count_of
from clew.answers.query import Query, find_question
from clew.answers.questions import QUESTIONS

from .exits import Commands
from .options import (
    FAIL_IF,
    FORMAT,
    NARROWING,
    OF,
    PERIOD,
    SERVICE,
    SHAPE,
    SOURCES,
    failing,
    form_of,
    once,
)
from .output import echo, print_answer, print_timeline, progress, say

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


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="""Ask the logs.

\b
  clew ask slowest app.ndjson
  clew timeline 018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a gateway.ndjson
  clew report logs/ --html report.html
""",
    epilog="SOURCES are files, *.ndjson, *.jsonl or *.log, also .gz and .zst, folders of them, -"
    " for the standard input, or clickhouse://user:password@host:8123/database?table=logs."
    ' Completion: eval "$(_CLEW_COMPLETE=bash_source clew)", also zsh_source, fish_source.',
)
@click.version_option(package_name="clew", message="clew %(version)s")
def cli() -> None:
    """Hold the commands."""


_width = max(map(len, QUESTIONS)) + 2
_titles = [f"  {name:<{_width}}{question.title}" for name, question in QUESTIONS.items()]


@cli.command(
    help="Answer one question.\n\n\b\n" + "\n".join(_titles),
    epilog="Example: clew ask access app.ndjson --action READ_JOURNAL --since 2026-11-01",
)
@click.argument("question", shell_complete=_complete_question)
@SOURCES
@OF
@NARROWING
@SHAPE
@FAIL_IF
@FORMAT
def ask(
    question: str,
    sources: tuple[str, ...],
    form: str | None,
    fail_if: str | None,
    **parameters: Any,
) -> int:
    """Answer one question."""
    # What is wrong is said before anything is read.
    query = Query.of(find_question(question), parameters)
    return _ask(query, sources, form_of(form), failing(query, fail_if))


def _ask(
    query: Query, sources: tuple[str, ...], form: str, fails: Callable[[dict[str, Any]], bool]
) -> int:
    is_timeline = query.question.name == "timeline"
    with _open(sources) as logs:
        if is_timeline and form == "table":
            from clew.answers.timeline import timeline_of

            timeline = timeline_of(logs, query)
            if not timeline.spans:
                raise _no_request(query)
            print_timeline(timeline)
            return 0
        answer = logs.find(query)
        if not answer.rows and is_timeline:
            raise _no_request(query)
        _explain(logs, query, answer)
        print_answer(answer, form, limited="limit" in query.values)
        return 3 if any(map(fails, answer.dicts())) else 0


def _no_request(query: Query) -> AnswerError:
    return AnswerError(f"No line carries the request id {query.subject!r}, or one that begins so")


def _explain(logs: Logs, query: Query, answer: Answer) -> None:
    """Say why there is nothing, and what is not in the sums."""
    from clew.answers.lookups import OVERVIEW
    from clew.answers.missing import missing

    if answer.left_out:
        say(
            f"{count_of(answer.left_out, 'line')} with a text where an amount should be: not in"
            " the sums; clew check names them"
        )
    if answer.rows:
        return
    [(first, last, events, *_)] = logs.answer(Query.of(OVERVIEW, {})).rows
    if not events:
        say("no line is an event, with a createdAt in milliseconds")
        return
    sentences = list(missing(logs, query))
    for sentence in sentences or [f"nothing found between {first} and {last}"]:
        say(sentence)


@cli.command(epilog="Example: clew timeline 018f6b0e gateway.ndjson orders.ndjson")
@click.argument("request_id", metavar="ID")
@SOURCES
@once("--timezone", metavar="ZONE", help="For times shown: Europe/Oslo, local.")
@FORMAT
def timeline(
    request_id: str, sources: tuple[str, ...], form: str | None, timezone: str | None
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
    return _ask(query, sources, form_of(form), lambda _: False)


def _is_source(name: str) -> bool:
    # Path.exists() raises where a name is too long.
    return name == "-" or "://" in name or os.path.exists(name)  # noqa: PTH110


@cli.command(
    epilog='Example: clew sql "SELECT service, count(*) FROM requests GROUP BY ALL" app.ndjson'
)
@click.argument("query", metavar="SELECT")
@SOURCES
@FORMAT
def sql(query: str, sources: tuple[str, ...], form: str | None) -> None:
    """Answer a query in DuckDB's SQL.

    It reads the relations logs, requests, tasks and calls, and nothing else. Each has the columns
    of a line, durationUs in microseconds among them; fields is the whole line as JSON, of which
    json_extract_string(fields, '$.tenant') is one.
    """
    from clew.answers.free_sql import checked

    checked(query)  # what is wrong is said before anything is read
    form = form_of(form)
    with _open(sources) as logs:
        print_answer(logs.sql(query), form, limited=False)


@cli.command(epilog="Example: clew report gateway.ndjson orders.ndjson --html report.html")
@SOURCES
@click.option("--html", "path", metavar="FILE", required=True, help="Where to write the page.")
@PERIOD
@SERVICE
def report(sources: tuple[str, ...], path: str, **parameters: Any) -> None:
    """Write every question and its answer on one page, with plots."""
    from clew.answers.files import find
    from clew.answers.lookups import OVERVIEW
    from clew.answers.pages.plots import warm_up
    from clew.answers.pages.report import page, replacing

    # What is wrong is said before anything is read.
    scope = Query.of(OVERVIEW, parameters)
    logs = find(sources) if not any("://" in source for source in sources) else ()
    if os.path.realpath(path) in map(os.path.realpath, logs):
        raise AnswerError(f"{path!r} is one of the logs: give another file for the page")
    with replacing(path) as write, ThreadPoolExecutor(1) as thread:
        thread.submit(warm_up)  # what fails there fails again when it is needed
        with _open(sources) as opened:
            write(page(opened, scope))
    echo(path)


@cli.command(epilog="Example: clew serve gateway.ndjson orders.ndjson --port 8321")
@SOURCES
@click.option("--port", type=click.IntRange(0, 65535), default=8321, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
def serve(sources: tuple[str, ...], host: str, port: int) -> None:
    """Show the answers as a live page, for this machine alone."""
    from clew.answers.pages.serve import listen
    from clew.answers.pages.serve import serve as serve_logs

    # A port that is in use is said before anything is read.
    with listen(host, port) as listener, _open(sources, growing=True) as logs:
        serve_logs(logs, listener, host=host, announce=echo)


@cli.command(
    epilog="Example: clew load gateway.ndjson clickhouse://user:password@host:8123/logs?table=logs"
)
@SOURCES
@click.argument("url")
@click.option(
    "--ttl-days", type=click.IntRange(1), help="Make the table forget events after so many days."
)
def load(sources: tuple[str, ...], url: str, ttl_days: int | None) -> None:
    """Move lines into a ClickHouse table.

    It is made when it is not there. Lines that the table already has are left out, so that a file
    can be loaded again when it has grown.
    """
    from clew.answers.load import load as load_files

    with progress() as show:
        result = load_files(sources, url, ttl_days=ttl_days, progress=show)
    for sentence in (*result.damage, *result.notes):
        say(sentence)
    say(f"{result.lines:,} lines, {result.broken:,} of them broken")
    echo(f"{result.added:,} events added")


_levels = click.option(
    "--level",
    "levels",
    metavar="WORD=OTHER",
    multiple=True,
    help="A renamed level, as in configure_logging: danger=error.",
)


@cli.command(epilog="Example: clew check app.ndjson")
@SOURCES
@_levels
def check(sources: tuple[str, ...], levels: tuple[str, ...]) -> int:
    """Show each line that does not fit the schema.

    As file:line: why. The exit status is 1 then.
    """
    from clew.answers.check import check as check_files
    from clew.answers.check import level_words_of

    lines = misfits = 0
    for name, number, why in check_files(sources, levels=level_words_of(levels)):
        lines += 1
        if why is not None:
            misfits += 1
            echo(one_line(f"{name}:{number}: {why}"))
    say(f"{misfits:,} of {lines:,} lines do not fit the schema")
    return 1 if misfits else 0


@cli.command(epilog="Example: clew schema > line.schema.json")
@_levels
def schema(levels: tuple[str, ...]) -> None:
    """Print the JSON Schema of a line."""
    import json

    from clew.answers.check import level_words_of
    from clew.records import json_schema

    echo(json.dumps(json_schema(levels=level_words_of(levels)), indent=2))


@contextmanager
def _open(sources: tuple[str, ...], *, growing: bool = False) -> Iterator[Logs]:
    """Open the logs, with a progress bar, and say on stderr what was read."""
    from clew.answers.logs import open as open_logs

    with progress() as show:
        logs = open_logs(*sources, growing=growing, progress=show)
    with logs:
        for sentence in logs.damage:
            say(sentence)
        if logs.lines and logs.lines == logs.broken:
            raise AnswerError(f"None of the {logs.lines:,} lines read is a JSON object")
        say(f"{logs.lines:,} lines, {logs.broken:,} of them broken")
        yield logs
