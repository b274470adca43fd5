"""Set up the standard library's logging, in one call or as a dictionary."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

from clew._options import check_flag
from clew._redaction import Redact, lasting, redactor
from clew.records import level_words

from .console import ConsoleFormatter, is_terminal
from .encoder import Frames, check_frames
from .extract import ContextFilter
from .handler import LineHandler, own_handlers
from .json_formatter import JSONFormatter
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
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
    frames: Frames = "all",
    twins: bool = True,
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
    """
    if stream is not None and not hasattr(stream, "write"):
        raise TypeError(f"stream must be a text stream, as sys.stderr, not {stream!r}")
    options: dict[str, Any] = {
        "service": service,
        "levels": levels,
        "redact": redact,
        "frames": frames,
    }
    level = _check(level, format, service)
    formatter = (
        ConsoleFormatter(colours=is_terminal(sys.stdout if stream is None else stream), **options)
        if format == "console"
        else JSONFormatter(**options)
    )
    handler = LineHandler("stdout" if stream is None else stream, twins=twins)
    handler.setFormatter(formatter)
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    root.setLevel(level)
    for other in own_handlers():
        root.removeHandler(other)
    root.addHandler(handler)
    reset_loggers(ALL_SERVER_LOGGERS)
    for name in ALL_SERVER_LOGGERS:
        add_filter_once(logging.getLogger(name), ServerFilter)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def logging_config(
    level: int | str = "INFO",
    format: Format = "json",
    stream: Literal["stdout", "stderr"] = "stdout",
    service: str | None = None,
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
    frames: Frames = "all",
    twins: bool = True,
) -> dict[str, Any]:
    """Return what `configure_logging` sets up, as a dictionary for ``logging.config.dictConfig``.

    For Django's ``LOGGING``, gunicorn's ``logconfig_dict``, and as a JSON file for
    ``uvicorn --log-config``: it holds plain values only. *stream* is ``"stdout"`` or
    ``"stderr"``; the other arguments are those of `configure_logging`.
    """
    level = _check(level, format, service)
    if stream not in ("stdout", "stderr"):
        raise ValueError(f'stream must be "stdout" or "stderr" here, not {stream!r}')
    level_words(levels)
    redact = lasting(redact)
    redactor(redact)
    formatter: dict[str, Any] = {
        "()": "clew.ConsoleFormatter" if format == "console" else "clew.JSONFormatter",
        "redact": redact,
    }
    if format == "console":
        formatter["colours"] = is_terminal(getattr(sys, stream))
    if service is not None:
        formatter["service"] = service
    if levels is not None:
        formatter["levels"] = dict(levels)
    if check_frames(frames) != "all":
        formatter["frames"] = frames
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
            }
        },
        "root": {"level": level, "handlers": ["clew"]},
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


def _check(level: int | str, format: object, service: object) -> int | str:
    """Return the *level* as the logging module has it; refuse what is wrong."""
    names = logging.getLevelNamesMapping()
    if isinstance(level, str) and level not in names:
        level = level.upper()
    is_number = isinstance(level, int) and not isinstance(level, bool)
    if not is_number and not (isinstance(level, str) and level in names):
        raise ValueError(f"level must be a number or one of {', '.join(names)}, not {level!r}")
    if format not in ("json", "console"):
        raise ValueError(f'format must be "json" or "console", not {format!r}')
    if service is not None and not isinstance(service, str):
        raise TypeError(f"service must be a string or None, not {service!r}")
    return level
