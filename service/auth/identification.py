"""Finds out who is calling: from the credential of a request to the Identity that the Hub, or Entra ID, gives it.

`service.auth.guard` decides what the caller may do.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from service.auth.context import context_of
from service.auth.cookies import auth_cookie_name, cleared, is_secure, xsrf_cookie
from service.auth.credentials import Credential, Source, cookie_pairs, find_cookie_credential, find_credential
from service.auth.errors import CookieConflictError, HeadersTooLargeError, NotSignedInError, OriginError, XsrfError
from service.auth.fetch_metadata import is_browser, may_be_page
from service.auth.providers.entra_claims import header_of
from service.auth.request_path import raw_path
from service.auth.state import state_of
from service.auth.xsrf import check_websocket, check_xsrf, is_form, xsrf_token
from service.errors import ServiceError
from service.hub.errors import HubUnavailableError, InvalidTokenError
from service.hub.models import Identity
from service.hub.oauth import safe_next

if TYPE_CHECKING:
    from service.auth.providers.entra import Entra


class SignedInByUrl(Exception):  # noqa: N818 - a way of answering, not an error
    """A page was opened with a good token in its address: see `service.auth.token_links`."""

    def __init__(self, credential: Credential, identity: Identity) -> None:
        self.credential = credential
        self.identity = identity
        super().__init__("signed in by URL")


async def caller_or_none(conn: HTTPConnection) -> Identity | None:
    """A dependency. Returns the caller, whatever they may do, or None if that cannot be told."""
    try:
        identity = await identify(conn)
    except ServiceError:
        return None
    return None if identity is state_of(conn).policy.anonymous else identity


async def identify(conn: HTTPConnection) -> Identity:
    """Return who is calling, whatever they may do. The answer is kept until the end of the request."""
    state = state_of(conn)
    if state.identity is None:
        if state.policy.anonymous is not None:  # whatever credential came along: nobody asks for one
            state.identity = state.policy.anonymous
            return state.identity
        credential, known = state.spoken or await speaking(conn)
        if credential is None:
            raise NotSignedInError
        identity = await _judge(conn, credential) if known is None else known
        if credential.source is Source.URL and is_browser(conn) and conn.scope.get("method") in {"GET", "HEAD"}:
            await check_sign_in(identity, conn)
            raise SignedInByUrl(credential, identity)
        state.identity = identity
    return state.identity


async def speaking(conn: HTTPConnection) -> tuple[Credential | None, Identity | None]:
    """Return the credential that counts for this request, and whose it is where that is known by now.

    A Bearer token that the Hub does not know may be another system's, such as that of a gateway in front. If our cookie
    comes with it, the cookie counts, with all its checks. A token that Entra ID judges is refused as it is.

    Where nobody can say what the header's token is, because the Hub does not answer, the cookie counts, too, if the
    Hub's last answer about it may serve.

    Raises:
        InvalidTokenError: the header is wrong, and no good cookie comes with it.
    """
    state = state_of(conn)
    try:
        credential = credential_of(conn)
    except InvalidTokenError:
        if await _owner_of_cookie(conn) is None:
            raise
    else:
        if credential is None or credential.source is not Source.HEADER:
            return credential, None
        # Enough for nearly all requests from scripts and notebooks: the cache knows the token.
        if (known := state.context.auth.known(credential.token)) is not None:
            return credential, known
        if entra_for(conn, credential) is not None or (owner := await _owner_of_cookie(conn)) is None:
            return credential, None
        try:
            return credential, await state.context.auth.identify(credential.token, sender=owner.name)
        except (InvalidTokenError, HubUnavailableError):
            pass
    state.ignores_header = True
    return credential_of(conn), None


async def _owner_of_cookie(conn: HTTPConnection) -> Identity | None:
    """Return who is signed in by our cookie, whatever else the request carries; None if nobody is."""
    context = context_of(conn)
    try:
        cookie = find_cookie_credential(conn.scope, settings=context.settings, session_sealer=context.session_sealer)
        return None if cookie is None else await _ask(conn, cookie)
    except (CookieConflictError, HeadersTooLargeError, InvalidTokenError):
        return None


async def identify_sender(conn: HTTPConnection) -> Identity:
    """Return who sends a body, before it is read. Raises as `identify`.

    A form may contain its XSRF token. `identify` checks that later, when it reads the form.
    """
    try:
        return await identify(HTTPConnection(conn.scope))  # without a body that could be read
    except XsrfError:
        credential = credential_of(conn)
        if credential is None or not is_form(conn):
            raise
    sender = state_of(conn).sender = await _ask(conn, credential)
    return sender


async def identify_own_page(conn: HTTPConnection, credential: Credential) -> None:
    """Accept a cookie without an XSRF token. Only for `service.auth.protection`, which checks which page asks."""
    state = state_of(conn)
    state.is_by_cookie = True
    state.identity = await _ask(conn, credential)


async def identify_since(conn: HTTPConnection, since: datetime) -> Identity:
    """Return who the Hub, asked at `since` (aware UTC) or later, says is calling. Raises as `identify`."""
    if (anonymous := state_of(conn).policy.anonymous) is not None:
        return anonymous
    return await _ask(conn, _needed(conn), not_before=since)


async def identify_again(conn: HTTPConnection, *, since: datetime) -> Identity:
    """Return who holds the credential of an open connection; see `service.auth.guard.judge_again`."""
    if (anonymous := state_of(conn).policy.anonymous) is not None:
        return anonymous
    credential = _needed(conn)
    if (entra := entra_for(conn, credential)) is not None:
        return await entra.identify(credential.token)
    auth = context_of(conn).auth
    try:
        identity = await auth.identify(credential.token, session_id=credential.session_id, not_before=since)
    except HubUnavailableError:
        identity = await auth.identify(credential.token, session_id=credential.session_id)
    _check_session(identity, credential)
    return identity


async def check_sign_in(identity: Identity, conn: HTTPConnection) -> None:
    """Raises the NotAdmittedError of an application that lets this caller begin no new session or token."""
    for veto in state_of(conn).policy.sign_in_vetoes:
        await veto(identity, conn)


async def _judge(conn: HTTPConnection, credential: Credential) -> Identity:
    context = context_of(conn)
    if credential.source is not Source.COOKIE:
        return await _ask(conn, credential)
    state = state_of(conn)
    state.is_by_cookie = True
    expected = xsrf_token(context.xsrf_key, token=credential.token, session_id=credential.session_id)
    if conn.scope["type"] == "websocket":
        if not context.settings.allow_websocket_cookie:
            raise OriginError("This service takes no cookies on WebSockets; send a token.")
        check_websocket(conn, expected, context.settings)
    else:
        await check_xsrf(conn, expected, context.settings)
    identity, state.sender = state.sender or await _ask(conn, credential), None
    if may_be_page(conn) and ("_xsrf", expected) not in cookie_pairs(conn.scope):
        secure = is_secure(conn.scope, context.settings)
        queue_cookies(conn, [xsrf_cookie(context.settings, expected, secure=secure)])
    return identity


async def _ask(conn: HTTPConnection, credential: Credential, *, not_before: datetime | None = None) -> Identity:
    """Ask the cache and the Hub who holds the credential; a cookie whose token is void is cleared."""
    context = context_of(conn)
    if (entra := entra_for(conn, credential)) is not None:
        return await entra.identify(credential.token, address=address_of(conn))
    if credential.source is not Source.COOKIE:
        return await context.auth.identify(credential.token, not_before=not_before, address=address_of(conn))
    try:
        identity = await context.auth.identify(
            credential.token, session_id=credential.session_id, not_before=not_before
        )
        _check_session(identity, credential)
    except InvalidTokenError:
        queue_cookies(conn, cleared(context.settings, [auth_cookie_name(context.settings)]))
        raise
    return identity


def entra_for(conn: HTTPConnection, credential: Credential) -> "Entra | None":
    """Return Entra if it judges this token; None if the Hub does.

    Entra judges all tokens that look like Entra ID's, and if there is no Hub, all tokens. A token that one of the two
    has refused is not tried at the other.
    """
    context = context_of(conn)
    entra = context.entra
    if entra is None or (context.settings.has_hub and header_of(credential.token) is None):
        return None
    if credential.source is not Source.HEADER:
        raise InvalidTokenError("A token of Entra ID is good in the Authorization header alone.")
    return entra


def _check_session(identity: Identity, credential: Credential) -> None:
    """A cookie counts only in the Hub session in which it was made, if that is known: see `credentials`."""
    sent = credential.session_id
    if identity.session_id and sent and identity.session_id not in sent.split(";"):
        raise InvalidTokenError("The Hub's session has changed since this sign-in. Sign in again.")


def address_of(conn: HTTPConnection) -> str:
    """Return the client's address as the server knows it. Behind a proxy that the server trusts, the proxy names it."""
    client = conn.scope.get("client")
    return str(client[0]) if client else ""


