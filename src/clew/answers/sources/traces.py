"""Exceptions as neighbours write them: a traceback as text, or structlog's list of objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .form import Field
from .values import text_of

_exception_line = re.compile(r"([\w.$]+(?:Error|Exception|[A-Z]\w*))(?:: (.*))?")


def _trace_type(text: object) -> str | None:
    """Return the exception's type of a traceback of Python's, or of another language's."""
    match = _exception_line_of(text)
    return match[1] if match else None


def _trace_message(text: object) -> str | None:
    match = _exception_line_of(text)
    return match[2] if match else None


def _exception_line_of(text: object) -> re.Match[str] | None:
    if not isinstance(text, str) or not text.strip():
        return None
    lines = text.strip().splitlines()
    # Python names the exception last, others first.
    return _exception_line.fullmatch(lines[-1 if lines[0].startswith("Traceback") else 0].strip())


def _first(name: str) -> Callable[[Any], str | None]:
    """Return what reads *name* of structlog's tracebacks as lists of objects."""

    def read(value: object) -> str | None:
        first = value[0] if isinstance(value, list) and value else None
        return text_of(first.get(name)) if isinstance(first, dict) else None

    return read


def trace(*paths: str) -> tuple[Field, ...]:
    """Return the fields of an exception that stands at one of *paths*."""
    return (
        Field("exception.type", paths, _trace_type),
        Field("exception.type", paths, _first("exc_type")),
        Field("exception.message", paths, _trace_message),
        Field("exception.message", paths, _first("exc_value")),
        Field(
            "exception.stackTrace", paths, lambda value: value if isinstance(value, str) else None
        ),
    )
