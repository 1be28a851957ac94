"""Forms of our own pages: the token that they carry, and what was typed into one that was refused."""

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request

from service.errors import OriginError
from service.web.credentials import Source
from service.web.security import context_of, credential_of
from service.web.xsrf import FORM, check_origin, xsrf_token


def form_token(conn: HTTPConnection) -> str:
    """The XSRF token of this session, for a request that its cookie has signed: other pages can send other credentials.

    Raises:
        InvalidTokenError: the Authorization header is none.
    """
    credential = credential_of(conn)
    if credential is None or credential.source is not Source.COOKIE:
        return ""
    return xsrf_token(context_of(conn).xsrf_key, token=credential.token, session_id=credential.session_id)


async def returns_form(conn: HTTPConnection) -> None:
    """A dependency of routes whose form goes back to who has sent it when it is refused."""
    conn.scope["state"]["returns_form"] = True


async def refused_form(conn: HTTPConnection) -> dict[str, str]:
    """What was typed into a form of ours, to be sent again with the token of whoever is signed in by then.

    Nothing of what another site has sent: its page must not have our reader confirm it.
    """
    if not isinstance(conn, Request) or not conn.scope["state"].get("returns_form"):
        return {}
    if conn.scope["method"] != "POST" or "authorization" in conn.headers:
        return {}
    if not conn.headers.get("content-type", "").startswith(FORM):
        return {}
    try:
        check_origin(conn, context_of(conn).settings)
        form = await conn.form()
    except (OriginError, RuntimeError, HTTPException, ClientDisconnect):
        # It was read as a stream and is gone, is too long or too slow, or its sender has gone.
        return {}
    typed = {name: value for name, value in form.items() if isinstance(value, str)}
    is_ours = typed.pop("_xsrf", None) is not None
    return {**typed, "_xsrf": form_token(conn)} if is_ours and typed.keys() - {"version"} else {}
