"""A page opened with a good token in its address, where that is allowed: its reader is asked before they are signed in.

Anybody can send such a link, with a token of their own, to have somebody work in the wrong account without noticing
(login CSRF). So a link alone never sets our session cookie. The token moves from the address into a sealed cookie that
lives for minutes, and a page asks whether to sign in as its owner.

Other people's notebooks may share our origin: they can plant cookies, and send forms that look like our own. What
keeps them out:

- only a person who opened the link themselves is asked, from the address bar, a bookmark or another program;
  browsers say so (`Sec-Fetch-Site: none`), and no page of any origin can bring that about;
- the answer has to repeat the cookie's value, which only the page with the question shows;
- the cookie is good only beside the session cookies of the Hub that it was made beside.

Over plain http, browsers send this header to localhost only. Elsewhere nobody is asked, and no link signs anybody in.
"""

import hmac
import json
from datetime import timedelta
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.requests import HTTPConnection

from service.auth.context import context_of
from service.auth.cookies import add_cookies, cleared, is_secure, link_cookie, link_cookie_name
from service.auth.credentials import cookie_pairs, find_cookie_credential, session_of
from service.auth.errors import TokenLinkError
from service.auth.fetch_metadata import is_browser
from service.auth.forms import read_form
from service.auth.identification import SignedInByUrl, address_of, check_sign_in, path_and_query
from service.auth.login import session_cookies
from service.auth.pages import pages_of
from service.auth.policy import Paths
from service.auth.state import state_of
from service.auth.xsrf import check_origin
from service.errors import ServiceError
from service.hub import oauth
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity

_LIFETIME = timedelta(minutes=5)
_MAX_COOKIE = 3500  # characters; browsers drop cookies beyond 4096 with name and attributes


def add_routes(router: APIRouter, paths: Paths) -> None:
    """Add the page that asks, and what takes its answer."""
    router.add_api_route(paths.link, question, methods=["GET"], name="hub_link", include_in_schema=False)
    router.add_api_route(paths.link, answer, methods=["POST"], name="hub_link_answer", include_in_schema=False)


class Link(NamedTuple):
    """A link with a token that was opened: the token, the page without it, and the session (`session_of`) beside it."""

    token: str
    next_url: str
    session: str


async def drop_token_from_url(request: HTTPConnection, found: SignedInByUrl) -> Response:
    """Answer a page opened with a good token in its address: the question, or the same page without the token."""
    context = context_of(request)
    next_url = _address_without_token(request)
    link = Link(found.credential.token, next_url, session_of(request.scope))
    sealed = context.link_sealer.seal(json.dumps(link), lifetime=_LIFETIME)
    if len(sealed) > _MAX_COOKIE or not await _may_ask(request, found.identity):
        return RedirectResponse(next_url, status_code=303)
    response = RedirectResponse(_address_of_question(request), status_code=303)
    secure = is_secure(request.scope, context.settings)
    add_cookies(response, [link_cookie(context.settings, sealed, secure=secure, max_age=_LIFETIME)])
    return response


async def question(request: Request) -> Response:
    """Ask whether to sign in with the token of the link that was opened."""
    if not _is_own_step(request):
        raise TokenLinkError
    sealed, link = _opened(request)
    identity = await _owner(request, link)
    current = await _signed_in(request)
    return pages_of(request).sign_in_as(request, identity.name, identity=current, sealed=sealed, next_url=link.next_url)


async def answer(request: Request) -> Response:
    """Sign in with the token of the link, as the reader has said on the page that asked."""
    context = context_of(request)
    check_origin(request, context.settings)
    sealed, opened = _opened(request)
    link = (await read_form(request)).get("link", "")
    if not is_browser(request) or not hmac.compare_digest(link.encode(), sealed.encode()):
        raise TokenLinkError
    identity = await _owner(request, opened)
    await check_sign_in(identity, request)
    context.count_sign_in("token_in_address")
    response = RedirectResponse(opened.next_url, status_code=303)
    add_cookies(response, cleared(context.settings, [link_cookie_name(context.settings)]))
    add_cookies(response, session_cookies(request, opened.token, lifetime=None))
    return response


def _address_of_question(conn: HTTPConnection) -> str:
    state = state_of(conn)
    return state.context.settings.prefix + state.policy.paths.link.removeprefix("/")


def _address_without_token(conn: HTTPConnection) -> str:
    path, _, query = path_and_query(conn).partition("?")
    rest = oauth.without_token(query)
    # One slash at the beginning: with two the browser would take what follows for another host.
    return "/" + path.lstrip("/\\") + (f"?{rest}" if rest else "")


async def _may_ask(conn: HTTPConnection, identity: Identity) -> bool:
    """Whether the reader opened the link themselves, and is not signed in as the owner of its token."""
    if not _is_own_step(conn):
        return False
    try:
        current = await _signed_in(conn)
    except ServiceError:  # nobody can say whose session would be replaced
        return False
    return current is None or (current.kind, current.name) != (identity.kind, identity.name)


def _is_own_step(conn: HTTPConnection) -> bool:
    """Whether the reader has opened this page themselves, and no page has done it for them."""
    site, dest = (conn.headers.get(f"sec-fetch-{name}") for name in ("site", "dest"))
    return is_browser(conn) and (site, dest) == ("none", "document")


def _opened(conn: HTTPConnection) -> tuple[str, Link]:
    """Return the cookie of the link that was opened, and what is sealed in it.

    Raises:
        TokenLinkError: there is none, it is too old, or it was made for another browser.
    """
    context = context_of(conn)
    name = link_cookie_name(context.settings)
    values = {value for key, value in cookie_pairs(conn.scope) if key == name}
    sealed = values.pop() if len(values) == 1 else ""
    content = context.link_sealer.open(sealed)
    if content is None:
        raise TokenLinkError
    link = Link(*json.loads(content))
    if link.session != session_of(conn.scope):
        raise TokenLinkError
    return sealed, link


async def _owner(conn: HTTPConnection, link: Link) -> Identity:
    """Return who owns the token. Raises TokenLinkError if it has become invalid: signing in would not help then."""
    try:
        return await context_of(conn).auth.identify(link.token, address=address_of(conn))
    except InvalidTokenError:
        raise TokenLinkError from None


async def _signed_in(conn: HTTPConnection) -> Identity | None:
    """Return who is signed in by our cookie, or None. Raises HubUnavailableError, CookieConflictError."""
    context = context_of(conn)
    cookie = find_cookie_credential(conn.scope, settings=context.settings, session_sealer=context.session_sealer)
    if cookie is None:
        return None
    try:
        return await context.auth.identify(cookie.token, session_id=cookie.session_id)
    except InvalidTokenError:
        return None
