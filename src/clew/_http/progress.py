"""How the response to one request goes: a state machine that knows no framework and logs nothing.

::

    started(status)   its status and headers were handed to the server
    sent(size)        a part of its body was
    finished()        the last byte was
    disconnected()    the client is gone; what the application sends from now on counts no more
    failed(error)     the application raised, or its framework answers for what it raised
    caught(error)     a handler of the application's answers what it raised
    executed(...)     a GraphQL operation was answered, or begins

`result` tells at any time what became of it.
"""

from __future__ import annotations

from time import perf_counter
from types import TracebackType
from typing import Final

CLIENT_CLOSED_REQUEST: Final = 499  # nginx's number; there is none in RFC 9110

# The ways of asyncio, trio, generators and gevent to stop what runs.
_CANCELLATIONS = frozenset(("CancelledError", "Cancelled", "GeneratorExit", "GreenletExit"))


def is_cancellation(error: BaseException) -> bool:
    """Tell whether *error* stops what runs, and means that nobody waits for it."""
    return not isinstance(error, Exception) and type(error).__name__ in _CANCELLATIONS


class Progress:
    """How far the response is; attributes have their defaults here."""

    websocket = False
    status: int | None = None
    body_size: int | None = 0  # None where nobody knows
    ended: float | None = None  # when the last byte was handed to the server, by perf_counter
    error: BaseException | None = None
    is_disconnected = False
    # Whether there is more to tell than a status, a size and a time. As a rule there is not.
    eventful = False
    handled = False  # whether a handler answers the error
    traceback: TracebackType | None = None  # of that error
    close_code: int | None = None  # of a WebSocket
    # What a GraphQL server knows.
    operation: str | None = None
    graphql_status: int | None = None

    @property
    def complete(self) -> bool:
        """Whether the last byte of the response has been handed to the server."""
        return self.ended is not None

    def started(self, status: int) -> None:
        """Note that the status and the headers have been handed to the server."""
        # Another status counts as long as nothing of the body is out.
        if not self.is_disconnected and (self.status is None or not self.body_size):
            self.status = int(status)

    def sent(self, size: int | None) -> None:
        """Note *size* further bytes of the body; None where nobody knows how many."""
        if self.is_disconnected:
            return
        if size is None or self.body_size is None:
            self.body_size = None
        else:
            self.body_size += size

    def finished(self) -> None:
        """Note that the last byte has been handed to the server; the first time counts."""
        if self.ended is None:
            self.ended = perf_counter()

    def disconnected(self) -> None:
        """Note that the client is gone, unless it has got everything."""
        if self.ended is None:
            self.is_disconnected = self.eventful = True

    def failed(self, error: BaseException) -> None:
        """Note that the application raised *error*; a cancellation means that nobody waits."""
        self.eventful = True
        if is_cancellation(error) and self.is_cancelled(error):
            self.disconnected()
        else:
            self.error, self.handled = error, False

    def is_cancelled(self, error: BaseException) -> bool:  # noqa: ARG002
        """Tell whether *error* stops this request, not something that it waited for."""
        return True

    def caught(self, error: BaseException) -> None:
        """Note that a handler answers *error*, which counts with a 5xx only."""
        self.eventful = True
        # Starlette takes the traceback off once it has answered.
        self.error, self.traceback, self.handled = error, error.__traceback__, True

    def executed(self, operation: str | None, status: int) -> None:
        """Note that a GraphQL *operation* was answered by *status*, or begins; the worst counts."""
        self.eventful = True
        if self.graphql_status is None or status > self.graphql_status:
            self.operation, self.graphql_status = operation, status

    def result(self) -> tuple[int, str | None]:
        """Return the status that the client got, and the outcome: None where all went well."""
        status, error = self.status, self.error
        if self.handled and status is not None and status < 500:
            error = None
        if status is None:
            # Nothing was answered: the server makes a 500 of it, for whoever is there.
            return (CLIENT_CLOSED_REQUEST, "aborted") if self.is_disconnected else (500, "error")
        if self.ended is not None:
            return status, "error" if error is not None and status >= 500 else None
        if self.is_disconnected:
            return status, "aborted"
        if error is not None:
            return status, "error"
        return status, "websocket" if self.websocket else "aborted"
