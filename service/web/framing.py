"""Lets pages of named origins show ours in a frame, such as a portal or a learning platform (SERVICE_FRAME_ORIGINS).

A page in a frame has no XSRF token, so nothing can be changed in it: a click that another page has brought about does
no harm. Only the answers that browsers ask for in order to show them in a frame may be framed. All others, and so all
pages with a token, may not.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from service.auth.fetch_metadata import Purpose, judge
from service.auth.hardening import Header
from service.auth.protection import has_own_host
from service.settings import Settings

_CLOSED = b"frame-ancestors 'none'"


def problem_with(settings: Settings) -> str:
    """Say which of the origins must not frame our pages; an empty string if all may."""
    if has_own_host(settings):
        return ""
    shared = [origin for origin in settings.frame_origins if origin in {settings.public_origin, settings.hub_host}]
    if not shared:
        return ""
    return (
        f"SERVICE_FRAME_ORIGINS: {shared[0]}: all users' notebooks have this origin, and could look into our pages."
        " It takes a host of the service's own (JupyterHub.subdomain_host)."
    )


def openable(headers: list[Header], scope: Scope, settings: Settings) -> list[Header]:
    """Return the headers of an answer, so that pages of the named origins may frame it if it is asked for a frame."""
    asked = Headers(scope=scope)
    mode, dest = asked.get("sec-fetch-mode", ""), asked.get("sec-fetch-dest", "")
    if judge(mode=mode, dest=dest, is_preload="service-worker-navigation-preload" in asked) is not Purpose.FRAME:
        return headers
    # Where no address of ours is configured, this is what the browser has asked for.
    host = "" if has_own_host(settings) else asked.get("host", "").lower()
    origins = " ".join(origin for origin in settings.frame_origins if urlsplit(origin).netloc != host)
    opened = f"frame-ancestors {origins}".encode() if origins else _CLOSED
    return [
        (name, value.replace(_CLOSED, opened) if name == b"content-security-policy" else value)
        for name, value in headers
        if name != b"x-frame-options" or not origins
    ]
