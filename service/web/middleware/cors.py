"""Lets pages of other origins read our answers (CORS), where the operator names their origins.

This lets nobody in: who asks is told by a token, as ever; what a cookie of another origin's request is good for,
`service.auth.xsrf` says. WebSockets are not its business (`xsrf.check_origin`).
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from service.settings import Settings

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Beyond those that need no leave.
_REQUEST_HEADERS = ("Authorization", "If-Match", "If-None-Match", "X-Request-ID")
_ANSWER_HEADERS = (
    "Content-Disposition", "ETag", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID",
)  # fmt: skip


def with_cors(app: ASGIApp, settings: Settings, *, headers: Sequence[str] = ()) -> ASGIApp:
    """Wrap the whole application, so that errors can be read, too; preflights are answered here.

    `headers`: of applications' answers, to be read by those pages beside ours.
    """
    if not settings.allow_origins:
        return app
    xsrf = ("X-XSRFToken",) if settings.allow_credentials else ()  # of use with a cookie alone
    return CORSMiddleware(
        app,
        allow_origins=settings.allow_origins,
        allow_credentials=settings.allow_credentials,
        allow_private_network=settings.allow_private_network,
        allow_methods=_METHODS,
        allow_headers=(*_REQUEST_HEADERS, *xsrf),
        expose_headers=(*_ANSWER_HEADERS, *headers),
    )
