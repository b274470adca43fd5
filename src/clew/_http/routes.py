"""The route templates of Starlette's and FastAPI's routers, found without importing either.

Facts: a router puts the endpoint into the scope; the matched route only sometimes (plain routes
in FastAPI, older Starlettes), and then without the prefixes of the mounts, routers and includes
around it. Strategy: walk the routers once, and remember the whole template of each endpoint; walk
them again when the application's own routes have changed, or an endpoint is not known.
Where an endpoint stands in several places, the path tells which one it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .wire import path_of

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
MOUNTED_REST = "/{path}"

# How often an endpoint that is not known has the routers walked again.
_MAX_RELEARNS = 100


class _RoutePattern(NamedTuple):
    """Where an endpoint stands: its template, and what the path looks like there."""

    template: str
    pattern: str


class RouteTemplates:
    """The templates of one application's routes, by endpoint."""

    def __init__(self) -> None:
        self._router: Any = None
        self._routes: list[Any] = []
        self._relearns = 0
        self._places: dict[int, tuple[_RoutePattern, ...]] = {}

    def find(self, scope: Mapping[str, Any]) -> str | None:
        """Return the template of the route that *scope* matched, or None when none did."""
        router, endpoint = scope.get("router"), scope.get("endpoint")
        if router is None or endpoint is None:
            return None
        if self._router is not router or self._routes != router.routes:
            self._learn(router)
        places = self._places.get(id(endpoint), ())
        if not places and self._relearns < _MAX_RELEARNS:
            # A router within has got a route since; or there is none to be found, ever.
            self._relearns += 1
            self._learn(router)
            places = self._places.get(id(endpoint), ())
        if len(places) > 1:
            path = _path_below_root(scope)
            places = tuple(place for place in places if re.fullmatch(place.pattern, path))
        return places[0].template if places else None

    def _learn(self, router: Any) -> None:
        places: dict[int, tuple[_RoutePattern, ...]] = {}
        for endpoint, place in _walk(router.routes, "", ""):
            known = places.get(id(endpoint), ())
            if place not in known:
                places[id(endpoint)] = (*known, place)
        self._places, self._router, self._routes = places, router, list(router.routes)


def _walk(
    routes: Iterable[Any], prefix: str, pattern: str
) -> Iterator[tuple[object, _RoutePattern]]:
    for route in routes:
        included = getattr(route, "effective_route_contexts", None)
        if included is not None:  # FastAPI's include_router
            inner = [getattr(entry, "starlette_route", None) or entry for entry in included()]
            yield from _walk(inner, prefix, pattern)
        elif hasattr(route, "path_format"):
            yield from _walk_route(route, prefix, pattern)
        elif hasattr(route, "host"):
            yield from _walk(_routes_of(route), prefix, pattern)


def _walk_route(route: Any, prefix: str, pattern: str) -> Iterator[tuple[object, _RoutePattern]]:
    template = prefix + route.path_format
    own = _NAMED_GROUP.sub("(?:", route.path_regex.pattern).removeprefix("^").removesuffix("$")
    if hasattr(route, "endpoint"):
        yield route.endpoint, _RoutePattern(template or "/", pattern + own)
        return
    inner = _routes_of(route)
    if inner:
        rest = own.rpartition("/")[0]
        yield from _walk(inner, template.removesuffix(MOUNTED_REST), pattern + rest)
    elif hasattr(route, "app"):  # an application that has no routes to show, as StaticFiles
        yield route.app, _RoutePattern(template, pattern + own)


def _routes_of(mount: Any) -> list[Any]:
    """Return the routes below *mount*, also where middleware stands around the mounted app.

    Another framework's, as Litestar's, are not among them: it tells its own.
    """
    routes = getattr(mount, "routes", None)
    app = getattr(mount, "app", None)
    for _ in range(20):
        if routes or app is None:
            break
        routes = getattr(app, "routes", None)
        app = getattr(app, "app", None)
    return [route for route in routes if _is_known(route)] if isinstance(routes, list) else []


def _is_known(route: Any) -> bool:
    names = ("path_regex", "host", "effective_route_contexts")
    return any(hasattr(route, name) for name in names)


def _path_below_root(scope: Mapping[str, Any]) -> str:
    path = path_of(str(scope.get("path", "")))
    # A mount adds to root_path, and keeps the server's own here.
    root = str(scope.get("app_root_path", scope.get("root_path")) or "").rstrip("/")
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path
