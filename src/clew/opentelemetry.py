"""For OpenTelemetry and W3C Trace Context: ``clew.opentelemetry.install()``.

Every line gets ``traceId`` and ``spanId``: those of the active span, else those of the request's
server span, else those of the ``traceparent`` with which the request came; the last needs no
package. A server's span gets the request id. Nothing is forwarded: that is OpenTelemetry's.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

try:
    from opentelemetry import trace
except ImportError:  # then there are no spans, but there may be a traceparent
    trace = None  # type: ignore[assignment]

from ._context import Context, subscribe, unsubscribe
from ._current import current
from ._exceptions import describe
from ._faults import report_failure
from ._http.exchange import Exchange
from ._http.wire import Header
from ._lines.extract import ContextFilter, capture, context_of_record
from ._lines.json_formatter import JSONFormatter
from ._lines.masking import masked_record, own_redactor
from ._lines.spans import mask_span
from ._redaction import OFF

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["TraceFilter", "install"]

# Semantic conventions have no attribute for the id itself, which jobs have too, without a header.
_ATTRIBUTE = "clew.request_id"

_TRACEPARENT = Header("traceparent")

# W3C Trace Context, section 3.2.2: all of it in lower case; there is no version ff, and no id of
# zeros; 00 ends with the flags, later versions may go on after a dash. Servers may join several
# headers into one, with a comma, which a traceparent cannot hold.
_FORMAT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-[^,\n]*)?"
)

_NO_IDS: Mapping[str, str | None] = {"traceId": None, "spanId": None}


class _SpanIds(dict[str, str | None]):
    """Hold the ids of a span of this process, not of a caller's."""


def install(*, tracer_provider: TracerProvider | None = None) -> None:
    """Put ``traceId`` and ``spanId`` on every line, and the request id on the server's spans.

    The handlers that clew set up, or that have its formatter or its filter, get a `TraceFilter`:
    at once, and when the first request comes, for those that are set up later. Spans get the
    request id as ``clew.request_id`` and, of a request, as ``http.request.header.x-request-id``,
    which is the semantic conventions' name for the header. What clew's lines mask is masked in the
    attributes, events and statuses of spans as well. Installing again changes nothing.

    Args:
        tracer_provider: The SDK's provider whose spans get the request id; by default the global
            one, which may be set later.

    Raises:
        TypeError: *tracer_provider* takes no span processors.
    """
    if tracer_provider is not None:
        if not hasattr(tracer_provider, "add_span_processor"):
            raise TypeError(
                "tracer_provider must be an opentelemetry.sdk.trace.TracerProvider or None, "
                f"not {tracer_provider!r}"
            )
        _watch(tracer_provider)
    _put_filters()
    subscribe(_on_first_context)
    _subscribe()


class TraceFilter(ContextFilter):
    """Same as `clew.ContextFilter`, with the attributes ``traceId`` and ``spanId`` besides.

    For handlers that you set up yourself; ``dictConfig`` knows it as
    ``{"()": "clew.opentelemetry.TraceFilter"}``.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        _subscribe()

    def filter(self, record: logging.LogRecord) -> bool:
        super().filter(record)
        try:
            captured = capture(record)
            if captured.ids is None:
                captured.add_ids(record, _ids_of(record))
        except Exception:
            record.__dict__.setdefault("traceId", "")
            record.__dict__.setdefault("spanId", "")
        return True


def _subscribe() -> None:
    subscribe(_on_begin)
    # A span that a sampler has left out is seen when the response starts, at the latest. The
    # record may be written after it.
    subscribe(_on_start, on="start")


def _put_filters() -> None:
    """Put a TraceFilter on every handler that writes clew's lines, in the ContextFilter's place."""
    loggers = list(logging.root.manager.loggerDict.values())
    for logger in [logging.root, *loggers]:
        for handler in getattr(logger, "handlers", ()):
            if type(handler).__module__.startswith("opentelemetry."):
                _patch_emit(handler)
                continue
            filters = handler.filters
            for place, entry in enumerate(filters):
                if type(entry) is ContextFilter:
                    filters[place] = TraceFilter()
            if isinstance(handler.formatter, JSONFormatter) and not any(
                isinstance(entry, TraceFilter) for entry in filters
            ):
                handler.addFilter(TraceFilter())


def _patch_emit(handler: logging.Handler) -> None:
    """Let OpenTelemetry's own *handler* emit records that it can write.

    It makes attributes of everything that a record has, and warns of what is neither a text, nor
    a number, nor a mapping. What clew's line masks is masked in them too.
    """
    if any(isinstance(entry, TraceFilter) for entry in handler.filters):
        return  # it is patched
    handler.addFilter(TraceFilter())
    emit = handler.emit

    def emit_plainly(record: logging.LogRecord) -> None:
        plain = masked_record(record)
        attributes = plain.__dict__
        for name in ("_clew", "_clew_fields"):
            attributes.pop(name, None)
        redactor, error = own_redactor(), plain.exc_info and plain.exc_info[1]
        if redactor is not OFF and error:
            exception = describe(error)
            plain.exc_info = None
            attributes["exception.type"] = type(error).__name__
            attributes["exception.message"] = redactor.text(exception.message)
            attributes["exception.stacktrace"] = redactor.trace(str(exception.stack_trace))
        emit(plain)

    handler.emit = emit_plainly  # type: ignore[method-assign]


def _on_first_context(_context: Context) -> None:
    if unsubscribe(_on_first_context):  # another thread's request may have come first
        _put_filters()


# The ids of a line.


def _ids_of(record: logging.LogRecord) -> Mapping[str, str | None]:
    """Return the ids of the active span, else those that the record's context remembers."""
    exc_info = record.exc_info
    context = context_of_record(record, exc_info[1] if isinstance(exc_info, tuple) else None)
    if current() not in (None, context):  # nor is the span that of the record
        return (context and context.ids) or _NO_IDS
    return _active_ids(context) or (context and context.ids) or _NO_IDS


