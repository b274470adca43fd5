"""For Sentry: ``clew.sentry.install()``, before or after ``sentry_sdk.init(...)``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from logging import LogRecord
from typing import Any

from ._context import Context, subscribe
from ._current import context_of
from ._faults import report_failure
from ._lines.masking import masked, masked_record, own_redactor
from ._options import needed
from ._redaction import DEFAULT, OFF, Redactor
from ._secrets.looks import MASK
from .records import HTTP_LOGGER

with needed("clew.sentry gives the events of sentry-sdk their ids: pip install sentry-sdk"):
    from sentry_sdk.integrations import logging as sentry_logging
    from sentry_sdk.integrations.logging import ignore_logger
    from sentry_sdk.scope import Scope, add_global_event_processor
    from sentry_sdk.types import Event, Hint

TAG = "requestId"

# The name under which a transaction keeps its context until it is sent.
_CONTEXT_KEY = "clew"

# The span id of the transaction that keeps the outermost context of this task or thread.
_transaction_id: ContextVar[str | None] = ContextVar("clew_sentry_transaction", default=None)


def install() -> None:
    """Give every event and transaction of a request its id, as the tag ``requestId``, and its
    user's id.

    The same goes for tasks and blocks in a `clew.context`. A user's id that the application itself
    gave to Sentry stays. Records of requests and of outgoing calls become neither events nor
    breadcrumbs: Sentry has the exception already, from its own integration. What clew's lines
    mask is masked in what Sentry gets of lines, and in all events: their ``extra``, breadcrumbs,
    requests, contexts and spans, their exceptions with the variables and lines of code in these.
    Installing again changes nothing.
    """
    if not subscribe(_attach_to_transaction):
        return
    add_global_event_processor(_identify)
    for name in (HTTP_LOGGER, f"{HTTP_LOGGER}.client"):
        ignore_logger(name)
    for kind in ("EventHandler", "BreadcrumbHandler", "SentryLogsHandler"):
        if (handler := getattr(sentry_logging, kind, None)) is not None:
            _patch_emit(handler)


def _patch_emit(handler: Any) -> None:
    """Let Sentry's *handler*, a class, take a record as its line shows it."""
    emit = handler.emit

    @functools.wraps(emit)
    def emit_masked(self: Any, record: LogRecord) -> Any:
        try:
            record = masked_record(record)
        except Exception:
            report_failure()
            return None
        return emit(self, record)

    handler.emit = emit_masked


def _attach_to_transaction(context: Context) -> None:
    """Attach *context* to the transaction in which it begins.

    Sentry's integrations stand outside of clew and send the transaction when the context has
    ended, and the user may be found late. So the transaction keeps the context itself.
    """
    scope = Scope.get_current_scope()
    streamed = getattr(scope, "streamed_span", None)
    transaction: Any = streamed if scope.span is None else scope.span.containing_transaction
    # A context within the request's, for instance a task's, has no transaction of its own.
    if transaction is None or _transaction_id.get() == transaction.span_id:
        return
    _transaction_id.set(transaction.span_id)
    if streamed is None:
        transaction.set_context(_CONTEXT_KEY, {"context": context})
    else:  # trace_lifecycle="stream": spans are sent one by one, with attributes
        transaction.set_attribute(TAG, context.request_id)


def _identify(event: Event, hint: Hint) -> Event:
    """Put the ids of the context in which *event* happened on it."""
    context = _pop_context(event)
    if context is None:
        exc_info = hint.get("exc_info")
        context = context_of(exc_info[1] if isinstance(exc_info, tuple) else exc_info)
    if context is not None:
        # Copies: what stands in an event may be the scope's own, which later events share.
        event["tags"] = {**dict(event.get("tags") or {}), TAG: context.request_id}
        user, user_id = event.get("user") or {}, context.user_id()
        if user_id is not None and not user.get("id"):
            event["user"] = {**user, "id": user_id}
    try:
        _mask(event, own_redactor(), context.redactor if context is not None else DEFAULT)
    except Exception:
        report_failure()
        for name in ("extra", "breadcrumbs", "request", "contexts", "spans", "exception"):
            event.pop(name, None)  # type: ignore[misc]
    return event


def _mask(event: Any, redactor: Redactor, settings: Redactor) -> None:
    """Mask what *event* has from anywhere, as lines and records mask it.

    What stands in an event may be the scope's own, which later events share: all are copies.
    """
    if redactor is OFF and settings is OFF:
        return

    def text(value: object) -> object:
        return redactor.text(value) if isinstance(value, str) else value

    def query(value: object) -> object:
        return redactor.query(settings.query(value)) if isinstance(value, str) else value

    def crumb(entry: Any) -> Any:
        shown = _changed(entry, message=text, description=text)
        if isinstance(entry, Mapping) and isinstance(entry.get("data"), Mapping):
            shown["data"] = _changed(masked(entry["data"], redactor), **{"http.query": query})
        return shown

    def error(entry: Any) -> Any:
        return _changed(entry, value=text, stacktrace=stack)

    def stack(entry: Any) -> Any:
        return _changed(entry, frames=lambda frames: [frame(one) for one in frames])

    def frame(entry: Any) -> Any:
        around = dict.fromkeys(("pre_context", "post_context"), lambda all_of: [*map(code, all_of)])
        return _changed(entry, vars=fields, context_line=code, **around)

    def code(line: object) -> object:
        return redactor.code(line) if isinstance(line, str) else line

    def fields(entry: Any) -> Any:
        return masked(entry, redactor) if isinstance(entry, Mapping) else entry

    def request(entry: Any) -> Any:
        shown = _changed(entry, url=text, query_string=query, headers=fields, env=fields)
        if "cookies" in shown:
            shown["cookies"] = dict.fromkeys(shown["cookies"] or (), MASK)
        if "data" in shown:
            shown["data"] = redactor.value("data", shown["data"])
        return shown

    def values(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def changed(entry: Any) -> Any:
            if isinstance(entry, Mapping):
                return _changed(entry, values=lambda all_of: [change(one) for one in all_of or ()])
            return [change(one) for one in entry or ()]

        return changed

    parts: dict[str, Callable[[Any], Any]] = {
        "message": text,
        "logentry": lambda entry: _changed(
            entry, message=text, formatted=text, params=lambda given: redactor.value("", given)
        ),
        "extra": fields,
        "breadcrumbs": values(crumb),
        "request": request,
        "exception": values(error),
        "threads": values(error),
        "spans": values(crumb),
        "contexts": lambda entry: {name: fields(one) for name, one in entry.items()},
    }
    event.update(_changed({name: event[name] for name in parts if event.get(name)}, **parts))


def _changed(entry: Any, **changes: Callable[[Any], Any]) -> Any:
    """Return a copy of *entry*, a mapping, with some of its values changed."""
    if not isinstance(entry, Mapping):
        return entry
    return {
        name: changes[name](value) if name in changes else value for name, value in entry.items()
    }


def _pop_context(event: Event) -> Context | None:
    """Return the context that a transaction keeps, and remove it."""
    contexts = event.get("contexts") or {}
    entry = contexts.get(_CONTEXT_KEY)
    context = entry.get("context") if isinstance(entry, dict) else None
    if not isinstance(context, Context):
        return None  # an application may have a "clew" of its own
    del contexts[_CONTEXT_KEY]
    return context
