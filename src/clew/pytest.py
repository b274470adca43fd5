"""For pytest: the fixture ``clew_logs``, the lines that a test made as dictionaries.

::

    def test_signup(clew_logs):
        response = client.post("/signup")
        [event] = clew_logs.by_action("SIGNUP")
        [http] = clew_logs.of(response.headers["X-Request-ID"]).http
        assert http["userId"] == event["userId"]

Pytest knows the fixture as soon as clew is installed; where it loads no plugins, by ``-p clew``.

PYTEST_DONT_REWRITE: pytest would warn where this was imported before.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ._lines.console import ConsoleEncoder, ConsoleFormatter
from ._lines.encoder import Encoder
from ._lines.extract import extract
from ._lines.json_formatter import JSONFormatter
from ._lines.keeping import dispatch
from ._lines.servers import CLIENT_LOGGERS
from ._text import one_line

__all__ = ["Logs", "gathered"]


class Logs(list[dict[str, Any]]):
    """Hold lines in the order in which they were logged, each a dictionary as in the log itself.

    A list like any other; ``clear()`` forgets the lines so far. Each question is answered with a
    list of the same kind.
    """

    @property
    def http(self) -> Logs:
        """The HTTPLogs of the requests that were served."""
        return self._where(lambda line: "request" in line and line.get("direction") is None)

    @property
    def outgoing(self) -> Logs:
        """The HTTPLogs of outgoing calls."""
        return self._where(lambda line: line.get("direction") == "outgoing")

    def by_action(self, action: str) -> Logs:
        """Return the lines with this ``action``."""
        return self._where(lambda line: line.get("action") == action)

    def of(self, request_id: str) -> Logs:
        """Return the lines of one request."""
        return self._where(lambda line: line.get("requestId") == request_id)

    def _where(self, holds: Any) -> Logs:
        return Logs(filter(holds, list(self)))  # other threads may be logging

    def __str__(self) -> str:
        """Return the lines as people read them at a terminal."""
        return "\n".join(map(_readable, list(self)))

    def __repr__(self) -> str:
        """Return what fits into the explanation of an assertion."""
        messages = " | ".join(one_line(str(line.get("message"))) for line in list(self))
        lines = "line" if len(self) == 1 else "lines"
        return f"<{len(self)} {lines}{': ' if messages else ''}{messages}>"


@contextmanager
def gathered() -> Iterator[Logs]:
    """Gather the lines that are logged meanwhile, by any logger; for a fixture of your own.

    All handlers stay. The lines are those that clew's own handler on the root logger writes,
    ``service``, ``levels`` and ``redact`` included, or would write where there is none. The root
    logger's level is at most INFO meanwhile, so that an application that did not set up logging
    has lines too; those of httpx about its calls, and so of a test client, are left out.
    """
    logs = Logs()
    handler = _Gatherer(logs)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    if level > logging.INFO:
        root.setLevel(logging.INFO)
    root.addHandler(handler)
    keeper = dispatch.keeper
    if keeper is not None:
        keeper.listeners.append(handler.add_line)
    try:
        yield logs
    finally:
        root.removeHandler(handler)
        if keeper is not None:
            keeper.listeners.remove(handler.add_line)
        # Whoever set up logging meanwhile chose the level.
        if root.level == logging.INFO < level and root.handlers == handlers:
            root.setLevel(level)


class _Gatherer(logging.Handler):
    def __init__(self, logs: Logs) -> None:
        super().__init__()
        self._logs = logs
        self._own = JSONFormatter()
        self.addFilter(_is_no_chatter)

    def add_line(self, line: bytes) -> None:
        """Add a line that was kept, and is written now that its request has failed."""
        with suppress(ValueError):  # a formatter's of the user's own
            self._logs.append(json.loads(line))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = json.loads(self._line(record))
            if not isinstance(line, dict):
                raise TypeError(f"a line is a JSON object, not {line!r}")
        except Exception:  # a formatter of the user's own, which writes something else
            line = json.loads(self._own.format(record))
        self._logs.append(line)

    def _line(self, record: logging.LogRecord) -> str:
        formatters = [handler.formatter for handler in logging.getLogger().handlers]
        formatter = next((one for one in formatters if isinstance(one, JSONFormatter)), self._own)
        if isinstance(formatter, ConsoleFormatter):
            return Encoder.encode(formatter.encoder, extract(record)).decode()
        return formatter.format(record)


def _is_no_chatter(record: logging.LogRecord) -> bool:
    """Tell whether *record* is another line than those that `configure_logging` turns off."""
    client = record.name.partition(".")[0]
    if client not in CLIENT_LOGGERS or record.levelno >= logging.WARNING:
        return True
    return logging.getLogger(client).level != logging.NOTSET  # somebody wants them


def _readable(line: dict[str, Any]) -> str:
    """Return *line* as the console format shows it."""
    try:
        created = line["createdAt"] / 1000
        return ConsoleEncoder().text(created, logging.INFO, dict(line))
    except Exception:  # a formatter of the user's own may leave out what it likes
        return str(line)
