"""What the command line writes: answers on stdout; notes and a progress bar on stderr."""

from __future__ import annotations

import csv
import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TextIO

import click
import msgspec

from clew._text import escaped_controls, one_line
from clew.answers.errors import AnswerError, without_passwords

if TYPE_CHECKING:
    from rich.console import Console

    from clew.answers.engines.engine import Progress
    from clew.answers.logs import Answer
    from clew.answers.timeline import Timeline

_encode = msgspec.json.Encoder(decimal_format="number").encode


@contextmanager
def writing() -> Iterator[None]:
    """Say in one sentence when what the block writes to stdout cannot be written."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        silence(sys.stdout)
        why = "stdout is closed" if error.errno == errno.EBADF else error.strerror or error
        raise AnswerError(f"The output cannot be written: {why}") from error


def silence(stream: TextIO) -> None:
    """Have nobody read *stream*: what is still in its buffer would fail once more at the end."""
    nobody = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nobody, stream.fileno())
    os.close(nobody)


@writing()
def write(text: str) -> None:
    """Write a *text* of ours to stdout, as it is."""
    click.echo(text)


def echo(text: str) -> None:
    """Write *text* to stdout, in one line."""
    write(one_line(text))


def tell(text: str) -> None:
    """Write to stdout what was done, in one line; where that cannot be, say it on stderr."""
    try:
        echo(text)
    except BrokenPipeError:
        silence(sys.stdout)
    except AnswerError:
        say(text)


@writing()
def echo_json(lines: bytes) -> None:
    """Write *lines* of JSON to stdout: as they are, or escaped on a terminal, which they steer."""
    is_terminal = sys.stdout.isatty()
    click.echo(escaped_controls(lines.decode("utf-8", "replace")) if is_terminal else lines)


def say(sentence: str) -> None:
    """Note *sentence* on stderr, in one line."""
    try:
        click.echo(f"clew: {one_line(without_passwords(' '.join(sentence.split())))}", err=True)
    except OSError:  # there is nobody to tell it
        silence(sys.stderr)


@contextmanager
def progress() -> Iterator[Progress | None]:
    """Show how far a long reading is, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = ("Reading", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("")
    began = time.monotonic()

    def show(done: int, size: int) -> None:
        if not bar.live.is_started and time.monotonic() - began > 0.5:
            bar.start()
        bar.update(task, completed=done, total=max(size, done) or None)

    try:
        yield show
    finally:
        bar.stop()


def _console() -> Console:
    from rich.console import Console

    # Without a terminal nothing has to be cut.
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200
    console = Console(highlight=False, markup=False, width=width)

    def raise_again() -> NoReturn:
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError

    # A closed pipe ends the command as it does elsewhere; rich would exit with 1.
    console.on_broken_pipe = raise_again  # type: ignore[method-assign]
    return console


@writing()
def print_timeline(timeline: Timeline) -> None:
    """Draw *timeline* on stdout."""
    from .terminal import draw_timeline

    draw_timeline(_console(), timeline)


@writing()
def print_answer(answer: Answer, form: str, *, limited: bool) -> None:
    """Write *answer* to stdout: a table, JSON or CSV, as *form* says."""
    if form == "table":
        from .table import draw_answer

        draw_answer(_console(), answer, limited=limited)
        return
    if form == "csv":
        # What steers a terminal is escaped on one; a program gets each value as it is.
        is_terminal = sys.stdout.isatty()
        writer = csv.writer(sys.stdout, lineterminator="\n")
        for row in (answer.columns, *answer.rows):
            writer.writerow(
                [one_line(cell) if is_terminal and isinstance(cell, str) else cell for cell in row]
            )
    else:
        echo_json(b"[" + b",\n".join(_encode(row) for row in answer.dicts()) + b"]")
