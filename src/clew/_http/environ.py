"""A request as a WSGI environ shows it: for WSGI, and for Django, whose requests hold one."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from clew._context import Context
from clew._current import entered
from clew._unfinished import unfinished

from .exchange import Exchange
from .request import Facts
from .settings import Settings
from .wire import Header, encoded_path, path_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Where the environ holds the exchange that serves it.
MARK = "clew.exchange"


def live_exchange(environ: WSGIEnvironment) -> Exchange | None:
    """Return the exchange that already serves the request of *environ*, also around what calls a
    WSGI application in an ASGI one: a2wsgi shows its scope, Starlette and asgiref take along the
    context alone.
    """
    exchange: Any = environ.get(MARK)
    if exchange is None:
        scope = environ.get("asgi.scope")
        if scope is not None:
            exchange = scope.get("clew")
        elif (around := entered()) is not None and _is_same(around, environ):
            exchange = around
    return exchange if isinstance(exchange, Exchange) and exchange.live else None


def _is_same(around: Context, environ: WSGIEnvironment) -> bool:
    """Tell whether *around*, a request that an ASGI server took, is that of *environ*: it may as
    well be one that calls another application.
    """
    scope = getattr(around, "scope", None)
    if not isinstance(scope, MutableMapping) or scope.get("type") != "http":
        return False
    path, root = str(scope.get("path", "")), str(scope.get("root_path", ""))
    given = f"{environ.get('SCRIPT_NAME') or ''}{environ.get('PATH_INFO') or ''}"
    client = scope.get("client")
    return (
        given.encode("latin-1", "replace").decode("utf-8", "replace") in (path, root + path)
        and environ.get("REQUEST_METHOD") == scope.get("method")
        and (environ.get("QUERY_STRING") or "").encode("latin-1") == scope.get("query_string", b"")
        and environ.get("REMOTE_ADDR") == (client[0] if client else None)
    )


class EnvironExchange(Exchange):
    """A request, as a WSGI environ shows it."""

    def __init__(self, settings: Settings, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self._root = environ.get("SCRIPT_NAME") or ""  # dispatchers within add to it
        value = str(environ.get(settings.inbound.environ) or "")
        for header in settings.further:
            value = value if value.strip() else str(environ.get(header.environ) or "")
        # Servers join repeated headers with a comma. An empty value counts as none.
        super().__init__(settings, value.split(",") if value.strip() else ())
        if unfinished.is_on:
            self.slot = unfinished.begin(self)

    def inject(self) -> None:
        """Let the environ hold this, and show the application the effective id, never a refused."""
        environ, settings = self.environ, self.settings
        if settings.inject:
            environ[settings.inbound.environ] = self.request_id
        if self.rejected is not None:
            for header in (settings.inbound, *settings.further):
                if environ.pop(header.environ, None) is not None and settings.inject:
                    environ[header.environ] = self.request_id
        environ[MARK] = self

    def header_values(self, header: Header) -> Sequence[str]:
        value = self.environ.get(header.environ)
        return () if value is None else (value,)

    def facts(self) -> Facts:
        environ = self.environ
        raw = environ.get("RAW_URI")
        if not raw or raw[0] != "/":
            return super().facts()
        return (
            environ["REQUEST_METHOD"],
            raw.partition("?")[0],
            environ.get("QUERY_STRING") or "",
            environ.get("REMOTE_ADDR"),
            self.route(),
        )

    def method(self) -> str:
        return str(self.environ.get("REQUEST_METHOD", "GET"))

    def path(self) -> str:
        environ = self.environ
        raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
        if raw:
            return path_of(raw.partition("?")[0])
        decoded = environ.get("SCRIPT_NAME", "") + path_of(environ.get("PATH_INFO", ""))
        return encoded_path(decoded.encode("latin-1", "replace")) or "/"

    def root(self) -> str:
        return self._root.encode("latin-1", "replace").decode("utf-8", "replace")

    def mount(self, environ: WSGIEnvironment) -> str:
        return str(environ.get("SCRIPT_NAME") or "").removeprefix(self._root)

    def query(self) -> str:
        return str(self.environ.get("QUERY_STRING") or "")

    def peer(self) -> str | None:
        return self.environ.get("REMOTE_ADDR")

    def sends_headers_first(self) -> bool:
        """Tell whether the server sends a response's headers before there is a part of its body."""
        environ = self.environ
        server = str(environ.get("SERVER_SOFTWARE", ""))
        return server.startswith("Granian") or "uwsgi.version" in environ

    def source(self) -> Any:
        return self.environ

    def end(self, error: BaseException | None = None) -> None:
        super().end(error)
        self.environ.pop(MARK, None)  # each holds the other
