"""For Sentry: ``clew.sentry.install()``, before or after ``sentry_sdk.init(...)``."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

try:
    from sentry_sdk.integrations.logging import ignore_logger
    from sentry_sdk.scope import Scope, add_global_event_processor
except ImportError as error:
    raise ImportError(
        'clew.sentry gives the events of sentry-sdk their ids: pip install "clew[sentry]"'
    ) from error

from ._context import Context, context_of, subscribe
from ._http.record import HTTP_LOGGER

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

TAG = "requestId"

# Under which name a transaction holds the context that it is about, until it is sent.
_HELD = "clew"

# The transaction that the outermost context of this task or thread is held by, by its span's id.
_holder: ContextVar[str | None] = ContextVar("clew_sentry_holder", default=None)


def install() -> None:
    """Give every event and transaction of a request its id, as the tag ``requestId``, and its
    user's id.

    The same goes for jobs in a `clew.context`. A user's id that the application itself gave to
    Sentry stays. Records of requests and of outgoing calls become neither events nor breadcrumbs:
    Sentry has the exception already, from its own integration. Installing again changes nothing.
    """
    if not subscribe(_hold):
        return
    add_global_event_processor(_identify)
    for name in (HTTP_LOGGER, f"{HTTP_LOGGER}.client"):
        ignore_logger(name)


def _hold(context: Context) -> None:
    """Let the transaction in which *context* begins hold it.

    Sentry's integrations stand outside of clew, and send the transaction when the context has
    ended; who the user is may be known late. So it takes along the context itself.
    """
    scope = Scope.get_current_scope()
    streamed = getattr(scope, "streamed_span", None)
    holder: Any = streamed if scope.span is None else scope.span.containing_transaction
    # A context inside that of the request, a job's for instance, has no transaction of its own.
    if holder is None or _holder.get() == holder.span_id:
        return
    _holder.set(holder.span_id)
    if streamed is None:
        holder.set_context(_HELD, {"context": context})
    else:  # trace_lifecycle="stream": spans are sent one by one, with attributes
        holder.set_attribute(TAG, context.request_id)


def _identify(event: Event, hint: Hint) -> Event:
    """Put the ids of the context in which *event* happened on it."""
    context = _held_by(event)
    if context is None:
        exc_info = hint.get("exc_info")
        context = context_of(exc_info[1] if isinstance(exc_info, tuple) else exc_info)
    if context is not None:
        # Copies: what stands in an event may be the scope's own, which later events share.
        event["tags"] = {**dict(event.get("tags") or {}), TAG: context.request_id}
        user, user_id = event.get("user") or {}, context.user_id()
        if user_id is not None and not user.get("id"):
            event["user"] = {**user, "id": user_id}
    return event


def _held_by(event: Event) -> Context | None:
    """Return the context that a transaction holds, and take it off."""
    contexts = event.get("contexts") or {}
    held = contexts.get(_HELD)
    context = held.get("context") if isinstance(held, dict) else None
    if not isinstance(context, Context):
        return None  # an application may have a "clew" of its own
    del contexts[_HELD]
    return context
