"""What stands around a line when it comes back from where it was: one entry each.

A `Prefix` is text in front of a line; an `Envelope`, in `wrappings`, is an object that has lines in
it. Each may stand in another: the lines of ``docker compose logs`` with times have two prefixes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from .form import Line
from .values import time_of


@dataclass(frozen=True, slots=True)
class Payload:
    """What was in a wrapping: a text, or a line that is read already; and when it was written.

    A piece of a line that goes on in the next of its ``stream`` does not ``end``.
    """

    content: str | bytes | Line
    at: int | None = None
    stream: str | None = None
    ends: bool = True


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text in front of a line; ``read`` makes JSON of what stands behind it.

    The groups ``time``, ``stream`` and ``tag`` of its pattern say when, of what, and whether the
    line goes on in another: ``P`` for partial.
    """

    name: str
    pattern: re.Pattern[bytes]
    read: Callable[[bytes], bytes] = bytes

    def payload(self, line: bytes) -> Payload | None:
        """Return what stands behind the prefix in *line*, None when it has another."""
        match = self.pattern.match(line)
        if match is None:
            return None
        groups = match.groupdict()
        time, stream = groups.get("time"), groups.get("stream")
        return Payload(
            self.read(line[match.end() :]),
            time_of(time.decode(errors="replace")) if time else None,
            stream.decode() if stream else None,
            ends=groups.get("tag") != b"P",
        )


_TIME = rb"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
# "Nov 28 17:58:32", "Sat 2026-11-28 17:58:32 UTC", seconds since the epoch.
_JOURNAL_TIME = (
    rb"(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}(?:\.\d+)?|\d{10}\.\d+|[A-Z][a-z]{2} [\d-]{10} [\d:.]+ \w+|"
    + _TIME
    + rb")"
)
_LABELS = rb'\{(?:\w+="(?:[^"\\]|\\.)*+"(?:, ?)?)*+\}'

# A colour, and what else steers a terminal; JSON has none of it.
CONTROLS = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
# A line in a record, with its quotes as they are; else a text, and what stands between texts.
_RAW_LINE = re.compile(r'"(?:log|message|MESSAGE)"=>"(?=\{")')
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*+")(=>)?|\bnil\b')


def _of_fluent_bit(text: bytes) -> bytes:
    """Return a record as JSON, or the line that it has with its quotes as they are."""
    text = text.removesuffix(b"]")
    if b"=>" not in text:
        return text
    record = text.decode(errors="replace")
    if begin := _RAW_LINE.search(record):
        try:
            _, end = json.JSONDecoder().raw_decode(record, begin.end())
        except (ValueError, RecursionError):
            return text
        return record[begin.end() : end].encode()
    written = _TOKEN.sub(
        lambda token: f"{token[1]}{':' if token[2] else ''}" if token[1] else "null", record
    )
    return written.encode()


PREFIXES: tuple[Prefix, ...] = tuple(
    Prefix(name, re.compile(pattern), *more)
    for name, pattern, *more in (
        ("CRI", _TIME + rb" (?P<stream>stdout|stderr) (?P<tag>[PF])(?::\S+)? "),
        ("kubectl logs --prefix", rb"\[pod/[^\]\s]+\] "),
        ("docker compose logs", rb"[\w.-]+ +\| ?"),
        ("heroku logs", _TIME + rb" \w+\[[\w.-]+\]: "),
        ("syslog", rb"(?:\d+ )?<\d{1,3}>1 " + _TIME + rb"(?: \S+){4} (?:(?:-|(?:\[[^\]]*\])+) )?"),
        ("journalctl", rb"(?:<\d{1,3}>)?" + _JOURNAL_TIME + rb" \S+ [^\s:\[]+(?:\[\d+\])?: "),
        ("logcli", _TIME + rb"\s+" + _LABELS + rb"\s+(?=\S)"),
        ("aws logs tail", _TIME + rb"\s+[^\s{}\[\]:]+\s+(?=\{)"),
        ("docker logs -t", _TIME + rb"\s+(?=\S)"),
        (
            "Fluent Bit",
            rb"(?:\[\d+\] )?[\w.*/-]+: \[\[?(?P<time>\d{10}(?:\.\d+)?)(?:, \{[^{}]*\}\])?, (?=\{)",
            _of_fluent_bit,
        ),
        ("stern", rb"(?:[a-z0-9][a-z0-9.-]* ){2,3}(?=\{|\d{4}-\d\d-\d\dT)"),
    )
)
