"""The command line: a thin cover over `clew.answers`."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ._mistakes import AnswerError
from ._output import print_answer, print_timeline, progress, say
from ._parameters import BUCKETS
from ._questions import QUESTIONS

if TYPE_CHECKING:
    from ._logs import Logs


def run() -> NoReturn:
    """Run the command line, and exit: 2 with one line on stderr when the user is to mend it."""
    for number in (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        signal.signal(number, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot hold is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        status = cli(prog_name="clew", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        status = 2
    except (AnswerError, click.ClickException) as error:
        status = 2
        say(error.format_message() if isinstance(error, click.ClickException) else str(error))
    sys.exit(status)


class _Clew(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what ends it from outside is met here, before click speaks of it."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
            return status
        except BrokenPipeError:  # of `clew ask ... | head`: what was wanted has been read
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except KeyboardInterrupt:
            return 130
        except RuntimeError as error:
            if "Query interrupted" not in str(error):  # what DuckDB makes of a signal
                raise
            return _stopped or 130
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise AnswerError(f"The output cannot be written: {error.strerror or error}") from error


_stopped = 0


def _stop(number: int, _: object) -> NoReturn:
    global _stopped  # noqa: PLW0603 - DuckDB loses the exception
    _stopped = 128 + number
    sys.exit(_stopped)


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
_period = (
    click.option("--since", metavar="TIME", help="From this time on: 2026-11-01, or with a time."),
    click.option("--until", metavar="TIME", help="Before this time."),
    click.option("--service", help="Only of this service."),
)
_format = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="A table for people; JSON and CSV for programs.",
)


def _with(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.group(
    cls=_Clew,
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
    pass


def _ask_help() -> str:
    width = max(map(len, QUESTIONS)) + 2
    lines = [f"  {name:<{width}}{question.title}" for name, question in QUESTIONS.items()]
    return "Answer one question.\n\n\b\n" + "\n".join(lines)


@cli.command(
    help=_ask_help(),
    epilog="Example: clew ask access app.ndjson --action READ_JOURNAL --since 2026-11-01",
)
@click.argument("question", shell_complete=_complete_question)
@_with(
    _sources,
    click.option("--action", help="Of this action: READ_JOURNAL."),
    click.option("--value", help="Of this value: user:12345."),
    click.option("--status", help="Of this HTTP status: 401."),
    click.option("--request", metavar="ID", help="Of this request id."),
    click.option("--route", help="Only of this route: /orders/{order_id}."),
    click.option("--bucket", help=f"The step of time: {', '.join(BUCKETS)} (default hour)."),
    *_period,
    click.option("--limit", help="At most so many rows; a table shows 20 when not given."),
    _format,
)
def ask(question: str, sources: tuple[str, ...], form: str, **parameters: str | None) -> None:
    from ._parameters import bound, question_named

    # What is wrong is said before anything is read.
    asked = question_named(question)
    bound(asked, parameters)
    with _opened(sources) as logs:
        if question == "timeline" and form == "table":
            from ._timeline import timeline_of

            print_timeline(timeline_of(logs, **parameters))
            return
        answer = logs.ask(question, **parameters)
        if not answer.rows:
            _explain_nothing(logs)
        print_answer(answer, form, limited=parameters["limit"] is not None)


@cli.command(epilog="Example: clew timeline 018f6b0e-7c3a-7d2b-9a41-5f0c2e8d1b6a gateway.ndjson")
@click.argument("request_id", metavar="ID")
@_with(_sources, _format)
def timeline(request_id: str, sources: tuple[str, ...], form: str) -> None:
    """Show what happened in one request, over all services.

    What happened within what, in order of beginning, with bars that show where the time went,
    stretches in which nothing was logged, and what failed in red.
    """
    click.get_current_context().invoke(
        ask, question="timeline", sources=sources, request=request_id, form=form
    )


@cli.command(epilog="Example: clew report gateway.ndjson orders.ndjson --html report.html")
@_with(
    _sources,
    click.option("--html", "path", metavar="FILE", required=True, help="Where to write the page."),
    *_period,
)
def report(sources: tuple[str, ...], path: str, **parameters: str | None) -> None:
    """Write every question and its answer on one page, with plots."""
    from ._lookups import OVERVIEW
    from ._parameters import bound
    from ._plots import warm_up
    from ._report import page, replaced

    # What is wrong is said before anything is read.
    bound(OVERVIEW, parameters)
    _spare(sources, path)
    with replaced(path) as file, _meanwhile(warm_up), _opened(sources) as logs:
        file.write(page(logs, parameters))
    click.echo(path)


@contextmanager
def _meanwhile(prepare: Callable[[], None]) -> Iterator[None]:
    """Prepare in a thread what is needed later; what fails there fails again when it is needed."""

    def run() -> None:
        with suppress(Exception):
            prepare()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _spare(sources: tuple[str, ...], path: str) -> None:
    """Refuse to write the page in the place of a log."""
    from ._files import find

    logs = find(sources) if not any("://" in source for source in sources) else []
    if os.path.realpath(path) in {os.path.realpath(log) for log in logs}:
        raise AnswerError(f"{path!r} is one of the logs: give another file for the page")


@cli.command(epilog="Example: clew serve gateway.ndjson orders.ndjson --port 8321")
@_with(
    _sources,
    click.option("--port", type=click.IntRange(0, 65535), default=8321, show_default=True),
    click.option(
        "--host", default="127.0.0.1", show_default=True, help="The address to listen at."
    ),
)
def serve(sources: tuple[str, ...], host: str, port: int) -> None:
    """Show the answers as a live page, for this machine alone."""
    from ._serve import listening_at
    from ._serve import serve as serve_logs

    # A port that is taken is said before anything is read.
    with listening_at(host, port) as listening, _opened(sources, growing=True) as logs:
        serve_logs(logs, listening, host=host)


@cli.command(
    epilog="Example: clew load gateway.ndjson clickhouse://user:password@host:8123/logs?table=logs"
)
@_with(
    _sources,
    click.argument("url"),
    click.option(
        "--ttl-days",
        type=click.IntRange(1),
        help="Make the table forget events after so many days.",
    ),
)
def load(sources: tuple[str, ...], url: str, ttl_days: int | None) -> None:
    """Move lines into a ClickHouse table.

    It is made when it is not there. Lines that the table already has are left out, so that a file
    can be loaded again when it has grown.
    """
    from ._load import load as load_files

    with progress() as show:
        loaded = load_files(sources, url, ttl_days=ttl_days, progress=show)
    for sentence in loaded.damage:
        say(sentence)
    say(f"{loaded.lines:,} lines, {loaded.broken:,} of them broken")
    click.echo(f"{loaded.added:,} events added")


_levels = click.option(
    "--level",
    "levels",
    metavar="WORD=OTHER",
    multiple=True,
    help="A renamed level, as in configure_logging: danger=error.",
)


@cli.command(epilog="Example: clew check app.ndjson")
@_with(_sources, _levels)
def check(sources: tuple[str, ...], levels: tuple[str, ...]) -> int:
    """Show each line that does not fit the schema.

    As file:line: why. The exit status is 1 then.
    """
    from ._check import check as checked

    lines = misfits = 0
    for name, number, why in checked(sources, levels=_renamed(levels)):
        lines += 1
        if why is not None:
            misfits += 1
            click.echo(f"{name}:{number}: {why}")
    say(f"{misfits:,} of {lines:,} lines do not fit the schema")
    return 1 if misfits else 0


@cli.command(epilog="Example: clew schema > line.schema.json")
@_levels
def schema(levels: tuple[str, ...]) -> None:
    """Print the JSON Schema of a line."""
    import json

    from clew.records import json_schema

    click.echo(json.dumps(json_schema(levels=_renamed(levels)), indent=2))


def _renamed(levels: tuple[str, ...]) -> Mapping[str, str]:
    from clew.records import level_words

    renamed = dict(pair.partition("=")[::2] for pair in levels)
    try:
        return level_words(renamed)
    except ValueError as error:
        raise AnswerError(str(error)) from error


@contextmanager
def _opened(sources: tuple[str, ...], *, growing: bool = False) -> Iterator[Logs]:
    """Open the logs, with a progress bar, and say on stderr what was read."""
    from ._logs import open as open_logs

    with progress() as show:
        logs = open_logs(*sources, growing=growing, progress=show)
    with logs:
        for sentence in logs.damage:
            say(sentence)
        if logs.lines and logs.lines == logs.broken:
            raise AnswerError(f"None of the {logs.lines:,} lines read is a JSON object")
        say(f"{logs.lines:,} lines, {logs.broken:,} of them broken")
        yield logs


def _explain_nothing(logs: Logs) -> None:
    from ._lookups import OVERVIEW

    [(first, last, events, *_)] = logs.rows(OVERVIEW, {})
    if not events:
        say("no line is an event, with a createdAt in milliseconds")
    else:
        say(f"nothing found between {first} and {last}")
