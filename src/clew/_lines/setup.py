"""Set up the standard library's logging, in one call or as a dictionary."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

from clew._backlog import MOST_BYTES, MOST_LINES
from clew._options import check_flag, check_level, check_number
from clew._redaction import Redact, lasting
from clew._unfinished import check_folder
from clew._unfinished import unfinished as table

from .console import ConsoleFormatter, is_terminal
from .encoder import Encoder, Frames
from .extract import ContextFilter
from .handler import LineHandler, WhenBlocked, check_when_blocked, own_handlers
from .json_formatter import JSONFormatter
from .recovery import keep_table
from .servers import (
    ACCESS_LOGGERS,
    ALL_SERVER_LOGGERS,
    QUIET_LOGGERS,
    ServerFilter,
    add_filter_once,
    reset_loggers,
)

Format = Literal["json", "console"]


def configure_logging(
    level: int | str = "INFO",
    format: Format = "json",
    stream: TextIO | None = None,
    service: str | None = None,
    version: str | None = None,
    fields: Mapping[str, object] | None = None,
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
    frames: Frames = "all",
    twins: bool = True,
    keep: int | str | None = None,
    keep_lines: int = MOST_LINES,
    keep_bytes: int = MOST_BYTES,
    uncaught: bool = True,
    unfinished: str | os.PathLike[str] | None = None,
    when_blocked: WhenBlocked = "wait",
) -> None:
    """Set up the root logger: every line of every logger, with its ids, on *stream*.

    A second call replaces what the first set up; handlers that you added to the root logger stay.
    The access lines of uvicorn, gunicorn, hypercorn, granian, werkzeug and Django's runserver are
    turned off, the servers' other lines come through. ``httpx``, ``httpx2`` and ``watchfiles``
    are set to WARNING. clew's own loggers (``clew.http`` and others) stay on when a later
    ``fileConfig`` or ``dictConfig`` disables existing loggers: to turn their lines off, set their
    level, or give ``log=False`` to the middleware, the client or the task system.

    Args:
        level: The root logger's level, as in the logging module: a number, or ``"info"``.
        format: ``"json"``, or ``"console"`` for people at a terminal.
        stream: Where the lines go; ``sys.stdout``, looked up at each line, when None.
        service: Which service of several writes the lines.
        version: The release of that service, which every line has as ``serviceVersion``, so that
            releases can be compared.
        fields: Further fields of every line, as ``{"environment": "prod"}``. A line's own field of
            such a name is written in its place.
        levels: Other words for some levels, ``{"danger": "error"}``.
        redact: ``"default"`` masks the values of names like password, token and email, at any
            depth, in texts and URLs too; a collection of names masks those too, a mapping says how
            (``{"email": "token", "ipAddress": "network", "card number": "last4", "tenant": "mask",
            "author": "keep"}``); ``"personal"`` also masks what is personal but wanted in most
            logs (city, age, address, device); ``"strict"`` that, and e-mail addresses, card
            numbers and tokens inside texts; ``"off"`` masks nothing. `clew.explain` says why a
            name is masked.
        frames: ``"own"`` has one line in a stack trace in the place of frames of installed
            packages in a row.
        twins: False leaves out lines that say again what an HTTPLog says: a server's or a
            framework's about a crash whose exception the HTTPLog has, and Django's about a 4xx.
        keep: A level below *level*, as ``"DEBUG"``. Lines from there on, of any logger without a
            level of its own, are kept in their request, task or `context`, and written, with
            ``"kept": true``, if it fails: by a 5xx, an exception, a client that leaves, or a time
            of at least the adapter's option ``slow``. Otherwise they are forgotten.
        keep_lines: How many lines each keeps, of which the oldest are dropped.
        keep_bytes: How many bytes they may have together.
        uncaught: Whether exceptions that nobody catches (in the main thread, in others, in
            finalizers, in asyncio's tasks) and Python's warnings become lines. Hooks that were set
            before are called as well.
        unfinished: A folder in which each process keeps a table of the requests and tasks that it
            is at. What a killed process was at is written, with the outcome ``lost``, when the next
            process of the same *service* calls this, or by ``clew unfinished``.
        when_blocked: What happens when nobody reads the pipe or the socket that lines go to:
            ``"wait"`` loses nothing; with ``"drop"`` a request never waits: lines are queued, up
            to 4 MiB, what does not fit is dropped, and a line says how many were.
    """
    folder = None if unfinished is None else check_folder(unfinished)
    if stream is not None and not hasattr(stream, "write"):
        raise TypeError(f"stream must be a text stream, as sys.stderr, not {stream!r}")
    options: dict[str, Any] = {
        "service": service,
        "version": version,
        "fields": fields,
        "levels": levels,
        "redact": redact,
        "frames": frames,
    }
    level, root_level = _check(level, format, keep)
    formatter = (
        ConsoleFormatter(colours=is_terminal(sys.stdout if stream is None else stream), **options)
        if format == "console"
        else JSONFormatter(**options)
    )
    handler = LineHandler(
        "stdout" if stream is None else stream,
        twins=twins,
        keep_below=None if keep is None else level,
        keep_lines=keep_lines,
        keep_bytes=keep_bytes,
        uncaught=check_flag("uncaught", uncaught),
        when_blocked=when_blocked,
    )
    handler.setFormatter(formatter)
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    root.setLevel(root_level)
    for other in own_handlers():
        root.removeHandler(other)
        other.close()
    root.addHandler(handler)
    reset_loggers(ALL_SERVER_LOGGERS)
    for name in ALL_SERVER_LOGGERS:
        add_filter_once(logging.getLogger(name), ServerFilter)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    if folder is None:
        table.stop()
    else:
        keep_table(folder, service)


def logging_config(
    level: int | str = "INFO",
    format: Format = "json",
    stream: Literal["stdout", "stderr"] = "stdout",
    service: str | None = None,
    version: str | None = None,
    fields: Mapping[str, object] | None = None,
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
    frames: Frames = "all",
    twins: bool = True,
    keep: int | str | None = None,
    keep_lines: int = MOST_LINES,
    keep_bytes: int = MOST_BYTES,
    uncaught: bool = True,
    unfinished: str | os.PathLike[str] | None = None,
    when_blocked: WhenBlocked = "wait",
) -> dict[str, Any]:
    """Return what `configure_logging` sets up, as a dictionary for ``logging.config.dictConfig``.

    For Django's ``LOGGING``, gunicorn's ``logconfig_dict``, and as a JSON file for
    ``uvicorn --log-config``: it holds plain values only. *stream* is ``"stdout"`` or
    ``"stderr"``; the other arguments are those of `configure_logging`. With *unfinished*, what
    killed processes were at is written with the first request or task.
    """
    level, root_level = _check(level, format, keep)
    for option, number in (("keep_lines", keep_lines), ("keep_bytes", keep_bytes)):
        check_number(option, number)
    if stream not in ("stdout", "stderr"):
        raise ValueError(f'stream must be "stdout" or "stderr" here, not {stream!r}')
    redact = lasting(redact)
    Encoder(  # which refuses what is wrong
        service=service, version=version, fields=fields, levels=levels, redact=redact, frames=frames
    )
    formatter: dict[str, Any] = {
        "()": "clew.ConsoleFormatter" if format == "console" else "clew.JSONFormatter",
        "redact": redact,
    }
    if format == "console":
        formatter["colours"] = is_terminal(getattr(sys, stream))
    if service is not None:
        formatter["service"] = service
    if version is not None:
        formatter["version"] = version
    if fields:
        formatter["fields"] = dict(fields)
    if levels is not None:
        formatter["levels"] = dict(levels)
    if frames != "all":
        formatter["frames"] = frames
    noting = {"unfinished": unfinished and str(check_folder(unfinished)), "service": service}
    keeping = {"keep_below": level, "keep_lines": keep_lines, "keep_bytes": keep_bytes}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "context": {"()": "clew.ContextFilter"},
            "servers": {"()": "clew.ServerFilter"},
        },
        "formatters": {"clew": formatter},
        "handlers": {
            "clew": {
                "class": "clew.LineHandler",
                "stream": stream,  # its name: looked up at each line
                "formatter": "clew",
                "filters": ["context"],
                **({} if check_flag("twins", twins) else {"twins": False}),
                **({} if keep is None else keeping),
                "uncaught": check_flag("uncaught", uncaught),
                **({} if unfinished is None else noting),
                **({} if check_when_blocked(when_blocked) == "wait" else {"when_blocked": "drop"}),
            }
        },
        "root": {"level": root_level, "handlers": ["clew"]},
        "loggers": {
            **{
                name: {
                    "handlers": [],
                    "filters": ["servers"],
                    "propagate": name not in ACCESS_LOGGERS,
                }
                for name in ALL_SERVER_LOGGERS
            },
            **{name: {"level": "WARNING"} for name in QUIET_LOGGERS},
        },
    }


def _check(level: int | str, format: object, keep: int | str | None) -> tuple[int, int]:
    """Return the *level*, and that from which on lines are kept; refuse what is wrong."""
    number = check_level("level", level)
    kept = number if keep is None else check_level("keep", keep)
    if keep is not None and not 0 < kept < number:
        raise ValueError(f"keep is {keep!r}, which is not below the level {level!r}")
    if format not in ("json", "console"):
        raise ValueError(f'format must be "json" or "console", not {format!r}')
    return number, kept
