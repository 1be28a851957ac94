"""Lets pages of named origins show ours in a frame, such as a portal or a learning platform (SERVICE_FRAME_ORIGINS).

A page in a frame has no XSRF token, so nothing can be changed in it: a click that another page has brought about does
no harm. Only the answers that browsers ask for in order to show them in a frame may be framed. All others, and so all
pages with a token, may not. Nor may Swagger UI, whose reader can have it get a token by a click.

The service needs a host of its own for it: see `service.auth.protection.problem_with_frames`.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import Scope

from service.auth.fetch_metadata import Purpose, judge
from service.auth.hardening import Header
from service.settings import Settings

_CLOSED = b"frame-ancestors 'none'"


def is_closed(headers: Iterable[Header]) -> bool:
    """Whether a route has said itself that nobody may frame its answer."""
    return any(name == b"x-frame-options" for name, _ in headers)


def openable(headers: list[Header], scope: Scope, settings: Settings) -> list[Header]:
    """Return the headers of an answer, so that pages of the named origins may frame it if it is asked for a frame."""
    asked = Headers(scope=scope)
    mode, dest = asked.get("sec-fetch-mode", ""), asked.get("sec-fetch-dest", "")
    if judge(mode=mode, dest=dest, is_preload="service-worker-navigation-preload" in asked) is not Purpose.FRAME:
        return headers
    opened = f"frame-ancestors {' '.join(settings.frame_origins)}".encode()
    return [
        (name, value.replace(_CLOSED, opened) if name == b"content-security-policy" else value)
        for name, value in headers
        if name != b"x-frame-options"
    ]
