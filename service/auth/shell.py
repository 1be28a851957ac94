"""Signing in a command at a shell (`service.client.sign_in`): the link that it shows, and the question to its user.

The link may be anybody's, who would like to have a token of its reader. And other people's notebooks may share our
origin: they can plant cookies, and send forms that look like our own. What keeps them out:

- only a person who opens the link themselves is asked, from the address bar or another program; browsers say so
  (`Sec-Fetch-Site: none`), and no page of any origin can bring that about;
- what is asked for moves from the link into a sealed cookie, and from there into the form, sealed once more for the
  session that has seen it. The answer needs that, and the session's XSRF token. An attacker can have a question sealed
  in a browser of their own, but not for somebody else's session;
- who says yes gets a code that the command alone can use (`service.hub.shell_codes`), on a page that no script gets
  either (`service.auth.shell_code`). An attacker would have to be sent it.

The session of the browser is left as it is. The code is of a sign-in of its own, which nobody keeps a token of.
"""

import json

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.requests import HTTPConnection

from service.auth.context import context_of
from service.auth.cookies import add_cookies, is_secure, shell_cookie, shell_cookie_name
from service.auth.credentials import Source, cookie_pairs
from service.auth.errors import InsufficientScopeError, NotSignedInError, ShellSignInError, ShellSignInOffError
from service.auth.fetch_metadata import Purpose, purpose_of
from service.auth.forms import read_form
from service.auth.guard import check_access
from service.auth.identification import check_sign_in, credential_of, identify, page_token
from service.auth.login import begin
from service.auth.opener_policy import cuts_off
from service.auth.pages import pages_of
from service.auth.policy import Paths
from service.auth.state import state_of
from service.auth.xsrf import check_origin
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.hub.password_tokens import usual_scopes, with_access
from service.hub.shell_codes import ShellRequest, read_request

_OPEN_AGAIN = (
    "You are signed in now. To go on, copy the link that the command shows into the address bar of this browser once "
    "more: in this browser the question must not follow another page."
)


def add_routes(router: APIRouter, paths: Paths) -> None:
    """Add the page that asks, and what takes its answer."""
    router.add_api_route(paths.shell, question, methods=["GET"], name="hub_shell", include_in_schema=False)
    router.add_api_route(paths.shell, approve, methods=["POST"], name="hub_shell_approve", include_in_schema=False)


async def question(request: Request) -> Response:
    """Ask whether to sign in the command whose link was opened; first sign in whoever is to be asked."""
    context = context_of(request)
    if not context.settings.shell_sign_in:
        raise ShellSignInOffError
    if purpose_of(request) is not Purpose.PAGE:
        raise ShellSignInError
    if request.url.query:
        return _opened(request)
    wanted = context.shell_sealer.open_request(_sealed_request(request))
    if wanted is None:
        raise ShellSignInError
    try:
        identity = await _reader(request)
    except (NotSignedInError, InvalidTokenError):
        return begin(request, next_url=_address(request))
    # Who had to sign in comes here from the Hub's page. Where the browser does not cut windows off from the page that
    # opens them, that could as well be another user's notebook, which would then see our page.
    if not _is_own_step(request) and not cuts_off(request.scope):
        raise ShellSignInError(_OPEN_AGAIN)
    scopes = await _scopes_for(identity, wanted, request)
    xsrf = page_token(request)
    sealed = context.shell_sealer.seal_request(wanted, session=xsrf)
    return pages_of(request).sign_in_shell(request, identity, wanted=wanted, scopes=scopes, sealed=sealed, xsrf=xsrf)


async def approve(request: Request) -> Response:
    """Send the browser to the Hub for a code, as the reader has said on the page that asked."""
    context = context_of(request)
    if not context.settings.shell_sign_in:
        raise ShellSignInOffError
    check_origin(request, context.settings)
    identity = await _reader(request)  # and the XSRF token of the form
    sealed = (await read_form(request)).get("request", "")
    wanted = context.shell_sealer.open_request(sealed, session=page_token(request))
    if wanted is None or purpose_of(request) is not Purpose.PAGE:
        raise ShellSignInError
    scopes = await _scopes_for(identity, wanted, request)
    approval = json.dumps([identity.name, wanted.challenge, wanted.machine, wanted.lifetime])
    return begin(request, next_url=_address(request), scopes=scopes, approval=approval)


def _opened(request: Request) -> Response:
    """Move what the link asks for into a cookie, if the reader has opened it themselves."""
    context = context_of(request)
    if not _is_own_step(request):
        raise ShellSignInError
    settings = context.settings
    wanted = read_request(request.query_params, usual=settings.token_lifetime, longest=settings.token_lifetime_max)
    if wanted is None:
        raise ShellSignInError("This is not the whole link that the command shows. Copy all of it.")
    response = RedirectResponse(_address(request), status_code=303)
    sealed = context.shell_sealer.seal_request(wanted)
    add_cookies(response, [shell_cookie(settings, sealed, secure=is_secure(request.scope, settings))])
    return response


async def _reader(request: Request) -> Identity:
    """Return who is signed in by our cookie, and may get a token. Raises as `identify`, and ShellSignInError."""
    credential = credential_of(request)
    if credential is not None and credential.source is not Source.COOKIE:
        raise ShellSignInError  # a token would do without the XSRF token
    identity = await identify(request)
    check_access(identity, context_of(request).settings)
    await check_sign_in(identity, request)
    return identity


async def _scopes_for(identity: Identity, wanted: ShellRequest, conn: HTTPConnection) -> list[str]:
    """Return the scopes that the token is to have. Raises InsufficientScopeError if its reader lacks one of them."""
    context = context_of(conn)
    access = context.settings.access_scopes
    if missing := identity.scope_set.missing(wanted.scopes):
        raise InsufficientScopeError(missing)
    if wanted.scopes:
        return with_access(wanted.scopes, access)
    return await usual_scopes(context.auth.hub, identity, service=context.settings.service_name, access=access)


def _sealed_request(conn: HTTPConnection) -> str:
    name = shell_cookie_name(context_of(conn).settings)
    values = {value for key, value in cookie_pairs(conn.scope) if key == name}
    return values.pop() if len(values) == 1 else ""


def _is_own_step(conn: HTTPConnection) -> bool:
    """Whether the reader has opened this page themselves, and no page has done it for them."""
    return conn.headers.get("sec-fetch-site") == "none"


def _address(conn: HTTPConnection) -> str:
    state = state_of(conn)
    return state.context.settings.prefix + state.policy.paths.shell.removeprefix("/")
