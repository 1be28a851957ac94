"""Exchanges the Hub's code at the end of a browser's sign-in, if the code was given to this browser.

Our state and its verifier show that this browser has begun a sign-in. They do not show that the code is of that
sign-in: JupyterHub 5 does not check the verifier, and no Hub checks it for a code that was requested without a
challenge, which any page can have a browser do. So the code must be of the Hub session whose cookie comes with it.

Where the Hub has another host, its cookie may not reach us. Then the Hub must demand the verifier. JupyterHub 5 never
does, and nothing tells a stolen code from others: sign-ins go on there, and docs/security.md says what that costs.
"""

import re

from fastapi import Request

from service.auth.context import AuthContext, context_of
from service.auth.credentials import hub_session_id, session_of
from service.auth.hosts import has_own_host
from service.auth.identification import address_of, check_sign_in
from service.hub import protocol
from service.hub.errors import InvalidTokenError, TokenRequestError
from service.hub.models import TokenReply

_CHECKS_VERIFIERS = 6  # the first version of JupyterHub that does


async def exchange(request: Request, code: str, *, verifier: str) -> TokenReply:
    """Exchange a code for a token, and check that it is for this browser. The answer is then in the cache.

    Raises:
        TokenRequestError: the code is wrong, or it may be somebody else's.
        InvalidTokenError: it is of another session at the Hub.
        NotAdmittedError: an application lets its owner begin no session.
        HubUnavailableError, HubRefusedServiceError, ThrottledError: as everywhere.
    """
    context, session_id = context_of(request), hub_session_id(request.scope)
    with context.auth.throttle.exchanging(address_of(request)):
        if not session_id and not await _may_lack_session(context, code):
            raise TokenRequestError(
                "invalid_grant", "The Hub's session cookie must come with this sign-in. Start again."
            )
        token = await context.auth.hub.ask(protocol.exchange(context.oauth, code, verifier=verifier))
    session = session_of(request.scope)
    identity = await context.auth.identify(token.access_token.get_secret_value(), session_id=session)
    await check_sign_in(identity, request)
    if identity.session_id and session_id and identity.session_id != session_id:
        raise InvalidTokenError("The Hub's session has changed during this sign-in. Start again.")
    return token


async def _may_lack_session(context: AuthContext, code: str) -> bool:
    """Whether a code may come without the Hub's session cookie. Where we share a host, the Hub has just set it."""
    if not has_own_host(context.settings):
        return False
    found = re.match(r"\d+", await context.auth.hub.ask(protocol.version()))
    if found and int(found[0]) < _CHECKS_VERIFIERS:
        return True
    return await context.auth.hub.ask(protocol.demands_verifier(context.oauth, code))
