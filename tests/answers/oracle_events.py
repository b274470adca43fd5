"""What is in a log, read in plain Python: which lines are broken, which are events, of what.

Nothing here is shared with the package: the rules are those of the design.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from fractions import Fraction
from math import floor, isfinite
from typing import Any, Self

LONGEST_LINE = 16 * 1024 * 1024
YEAR_10000 = 253_402_300_800_000

Event = dict[str, Any]


@dataclass
class Log:
    """What lines there were: all but the blank ones, the broken ones, and the events in them."""

    lines: int = 0
    broken: int = 0
    events: list[Event] = field(default_factory=list)


def read(*files: bytes, longest: int = LONGEST_LINE) -> Log:
    """Return what *files* hold."""
    log = Log()
    for file in files:
        for line in file.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
            if not line.strip():
                continue
            read = None if len(line) > longest else _read(line)
            objects = isinstance(read, list) and all(isinstance(of, dict) for of in read)
            # An array of objects stands for as many lines.
            for each in read if objects and read else [read]:
                log.lines += 1
                if not isinstance(each, dict):
                    log.broken += 1
                elif (event := _event(each))["createdAt"] is not None:
                    log.events.append(event)
    return log


class Inexact(float):
    """A number with a fraction or an exponent, with the text that it was written as."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _read(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_float=Inexact, parse_constant=Inexact)
    except ValueError:
        return None


# Each column: how it is read, and where it stands in a line.
def _event(line: Mapping[str, Any]) -> Event:
    def inner(name: str) -> Mapping[str, Any]:
        of = line.get(name)
        return of if isinstance(of, dict) else {}

    request, response, exception = inner("request"), inner("response"), inner("exception")
    created = _integer(line.get("createdAt"))
    if created is None or not 0 <= created < YEAR_10000:
        created = None
    event: Event = {"createdAt": created}
    for name in ("level", "logger", "service", "action", "outcome", "direction"):
        event[name] = text_of(line.get(name))
    for name in ("message", "requestId", "userId", "value", "oldValue", "comment"):
        event[name] = text_of(line.get(name))
    for name in ("monetaryValue", "quantity"):
        event[name] = _amount(line.get(name))
    for name in ("method", "host", "route", "operation", "path", "query", "ipAddress"):
        event[name] = text_of(request.get(name))
    took = inner("task").get("duration")
    # Lines of other loggers may have a task of their own.
    is_task = event["logger"] == "clew.task"
    event["durationUs"] = _microseconds(took if is_task else response.get("responseTime"))
    for name in ("httpStatus", "graphqlStatus"):
        event[name] = _integer(response.get(name))
    event["exceptionType"] = text_of(exception.get("type"))
    event["exceptionMessage"] = text_of(exception.get("message"))
    event["stackTrace"] = text_of(exception.get("stackTrace"))
    event["serviceVersion"] = text_of(line.get("serviceVersion"))
    for column, name in (("Name", "name"), ("Outcome", "outcome"), ("Id", "id")):
        event[f"task{column}"] = text_of(inner("task").get(name))
    event["taskParentId"] = text_of(inner("task").get("parentId"))
    for name in ("monetaryValue", "quantity"):
        text = line.get(name)
        event[f"{name}Text"] = _json(text_of(text)) if isinstance(text, str) else None
    event["kept"] = text_of(line.get("kept"))
    event["exceptionPlace"] = _place(event["stackTrace"])
    event["fields"] = line
    return event


_FRAME = re.compile(r'File \\*"([^"\\\n]+)\\*", line [0-9]+, in ([^\s"\\]+)')
_FOREIGN = re.compile(r"site-packages|dist-packages|/lib(64)?/python[0-9.]+|<frozen")


def _place(stack: str | None) -> str | None:
    """Return the last frame that is the application's, else the last: ``shop/orders.py in pay``."""
    frames = _FRAME.findall(stack or "")
    own = [frame for frame in frames if not _FOREIGN.search(frame[0])] or frames
    if own:
        return f"{'/'.join(own[-1][0].split('/')[-2:]).lstrip('/')} in {own[-1][1]}"
    elsewhere = re.search(r"(?m)^\s*at ([\w.$<>/ \[\]]+?)(?: ?\(|$)", stack or "", re.ASCII)
    return elsewhere[1] if elsewhere else None


def text_of(value: object) -> str | None:
    """Return a string as it is, anything else as its JSON text, a lone surrogate as U+FFFD."""
    if value is None:
        return None
    text = value if isinstance(value, str) else _json(value)
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _json(value: object) -> str:
    if isinstance(value, Inexact):
        return repr(float(value)) if isfinite(value) else value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(key)}:{_json(of)}" for key, of in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _integer(value: object) -> int | None:
    """Return a JSON integer of 64 bits; neither 5.0 nor true is one."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and -(2**63) <= value < 2**63 else None  # type: ignore[operator, return-value]


def _microseconds(value: object) -> int | None:
    """Return milliseconds as whole microseconds, halves away from zero; up to 31 years."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= 1e12:
        return None
    return floor(Fraction(float(value) * 1000.0) + Fraction(1, 2))


def _amount(value: object) -> Decimal | None:
    """Return a number with six decimals, of the size of an unsigned integer of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, Inexact) and not isfinite(value):
        return None
    exact = Decimal(repr(float(value)) if isinstance(value, Inexact) else value)
    try:
        amount = exact.quantize(Decimal("1.000000"), ROUND_HALF_UP, Context(prec=60))
    except InvalidOperation:
        return None
    return amount if abs(amount) < 2**64 else None
