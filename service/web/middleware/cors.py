"""CORS: lets pages of the origins in ALLOW_ORIGINS read our responses.

This gives nobody access: a caller still needs a token. `service.auth.xsrf` decides about cookies in requests from other
origins, and about the origin of WebSockets.
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from service.settings import Settings

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# In addition to those that CORS always allows.
_REQUEST_HEADERS = ("Authorization", "If-Match", "If-None-Match", "X-Request-ID")
_RESPONSE_HEADERS = (
    "Content-Disposition", "ETag", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID",
)  # fmt: skip


def with_cors(app: ASGIApp, settings: Settings, *, headers: Sequence[str] = ()) -> ASGIApp:
    """Return `app` with CORS, if ALLOW_ORIGINS is set. It wraps the whole application, so errors can be read, too.

    `headers`: additional response headers that these pages may read.
    """
    if not settings.allow_origins:
        return app
    xsrf = ("X-XSRFToken",) if settings.allow_credentials else ()  # needed only with cookies
    return CORSMiddleware(
        app,
        allow_origins=settings.allow_origins,
        allow_credentials=settings.allow_credentials,
        allow_private_network=settings.allow_private_network,
        allow_methods=_METHODS,
        allow_headers=(*_REQUEST_HEADERS, *xsrf),
        expose_headers=(*_RESPONSE_HEADERS, *headers),
    )
