"""Setting up the standard library's logging, in one call or as a dictionary."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TextIO

from ._capture import ContextFilter, taken_along
from ._console import ConsoleFormatter, is_terminal
from ._context import last_left, refused_handshake
from ._formatters import JSONFormatter
from ._handler import LineHandler
from ._levels import level_words
from ._privacy import Redact, redactor

# The HTTPLog replaces these servers' access lines.
_ACCESS_LOGGERS = ("uvicorn.access", "gunicorn.access", "hypercorn.access", "granian.access")
# These carry access lines among others.
_MIXED_LOGGERS = ("werkzeug", "django.server", "django.channels.server")
# These come with handlers of their own; through the root logger their lines become JSON.
_SERVER_LOGGERS = (
    *("uvicorn", "uvicorn.error", "gunicorn.error", "hypercorn.error"),
    *("_granian", "_granian.utils"),
)
_ALL_SERVER_LOGGERS = (*_SERVER_LOGGERS, *_MIXED_LOGGERS, *_ACCESS_LOGGERS)
_NO_HANDSHAKE = "returned without completing handshake."
_GRANIAN_CRASH = "Application callable raised an exception"
# At INFO httpx and httpcore write whole URLs, credentials and all; the outgoing HTTPLog replaces
# that. watchfiles, which uvicorn reloads by, writes a line whenever a file changes, the file that
# this line goes to as well.
_QUIET_LOGGERS = ("httpx", "httpcore", "watchfiles.main")

Format = Literal["json", "console"]


class ServerFilter(logging.Filter):
    """Drop a server's access lines; bring its other lines to the root logger's handlers.

    A filter of a logger stays when a server sets up its handlers anew, as uvicorn does when it
    is started by code that has called `configure_logging` before.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* is another line than an access line."""
        _tame(name for name in _ALL_SERVER_LOGGERS if f"{record.name}.".startswith(f"{name}."))
        if record.name in _ACCESS_LOGGERS:
            return False
        if record.name == "django.server":
            return not hasattr(record, "status_code")
        if record.name == "django.channels.server":
            return not (isinstance(record.args, Mapping) and "client" in record.args)
        if record.name == "uvicorn.error":
            if '"WebSocket %s"' in str(record.msg):  # of a handshake, query and all
                return False
            # What uvicorn says of any handshake that was refused with a response.
            return not (refused_handshake.get() and str(record.msg).endswith(_NO_HANDSHAKE))
        if record.name == "_granian.utils" and str(record.msg).startswith(_GRANIAN_CRASH):
            # Granian writes the exception into the text, so the record's own way to its request
            # is gone; but it does so where the exception has just left.
            left = last_left()
            if left is not None:
                taken_along(left).put_on(record)
        return record.name != "werkzeug" or '] "%s" %s %s' not in str(record.msg)


def configure_logging(
    level: int | str = "INFO",
    format: Format = "json",
    stream: TextIO | None = None,
    service: str | None = None,
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
) -> None:
    """Set up the root logger: every line of every logger, with its ids, on *stream*.

    A second call replaces what the first set up; handlers that you added to the root logger stay.
    The access lines of uvicorn, gunicorn, hypercorn, granian, werkzeug and Django's runserver are
    turned off, the servers' other lines come through. ``httpx`` and ``watchfiles`` are set to
    WARNING.

    Args:
        level: The root logger's level, as in the logging module.
        format: ``"json"``, or ``"console"`` for people at a terminal.
        stream: Where the lines go; ``sys.stdout`` as it is now when None.
        service: Which service of several writes the lines.
        levels: Other words for some levels, ``{"danger": "error"}``.
        redact: ``"default"`` masks the values of names like password, token and email, at any
            depth; a collection of names masks those too; ``"strict"`` also masks e-mail
            addresses, card numbers and tokens inside texts; ``"off"`` masks nothing.
    """
    if stream is None:
        stream = sys.stdout
    elif not hasattr(stream, "write"):
        raise TypeError(f"stream must be a text stream, as sys.stderr, not {stream!r}")
    options: dict[str, Any] = {"service": service, "levels": levels, "redact": redact}
    _check(level, format, service)
    formatter = (
        ConsoleFormatter(colours=is_terminal(stream), **options)
        if format == "console"
        else JSONFormatter(**options)
    )
    handler = LineHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    root.setLevel(level)
    for other in root.handlers[:]:
        if isinstance(other, LineHandler):
            root.removeHandler(other)
    root.addHandler(handler)
    _tame(_ALL_SERVER_LOGGERS)
    for name in _ALL_SERVER_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(entry, ServerFilter) for entry in logger.filters):
            logger.addFilter(ServerFilter())
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _tame(names: Iterable[str]) -> None:
    """Take from these loggers of servers the handlers that they write to a terminal with."""
    for name in names:
        logger = logging.getLogger(name)
        for own in logger.handlers[:]:
            if type(own) is logging.StreamHandler:  # a file, or your own class, stays
                logger.removeHandler(own)
        logger.propagate = name not in _ACCESS_LOGGERS


def logging_config(
    level: int | str = "INFO",
    format: Format = "json",
    stream: Literal["stdout", "stderr"] = "stdout",
    service: str | None = None,
    levels: Mapping[str, str] | None = None,
    redact: Redact = "default",
) -> dict[str, Any]:
    """Return what `configure_logging` sets up, as a dictionary for ``logging.config.dictConfig``.

    For Django's ``LOGGING``, gunicorn's ``logconfig_dict``, and as a JSON file for
    ``uvicorn --log-config``: it holds plain values only. *stream* is ``"stdout"`` or
    ``"stderr"``; the other arguments are those of `configure_logging`.
    """
    _check(level, format, service)
    if stream not in ("stdout", "stderr"):
        raise ValueError(f'stream must be "stdout" or "stderr" here, not {stream!r}')
    level_words(levels)
    if isinstance(redact, Iterable) and not isinstance(redact, str):
        redact = list(redact)  # it may be one that ends
    redactor(redact)
    formatter: dict[str, Any] = {
        "()": "clew._console.ConsoleFormatter" if format == "console" else "clew.JSONFormatter",
        "redact": redact,
    }
    if format == "console":
        formatter["colours"] = is_terminal(getattr(sys, stream))
    if service is not None:
        formatter["service"] = service
    if levels is not None:
        formatter["levels"] = dict(levels)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "context": {"()": "clew.ContextFilter"},
            "servers": {"()": "clew._setup.ServerFilter"},
        },
        "formatters": {"clew": formatter},
        "handlers": {
            "clew": {
                "class": "clew._handler.LineHandler",
                "stream": f"ext://sys.{stream}",
                "formatter": "clew",
                "filters": ["context"],
            }
        },
        "root": {"level": level, "handlers": ["clew"]},
        "loggers": {
            **{
                name: {
                    "handlers": [],
                    "filters": ["servers"],
                    "propagate": name not in _ACCESS_LOGGERS,
                }
                for name in _ALL_SERVER_LOGGERS
            },
            **{name: {"level": "WARNING"} for name in _QUIET_LOGGERS},
        },
    }


def _check(level: object, format: object, service: object) -> None:
    names = logging.getLevelNamesMapping()
    if not isinstance(level, int) and level not in names:
        raise ValueError(f"level must be a number or one of {', '.join(names)}, not {level!r}")
    if format not in ("json", "console"):
        raise ValueError(f'format must be "json" or "console", not {format!r}')
    if service is not None and not isinstance(service, str):
        raise TypeError(f"service must be a string or None, not {service!r}")
