"""Decides which requests may be signed by a cookie: those of our own pages, by their Origin and their XSRF token.

Without a domain per user every notebook server shares our origin, so a cookie alone does not show that a request comes
from one of our pages; that is why reading requests are checked too. The rule is JupyterHub's
(`jupyterhub/_xsrf_utils.py`, `_needs_check_xsrf`), but stricter with scripts (`service.auth.fetch_metadata`); the token
is compared with the one this session must have, never with a cookie.
"""

import hashlib
import hmac
import re
from urllib.parse import unquote_plus

from starlette.requests import HTTPConnection, Request

from service.auth.errors import OriginError, XsrfError
from service.auth.fetch_metadata import Purpose, purpose_of
from service.hub.sealing import fingerprint
from service.settings import Settings

_READING = {"GET", "HEAD", "OPTIONS"}
_FORM = "application/x-www-form-urlencoded"
_FIELD = re.compile(rb"&_xsrf=([^&]+)")
_MAX_FIELD = 512  # bytes of a field, in which every character of the token may be percent-encoded


def xsrf_token(key: bytes, *, token: str, session_id: str) -> str:
    """Return the XSRF token of a session. It cannot be guessed without `key`."""
    return fingerprint(key, session_id, hashlib.sha256(token.encode()).hexdigest())


def needs_check(method: str, purpose: Purpose) -> bool:
    """Whether a request signed by cookie must carry the XSRF token: it may change something, or a script sends it."""
    return method not in _READING or purpose in {Purpose.SCRIPT, Purpose.FRAME}


async def check_xsrf(conn: HTTPConnection, expected: str, settings: Settings) -> None:
    """Raises XsrfError unless this request, signed by cookie, carries its session's XSRF token or needs none.

    Raises OriginError if a page of another origin has sent it, and may not send cookies.
    """
    headers = conn.headers
    is_foreign = _is_allowed_foreign(conn, settings)
    purpose = purpose_of(conn)
    if purpose is Purpose.FRAME and settings.frame_origins:
        purpose = Purpose.PAGE  # which has no token in it
    if not is_foreign and not needs_check(conn.scope["method"], purpose):
        return
    given = headers.get("x-xsrftoken") or headers.get("x-csrftoken") or _from_query(conn) or await _from_form(conn)
    _compare(given, expected)


def check_websocket(conn: HTTPConnection, expected: str, settings: Settings) -> None:
    """Raises OriginError, XsrfError unless a page of ours opens this WebSocket, signed by cookie.

    Another user's notebook may have our origin, and could read the messages. JupyterHub allows that. Here the XSRF
    token must be in the URL, because scripts cannot set headers on a WebSocket.
    """
    check_origin(conn, settings)
    _compare(_from_query(conn), expected)


def check_origin(conn: HTTPConnection, settings: Settings) -> None:
    """Raises OriginError unless a browser says that one of our own pages asks."""
    if not _is_ours(conn, settings):
        raise OriginError


def _compare(given: str, expected: str) -> None:
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise XsrfError


def _is_ours(conn: HTTPConnection, settings: Settings) -> bool:
    origin, host = conn.headers.get("origin", "").lower(), conn.headers.get("host", "").lower()
    if settings.public_origin:
        return origin == settings.public_origin
    return bool(host) and origin.partition("://")[2] == host  # compared as text, because either may be anything


def _is_allowed_foreign(conn: HTTPConnection, settings: Settings) -> bool:
    """Whether a page of another origin has sent the request, and may send cookies. Raises OriginError if it may not.

    The XSRF token does not show that: browsers send our cookies to all ports of our host, so servers there learn it.
    """
    origin = conn.headers.get("origin")
    # What the browser says is true even if a proxy sends us another Host.
    if origin is None or conn.headers.get("sec-fetch-site") == "same-origin" or _is_ours(conn, settings):
        return False
    if settings.allow_credentials and origin in settings.allow_origins:
        return True
    raise OriginError


def _from_query(conn: HTTPConnection) -> str:
    return _among_fields(conn.scope["query_string"])


def is_form(conn: HTTPConnection) -> bool:
    """Whether the body is an urlencoded form. A media type may be in any case (RFC 9110 section 8.3.1)."""
    return conn.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


async def _from_form(conn: HTTPConnection) -> str:
    """Look into a plain form; an upload must carry the token in a header or its address, so that it can be streamed."""
    if not isinstance(conn, Request) or not is_form(conn):
        return ""
    try:
        text = await conn.body()  # keeps it for a handler that wants the raw body
    except RuntimeError:  # FastAPI has read it already, for a route that declares its fields
        value = (await conn.form()).get("_xsrf")
        return value if isinstance(value, str) else ""
    return _among_fields(text)


def _among_fields(text: bytes) -> str:
    """Return the first value of `_xsrf` that is not empty. No browser encodes this name.

    Nothing else is decoded: `parse_qsl` takes most of a second for the fields that fit into 1 MB.
    """
    match = _FIELD.search(b"&" + text)
    return unquote_plus(match[1].decode("latin-1")) if match and len(match[1]) <= _MAX_FIELD else ""
