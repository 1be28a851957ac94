"""Finds the router of a request by the first segment of its path, so that the others need not be tried.

FastAPI tries all paths of all routers, one after another. With our own routers before somebody's, a request for theirs
would pay for some twenty comparisons. What a route means does not change: a router that is found is asked, and serves,
as FastAPI would have it do.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fastapi.routing import iter_route_contexts
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

_FOUND = "service.route"
_ANY = None  # the key of what may match whatever the first segment is


class RouteIndex(BaseRoute):
    """Stands before `routes`, an application's. Where it finds nothing, they are tried as ever."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._by_segment = _by_segment(routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Ask the routers that have a path with this first segment, in their order."""
        segment = scope["path"][len(scope["root_path"]) + 1 :].partition("/")[0]
        for route in self._by_segment.get(segment) or self._by_segment[_ANY]:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return match, {**child_scope, _FOUND: route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve by the router that was found."""
        await scope[_FOUND].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Leave names to the routers."""
        raise NoMatchFound(name, dict(path_params))


def _by_segment(routes: Sequence[BaseRoute]) -> Mapping[str | None, Sequence[BaseRoute]]:
    segments = {id(route): set(_segments(route)) for route in routes}
    index: defaultdict[str | None, list[BaseRoute]] = defaultdict(list)
    for segment in {_ANY}.union(*segments.values()):
        index[segment] = [route for route in routes if segments[id(route)] & {segment, _ANY}]
    return index


def _segments(route: BaseRoute) -> Iterator[str | None]:
    """Yield the first segments that a router's paths may have; `_ANY` where that cannot be told."""
    paths = [context.path for context in iter_route_contexts([route])]
    for path in paths or [getattr(route, "path", None)]:
        first = path.lstrip("/").partition("/")[0] if path else ""
        yield _ANY if path is None or "{" in first else first
