"""Forms of our own: reading one, and giving back what was typed into one that was refused."""

from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from service.auth.context import context_of
from service.auth.credentials import Source
from service.auth.errors import CookieConflictError, HeadersTooLargeError, OriginError
from service.auth.identification import credential_of, page_token
from service.auth.state import state_of
from service.auth.xsrf import check_origin, is_form
from service.hub.errors import InvalidTokenError

_MAX_BODY = 16 * 1024  # bytes
_MAX_FIELDS = 100


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of an urlencoded form, the last of each name. Anything else has none.

    FastAPI's `Form()` would need python-multipart, and its `max_body_size` a FastAPI of November 2026.

    Raises:
        HTTPException: 413, the form is larger than any of ours.
    """
    if not is_form(request):
        return {}
    try:
        return dict(parse_qsl((await _body(request)).decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:  # not UTF-8, or too many fields
        return {}


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(body)


def _may_be_by_cookie(conn: HTTPConnection) -> bool:
    try:
        credential = credential_of(conn)
    except InvalidTokenError:
        return False
    except (CookieConflictError, HeadersTooLargeError):
        return True
    return credential is None or credential.source is Source.COOKIE


async def returns_form(conn: HTTPConnection) -> None:
    """A dependency for routes that show a refused form to its sender again."""
    state_of(conn).returns_form = True


async def refused_form(conn: HTTPConnection) -> dict[str, str]:
    """Return what was typed into a form of ours, so that it can be sent again, with the reader's XSRF token.

    The result is empty for a form that another site has sent: our reader must not be asked to confirm that.
    """
    if not isinstance(conn, Request) or not state_of(conn).returns_form:
        return {}
    if conn.scope["method"] != "POST" or not _may_be_by_cookie(conn):
        return {}
    if not is_form(conn):
        return {}
    try:
        check_origin(conn, context_of(conn).settings)
        form = await conn.form()
    except (OriginError, RuntimeError, HTTPException, ClientDisconnect):
        # It was read as a stream and is gone, is too long or too slow, or its sender has gone.
        return {}
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    is_ours = typed.pop("_xsrf", None) is not None
    return {**typed, "_xsrf": page_token(conn)} if is_ours and typed.keys() - {"version"} else {}
