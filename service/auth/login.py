"""Signing in and out in a browser: the redirect to the Hub, the callback, and the sign-out."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.requests import HTTPConnection

from service.auth.codes import exchange
from service.auth.context import context_of
from service.auth.cookies import (
    XSRF_COOKIE,
    add_cookies,
    auth_cookie,
    auth_cookie_name,
    cleared,
    is_secure,
    state_cookie,
    state_cookie_base,
    state_cookies_among,
    xsrf_cookie,
)
from service.auth.credentials import (
    Credential,
    Source,
    cookie_pairs,
    seal_session,
    session_of,
)
from service.auth.errors import (
    CookieConflictError,
    NotAdmittedError,
    NotSignedInError,
    SignInError,
    SignInIncompleteError,
    SignInRefusedError,
    SignInStateError,
    SignOutMethodError,
)
from service.auth.fetch_metadata import Purpose, is_browser, purpose_of
from service.auth.guard import SCHEME
from service.auth.identification import (
    caller_or_none,
    check_sign_in,
    credential_of,
    identify,
    page_token,
    queue_cookies,
    speaking,
)
from service.auth.pages import pages_of
from service.auth.policy import Paths, SignInPolicy
from service.auth.shell_code import show_code
from service.auth.state import state_of
from service.auth.xsrf import check_xsrf, xsrf_token
from service.errors import ServiceError
from service.hub import oauth, protocol
from service.hub.errors import InvalidTokenError, RevokeRefusedError, TokenRequestError
from service.hub.models import Identity

# A token from a URL comes without its lifetime; the cookie then ends with the browser, or after this.
_UNKNOWN_LIFETIME = timedelta(days=1)
# Unfinished sign-ins kept per browser; beyond that headers grow until a proxy refuses them (jupyterhub#4608).
_MAX_ATTEMPTS = 8
_ERRORS = {"access_denied", "invalid_scope", "invalid_request", "unauthorized_client", "server_error"}


def add_routes(router: APIRouter, paths: Paths) -> None:
    """Add the routes of signing in and out."""
    router.add_api_route(paths.login, login, methods=["GET"], name="hub_login", include_in_schema=False)
    router.add_api_route(paths.callback, oauth_callback, methods=["GET"], name="hub_callback", include_in_schema=False)
    router.add_api_route(paths.logout, logout_page, methods=["GET"], name="hub_logout_page", include_in_schema=False)
    router.add_api_route(
        paths.logout,
        logout,
        methods=["POST"],
        name="hub_logout",
        operation_id="sign_out",
        summary="Sign out",
        status_code=204,
        responses={204: {"description": "The token is deleted"}, 303: {"description": "Signed out; on to the Hub"}},
        openapi_extra={"security": [{SCHEME: []}]},  # or Swagger UI would not send the token that is to be deleted
    )


def offers_sign_in(conn: HTTPConnection, policy: SignInPolicy) -> bool:
    """Whether a caller without a good credential is sent to the Hub instead of being refused."""
    if policy == "never" or not context_of(conn).settings.has_hub or conn.scope.get("method") not in {"GET", "HEAD"}:
        return False
    # The Hub's pages show themselves in no frame.
    return policy == "always" or (is_browser(conn) and purpose_of(conn) is not Purpose.FRAME)


def begin(conn: HTTPConnection, *, next_url: str, scopes: Sequence[str] = (), approval: str = "") -> Response:
    """Send the browser to the Hub, to come back to `next_url`; with an `approval`, to `service.auth.shell_code`."""
    context = context_of(conn)
    settings = context.settings
    under_way = state_cookies_among(settings, dict(cookie_pairs(conn.scope)))
    attempt = oauth.begin(
        context.oauth,
        sealer=context.state_sealer,
        next_url=safe_next(conn, next_url),
        cookie_base=state_cookie_base(settings),
        cookies_present=under_way,
        scopes=scopes,
        approval=approval,
    )
    response = RedirectResponse(attempt.url, status_code=302)
    secure = is_secure(conn.scope, settings)
    if len(under_way) >= _MAX_ATTEMPTS:
        add_cookies(response, cleared(settings, under_way))
    add_cookies(response, [state_cookie(settings, attempt.cookie_name, attempt.cookie_value, secure=secure)])
    return response


def safe_next(conn: HTTPConnection, address: str | None) -> str:
    """Return `address` if people may be sent there after signing in; otherwise where they are sent without one.

    They may be sent to our own pages. With forward-auth, they may be sent to every page of our origin.
    """
    state = state_of(conn)
    return oauth.safe_next(address, prefix="/" if state.policy.forward else state.context.settings.prefix)


def may_renew(conn: HTTPConnection, since: datetime | None) -> bool:
    """Whether to redirect a browser to the Hub, for a new session with the rights that its user got at `since`.

    Never if the session is newer than that. A new one would lack the same rights, and the redirects would not end.
    """
    credential = credential_of(conn)
    if since is None or credential is None or credential.source is not Source.COOKIE:
        return False
    may_send = is_browser(conn) and offers_sign_in(conn, state_of(conn).policy.sign_in)
    return may_send and credential.begun < since.timestamp() <= datetime.now(UTC).timestamp()


async def login(
    request: Request,
    next_url: Annotated[str | None, Query(alias="next")] = None,
    again: bool = False,  # noqa: FBT001, FBT002 - a query parameter
) -> Response:
    """Sign in, then go to `next`, a path below our prefix; to the start page without one.

    A browser that is signed in goes there at once. With `again` it signs in anew and gets a new token.
    """
    try:
        identity = await identify(request)
    except CookieConflictError:  # a new sign-in could end in the same way, for ever
        raise
    except ServiceError:
        identity = None
    if identity is not None:
        await check_sign_in(identity, request)
    if identity is not None and not again:
        return RedirectResponse(safe_next(request, next_url), status_code=302)
    return begin(request, next_url=next_url or "")


async def oauth_callback(
    request: Request, state: str | None = None, code: str | None = None, error: str | None = None
) -> Response:
    """Handle our only redirect URI. A state of ours finishes a sign-in; any other belongs to Swagger UI's popup."""
    context = context_of(request)
    if state is not None and not oauth.is_ours(state):
        return pages_of(request).swagger_callback(request)
    if error is not None:
        returned = oauth.read_state(state or "", sealer=context.state_sealer)
        # Ends this sign-in only, and only in the browser that began it: other pages can call this address, too.
        if returned is not None and _verifier(request, returned) is not None:
            queue_cookies(request, cleared(context.settings, [returned.cookie_name]))
        raise SignInRefusedError(error if error in _ERRORS else "no reason given")
    if state is None or code is None:
        raise SignInIncompleteError
    return await _finish(request, state=state, code=code)


