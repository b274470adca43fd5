"""The command line: a thin cover over `clew.answers`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from clew._text import one_line
from clew.answers.errors import AnswerError
from clew.answers.query import BUCKETS, Query, find_question
from clew.answers.questions import QUESTIONS

from .exits import Commands
from .output import echo, print_answer, print_timeline, progress, say
from .privacy import check_names, check_privacy, export, forget

if TYPE_CHECKING:
    from clew.answers.logs import Logs


def _complete_question(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[click.shell_completion.CompletionItem]:
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(name, help=question.title)
        for name, question in QUESTIONS.items()
        if name.startswith(incomplete)
    ]


_sources = click.argument("sources", nargs=-1, type=click.Path(allow_dash=True))
_since = click.option(
    "--since", metavar="TIME", help="From this time on: 2026-11-01, or with a time."
)
_until = click.option("--until", metavar="TIME", help="Before this time.")
_service = click.option("--service", help="Only of this service.")
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="A table for people; JSON and CSV for programs.",
)


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
@_sources
@click.option("--action", help="Of this action: READ_JOURNAL.")
@click.option("--value", help="Of this value: user:12345.")
@click.option("--token", metavar="NAME", help="Values of NAME are tokens: --value email:bob@x.org.")
@click.option("--status", help="Of this HTTP status: 401.")
@click.option("--request", metavar="ID", help="Of this request id.")
@click.option("--route", help="Only of this route: /orders/{order_id}.")
@click.option("--bucket", help=f"The step of time: {', '.join(BUCKETS)} (default hour).")
@_since
@_until
@_service
@click.option("--limit", help="At most so many rows; a table shows 20 when not given.")
@_format
def ask(
    question: str,
    sources: tuple[str, ...],
    form: str,
    token: str | None,
    **parameters: str | None,
) -> None:
    """Answer one question."""
    # What is wrong is said before anything is read.
    query, *others = _queries(question, parameters, token)
    with _open(sources) as logs:
        if question == "timeline" and form == "table":
            from clew.answers.timeline import timeline_of

            print_timeline(timeline_of(logs, query))
            return
        answer = logs.answer(query)
        for other in others:
            answer.rows.extend(logs.answer(other).rows)
        if not answer.rows:
            from clew.answers.lookups import OVERVIEW

            [(first, last, events, *_)] = logs.answer(Query.of(OVERVIEW, {})).rows
            if events:
                say(f"nothing found between {first} and {last}")
            else:
                say("no line is an event, with a createdAt in milliseconds")
        print_answer(answer, form, limited="limit" in query.values)


def _queries(question: str, parameters: dict[str, str | None], token: str | None) -> list[Query]:
    """Return what is asked: by each key, where the values are tokens."""
    found = find_question(question)
    value = parameters.get("value")
    if token is None or value is None:
        return [Query.of(found, parameters)]
    from clew.answers.privacy import values_of

    return [Query.of(found, {**parameters, "value": one}) for one in values_of(value, token)]


@cli.command(epilog="Example: clew timeline 018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a gateway.ndjson")
@click.argument("request_id", metavar="ID")
@_sources
@_format
def timeline(request_id: str, sources: tuple[str, ...], form: str) -> None:
    """Show what happened in one request, over all services.

    What happened within what, in order of beginning, with bars that show where the time went,
    stretches in which nothing was logged, and what failed in red.
    """
    click.get_current_context().invoke(
        ask, question="timeline", sources=sources, request=request_id, form=form
    )


@cli.command(epilog="Example: clew report gateway.ndjson orders.ndjson --html report.html")
@_sources
@click.option("--html", "path", metavar="FILE", required=True, help="Where to write the page.")
@_since
@_until
@_service
def report(sources: tuple[str, ...], path: str, **parameters: str | None) -> None:
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
@_sources
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
@_sources
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
    for sentence in result.damage:
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
@_sources
@_levels
@click.option("--privacy", is_flag=True, help="Say what lines still hold in clear, by its kind.")
@click.option("--names", is_flag=True, help="Say why each name in the lines is masked, or not.")
def check(sources: tuple[str, ...], levels: tuple[str, ...], privacy: bool, names: bool) -> int:
    """Show each line that does not fit the schema.

    As file:line: why. The exit status is 1 then. --privacy looks for e-mail addresses, card
    numbers, credentials, tokens and keys instead.
    """
    if privacy or names:
        return max(check_privacy(sources) if privacy else 0, check_names(sources) if names else 0)
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


cli.add_command(export)
cli.add_command(forget)


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
