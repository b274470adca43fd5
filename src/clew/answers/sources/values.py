"""Values as neighbours write them, in clew's words and units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

# The year 10000: what lies beyond cannot be written as ISO 8601.
LATEST = 253_402_300_800_000

_LEVELS = {
    "debug": ("trace", "verbose", "dbg", "finest", "finer", "fine"),
    "info": ("information", "informational", "notice", "default", "inf", "log"),
    "warning": ("warn", "wrn"),
    "danger": ("error", "err", "severe"),
    "critical": ("fatal", "crit", "alert", "emergency", "emerg", "panic", "dpanic", "ftl"),
}
_WORDS = {other: level for level, others in _LEVELS.items() for other in (level, *others)}
# Pino's and Bunyan's numbers, each the least of its level.
_NUMBERS = ((60, "critical"), (50, "danger"), (40, "warning"), (30, "info"))
# Numbers of the OpenTelemetry log data model ("SeverityNumber").
_SEVERITIES = ((21, "critical"), (17, "danger"), (13, "warning"), (9, "info"))
# From which size on a number of time is of the unit: seconds, milli-, micro- and nanoseconds.
_UNITS = ((1e17, 1e-6), (1e14, 1e-3), (1e11, 1.0))
_LARGEST = 1e300
_CLF = "%d/%b/%Y:%H:%M:%S %z"
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|µs|μs|us|ns|s)")
_MILLISECONDS = {"h": 3.6e6, "m": 6e4, "s": 1e3, "ms": 1.0, "ns": 1e-6}
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/[\d.]+)?")


def number_of(value: object) -> float | None:
    """Return a number, also one that is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = value if isinstance(value, int) else float(value)
    except ValueError:
        return None
    return number if abs(number) < _LARGEST else None  # neither NaN nor an infinity


def integer_of(value: object) -> int | None:
    """Return a whole number, also one that is written as text or with a fraction of zero."""
    number = number_of(value)
    return int(number) if number is not None and number == int(number) else None


def text_of(value: object) -> str | None:
    """Return a text, the first of several; an empty one, or a dash for it, is none."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value not in {"", "-"} else None


def time_of(value: object) -> int | None:
    """Return milliseconds since the epoch.

    *value* is a number of any unit, a text of ISO 8601, of RFC 3339 or of the common log format,
    or Google's ``{"seconds": ..., "nanos": ...}``. Without a zone it is UTC.
    """
    if isinstance(value, Mapping):
        seconds, nanos = number_of(value.get("seconds")), number_of(value.get("nanos")) or 0
        if seconds is None or not (0 <= seconds < LATEST and 0 <= nanos < 1e9):
            return None
        return int(seconds * 1000 + nanos // 1_000_000)
    number = number_of(value)
    if number is not None:
        if not 0 < number < 1e20:
            return None
        for least, factor in _UNITS:
            if number >= least:
                return int(round(number * factor, 6))
        return int(round(number * 1000, 3))
    return _parse(value) if isinstance(value, str) else None


def _parse(text: str) -> int | None:
    iso = text.strip()
    if iso[4:5] == "/":  # as Go's log package and Caddy write a date
        iso = iso[:10].replace("/", "-") + iso[10:]
    try:
        # The standard library reads six digits behind the second, Go writes nine.
        moment = datetime.fromisoformat(re.sub(r"([.,]\d{6})\d+", r"\1", iso))
    except ValueError:
        try:
            moment = datetime.strptime(text, _CLF)  # noqa: DTZ007 - its zone is in it
        except ValueError:
            return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000 + 1e-3)


def milliseconds_of(value: object, unit: str = "ms") -> float | None:
    """Return a duration in milliseconds: a number of *unit*, or a text as ``1m2.5s``."""
    if isinstance(value, Mapping):
        seconds, nanos = number_of(value.get("seconds")) or 0, number_of(value.get("nanos")) or 0
        return round(seconds * 1000 + nanos / 1e6, 6)
    number = number_of(value)
    if number is not None:
        return round(number * _MILLISECONDS.get(unit, 1e-3), 6)
    parts = _DURATION.findall(value) if isinstance(value, str) else []
    if not parts or "".join(map("".join, parts)) != value:
        return None
    return round(sum(float(of) * _MILLISECONDS.get(each, 1e-3) for of, each in parts), 6)


def level_of(value: object) -> str | None:
    """Return clew's word for a level's name, or for a number of Pino's."""
    if isinstance(value, str):
        word = value.lower()
        # Between two levels, slog's have the distance behind the lower one's name.
        return _WORDS.get(word) or _WORDS.get(re.sub(r"[+-]\d+$", "", word))
    number = number_of(value)
    if number is None:
        return None
    return next((level for least, level in _NUMBERS if number >= least), "debug")


def severity_of(value: object) -> str | None:
    """Return clew's word for OpenTelemetry's number of a severity."""
    number = number_of(value)
    if not number:
        return None
    return next((level for least, level in _SEVERITIES if number >= least), "debug")


def level_of_status(status: int) -> str:
    """Return the level that an HTTPLog of *status* has."""
    return "info" if status < 400 else "warning" if status < 500 else "danger"


def target_of(value: object) -> tuple[str, str, str | None] | None:
    """Return the path, the query and the host of a URL, or of a request's target."""
    if not isinstance(value, str) or not value:
        return None
    if value.startswith("/"):
        path, _, query = value.partition("?")
        return path, query, None
    try:
        parts = urlsplit(value)
        return parts.path or "/", parts.query, parts.hostname
    except ValueError:
        return value, "", None


def request_line_of(value: object) -> tuple[str, str] | None:
    """Return the method and the target in ``GET /a?b=1 HTTP/1.1``."""
    match = _REQUEST_LINE.fullmatch(value) if isinstance(value, str) else None
    return (match[1], match[2]) if match else None


def address_of(value: object) -> str | None:
    """Return an address without its port, the first of several."""
    text = text_of(value)
    if text is None:
        return None
    text = text.partition(",")[0].strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
