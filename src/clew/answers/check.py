"""Which lines of a log do not fit the schema, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from clew._levels import level_words
from clew.records import TASK_LOGGER, ApplicationLog, HTTPLog, TaskLog

from .errors import AnswerError
from .files import OVERLONG, LogFile, find, repair

_AMOUNTS = ("monetaryValue", "quantity")
# Where in a line JSON ends to be JSON makes no kind of its own.
_BYTE = re.compile(r" \(byte [0-9]+\)$")


def level_words_of(pairs: Sequence[str]) -> Mapping[str, str]:
    """Return the words of all levels, some of them renamed by *pairs*: ``danger=error``."""
    try:
        return level_words(dict(pair.partition("=")[::2] for pair in pairs))
    except ValueError as error:
        raise AnswerError(str(error)) from error


def check(
    sources: Sequence[str], *, levels: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int, str | None]]:
    """Yield, for each line of the files, the file, the line's number and why it does not fit.

    That is None for a line that fits the schema (`clew.json_schema`). *levels* are renamed words,
    as in `clew.configure_logging`. Blank lines are left out.
    """
    words = frozenset(level_words(levels).values())
    for name in find(sources):
        file = LogFile(name)
        for number, line in enumerate(file.lines(), 1):
            if line and not line.isspace():
                yield name, number, _misfit(repair(line), words)
        if file.damage:
            yield name, number, file.damage


@dataclass(slots=True)
class Fault:
    """What does not fit in some lines, and where the first of them is."""

    place: str
    why: str
    lines: int = 1

    def __str__(self) -> str:
        more = f" (and {self.lines - 1:,} more)" if self.lines > 1 else ""
        return f"{self.place}: {self.why}{more}"


def faults(misfits: Iterable[tuple[str, int, str | None]]) -> tuple[list[Fault], int]:
    """Return what does not fit in what `check` yields, each kind once, and the number of lines."""
    by_kind: dict[str, Fault] = {}
    lines = 0
    for name, number, why in misfits:
        lines += 1
        if why is None:
            continue
        kind = _BYTE.sub("", why)
        if kind in by_kind:
            by_kind[kind].lines += 1
        else:
            by_kind[kind] = Fault(f"{name}:{number}", why)
    return list(by_kind.values()), lines


def _misfit(line: bytes, words: frozenset[str]) -> str | None:
    if line + b"\n" == OVERLONG:
        return "longer than 16 MiB"
    try:
        read = msgspec.json.decode(line, type=dict[str, object])
    except msgspec.ValidationError:
        return "no JSON object"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"no JSON: {error}"
    kind: type[ApplicationLog | HTTPLog | TaskLog] = ApplicationLog
    if read.get("logger") == TASK_LOGGER:
        kind = TaskLog
    elif "request" in read or "response" in read:
        kind = HTTPLog
    try:
        record = msgspec.convert(read, kind)
    except msgspec.ValidationError as error:
        return str(error)
    if record.level not in words:
        return f"The level {record.level!r} is none of {', '.join(sorted(words))} - at `$.level`"
    for key in _AMOUNTS:
        if isinstance(read.get(key), str):
            return f"Expected a number, got `str`, which no sum counts - at `$.{key}`"
    return None
