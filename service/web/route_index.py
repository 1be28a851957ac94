"""Finds the route of a request by the first segment of its path, so that FastAPI does not have to try the others.

FastAPI compares a path with all routes, one after another. Our own come first, so a request for somebody's own route
would need some twenty comparisons. The index changes only which routes are tried. The route that is found matches and
handles the request as usual. A router that was included, or a mounted application, is one route here.
"""

from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

_FOUND = "service.route"
_FULL = Match.FULL  # Python 3.11 takes its time to find a member in its class
_ANY = None  # the key for routes that may match any first segment


class RouteIndex(BaseRoute):
    """A route that comes before `routes`, those of an application. If it finds nothing, they are tried as usual."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._by_segment = _by_segment(routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Try the routes that have a path with this first segment, in order."""
        segment = scope["path"][len(scope["root_path"]) + 1 :].partition("/")[0]
        for route in self._by_segment.get(segment) or self._by_segment[_ANY]:
            match, child_scope = route.matches(scope)
            if match is _FULL:
                child_scope[_FOUND] = route
                return match, child_scope
        return Match.NONE, {}

    def handle(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Pass the request to the route that was found."""
        found: BaseRoute = scope[_FOUND]
        return found.handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Raise NoMatchFound, so that the routes are asked."""
        raise NoMatchFound(name, dict(path_params))


def _by_segment(routes: Sequence[BaseRoute]) -> Mapping[str | None, Sequence[BaseRoute]]:
    segments = {id(route): set(_segments(route)) for route in routes}
    index: defaultdict[str | None, list[BaseRoute]] = defaultdict(list)
    for segment in {_ANY}.union(*segments.values()):
        index[segment] = [route for route in routes if segments[id(route)] & {segment, _ANY}]
    return index


def _segments(route: BaseRoute) -> Iterator[str | None]:
    """Yield the first segments of the paths of a route; `_ANY` for a path that can start with any segment."""
    paths = [context.path for context in iter_route_contexts([route])]
    for path in paths or [getattr(route, "path", None)]:
        first = path.lstrip("/").partition("/")[0] if path else ""
        yield _ANY if path is None or "{" in first else first
