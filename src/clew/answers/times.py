"""Times as users write them, the zones that they are meant in, and the steps of a series."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from .errors import AnswerError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MINUTE, _HOUR, _DAY, _WEEK = 1000, 60_000, 3_600_000, 86_400_000, 604_800_000
BUCKETS = {"minute": _MINUTE, "hour": _HOUR, "day": _DAY}
_WORDS = {"second": _SECOND, **BUCKETS, "week": _WEEK}
_UNITS = {"s": _SECOND, "m": _MINUTE, "h": _HOUR, "d": _DAY, "w": _WEEK}
_LENGTH = re.compile("([1-9][0-9]{0,8})(s|m|h|d|w)", re.ASCII)
_CLOCK = re.compile("([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", re.ASCII)
# Weeks begin on Mondays; the epoch was a Thursday.
_TO_MONDAY = 3 * _DAY
# The steps that are chosen from when none is given, and how many of one there may be.
_FITTING = (_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 6 * _HOUR, _DAY, _WEEK)
_MOST = 60
_TIMES = (
    "a date or time of ISO 8601, as in 2026-11-01 or 2026-11-01T09:30:00Z, or as in 17:58, 15m, 2d,"
    " today, yesterday"
)


def now() -> datetime:
    """Return the present, which relative times are counted from."""
    return datetime.now(UTC)


def zone_of(name: str, value: object) -> tzinfo:
    """Return the time zone *value*: ``Europe/Oslo``, ``UTC``, ``local``."""
    try:
        if value == "local":
            return _local_zone()
        if isinstance(value, str) and value and value.upper() != "UTC":
            return ZoneInfo(value)
        if value in ("UTC", "utc"):
            return UTC
    except (LookupError, OSError, ValueError):
        pass
    raise AnswerError(f"{name} is {value!r}: give a time zone, as in Europe/Oslo, or local, or UTC")


def _local_zone() -> tzinfo:
    if name := os.environ.get("TZ", "").removeprefix(":"):
        return ZoneInfo(name)
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError):
        return datetime.now().astimezone().tzinfo or UTC


def milliseconds_of(name: str, value: object, zone: tzinfo = UTC) -> int:
    """Return the instant that *value* tells of, in milliseconds; without an own zone in *zone*."""
    moment = value
    if isinstance(moment, str):
        moment = _moment(moment.strip(), zone)
        if moment is None:
            raise AnswerError(f"{name} is {value!r}: give {_TIMES}")
    elif isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=zone)
    if not isinstance(moment, datetime):
        raise AnswerError(f"{name} is {value!r}: give a date, a datetime or a text of ISO 8601")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    # Whole milliseconds from here on lie after it.
    return -(-(moment - _EPOCH) // timedelta(milliseconds=1))


def _moment(text: str, zone: tzinfo) -> datetime | None:
    present = now()
    today = present.astimezone(zone).date()
    if text in ("now", "today", "yesterday"):
        day = today - timedelta(days=text == "yesterday")
        return present if text == "now" else datetime.combine(day, time(), zone)
    try:
        if match := _LENGTH.fullmatch(text):
            return present - timedelta(milliseconds=int(match[1]) * _UNITS[match[2]])
        if _CLOCK.fullmatch(text):
            return datetime.combine(today, time.fromisoformat(text.zfill(5)), zone)
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None


def bucket_size(name: str, value: object) -> int:
    """Return the step of time that *value* names, in milliseconds."""
    if isinstance(value, str):
        match = _LENGTH.fullmatch(value)
        size = int(match[1]) * _UNITS[match[2]] if match else _WORDS.get(value, 0)
        if 0 < size <= 366 * _DAY:
            return size
    words = ", ".join(_WORDS)
    raise AnswerError(f"{name} is {value!r}: give {words}, or a number of them as in 30s, 5m, 2h")


def step_name(size: int) -> str:
    """Return how a step of *size* milliseconds is asked for: ``hour``, ``300s``."""
    return next((word for word, of in _WORDS.items() if of == size), f"{size // _SECOND}s")


def step_begin(at: int, size: int) -> int:
    """Return when the step began that *at* lies in, in UTC."""
    return at - (at + (_TO_MONDAY if size % _WEEK == 0 else 0)) % size


class Steps:
    """How the steps of a series are written in SQL: of *size* milliseconds, or as fits.

    In a zone, steps beyond an hour begin with its hours, days and weeks, and shorter ones with the
    hour, of which a clock that is set back has two.
    """

    def __init__(self, size: int | None, zone: tzinfo = UTC) -> None:
        self.size = size
        self._zone = zone

    @property
    def relations(self) -> dict[str, str]:
        """Return what is to stand before the question, where the size is to be found first."""
        if self.size is not None:
            return {}
        sizes = " ".join(f"WHEN span < {_MOST * size} THEN {size}" for size in _FITTING[:-1])
        return {
            "fitting": f"SELECT CASE {sizes} ELSE {_FITTING[-1]} END AS size FROM"
            " (SELECT max(createdAt) - min(createdAt) AS span FROM events) AS whole"
        }

    @property
    def columns(self) -> dict[str, str]:
        """Return the columns that events have besides: the clock's time, in a zone."""
        return {} if self._zone is UTC else {"clock": f"createdAt + {_offset(self._zone)}"}

    @property
    def _size(self) -> str:
        return "(SELECT size FROM fitting)" if self.size is None else str(self.size)

    @property
    def begin(self) -> str:
        """Return the beginning of the step that an event lies in; see `end` of long ones."""
        size = self._size
        shift = f"CASE WHEN {size} % {_WEEK} = 0 THEN {_TO_MONDAY} ELSE 0 END"
        if self._zone is UTC:
            return f"createdAt - (createdAt + {shift}) % {size}"
        # Where the epoch began, clocks west of Greenwich were before it.
        long = f"clock - ((clock + {shift}) % {size} + {size}) % {size}"
        short = f"createdAt - (clock % {size} + {size}) % {size}"
        return f"CASE WHEN {size} > {_HOUR} THEN {long} ELSE {short} END"

    def instant(self, column: str) -> str:
        """Return the instant of a step's *begin*, which of a long one is the clock's."""
        if self._zone is UTC:
            return column
        instant = f"{column} - {_offset(self._zone, column, of_clock=True)}"
        return f"CASE WHEN {self._size} > {_HOUR} THEN {instant} ELSE {column} END"