async def logout_page(request: Request) -> Response:
    """Ask before signing out: a link on a foreign page must not do it. Scripts are told how to do it."""
    if not is_browser(request):
        raise SignOutMethodError
    try:
        identity = await identify(request)
    except (NotSignedInError, InvalidTokenError, CookieConflictError):
        return pages_of(request).signed_out(request)
    except ServiceError:  # signing out works whatever state the Hub is in
        identity = None
    xsrf = page_token(request)
    if not xsrf:  # not signed in by our cookie
        raise SignOutMethodError
    return pages_of(request).sign_out(request, identity, xsrf=xsrf)


async def logout(request: Request) -> Response:
    """Sign out: a token deletes itself, if it may; a cookie's session ends here and at the Hub."""
    credential, _ = await speaking(request)
    if credential is None:
        raise NotSignedInError
    if credential.source is Source.COOKIE:
        return await _end_session(request, credential)
    identity = await identify(request)
    try:
        await _revoke(request, credential.token, identity)
    finally:  # if the Hub refuses or does not answer, the token may be deleted all the same
        context_of(request).auth.forget(credential.token)
    return Response(status_code=204)


async def _revoke(conn: HTTPConnection, token: str, identity: Identity) -> None:
    """Delete a token, signed with itself. Raises RevokeRefusedError, InvalidTokenError, HubUnavailableError."""
    context = context_of(conn)
    if identity.kind != "user" or identity.token_id is None:
        raise RevokeRefusedError
    try:
        await context.auth.hub.ask(protocol.revoke(token, name=identity.name, token_id=identity.token_id))
    except RevokeRefusedError:
        if not context.settings.shell_sign_in:
            raise
        await context.auth.hub.ask(protocol.revoke_shell_token(context.settings.service_name, token))


