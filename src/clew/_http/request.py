"""The facts of a request that an adapter translates from its framework."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from clew._faults import report_failure

from .wire import Header

T = TypeVar("T")


# The method, the path, the query, the peer and the route.
Facts = tuple[str, str, str, str | None, str | None]


class HTTPRequest:
    """A request, as its server shows it. Nothing is cleaned here, and any of it may raise."""

    inner_route: Callable[[], str | None] | None = None
    inner_user: Callable[[], object] | None = None

    eventful: bool

    def add_inner(
        self,
        *,
        route: Callable[[], str | None] | None = None,
        user: Callable[[], object] | None = None,
    ) -> None:
        """Note whom to ask for the route, or the user, that a framework inside knows."""
        self.eventful = True
        if route is not None:
            self.inner_route = route
        if user is not None:
            self.inner_user = user

    def header_values(self, header: Header) -> Sequence[str]:
        """Return the values of any header."""
        raise NotImplementedError

    def method(self) -> str:
        """Return the request's method."""
        raise NotImplementedError

    def path(self) -> str:
        """Return the whole path, percent-encoded as on the wire where that is known."""
        raise NotImplementedError

    def root(self) -> str:
        """Return the decoded path below which the server has the application; often empty."""
        return ""

    def mount(self, environ: dict[str, Any]) -> str:  # noqa: ARG002
        """Return where a dispatcher within has put the application that is given *environ*."""
        return ""

    def query(self) -> str:
        """Return the query string as on the wire, without its question mark."""
        raise NotImplementedError

    def peer(self) -> str | None:
        """Return the address of the other end of the connection."""
        raise NotImplementedError

    def facts(self) -> Facts:
        """Return all that a record tells of the request, at once."""
        return self.method(), self.path(), self.query(), self.peer(), self.route()

    def connection(self) -> object:
        """Return what tells the connection from others, where requests may share a context."""
        return self

    def route(self) -> str | None:
        """Return the framework's route template, when one matched."""
        return None

    def source(self) -> Any:
        """Return what the ``user_id`` option is called with."""
        raise NotImplementedError

    def has_user(self) -> bool:
        """Tell, without running any code of the application, whether there may be a user."""
        return False

    def framework_user(self) -> object:
        """Return the id of the user that the framework has already loaded."""
        return None


def safely(ask: Callable[[], T], default: T) -> T:
    """Return what *ask* finds; a server's odd scope or environ costs only that."""
    try:
        return ask()
    except Exception:
        report_failure()
        return default
