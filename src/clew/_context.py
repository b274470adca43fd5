"""The current request: its id, its user, its bound fields.

One ``ContextVar`` holds one mutable object per request. What is bound in a thread, a dependency
or behind a ``BaseHTTPMiddleware`` runs in a copy of the context, but changes that same object,
and so reaches every later line and the HTTPLog.
"""

from __future__ import annotations

import functools
import inspect
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from threading import RLock
from types import TracebackType
from typing import Any, Literal, ParamSpec, TypeVar, cast
from weakref import ReferenceType, ref

from ._faults import report_failure, warn
from ._ids import accepted_or_new
from ._redaction import DEFAULT, Redactor

P = ParamSpec("P")
R = TypeVar("R")

DEFAULT_HEADER = "X-Request-ID"

# Fields whose Python spelling differs from their key in a line.
RENAMED_FIELDS = {"monetary_value": "monetaryValue", "old_value": "oldValue"}

UNSET = object()

# The contexts whose users are being found; each thread and each task has its own.
_users_being_found: ContextVar[tuple[Context, ...]] = ContextVar(
    "clew_users_being_found", default=()
)

# Reentrant: a finalizer or a signal handler may bind while this thread does.
_binding = RLock()


class Context:
    """What is known of the request, the job or the command that is being worked on.

    What most have in common stands on the class, so that making one costs little.
    """

    fields: Mapping[str, object] = {}
    # Further ids that an integration knows it by, under the keys that they have in a line; None
    # where there is no such id, and still no caller's field may have its key.
    ids: Mapping[str, str | None] = {}
    live = True  # whether it is still being worked on
    _user_id: object = UNSET

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id

    @property
    def header_name(self) -> str:
        """The header by which outgoing calls carry the id on."""
        return DEFAULT_HEADER

    @property
    def redactor(self) -> Redactor:
        """What masks the paths and queries of outgoing calls."""
        return DEFAULT

    def user_id(self) -> str | None:
        """Return the bound user's id, else the one that the framework's authentication loaded."""
        if self._user_id is not UNSET:
            return cast("str | None", self._user_id)
        # Finding the user may log, and that line would ask for the user again.
        found = _users_being_found.get()
        if self in found:
            return None
        token = _users_being_found.set((*found, self))
        try:
            return self.find_user()
        finally:
            _users_being_found.reset(token)

    # An exception may take a context along into another process, and is copied; it is not.

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()

    def __deepcopy__(self, _memo: object) -> Context:
        return self

    def __copy__(self) -> Context:
        return self

    def find_user(self) -> str | None:
        """Return the user's id from where the framework keeps it; nowhere outside HTTP."""
        return None

    def bind(self, fields: dict[str, object]) -> None:
        if "user_id" in fields:
            user_id = fields.pop("user_id")
            try:
                self._user_id = as_user_id(user_id)
            except TypeError as error:
                # Logging must not break a request, so a wrong user is reported, not raised.
                warn("clew.bind() left the user as it was: %s", error)
        if fields:
            renamed = rename_fields(fields)
            # Other threads may be binding as well.
            with _binding:
                self.fields = {**self.fields, **renamed}


Subscriber = Callable[[Context], object]

# Called with each context that begins, before it becomes the current one; and with each request
# whose response starts. For integrations that hand ids on to a system of their own, which is
# there once a process, as loggers are.
begin_subscribers: list[Subscriber] = []
start_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber, *, on: Literal["begin", "start"] = "begin") -> bool:
    """Call *subscriber* with each context that begins, or starts to respond.

    Returns whether it was not called before.
    """
    subscribers = begin_subscribers if on == "begin" else start_subscribers
    if subscriber in subscribers:
        return False
    subscribers.append(subscriber)
    return True


def unsubscribe(subscriber: Subscriber) -> bool:
    """Call *subscriber* no longer with contexts that begin; tell whether it was until now."""
    try:
        begin_subscribers.remove(subscriber)
    except ValueError:
        return False
    return True


def notify(context: Context, subscribers: Sequence[Subscriber] = begin_subscribers) -> None:
    """Tell the *subscribers* that *context* begins, or starts to respond. Never raises."""
    for subscriber in tuple(subscribers):
        try:
            subscriber(context)
        except Exception:
            report_failure()


_current: ContextVar[Context | None] = ContextVar("clew", default=None)

# Whether clew refused a WebSocket in the application's place, with a response; see ServerFilter.
refused_handshake: ContextVar[bool] = ContextVar("clew_refused_handshake", default=False)

# Weak reference to the context of the exception that escaped last.
_escaped: ContextVar[ReferenceType[Context] | None] = ContextVar("clew_escaped", default=None)

current = _current.get


def enter(context: Context | None) -> Context | None:
    """Make *context* the current one; return the outer one, which `leave` gives back."""
    outer = current()
    _current.set(context)
    return outer