def session_cookies(conn: HTTPConnection, token: str, *, lifetime: timedelta | None) -> list[str]:
    """Return the cookies of a new session: the sealed token, which lives as long as the token, and the XSRF token."""
    context = context_of(conn)
    secure = is_secure(conn.scope, context.settings)
    session = session_of(conn.scope)
    sealed = seal_session(context.session_sealer, token, session_id=session, lifetime=lifetime or _UNKNOWN_LIFETIME)
    max_age = int(lifetime.total_seconds()) if lifetime else None
    xsrf = xsrf_token(context.xsrf_key, token=token, session_id=session)
    return [
        auth_cookie(context.settings, sealed, secure=secure, max_age=max_age),
        xsrf_cookie(context.settings, xsrf, secure=secure),
    ]


async def _finish(request: Request, *, state: str, code: str) -> Response:
    context = context_of(request)
    returned = oauth.read_state(state, sealer=context.state_sealer)
    if returned is None or (returned.approval and _verifier(request, returned) is None):
        raise SignInStateError
    if returned.approval:
        return show_code(request, returned, code)
    cookies = dict(cookie_pairs(request.scope))
    under_way = state_cookies_among(context.settings, cookies)
    if returned.cookie_name not in cookies and await caller_or_none(request) is not None:
        # Another tab's sign-in was finished first and cleared our cookie: we are signed in.
        return RedirectResponse(returned.next_url, status_code=302)
    verifier = _verifier(request, returned)
    if verifier is None and returned.cookie_name in cookies:
        # Tabs that were opened at once got cookies of the same name. The last one won; the other tabs begin again.
        return begin(request, next_url=returned.next_url)
    if verifier is None:
        raise SignInStateError
    try:
        token = await exchange(request, code, verifier=verifier)
    except NotAdmittedError:
        queue_cookies(request, cleared(context.settings, [returned.cookie_name]))
        raise
    except (TokenRequestError, InvalidTokenError) as error:
        # No redirect to the Hub: the same could go wrong again, for ever.
        queue_cookies(request, cleared(context.settings, [returned.cookie_name]))
        raise SignInError(error.detail) from None
    context.count_sign_in("browser")
    response = RedirectResponse(returned.next_url, status_code=302)
    lifetime = timedelta(seconds=token.expires_in) if token.expires_in else None
    add_cookies(response, cleared(context.settings, under_way))
    add_cookies(response, session_cookies(request, token.access_token.get_secret_value(), lifetime=lifetime))
    return response


def _verifier(request: Request, returned: oauth.Returned) -> str | None:
    return oauth.verifier_for(returned, cookies=cookie_pairs(request.scope), sealer=context_of(request).state_sealer)


async def _end_session(request: Request, credential: Credential) -> Response:
    context = context_of(request)
    expected = xsrf_token(context.xsrf_key, token=credential.token, session_id=credential.session_id)
    await check_xsrf(request, expected, context.settings)
    # The Hub deletes the token once the browser arrives there.
    context.auth.refuse(credential.token, session_id=credential.session_id)
    response = RedirectResponse(f"{context.settings.hub_url}logout", status_code=303)
    names = state_cookies_among(context.settings, dict(cookie_pairs(request.scope)))
    add_cookies(response, cleared(context.settings, [auth_cookie_name(context.settings), XSRF_COOKIE, *names]))
    return response