def credential_of(conn: HTTPConnection) -> Credential | None:
    """The request's credential, unjudged; see `speaking`. None where nobody signs in.

    Raises:
        InvalidTokenError: the Authorization header has our scheme, and is malformed.
    """
    state = state_of(conn)
    if state.policy.anonymous is not None:
        return None
    context = state.context
    find = find_cookie_credential if state.ignores_header else find_credential
    return find(conn.scope, settings=context.settings, session_sealer=context.session_sealer)


def _needed(conn: HTTPConnection) -> Credential:
    """Return the request's credential. Raises NotSignedInError if it has none."""
    credential = credential_of(conn)
    if credential is None:
        raise NotSignedInError
    return credential


def page_token(conn: HTTPConnection) -> str:
    """Return the XSRF token for a page, if our cookie signs this request; otherwise an empty string.

    It is also empty for a script, which may belong to another page. With any other credential it is empty, because
    other pages can send credentials of their own.

    Raises:
        InvalidTokenError: the Authorization header carries no token.
    """
    try:
        credential = credential_of(conn)
    except (CookieConflictError, HeadersTooLargeError):
        return ""
    if credential is None or credential.source is not Source.COOKIE or not may_be_page(conn):
        return ""
    state = state_of(conn)
    state.gives_token = True
    return xsrf_token(state.context.xsrf_key, token=credential.token, session_id=credential.session_id)


def path_and_query(conn: HTTPConnection) -> str:
    """Return path and query of this request, encoded as they were sent. `oauth.safe_next` removes a token from them."""
    path = raw_path(conn.scope)
    query = conn.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def link_to_here(conn: HTTPConnection) -> str:
    """Return the URL of this request for a link back to it, without a token that was in it."""
    return safe_next(path_and_query(conn), prefix=context_of(conn).settings.prefix)


def is_about_signing_in(conn: HTTPConnection) -> bool:
    """Whether the request is for one of our paths of signing in and out, to which nobody is sent back afterwards."""
    state = state_of(conn)
    root = state.context.settings.root_path
    return conn.scope["path"] in {f"{root}{path}" for path in state.policy.paths.all}


def queue_cookies(conn: HTTPConnection, values: list[str]) -> None:
    """Add Set-Cookie values to the response, whatever the response will be."""
    state_of(conn).set_cookies.extend(values)