def leave(
    context: Context | None, outer: Context | None, error: BaseException | None = None
) -> None:
    """Make *outer* the current context again, where *context* still is the current one.

    It is not where what entered it (a generator, a coroutine) is closed or collected in the midst
    of another request, whose context stays. *error*, on its way out, takes *context* along.
    """
    # The variable is set again, not reset by a token: a token is refused in another copy of the
    # context, which is where some servers close a response.
    if current() is context:
        _current.set(outer)
    if error is not None and context is not None:
        attach_context(error, context)


def request_id() -> str | None:
    """Return the id of the current request, or None outside any."""
    context = current()
    return None if context is None else context.request_id


def user_id() -> str | None:
    """Return the id of the current request's user, or None when nobody is known."""
    context = current()
    return None if context is None else context.user_id()


def bind(**fields: object) -> None:
    """Put *fields* on every later line of the current request, and on its HTTPLog.

    ``user_id``, a string, an integer, a UUID, or None for nobody, overrides the user found by the
    framework's authentication. Every other field is written under its name. Outside any context
    this does nothing.
    """
    context = current()
    if context is not None:
        context.bind(fields)


class context:  # noqa: N801 - it reads as a function: with clew.context(...):
    """Run a block outside HTTP (a job, a command, a test) in a context of its own.

    It starts fresh: a new id unless *request_id* is given, no user unless *user_id* is, and no
    fields but *fields*. An id that `is_safe_id` refuses is replaced, as that of a request is.
    The outer context comes back at the end, also on an exception. Entering gives the id::

        with clew.context(request_id=job.request_id, queue="mail") as request_id:
            ...
    """

    __slots__ = ("_context", "_outer")

    def __init__(
        self, *, request_id: str | None = None, user_id: object = None, **fields: object
    ) -> None:
        if request_id is not None and not isinstance(request_id, str):
            raise TypeError(
                f"request_id must be a string or None, not {request_id!r}: "
                "give it as str(...), or leave it out to get a new one"
            )
        self._context = Context(accepted_or_new(request_id))
        self._context.bind({**fields, "user_id": user_id})
        self._outer: list[Context | None] = []

    def __enter__(self) -> str:
        notify(self._context)
        self._outer.append(enter(self._context))
        return self._context.request_id

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        leave(self._context, self._outer.pop(), error)


def attach_context(error: BaseException, context: Context) -> None:
    """Attach *context* to *error*, which is on its way out of it."""
    try:
        error.__clew_context__ = context  # type: ignore[attr-defined]
    except Exception:  # pragma: no cover - an exception class may forbid new attributes
        pass
    _escaped.set(ref(context))


def last_escaped() -> Context | None:
    """Return the context of the exception that escaped last, for a line that has only its text."""
    escaped = _escaped.get()
    return None if escaped is None else escaped()


def context_of(error: object) -> Context | None:
    """Return the current context, else the one that is attached to *error*.

    A context that has ended may still be current, where a server began the next request in it.
    """
    context = current()
    if error is not None and (context is None or not context.live):
        try:
            return getattr(error, "__clew_context__", context)
        except Exception:  # its class may fail at what it does not know
            return context
    return context


def carry(work: Callable[P, R]) -> Callable[P, R]:
    """Return *work* wrapped so that it runs in the context in which carry was called.

    For thread pools and callbacks: ``executor.submit(clew.carry(work), item)``. Coroutine
    functions stay coroutine functions. The result may be called many times, also at once.
    Generator functions raise TypeError: where they run is up to who iterates.
    """
    context = current()
    called = getattr(work, "__call__", work)  # noqa: B004 - of an object, its method
    for kind in (work, called):
        if inspect.isgeneratorfunction(kind) or inspect.isasyncgenfunction(kind):
            raise TypeError(
                f"carry() takes functions and coroutine functions, not {work!r}: "
                "carry the function that iterates over it"
            )
    if inspect.iscoroutinefunction(work) or inspect.iscoroutinefunction(called):

        @functools.wraps(work)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            outer = enter(context)
            try:
                return await cast("Awaitable[Any]", work(*args, **kwargs))
            finally:
                leave(context, outer)

        return cast("Callable[P, R]", run_async)

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        outer = enter(context)
        try:
            return work(*args, **kwargs)
        finally:
            leave(context, outer)

    return run


def as_user_id(value: object) -> str | None:
    """Return *value* as a user's id. Integers and UUIDs become strings; an empty string is None.

    Raises TypeError for anything else, whose text might hold more than an id.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value) or None
    # uuid-utils has a UUID class of its own.
    if isinstance(value, uuid.UUID) or type(value).__name__ == "UUID":
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    raise TypeError(
        f"a user's id must be a string, an integer or a UUID, not of type {type(value).__name__}"
    )


def rename_fields(fields: dict[str, object]) -> dict[str, object]:
    """Return *fields* with ``monetary_value`` and ``old_value`` under their keys in a line."""
    if RENAMED_FIELDS.keys().isdisjoint(fields):
        return fields
    return {RENAMED_FIELDS.get(name, name): value for name, value in fields.items()}
