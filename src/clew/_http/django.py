"""A request as Django shows it, on WSGI and ASGI."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from .environ import EnvironExchange
from .settings import Settings
from .users import id_of
from .wire import encoded_path, path_of


class DjangoExchange(EnvironExchange):
    """A request, as Django shows it."""

    def __init__(self, settings: Settings, request: HttpRequest) -> None:
        self.request = request
        super().__init__(settings, request.META)

    def path(self) -> str:
        scope = getattr(self.request, "scope", None)
        if scope is None:
            return super().path()
        raw = scope.get("raw_path")
        if raw:
            return path_of(raw.partition(b"?")[0].decode("latin-1"))
        return encoded_path(path_of(self.request.path))

    def connection(self) -> object:
        scope = getattr(self.request, "scope", None)
        return self if scope is None else scope.get("client")

    def sends_headers_first(self) -> bool:
        """Tell whether the server sends a response's headers before there is a part of its body."""
        server = str(self.environ.get("SERVER_SOFTWARE", ""))
        return (
            hasattr(self.request, "scope")
            or server.startswith("Granian")
            or "uwsgi.version" in self.environ
        )

    @property
    def answered(self) -> bool:
        return self.status is not None  # Django's handler sends it, and tells nobody when

    def route(self) -> str | None:
        return route_of(self.request)

    def source(self) -> HttpRequest:
        return self.request

    def has_user(self) -> bool:
        return "user" in vars(self.request)

    def framework_user(self) -> object:
        return loaded_user(self.request)


def route_of(request: HttpRequest, mount: str = "") -> str | None:
    """Return the template of the route that *request* matched below *mount*, without anchors."""
    match = request.resolver_match
    if match is None or match.route is None:
        return None
    return f"{mount}/" + match.route.removeprefix("^").removesuffix("$").removeprefix("/")


def loaded_user(request: HttpRequest) -> object:
    """Return the primary key of the user that is loaded already; asks no session, no database."""
    attributes = vars(request)
    user = attributes.get("user")
    if isinstance(user, LazyObject) and vars(user).get("_wrapped", empty) is empty:
        user = attributes.get("_acached_user")  # as request.auser() has loaded it
    return None if user is None else id_of(user, "pk")
