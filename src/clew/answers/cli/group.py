"""The command ``clew``, and how its commands open the logs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from clew.answers.errors import AnswerError

from .exits import Commands
from .output import progress, say

if TYPE_CHECKING:
    from clew.answers.logs import Logs
    from clew.answers.query import Query


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
    " for the standard input, or what clew load made: logs.duckdb, or"
    " clickhouse://user:password@host:8123/database?table=logs. Lines are read out of what"
    " Docker, Kubernetes, systemd, CloudWatch, Heroku, Loki, Fluent Bit, Vector, Datadog and gcloud"
    " (--format=json) put around them, and out of JSON arrays; those of pino, ECS, OpenTelemetry,"
    " Google, Caddy, Traefik, nginx, structlog, python-json-logger, slog, zap and Serilog are"
    " events too. --map status=http.code says what a home-made form calls its own."
    ' Completion: eval "$(_CLEW_COMPLETE=bash_source clew)", also zsh_source, fish_source.',
)
@click.version_option(package_name="clew", message="clew %(version)s")
def cli() -> None:
    """Hold the commands."""


@contextmanager
def opened(
    sources: tuple[str, ...],
    names: tuple[str, ...],
    *,
    growing: bool = False,
    first: Query | str | None = None,
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
