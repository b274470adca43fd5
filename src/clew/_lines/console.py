"""From an entry to text for people at a terminal: the other encoder."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

from clew._levels import level_word
from clew._text import one_line, printable
from clew.records import TASK_LOGGER

from .encoder import Encoder
from .entry import Entry
from .extract import extract, salvage
from .json_formatter import JSONFormatter
from .line_options import LINE_OPTIONS

_COLOURS = {"debug": "2", "info": "32", "warning": "33", "danger": "31", "critical": "1;31"}


class ConsoleEncoder(Encoder):
    """Encodes entries as text for people: aligned, the fields behind the message.

    Args:
        colours: Whether to use ANSI colours.
        options: Those of an `Encoder`.
    """

    def __init__(self, *, colours: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.colours = colours

    def encode(self, entry: Entry) -> bytes:
        """Return the text of *entry*; a stack trace takes lines of its own. Never fails."""
        try:
            return self.text(entry.created, entry.level, self.line(entry)).encode()
        except Exception as error:
            return self.fallback(entry, error)

    def text(self, created: float, level: int, line: dict[str, Any]) -> str:
        """Return the text of *line*, from which it takes keys away."""
        clock = time.strftime("%H:%M:%S", time.localtime(created))
        parts = [
            self._paint(f"{clock}.{int(created * 1000) % 1000:03}", "2"),
            self._paint(f"{line['level']:<8}", _COLOURS[level_word(level)]),
            self._paint(f"{one_line(line['logger']):<20}", "36"),
            one_line(line["message"]),
        ]
        request = line.pop("request", None)
        response = line.pop("response", None)
        if isinstance(response, dict) and "responseTime" in response:
            parts.append(self._paint(f"{response['responseTime']:.1f} ms", "1"))
        if line["logger"] == TASK_LOGGER and isinstance(line.get("task"), dict):
            task = line.pop("task")
            if "duration" in task:
                parts.append(self._paint(f"{task['duration']:.1f} ms", "1"))
            line.update({name: task[name] for name in ("id", "queue", "retries") if name in task})
        if isinstance(request, dict):
            shown = ("host", "route", "query", "ipAddress", "rejectedRequestId")
            line.update({name: request[name] for name in shown if name in request})
        exception = line.pop("exception", None)
        stack = line.pop("stackInfo", None)
        hidden = ("level", "message", "createdAt", "logger", "service", "serviceVersion")
        for name, value in line.items():
            if name not in hidden:
                text = value if isinstance(value, str) else self.value_to_json(value).decode()
                parts.append(self._paint(f"{one_line(name)}=", "2") + one_line(text))
        lines = ["  ".join(parts)]
        if isinstance(exception, dict):
            lines.append(_indented(exception["stackTrace"]))
        if stack:
            lines.append(_indented(stack))
        return printable("\n".join(lines))

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colours else text


class ConsoleFormatter(JSONFormatter):
    """Write each record for people at a terminal: aligned, the fields behind the message.

    Args:
        colours: Whether to use ANSI colours.
        options: ``service``, ``version``, ``fields``, ``levels``, ``redact`` and ``frames``, as of
            a `JSONFormatter`.
    """

    def __init__(self, *, colours: bool = False, **options: Any) -> None:
        super().__init__(**options)
        encoding = {name: options[name] for name in LINE_OPTIONS if name in options}
        self.encoder = ConsoleEncoder(colours=colours, **encoding)
        self.direct = self.encoder if type(self) is ConsoleFormatter else None

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of *record*; a stack trace takes lines of its own."""
        try:
            return self.encoder.encode(extract(record)).decode()
        except Exception as error:
            return self.encoder.fallback(salvage(record), error).decode()


def _indented(text: str | list[str]) -> str:
    lines = text.splitlines() if isinstance(text, str) else text
    return "\n".join(f"    {one_line(line)}" for line in lines)


def is_terminal(stream: object) -> bool:
    """Tell whether colours are wanted on *stream* (https://no-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    # Windows' older terminal shows colours as what stands for them.
    if sys.platform == "win32" and not os.environ.keys() & {"WT_SESSION", "TERM", "ANSICON"}:
        return False
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except Exception:
        return False