def _offset(zone: tzinfo, column: str = "createdAt", *, of_clock: bool = False) -> str:
    """Return SQL for the milliseconds that the clocks of *zone* are ahead, found by halves."""
    changes = _changes(zone)

    def between(low: int, high: int) -> str:
        if low == high:
            return str(changes[low][1])
        middle = (low + high + 1) // 2
        at = changes[middle][0] + (changes[middle - 1][1] if of_clock else 0)
        return (
            f"CASE WHEN {column} < {at} THEN {between(low, middle - 1)}"
            f" ELSE {between(middle, high)} END"
        )

    return f"({between(0, len(changes) - 1)})"


@lru_cache(maxsize=8)
def _changes(zone: tzinfo) -> list[tuple[int, int]]:
    """Return when the clocks of *zone* were set, and how far they are ahead from then on."""

    def offset(at: int) -> int:
        ahead = (_EPOCH + timedelta(milliseconds=at)).astimezone(zone).utcoffset()
        return (ahead or timedelta()) // timedelta(milliseconds=1)

    changes = [(0, offset(0))]
    last = int((now() - _EPOCH).total_seconds() * 1000) + 2 * 366 * _DAY
    for day in range(0, last, _DAY):
        low, high = day, day + _DAY
        if offset(high) == changes[-1][1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == changes[-1][1] else (low, middle)
        changes.append((high, offset(high)))
    return changes