def _active_ids(context: Context | None) -> Mapping[str, str | None] | None:
    """Return the ids of the active span; *context* remembers them where they are its own."""
    if trace is None:
        return None
    span = trace.get_current_span()
    ids = _span_ids(span, context)
    # A span that the sampler drops has no kind, and no processor hears of it.
    if context is not None and context.live and (not span.is_recording() or _is_entry(span)):
        _remember(span, ids, context)
    return ids


def _span_ids(span: Span, context: Context | None) -> Mapping[str, str | None] | None:
    found = span.get_span_context()
    if not found.is_valid:
        return None
    # Without the SDK, the caller's span is the active one in name. What a request's headers say
    # of it is read here, since OpenTelemetry takes the first of several.
    if found.is_remote and isinstance(context, Exchange):
        return None
    kind: type[dict[str, str | None]] = dict if found.is_remote else _SpanIds
    return kind(traceId=f"{found.trace_id:032x}", spanId=f"{found.span_id:016x}")


def traceparent_ids(values: Sequence[str]) -> dict[str, str | None] | None:
    """Return the ids of a traceparent, given all values of that header; None for an invalid one.

    W3C Trace Context, sections 3.2 and 4.3. Its span is the caller's.
    """
    match = _FORMAT.fullmatch(values[0].strip(" \t")) if len(values) == 1 else None
    if match is None or (match[1] == "00" and match[4] is not None):
        return None
    return {"traceId": match[2], "spanId": match[3]}


# What a request or a job remembers, and what its span does.


def _on_begin(context: Context) -> None:
    """Let *context* know the span, or the traceparent, with which it begins."""
    if trace is not None:
        _watch(trace.get_tracer_provider())
        span = trace.get_current_span()
        ids = _span_ids(span, context)
        if ids is not None:
            context.ids = ids
            if _is_entry(span):
                _mark(span, context)
            if isinstance(ids, _SpanIds):
                return
    if not context.ids:
        values = context.header_values(_TRACEPARENT) if isinstance(context, Exchange) else ()
        context.ids = traceparent_ids(values) or _NO_IDS


def _on_start(context: Context) -> None:
    if not isinstance(context.ids, _SpanIds):
        _active_ids(context)


def _is_entry(span: object) -> bool:
    """Tell whether *span* is one with which work comes in."""
    kind = getattr(span, "kind", None)
    return kind in (trace.SpanKind.SERVER, trace.SpanKind.CONSUMER)


def _remember(span: Span, ids: Mapping[str, str | None] | None, context: Context) -> None:
    """Let *context* remember the *ids* of its *span*; the first ones count."""
    if isinstance(ids, _SpanIds) and not isinstance(context.ids, _SpanIds):
        context.ids = ids
        if span.is_recording():
            _mark(span, context)


def _mark(span: Span, context: Context) -> None:
    """Put the id of *context* on *span*, unless that of a context around it is there."""
    if _ATTRIBUTE in (getattr(span, "attributes", None) or ()):
        return
    span.set_attribute(_ATTRIBUTE, context.request_id)
    if isinstance(context, Exchange):
        name = context.settings.inbound.name.lower()
        span.set_attribute(f"http.request.header.{name}", [context.request_id])


_providers: WeakSet[Any] = WeakSet()


def _watch(provider: Any) -> None:
    """Add a span processor to *provider*, once, if it takes any."""
    if provider in _providers or not hasattr(provider, "add_span_processor"):
        return
    from opentelemetry.sdk.trace import SpanProcessor

    class Marker(SpanProcessor):
        """Mark the span of a request that begins inside of clew, and remember it."""

        def on_start(self, span: Span, parent_context: object = None) -> None:  # noqa: ARG002
            try:
                context = current()
                # On one connection, the next request may begin in the last one's context.
                over = context is None or not context.live or getattr(context, "answered", False)
                if context is not None and not over and _is_entry(span):
                    _remember(span, _span_ids(span, context), context)
            except Exception:
                report_failure()

        def _on_ending(self, span: Span) -> None:
            """Mask what *span* says, before the processors that export it see it end."""
            try:
                mask_span(span, own_redactor())
            except Exception:
                report_failure()
                span._attributes = None  # type: ignore[attr-defined]

    _providers.add(provider)
    provider.add_span_processor(Marker())
