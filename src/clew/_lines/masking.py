"""What others may have of a record, where clew brings them to it: what its line shows."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from logging import LogRecord
from typing import Any

import msgspec

from clew._redaction import DEFAULT, OFF, Redactor
from clew.records import HTTPLog, Task

from .extract import STANDARD_ATTRIBUTES, message_of
from .handler import own_handlers
from .json_formatter import JSONFormatter
from .record_line import request_of


def own_redactor() -> Redactor:
    """Return what masks the lines of clew's own handler; the default where there is none."""
    for handler in own_handlers():
        if isinstance(handler.formatter, JSONFormatter):
            return handler.formatter.encoder.redactor
    return DEFAULT


def masked(fields: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    """Return *fields* as the line shows them."""
    return {name: redactor.field(str(name), value) for name, value in fields.items()}


def masked_record(record: LogRecord) -> LogRecord:
    """Return a copy of *record* that holds what its line shows; but for its exception's text."""
    shown, redactor = copy(record), own_redactor()
    attributes = shown.__dict__
    for name, value in attributes.items():
        if name in STANDARD_ATTRIBUTES or name.startswith("_"):
            continue
        plain = value
        if isinstance(value, HTTPLog | Task):
            plain = msgspec.to_builtins(value)
        if isinstance(value, HTTPLog):
            plain["request"] |= request_of(plain["request"], redactor)
        attributes[name] = plain if redactor is OFF else redactor.field(name, plain)
    if redactor is OFF:
        return shown
    if isinstance(record.msg, dict):
        shown.msg = redactor.value("message", record.msg)
    else:
        message = message_of(record)
        hidden = redactor.text(message)
        if hidden != message:  # else its template stays, by which others group
            shown.msg, shown.args = hidden, ()
    return shown
