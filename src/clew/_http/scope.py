"""A request as an ASGI scope shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from clew._table import HTTP
from clew._unfinished import unfinished

from .exchange import Exchange
from .request import Facts
from .routes import RouteTemplates
from .settings import Settings
from .stack import Place, loop_here
from .users import id_of
from .wire import Header, encoded_path, path_of, with_header, without_header

_SLASH = ord("/")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ScopeExchange(Exchange):
    """A request, as an ASGI scope shows it; its headers are a list."""

    def __init__(
        self,
        settings: Settings,
        routes: RouteTemplates,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        # A middleware may hand a copy on; what is within puts the user and the endpoint there.
        self.scope = self.innermost = scope
        self._receive = receive
        self._send = send
        self._routes = routes
        header, headers = settings.inbound, scope["headers"]
        name, length = header.raw, header.length
        sent = None
        for key, value in headers:
            if len(key) == length and key.lower() == name:
                if sent is not None:
                    self._begin_with_headers(settings)
                    return
                sent = value
        if settings.further:
            self._begin_with_headers(settings)
            return
        if sent is None:
            Exchange.__init__(self, settings)
            self.raw_id = raw_id = self.request_id.encode()
            # The application reads the effective id; so does a task of its that outlives the
            # response, and so the headers stay in the scope.
            if settings.inject:
                scope["headers"] = [*headers, (name, raw_id)]
        else:
            inbound = sent.decode("latin-1")
            # An empty value counts as none.
            Exchange.__init__(self, settings, (inbound,) if inbound.strip() else ())
            self.raw_id = raw_id = self.request_id.encode()
            if raw_id != sent:
                self._replace(header, settings)
        if unfinished.is_on:
            method, path = scope.get("method"), scope.get("raw_path")
            if path and settings.is_plain and type(method) is str and method.isascii():
                self.slot = unfinished.note(HTTP, raw_id, method.encode(), path)
            else:  # a WebSocket, or an odd scope
                self.slot = unfinished.begin(self)

    def _begin_with_headers(self, settings: Settings) -> None:
        """Begin with the first that the client sent of several headers, or with one sent twice."""
        known = (settings.inbound, *settings.further)
        sent = {one: self.header_values(one) for one in known}
        filled = ([value for value in values if value.strip()] for values in sent.values())
        Exchange.__init__(self, settings, next(filter(None, filled), ()))
        self.raw_id = self.request_id.encode()
        if unfinished.is_on:
            self.slot = unfinished.begin(self)
        for header, values in sent.items():
            if values != [self.request_id]:
                self._replace(header, settings, is_sent=bool(values))

    def _replace(self, header: Header, settings: Settings, *, is_sent: bool = True) -> None:
        """Give the application the id in the place of what the client sent, or take that out."""
        scope, is_refused = self.scope, is_sent and self.rejected is not None
        if settings.inject and (is_refused or header is settings.inbound):
            scope["headers"] = with_header(scope["headers"], header.raw, self.raw_id)
        elif is_refused:
            scope["headers"] = without_header(scope["headers"], header.raw)

    def header_values(self, header: Header) -> Sequence[str]:
        name, length, headers = header.raw, header.length, self.scope["headers"]
        found: Sequence[str] = ()
        for key, value in headers:
            if len(key) == length and key.lower() == name:
                found = [*found, value.decode("latin-1")]
        return found

    def facts(self) -> Facts:
        scope = self.scope
        try:
            raw, query, client = scope["raw_path"], scope["query_string"], scope["client"]
        except KeyError:
            return super().facts()
        if not raw or raw[0] != _SLASH or type(query) is not bytes:
            return super().facts()
        path = raw.decode("latin-1")
        return (
            scope["method"],
            path.partition("?")[0] if "?" in path else path,
            query.decode("latin-1"),
            client[0] if client else None,
            self.route(),
        )

    def is_cancelled(self, error: BaseException) -> bool:
        if not isinstance(error, asyncio.CancelledError):
            return True
        try:
            task = asyncio.current_task()
        except RuntimeError:
            return True
        # A task that this one waited for was cancelled: the server answers with a 500.
        return task is None or task.cancelling() > 0

    def find_place(self) -> Place:
        return loop_here()

    def method(self) -> str:
        return str(self.scope.get("method", "GET"))

    def path(self) -> str:
        raw: bytes | None = self.scope.get("raw_path")
        if raw:
            # Some servers leave the query in it.
            return path_of(raw.decode("latin-1").partition("?")[0])
        path = path_of(str(self.scope.get("path", "")))
        root = str(self.scope.get("root_path") or "").rstrip("/")
        # The specification has the root path inside the path; not every server does.
        if root and path != root and not path.startswith(f"{root}/"):
            path = root + path
        return encoded_path(path)

    def root(self) -> str:
        scope = self.scope
        # A mount adds to root_path, and keeps the server's own here.
        return str(scope.get("app_root_path", scope.get("root_path")) or "")

    def query(self) -> str:
        query = self.scope.get("query_string")
        if type(query) is bytes:
            return query.decode("latin-1")
        return query if isinstance(query, str) else str(query or b"", "latin-1")

    def peer(self) -> str | None:
        client = self.scope.get("client")
        return client[0] if client else None

    def connection(self) -> object:
        return self.scope.get("client")

    def route(self) -> str | None:
        scope = self.innermost
        return self._routes.find(scope) if "endpoint" in scope else None

    def source(self) -> Scope:
        return self.scope

    def has_user(self) -> bool:
        return self.innermost.get("user") is not None

    def framework_user(self) -> object:
        user = self.innermost.get("user")
        return None if user is None else id_of(user, "id", "pk", "identity")
