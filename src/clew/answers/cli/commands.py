"""The command line: a thin cover over `clew.answers`."""

from __future__ import annotations

import os
from typing import Any

import click

from clew.answers.errors import AnswerError
from clew.answers.query import Query

from .asking import ask, say_missing, sql, timeline
from .group import cli, opened
from .options import MAP, NARROWING, PERIOD, SOURCES
from .output import echo, echo_json, progress, say, tell
from .privacy import check_names, check_privacy, export, forget
from .unfinished import unfinished

__all__ = ["ask", "cli", "export", "forget", "sql", "timeline", "unfinished"]


@cli.command(epilog="Example: clew report gateway.ndjson orders.ndjson --html report.html")
@SOURCES
@click.option("--html", "path", metavar="FILE", required=True, help="Where to write the page.")
@PERIOD
@NARROWING
@MAP
def report(sources: tuple[str, ...], path: str, names: tuple[str, ...], **parameters: Any) -> None:
    """Write every question and its answer on one page, with plots."""
    from clew.answers.files import find
    from clew.answers.lookups import OVERVIEW
    from clew.answers.pages.plots import warm_up
    from clew.answers.pages.report import page, replacing

    # What is wrong is said before anything is read.
    scope = Query.of(OVERVIEW, parameters)
    files = find(sources) if not any("://" in source for source in sources) else ()
    if os.path.realpath(path) in map(os.path.realpath, files):
        raise AnswerError(f"{path!r} is one of the logs: give another file for the page")
    with replacing(path) as write, warm_up(), opened(sources, names) as logs:
        write(page(logs, scope))
        say_missing(logs, scope)
    tell(path)


@cli.command(epilog="Example: clew serve gateway.ndjson orders.ndjson --port 8321")
@SOURCES
@click.option("--port", type=click.IntRange(0, 65535), default=8321, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@MAP
def serve(sources: tuple[str, ...], host: str, port: int, names: tuple[str, ...]) -> None:
    """Show the answers as a live page, for this machine alone."""
    from clew.answers.pages.serve import listen
    from clew.answers.pages.serve import serve as serve_logs

    # A port that is in use is said before anything is read.
    with listen(host, port) as listener, opened(sources, names, growing=True) as logs:
        serve_logs(logs, listener, host=host, announce=echo, warn=say)


@cli.command(
    epilog="Example: clew load logs/ logs.duckdb; or"
    " clew load gateway.ndjson clickhouse://user:password@host:8123/logs?table=logs"
)
@SOURCES
@click.argument("target")
@MAP
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
            if "://" not in target:
                raise AnswerError(
                    f"{target!r} is no target: name a file that ends in .duckdb, or a table, as in"
                    " clickhouse://user:password@host:8123/logs?table=logs"
                )
            from clew.answers.load import load as load_files

            result = load_files(sources, target, ttl_days=ttl_days, map=mapping, progress=show)
    for sentence in (*result.damage, *result.notes):
        say(sentence)
    say(result.summary)
    tell(f"{result.added:,} events added")


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
@click.option("--privacy", is_flag=True, help="Say what lines still hold in clear, by its kind.")
@click.option("--names", is_flag=True, help="Say why each name in the lines is masked, or not.")
def check(sources: tuple[str, ...], levels: tuple[str, ...], privacy: bool, names: bool) -> int:
    """Show what does not fit the schema, each kind once.

    As file:line of the first: why. The exit status is 1 then. --privacy looks for e-mail addresses,
    card numbers, credentials, tokens and keys instead.
    """
    if privacy or names:
        found_any = check_privacy(sources) if privacy else 0
        return max(found_any, check_names(sources) if names else 0)
    from clew.answers.check import check as check_files
    from clew.answers.check import faults, level_words_of

    found, lines = faults(check_files(sources, levels=level_words_of(levels)))
    for fault in found:
        echo(str(fault))
    misfits = sum(fault.lines for fault in found)
    say(f"{misfits:,} of {lines:,} lines do not fit the schema")
    return 1 if misfits else 0


@cli.command(epilog="Example: clew schema > line.schema.json")
@_levels
def schema(levels: tuple[str, ...]) -> None:
    """Print the JSON Schema of a line."""
    import json

    from clew.answers.check import level_words_of
    from clew.records import json_schema

    echo_json(json.dumps(json_schema(levels=level_words_of(levels)), indent=2).encode())
