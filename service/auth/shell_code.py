"""Signing in a command at a shell: the page with the code for it, and the exchange of that code for a token."""

import json

from fastapi import Request
from fastapi.responses import Response
from pydantic import SecretStr

from service.auth.context import context_of
from service.auth.cookies import cleared, shell_cookie_name
from service.auth.errors import NotAdmittedError, OriginError, ShellSignInError, ShellSignInOffError
from service.auth.fetch_metadata import Purpose, purpose_of
from service.auth.identification import address_of, check_sign_in, queue_cookies
from service.auth.opener_policy import cuts_off
from service.auth.pages import pages_of
from service.auth.xsrf import check_origin
from service.errors import ServiceError
from service.hub import protocol
from service.hub.errors import TokenRequestError
from service.hub.models import IssuedToken
from service.hub.oauth import Returned, is_code_verifier
from service.hub.shell_codes import ShellCode

_WRONG = "The code is wrong, was used before, or is too old. Begin again."


def show_code(request: Request, returned: Returned, code: str) -> Response:
    """Show the code, in the browser that has approved. The Hub's own code is not exchanged here, but by the command.

    Raises:
        ShellSignInError: the answer would be no page in a window.
        ShellSignInOffError: the operator has turned it off meanwhile.
    """
    context = context_of(request)
    if not context.settings.shell_sign_in:
        raise ShellSignInOffError
    queue_cookies(request, cleared(context.settings, [returned.cookie_name, shell_cookie_name(context.settings)]))
    if purpose_of(request) is not Purpose.PAGE:
        raise ShellSignInError
    user, challenge, machine, lifetime = json.loads(returned.approval)
    sealed = context.shell_sealer.seal_code(
        ShellCode(code=code, user=user, challenge=challenge, machine=machine, lifetime=lifetime)
    )
    page = pages_of(request).shell_code(request, user, machine=machine, code=sealed)
    if not cuts_off(request.scope):
        # The window may be one that another user's notebook has opened. So the page gets an origin of its own. With
        # that, browsers show no page that has an opener policy as well (HTML, "create navigation params by fetching").
        page.headers.append("Content-Security-Policy", "sandbox allow-scripts")
        page.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return page


async def redeem(request: Request, *, code: str, verifier: str) -> IssuedToken:
    """Return the token for a code that `show_code` has shown.

    The Hub gives it for its own code, which it takes once. So of two who send the code at the same moment one gets a
    token, and if anything fails in between, no other token is left.

    Raises:
        TokenRequestError: code or verifier are wrong, the user is not the one who has approved, or may not sign in.
        HubUnavailableError, HubRefusedServiceError, ThrottledError: as everywhere.
    """
    context = context_of(request)
    if not context.settings.shell_sign_in:
        raise TokenRequestError("invalid_grant", ShellSignInOffError.default)
    if "origin" in request.headers:  # a browser: only from our own pages
        try:
            check_origin(request, context.settings)
        except OriginError as error:
            raise TokenRequestError("invalid_request", error.detail, forbidden=True) from None
    if not is_code_verifier(verifier):
        raise TokenRequestError("invalid_request", "A PKCE code_verifier is required (RFC 7636).")
    with context.auth.throttle.exchanging(address_of(request)):
        opened = context.shell_sealer.open_code(code)
        if opened is None:
            raise TokenRequestError("invalid_grant", _WRONG)
        if not opened.is_for(verifier):
            raise TokenRequestError("invalid_grant", "This code is for another command. Paste that of this one's link.")
        issued = await context.auth.hub.ask(
            protocol.issue_for_code(
                context.settings.service_name,
                code=opened.code,
                user=opened.user,
                expires_in=opened.lifetime,
                machine=opened.machine,
            )
        )
    await _check_holder(request, issued.token)
    return issued


async def _check_holder(request: Request, token: SecretStr) -> None:
    """Delete the token again if an application gives its owner no new one, or if nobody can say whether it does."""
    context, value = context_of(request), token.get_secret_value()
    try:
        await check_sign_in(await context.auth.identify(value), request)
    except ServiceError as error:
        context.auth.forget(value)
        await context.auth.hub.ask(protocol.revoke_shell_token(context.settings.service_name, value))
        if isinstance(error, NotAdmittedError):
            raise TokenRequestError("invalid_grant", error.detail) from None
        raise
