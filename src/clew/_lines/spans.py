"""What a span of OpenTelemetry's tells, as the lines show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clew._redaction import OFF, Redactor

# What a span says in texts of their own, of a request's target among others.
_QUERIES = ("url.query", "http.query")
_PATHS = ("url.path",)


def mask_span(span: Any, redactor: Redactor) -> None:
    """Mask the attributes of *span*, those of its events, and what its status says.

    It is called when the span has ended, and before anybody exports it.
    """
    if redactor is OFF:
        return
    _mask_attributes(span, redactor)
    for event in getattr(span, "_events", None) or ():
        _mask_attributes(event, redactor)
    status: Any = getattr(span, "_status", None)
    description = getattr(status, "description", None)
    if isinstance(description, str) and (shown := redactor.text(description)) != description:
        span._status = type(status)(status.status_code, shown)


def _mask_attributes(holder: Any, redactor: Redactor) -> None:
    attributes = getattr(holder, "_attributes", None)
    if not isinstance(attributes, Mapping):
        return
    shown = {name: _shown(name, value, redactor) for name, value in attributes.items()}
    if any(shown[name] != value for name, value in attributes.items()):
        kind: Any = type(attributes)  # they take no change any more
        holder._attributes = kind(attributes=shown) if kind is not dict else shown


def _shown(name: str, value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        if name in _QUERIES:
            return redactor.query(value)
        if name in _PATHS:
            return redactor.path(value)
        if name.endswith("stacktrace"):
            return redactor.trace(value)
    elif isinstance(value, (tuple, list)):
        hidden = redactor.hidden(name, value)
        if hidden is not None:
            return [str(hidden)]
        return [_shown("", item, redactor) for item in value]
    return redactor.field(name, value)
