"""How a command ends: its exit status, and what signals and closed pipes make of it."""

from __future__ import annotations

import atexit
import gc
import io
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn, cast

import click

from clew.answers.errors import AnswerError

from .output import say, silence, write, writing


class Command(click.Command):
    """A command whose help may find that it cannot be written."""

    @writing()
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args)


class Commands(click.Group):
    """The commands of ``clew``, run as a program."""

    command_class = Command

    def run(self) -> NoReturn:
        """Run the command line, and exit: 2 with one line on stderr when the user is to mend it."""
        for number in (signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
            signal.signal(number, _stop)
        sys.unraisablehook = _send_again
        # The collector would look at everything as the process ends: a tenth of a short command.
        atexit.register(gc.freeze)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # What it cannot hold is escaped. Windows has an old encoding for files and pipes.
                encoding = "utf-8" if sys.platform == "win32" else None
                stream.reconfigure(encoding=encoding, errors="backslashreplace")
        try:
            status = self(prog_name="clew", standalone_mode=False) or 0
        except click.exceptions.NoArgsIsHelpError as error:
            status = _show_help(error)
        except (AnswerError, click.ClickException) as error:
            status = 2
            say(error.format_message() if isinstance(error, click.ClickException) else str(error))
        sys.exit(status)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            with writing():
                return super().parse_args(ctx, args)
        except BrokenPipeError:  # of `clew --help | head`
            silence(sys.stdout)
            ctx.exit()

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what ends it from outside is met here, before click speaks of it."""
        try:
            status = super().invoke(ctx)
            with writing():
                sys.stdout.flush()
            return status
        except BrokenPipeError:  # of `clew ask ... | head`: what was wanted has been read
            silence(sys.stdout)
            return 0
        except KeyboardInterrupt:
            return 130
        except RuntimeError as error:
            if "Query interrupted" not in str(error):  # what DuckDB makes of a signal
                raise
            return _signal_status or 130


def _show_help(error: click.exceptions.NoArgsIsHelpError) -> int:
    """Show the help to whom gave no command; return the exit status."""
    try:
        write(error.ctx.get_help() if error.ctx else "")
    except BrokenPipeError:
        silence(sys.stdout)
    except AnswerError as sentence:
        say(str(sentence))
    return 2


_signal_status = 0


def _send_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send a signal again that came in a finalizer, or a callback, which let nothing out."""
    error = unraisable.exc_value
    if isinstance(error, KeyboardInterrupt):
        number = signal.SIGINT
    elif isinstance(error, SystemExit) and error.code == _signal_status != 0:
        number = signal.Signals(_signal_status - 128)
    else:
        sys.__unraisablehook__(unraisable)
        return
    if sys.is_finalizing():
        return  # it ends anyhow
    # The main thread may be waiting, which only a signal of its own ends.
    send: Callable[[int], object] = signal.raise_signal
    if sys.platform != "win32":
        send = partial(signal.pthread_kill, cast("int", threading.main_thread().ident))
    later = threading.Timer(0.05, send, (number,))  # when the finalizer is done
    later.daemon = True
    later.start()


def _stop(number: int, _: object) -> NoReturn:
    global _signal_status  # noqa: PLW0603 - DuckDB loses the exception
    _signal_status = 128 + number
    sys.exit(_signal_status)
