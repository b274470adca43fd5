"""Values as people read them, in the terminal and on the pages."""

from __future__ import annotations

import re
from typing import Any

# The zone stands in the heading.
_OFFSET = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?)$")
_TIMES = frozenset(("instant", "bucket", "beginning"))


def format_value(kind: str, value: Any) -> str:
    """Return a value of a column of *kind* as a short text; nothing for None."""
    if value is None:
        return ""
    if kind in ("count", "amount"):
        text = f"{value:,}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if kind == "duration":
        return format_duration(value)
    if kind == "share":
        return f"{value:.1%}"
    if kind == "flag":
        return "yes" if value else ""
    if kind in _TIMES:
        return _OFFSET.sub("", str(value).replace("T", " "))
    return str(value)


def format_duration(milliseconds: float) -> str:
    """Return a length of time with three digits or so, in the unit that suits it."""
    if milliseconds < 9.995:
        return f"{milliseconds:.2f} ms"
    if milliseconds < 99.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    for unit, size, following in (("s", 1e3, 60e3), ("min", 60e3, 3600e3)):
        if milliseconds < following:
            return f"{milliseconds / size:.1f} {unit}"
    return f"{milliseconds / 3600e3:,.1f} h"


def heading(name: str, kind: str, timezone: str = "UTC") -> str:
    """Return what stands over a column: its name, and the time zone of an instant."""
    return f"{name} ({timezone})" if kind in _TIMES else name


def count_of(number: int, noun: str) -> str:
    """Return a number of things: ``1 line``, ``2,000 lines``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summary_of(lines: int, broken: int, foreign: int, likeliest: str) -> str:
    """Return what was read; of lines of another form, what most of them look like."""
    summary = f"{lines:,} lines, {broken:,} broken"
    return summary + (
        f", {foreign:,} of another form (they look like {likeliest})" if foreign else ""
    )
