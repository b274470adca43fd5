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
_map = click.option(
    "--map",
    "names",
    metavar="NAME=PATH",
    multiple=True,
    help="What a home-made form calls a field: status=http.code.",
)
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
@click.option("--status", help="Of this HTTP status: 401.")
@click.option("--request", metavar="ID", help="Of this request id.")
@click.option("--route", help="Only of this route: /orders/{order_id}.")
@click.option("--bucket", help=f"The step of time: {', '.join(BUCKETS)} (default hour).")
@_since
@_until
@_service
@_map
@click.option("--limit", help="At most so many rows; a table shows 20 when not given.")
@_format
def ask(
    question: str,
    sources: tuple[str, ...],
    form: str,
    names: tuple[str, ...] = (),
    **parameters: str | None,
) -> None:
    """Answer one question."""
    # What is wrong is said before anything is read.
    query = Query.of(find_question(question), parameters)
    with _open(sources, names, first=query) as logs:
        if question == "timeline" and form == "table":
            from clew.answers.timeline import timeline_of

            print_timeline(timeline_of(logs, query))
            return
        answer = logs.answer(query)
        if not answer.rows:
            from clew.answers.lookups import OVERVIEW

            [(first, last, events, *_)] = logs.answer(Query.of(OVERVIEW, {})).rows
            if events:
                say(f"nothing found between {first} and {last}")
            else:
                say("no line is an event, with a createdAt in milliseconds")
        print_answer(answer, form, limited="limit" in query.values)


@cli.command(epilog="Example: clew timeline 018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a gateway.ndjson")
@click.argument("request_id", metavar="ID")
@_sources
@_map
@_format
def timeline(request_id: str, sources: tuple[str, ...], form: str, names: tuple[str, ...]) -> None:
    """Show what happened in one request, over all services.

    What happened within what, in order of beginning, with bars that show where the time went,
    stretches in which nothing was logged, and what failed in red.
    """
    click.get_current_context().invoke(
        ask, question="timeline", sources=sources, request=request_id, form=form, names=names
    )


@cli.command(epilog="Example: clew report gateway.ndjson orders.ndjson --html report.html")
@_sources
@click.option("--html", "path", metavar="FILE", required=True, help="Where to write the page.")
@_since
@_until
@_service
@_map
def report(
    sources: tuple[str, ...], path: str, names: tuple[str, ...], **parameters: str | None
) -> None:
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
        with _open(sources, names) as opened:
            write(page(opened, scope))
    echo(path)


@cli.command(epilog="Example: clew serve gateway.ndjson orders.ndjson --port 8321")
@_sources
@click.option("--port", type=click.IntRange(0, 65535), default=8321, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@_map
def serve(sources: tuple[str, ...], host: str, port: int, names: tuple[str, ...]) -> None:
    """Show the answers as a live page, for this machine alone."""
    from clew.answers.pages.serve import listen
    from clew.answers.pages.serve import serve as serve_logs

    # A port that is in use is said before anything is read.
    with listen(host, port) as listener, _open(sources, names, growing=True) as logs:
        serve_logs(logs, listener, host=host, announce=echo)


@cli.command(
    epilog="Example: clew load gateway.ndjson clickhouse://user:password@host:8123/logs?table=logs"
)
@_sources
@click.argument("target")
@_map
@click.option(
    "--ttl-days", type=click.IntRange(1), help="Make the table forget events after so many days."
)
def load(
    sources: tuple[str, ...], target: str, names: tuple[str, ...], ttl_days: int | None
) -> None:
    """Keep lines where they are asked at once: in logs.duckdb, or in a table of ClickHouse.

    It is made when it is not there. Lines that it already has are left out, so that a file can be
    loaded again when it has grown.
    """
    from clew.answers.sources.mapping import pairs_of

    mapping = pairs_of(names)
    with progress() as show:
        if target.endswith(".duckdb") and "://" not in target:
            from clew.answers.keep import keep

            if ttl_days is not None:
                raise AnswerError(f"{target!r} forgets nothing: leave out ttl-days")
            result = keep(sources, target, map=mapping, progress=show)
        else:
            from clew.answers.load import load as load_files

            result = load_files(sources, target, ttl_days=ttl_days, map=mapping, progress=show)
    for sentence in (*result.damage, *result.notes):
        say(sentence)
    say(result.summary)
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
def _open(
    sources: tuple[str, ...],
    names: tuple[str, ...],
    *,
    growing: bool = False,
    first: Query | None = None,
) -> Iterator[Logs]:
    """Open the logs, with a progress bar, and say on stderr what was read."""
    from clew.answers.logs import open as open_logs
    from clew.answers.sources.mapping import pairs_of

    mapping = pairs_of(names)
    with progress() as show:
        logs = open_logs(*sources, growing=growing, progress=show, map=mapping, first=first)
    with logs:
        for sentence in logs.damage:
            say(sentence)
        if logs.lines and logs.lines == logs.broken:
            raise AnswerError(f"None of the {logs.lines:,} lines read is a JSON object")
        say(logs.summary)
        yield logs
