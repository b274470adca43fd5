"""The current request: its id, its user, its bound fields.

One ``ContextVar`` holds one mutable object per request. What is bound in a thread, a dependency
or behind a ``BaseHTTPMiddleware`` runs in a copy of the context, but changes that same object,
and so reaches every later line and the HTTPLog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from threading import RLock
from time import perf_counter
from types import TracebackType
from typing import Literal, cast

from ._backlog import Backlog
from ._current import UNSET, current, enter, entered, leave
from ._faults import is_due, report_failure, warn
from ._ids import accepted_or_new, as_user_id
from ._redaction import DEFAULT, Redactor
from ._table import Slot

DEFAULT_HEADER = "X-Request-ID"

# Fields whose Python spelling differs from their key in a line.
RENAMED_FIELDS = {"monetary_value": "monetaryValue", "old_value": "oldValue"}

# What one event is told by.
_EVENT_FIELDS = frozenset(
    ("action", "value", "old_value", "oldValue", "monetary_value", "monetaryValue", "quantity")
)
_ID_NAMES = ("request_id", "requestId")
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
    backlog: Backlog | None = None  # lines that are written if it fails
    slot: Slot | None = None  # where the process notes that it is at it
    live = True  # whether it is still being worked on
    arrived = 0.0  # when it began, by time.perf_counter()
    # What comes after it, where it was left while another was current, which may give it back.
    after: object = UNSET
    _user_id: object = UNSET

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.arrived = perf_counter()

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
        try:
            _users_being_found.set((*found, self))
            return self.find_user()
        finally:
            _users_being_found.set(found)

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

    def tells_of(self, _error: BaseException | None) -> bool:
        """Tell whether its record has this exception; or, with None, whether one is to come."""
        return False

    def release(self) -> None:
        """Write the lines that were kept until now: it fails."""
        if self.backlog is not None:
            self.backlog.release()

    def note_user(self, user_id: str | None) -> None:
        """Note in the process's table who the user is."""
        if self.slot is not None and user_id is not None:
            self.slot.know_user(user_id)

    def bind(self, fields: dict[str, object]) -> None:
        for name in _ID_NAMES:
            if name in fields:
                del fields[name]
                warn(
                    "clew.bind(%s=...) binds nothing: the id is chosen, by the header of the "
                    "request or by clew.context(request_id=...)",
                    name,
                )
        if "user_id" in fields:
            user_id = fields.pop("user_id")
            try:
                self._user_id = user_id = as_user_id(user_id)
                self.note_user(user_id)
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
# whose response starts: by integrations that hand ids on to a system of their own.
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

    The request's id is chosen, and not bound. ``action``, ``monetary_value`` and the other fields
    that tell of one event belong on its line: bound, they are counted on each.
    """
    context = current()
    if context is not None:
        if not _EVENT_FIELDS.isdisjoint(fields):
            names = ", ".join(name for name in fields if name in _EVENT_FIELDS)
            if is_due(("bound", names)):
                warn(
                    "clew.bind() was given %s: bound fields stand on every line, and are counted "
                    "on each; give them to the line of the event",
                    names,
                )
        context.bind(fields)


def fields() -> dict[str, object]:
    """Return what is bound to the current request, under its keys in a line; not the user.

    It is a copy. Outside any context it is empty.
    """
    context = current()
    return {} if context is None else dict(context.fields)


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
        if not self._outer:
            self._context.arrived = perf_counter()
        self._outer.append(entered())
        self._context.after = UNSET
        try:
            enter(self._context)
            return self._context.request_id
        except BaseException:  # a signal's
            leave(self._context, self._outer.pop())
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What a signal raises as this begins, before the try, leaves the context behind: nothing
        # that is written in Python can save that.
        try:
            if error is not None:
                self._context.release()
            leave(self._context, self._outer[-1], error)
        except BaseException:  # a signal's, which came in between
            leave(self._context, self._outer[-1], error)
            raise
        finally:
            self._outer.pop()


def rename_fields(fields: dict[str, object]) -> dict[str, object]:
    """Return *fields* with ``monetary_value`` and ``old_value`` under their keys in a line."""
    if RENAMED_FIELDS.keys().isdisjoint(fields):
        return fields
    return {RENAMED_FIELDS.get(name, name): value for name, value in fields.items()}
