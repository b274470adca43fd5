"""A request as an ASGI scope shows it."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

from .exchange import Exchange
from .routes import RouteTemplates
from .settings import Header, Settings
from .users import id_of
from .wire import encoded_path, with_header

Scope = MutableMapping[str, Any]


class ScopeExchange(Exchange):
    """A request, as an ASGI scope shows it; its headers are a list."""

    def __init__(self, settings: Settings, scope: Scope, routes: RouteTemplates) -> None:
        self.scope = scope
        self._routes = routes
        header = settings.inbound
        inbound: Sequence[str] = self.header_values(header)
        # An empty value counts as none.
        given = [value for value in inbound if value.strip()] if inbound else inbound
        super().__init__(settings, given)
        self.raw_id = self.request_id.encode()
        # The application reads the effective id.
        if not inbound:
            scope["headers"] = [*scope["headers"], (header.raw, self.raw_id)]
        elif inbound != [self.request_id]:
            scope["headers"] = with_header(scope["headers"], header.raw, self.raw_id)

    def header_values(self, header: Header) -> Sequence[str]:
        name = header.raw
        length = len(name)
        found = []
        for key, value in self.scope["headers"]:
            if len(key) == length and key.lower() == name:
                found.append(value.decode("latin-1"))
        return found

    def method(self) -> str:
        return str(self.scope.get("method", "GET"))

    def path(self) -> str:
        raw: bytes | None = self.scope.get("raw_path")
        if raw:
            # Some servers leave the query in it.
            return (raw.partition(b"?")[0] if b"?" in raw else raw).decode("latin-1")
        path = str(self.scope.get("path", ""))
        root = str(self.scope.get("root_path") or "").rstrip("/")
        # The specification has the root path inside the path; not every server does.
        if root and path != root and not path.startswith(f"{root}/"):
            path = root + path
        return encoded_path(path)

    def query(self) -> str:
        query = self.scope.get("query_string") or b""
        return query if isinstance(query, str) else str(query, "latin-1")

    def peer(self) -> str | None:
        client = self.scope.get("client")
        return client[0] if client else None

    def connection(self) -> object:
        return self.scope.get("client")

    def route(self) -> str | None:
        return self._routes.find(self.scope) if "endpoint" in self.scope else None

    def source(self) -> Scope:
        return self.scope

    def has_user(self) -> bool:
        return self.scope.get("user") is not None

    def framework_user(self) -> object:
        user = self.scope.get("user")
        return None if user is None else id_of(user, "id", "pk", "identity")
