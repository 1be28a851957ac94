"""Sends a request to the other spelling of its path, with or without a slash at the end, if only that one is served.

Starlette's own redirect would repeat a token that is in the address, and name a host that the client has chosen. The
two spellings are not simply one route: a proxy in front that closes a path must see the path that is served.
"""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import URLPath
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from service.auth.request_path import on_this_host, other_spelling, raw_path


class OtherSpelling(BaseRoute):
    """A route that comes after `routes`, those of an application."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = tuple(routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match if a route serves the other spelling."""
        path = scope["path"]
        if scope["type"] != "http" or path == f"{scope['root_path']}/":
            return Match.NONE, {}
        if path.endswith("/") != raw_path(scope).endswith("/"):  # an encoded slash: adding one would not end
            return Match.NONE, {}
        # A route of this spelling that lacks the method answers 405. Two that match both would redirect without end.
        is_needed = self._serve({**scope, "path": other_spelling(path)}) and not self._serve(scope)
        return (Match.FULL if is_needed else Match.NONE), {}

    def _serve(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self._routes)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect with 307, which keeps the method and the body. The address loses a token that is in it."""
        location = on_this_host(other_spelling(raw_path(scope)), scope["query_string"].decode("latin-1"))
        response = Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, headers={"Location": location})
        await response(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Raise NoMatchFound: it has no path of its own."""
        raise NoMatchFound(name, dict(path_params))
