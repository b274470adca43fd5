"""Filter what servers log themselves: drop access lines, bring the rest to the root logger."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from clew._current import last_escaped

from .entry import Entry
from .quoting import mask_quotes

# The HTTPLog replaces these servers' access lines.
ACCESS_LOGGERS = ("uvicorn.access", "gunicorn.access", "hypercorn.access", "granian.access")
# These carry access lines among others.
_MIXED_LOGGERS = ("werkzeug", "django.server", "django.channels.server")
# These come with handlers of their own; through the root logger their lines become JSON.
_SERVER_LOGGERS = (
    *("uvicorn", "uvicorn.error", "gunicorn.error", "hypercorn.error"),
    *("_granian", "_granian.utils"),
)
ALL_SERVER_LOGGERS = (*_SERVER_LOGGERS, *_MIXED_LOGGERS, *ACCESS_LOGGERS)
_GRANIAN_CRASH = "Application callable raised an exception"
# At INFO httpx and httpcore, and both by their second name, write whole URLs, credentials and all;
# the outgoing HTTPLog replaces that.
CLIENT_LOGGERS = ("httpx", "httpcore", "httpx2", "httpcore2")
# watchfiles, which uvicorn reloads by, writes a line whenever a file changes, the file that this
# line goes to as well.
QUIET_LOGGERS = (*CLIENT_LOGGERS, "watchfiles.main")


class ServerFilter(logging.Filter):
    """Drop a server's access lines; bring its other lines to the root logger's handlers.

    What those quote of a request, its query or a header, is masked.

    A filter of a logger stays when a server sets up its handlers anew, as uvicorn does when it
    is started by code that has called `configure_logging` before.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* is another line than an access line."""
        reset_loggers(
            name for name in ALL_SERVER_LOGGERS if f"{record.name}.".startswith(f"{name}.")
        )
        if record.name in ACCESS_LOGGERS:
            return False
        if record.name == "werkzeug" and '] "%s" %s %s' in str(record.msg):
            return False
        mask_quotes(record)
        if record.name == "django.server":
            # A hint, that somebody speaks HTTPS to it, has a status code too.
            return not (hasattr(record, "status_code") and record.args)
        if record.name == "django.channels.server":
            return not (isinstance(record.args, Mapping) and "client" in record.args)
        if record.name == "uvicorn.error":
            return '"WebSocket %s"' not in str(record.msg)  # of a handshake, query and all
        if record.name == "_granian.utils" and str(record.msg).startswith(_GRANIAN_CRASH):
            # Granian writes the exception into the text, so the record's own way to its request
            # is gone; but it does so where the exception has just left.
            left = last_escaped()
            if left is not None:
                Entry(
                    *(record.levelno, "", record.created, record.name),
                    *(left.request_id, left.user_id(), {}, left.fields),
                ).attach_to(record)
        return True


def reset_loggers(names: Iterable[str]) -> None:
    """Let the lines of these loggers of servers go to the root logger's handlers alone."""
    for name in names:
        logger = logging.getLogger(name)
        remove_console_handlers(logger)
        logger.propagate = name not in ACCESS_LOGGERS


def remove_console_handlers(
    logger: logging.Logger, matches: Callable[[logging.Handler], bool] | None = None
) -> None:
    """Remove the plain StreamHandlers of *logger*, or those of them that *matches* accepts."""
    for handler in logger.handlers[:]:
        # A FileHandler stays, and so does a class of the user's.
        if type(handler) is logging.StreamHandler and (matches is None or matches(handler)):
            logger.removeHandler(handler)


def add_filter_once(logger: logging.Logger, filter_class: type[logging.Filter]) -> None:
    """Add a *filter_class* to *logger*, unless it has one."""
    if not any(isinstance(entry, filter_class) for entry in logger.filters):
        logger.addFilter(filter_class())
