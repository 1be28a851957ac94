"""For a service without sign-in: refuses what a page of another site makes its reader's browser send.

Such a page can send requests to this machine, which perhaps only the browser can reach. With a sign-in they fail for
want of a token. Here the browser's own headers decide: it says which host it means, and which page is asking.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from service.addresses import is_loopback, parsed_address
from service.auth.errors import OriginError
from service.auth.problems import problem_of, problem_response
from service.errors import ServiceError
from service.settings import Settings
from service.settings.types import ANY_ORIGIN
from service.web.errors import NotLocalError, UnknownHostError

_READING = {"GET", "HEAD", "OPTIONS"}
_FOREIGN_SITES = {"cross-site", "same-site"}  # values of Sec-Fetch-Site
_PROBES = {"/health/live", "/health/ready"}  # a probe may name any host; they tell nothing and take nothing
_UNIX = "unix"  # the client on a unix socket (`service.server.protocol`), unless a proxy says more
_FOREIGN = "A page of another site asks. Only this service's own pages may, and those of the origins in ALLOW_ORIGINS."


class OwnPages:
    """The middleware. Programs other than browsers send no `Origin`: they only have to name the right host."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._is_local = settings.sign_in == "none"
        self._origins = {settings.public_host, *settings.allow_origins}
        self._names = {"localhost", urlsplit(settings.public_host).hostname}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        is_free = scope["type"] == "lifespan" or scope["path"] in _PROBES
        problem = None if is_free else self._problem_with(scope)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(problem_of(problem))(scope, receive, send)

    def _problem_with(self, scope: Scope) -> ServiceError | None:
        if self._is_local and not all(map(is_loopback, _ends(scope))):
            return NotLocalError()
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return UnknownHostError()
        is_reading = scope["type"] == "http" and scope["method"] in _READING
        return None if is_reading or self._may_send(scope, hosts[0]) else OriginError(_FOREIGN)

    def _is_ours(self, host: str) -> bool:
        """Whether a Host header names us. Nobody can point an IP address, or `localhost`, at another machine."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or parsed_address(name) is not None

    def _may_send(self, scope: Scope, host: str) -> bool:
        """Whether a page of ours sends this, or of ALLOW_ORIGINS, or no page at all."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if not origin:
            return headers.get(b"sec-fetch-site", b"").decode("latin-1") not in _FOREIGN_SITES
        return origin.partition("://")[2] == host or bool({origin, ANY_ORIGIN} & self._origins)


def _ends(scope: Scope) -> Iterator[str]:
    """Yield the addresses of both ends of a connection, as far as it has any; a unix socket has none.

    ASGI gives a unix socket a path and no port. A trusted proxy names the client in X-Forwarded-For.
    """
    server, client = scope.get("server"), scope.get("client")
    if server is not None and server[1] is None:
        server = None
    if server is not None:
        yield server[0]
    if client is not None and not (server is None and client[0] == _UNIX):
        yield client[0]
