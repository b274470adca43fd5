"""A request as an ASGI scope shows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from .exchange import Exchange
from .request import Facts
from .routes import RouteTemplates
from .settings import Header, Settings
from .users import id_of
from .wire import encoded_path, with_header

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
        self.scope = scope
        self._receive = receive
        self._send = send
        self._routes = routes
        header = settings.inbound
        inbound = self.header_values(header)
        # The application reads the effective id. An empty value counts as none.
        if not inbound:
            Exchange.__init__(self, settings, ())
            self.raw_id = raw_id = self.request_id.encode()
            scope["headers"] = [*scope["headers"], (header.raw, raw_id)]
        else:
            Exchange.__init__(self, settings, [value for value in inbound if value.strip()])
            self.raw_id = self.request_id.encode()
            if inbound != [self.request_id]:
                scope["headers"] = with_header(scope["headers"], header.raw, self.raw_id)

    def header_values(self, header: Header) -> Sequence[str]:
        name = header.raw
        length = len(name)
        found: Sequence[str] = ()
        for key, value in self.scope["headers"]:
            if len(key) == length and key.lower() == name:
                found = [*found, value.decode("latin-1")]
        return found

    def facts(self) -> Facts:
        scope = self.scope
        raw, query, client = scope.get("raw_path"), scope.get("query_string"), scope.get("client")
        if not raw or b"?" in raw or type(query) is not bytes:
            return super().facts()
        return (
            scope["method"],
            raw.decode("latin-1"),
            query.decode("latin-1"),
            client[0] if client else None,
            self._routes.find(scope) if "endpoint" in scope else None,
        )

    def method(self) -> str:
        return str(self.scope.get("method", "GET"))

    def path(self) -> str:
        raw: bytes | None = self.scope.get("raw_path")
        if raw:
            path = raw.decode("latin-1")
            # Some servers leave the query in it.
            return path.partition("?")[0] if "?" in path else path
        path = str(self.scope.get("path", ""))
        root = str(self.scope.get("root_path") or "").rstrip("/")
        # The specification has the root path inside the path; not every server does.
        if root and path != root and not path.startswith(f"{root}/"):
            path = root + path
        return encoded_path(path)

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
        return self._routes.find(self.scope) if "endpoint" in self.scope else None

    def source(self) -> Scope:
        return self.scope

    def is_nobody(self) -> bool:
        return (
            self.scope.get("user") is None
            and self.inner_user is None
            and self.settings.user_id is None
        )

    def has_user(self) -> bool:
        return self.scope.get("user") is not None

    def framework_user(self) -> object:
        user = self.scope.get("user")
        return None if user is None else id_of(user, "id", "pk", "identity")
