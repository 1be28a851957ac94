"""`POST token`: our OAuth token endpoint (RFC 6749), for Swagger UI and, where turned on, for people at a shell.

The codes that commands send are no codes of the Hub, but sealed ones: see `service.auth.shell_code`.

A Hub's code is worth nothing without our client secret, so a client that has a code exchanged here must show that the
code is its own: it asks from one of our pages, with the PKCE verifier, and in the Hub session of the code. The verifier
alone is not enough. JupyterHub 5 does not check it, and no Hub checks it for a code that was requested
without a challenge, which any page can have a browser do.
"""

import re

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, SecretStr

from service.auth import problems
from service.auth.context import context_of
from service.auth.credentials import hub_session_id
from service.auth.errors import NotAdmittedError, OriginError
from service.auth.forms import read_form
from service.auth.identification import address_of, check_sign_in
from service.auth.policy import Paths
from service.auth.shell_code import redeem
from service.auth.state import state_of
from service.auth.xsrf import check_origin
from service.errors import ServiceError
from service.hub import protocol
from service.hub.errors import TokenRequestError
from service.hub.models import TokenReply
from service.hub.oauth import is_code_verifier
from service.hub.password_tokens import PasswordRequest
from service.hub.protocol import Credentials
from service.hub.shell_codes import is_shell_code
from service.settings import Settings

_MAX_NAME = 255  # characters, as in the Hub's database


class TokenRequest(BaseModel):
    """The form of a token request; which fields count depends on `grant_type`."""

    grant_type: str = ""
    code: SecretStr = SecretStr("")
    code_verifier: SecretStr = SecretStr("")
    redirect_uri: str = ""
    client_id: str = ""
    username: str = ""
    password: SecretStr = SecretStr("")
    scope: str = ""
    expires_in: str = ""


class TokenAnswer(BaseModel):
    """A bearer token (RFC 6749 section 5.1); `expires_in` in seconds, `scope` separated by spaces.

    `user`: whose it is, where a command has asked, which may have been given somebody else's code.
    """

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of the type
    expires_in: int | None = None
    scope: str = ""
    user: str | None = None


def add_routes(router: APIRouter, paths: Paths) -> None:
    """Add the token endpoint."""
    form = {"application/x-www-form-urlencoded": {"schema": TokenRequest.model_json_schema()}}
    router.add_api_route(
        paths.token,
        token,
        methods=["POST"],
        name="hub_token",
        operation_id="create_token",
        response_model=TokenAnswer,
        summary="Get a token",
        responses={400: {"description": "An OAuth error, RFC 6749 section 5.2", "model": problems.OAuthError}},
        openapi_extra={"requestBody": {"content": form, "required": True}},
    )


async def token(request: Request) -> Response:
    """Exchange an authorization code and its PKCE verifier, or a user's name and password where that is turned on.

    `python -P -m service login` sends a code here that its user has copied from a page, if that is turned on.
    """
    form = TokenRequest.model_validate(await read_form(request))
    try:
        answer = await _grant(request, form)
    except ServiceError as error:
        return problems.oauth_error(request, error)
    context_of(request).count_sign_in(form.grant_type)
    return JSONResponse(answer.model_dump(exclude_none=True), headers=problems.NO_STORE)


async def _grant(request: Request, form: TokenRequest) -> TokenAnswer:
    if form.grant_type == "authorization_code" and is_shell_code(form.code.get_secret_value()):
        return await _redeem(request, form)
    if form.grant_type == "authorization_code":
        return await _exchange(request, form)
    if form.grant_type == "password" and context_of(request).settings.password_grant:
        return await _issue(request, form)
    if not form.grant_type:
        kind = "password" if context_of(request).settings.password_grant else "authorization_code"
        raise TokenRequestError("invalid_request", f"grant_type is missing: send a form with grant_type={kind}.")
    raise TokenRequestError("unsupported_grant_type", "This service does not give tokens that way.")


async def _redeem(request: Request, form: TokenRequest) -> TokenAnswer:
    issued = await redeem(request, code=form.code.get_secret_value(), verifier=form.code_verifier.get_secret_value())
    return TokenAnswer(
        access_token=issued.token.get_secret_value(),
        expires_in=issued.expires_in,
        scope=" ".join(issued.scopes),
        user=issued.user,
    )


async def _exchange(request: Request, form: TokenRequest) -> TokenAnswer:
    context = context_of(request)
    try:
        check_origin(request, context.settings)
    except OriginError as error:
        raise TokenRequestError("invalid_request", error.detail, forbidden=True) from None
    if not is_code_verifier(form.code_verifier.get_secret_value()):
        raise TokenRequestError("invalid_request", "A PKCE code_verifier is required (RFC 7636).")
    if not form.code.get_secret_value():
        raise TokenRequestError("invalid_request", "The code is missing.")
    if form.client_id not in {"", context.oauth.client_id}:
        raise TokenRequestError("invalid_client", "This is not our client_id.")
    if form.redirect_uri not in {"", context.oauth.redirect_uri}:
        raise TokenRequestError("invalid_grant", "The redirect_uri is not the one the code was sent to.")
    with context.auth.throttle.exchanging(address_of(request)):
        found = await _exchanged(request, form)
    await _check_holder(request, found.access_token)
    return TokenAnswer(
        access_token=found.access_token.get_secret_value(),
        expires_in=found.expires_in,
        scope=" ".join(found.scope),
    )


async def _exchanged(request: Request, form: TokenRequest) -> TokenReply:
    """Return what the Hub gives for a code, if the code was given to this browser.

    A token that is refused here is known to nobody. It is not revoked: with an OAuth token the Hub deletes all that
    the same person has for the same service, which would let a thief sign them out.
    """
    context, session_id = context_of(request), hub_session_id(request.scope)
    code = form.code.get_secret_value()
    # If the Hub has another host, its cookie does not reach us. Then we rely on the verifier, if the Hub checks it.
    if not session_id and not await context.auth.hub.ask(protocol.demands_verifier(context.oauth, code)):
        raise TokenRequestError("invalid_grant", "The Hub's session cookie must come with this code. Sign in again.")
    verifier = form.code_verifier.get_secret_value()
    found = await context.auth.hub.ask(protocol.exchange(context.oauth, code, verifier=verifier))
    if session_id:
        identity = await context.auth.identify(found.access_token.get_secret_value())
        if identity.session_id != session_id:
            raise TokenRequestError("invalid_grant", "This code is of another session at the Hub. Sign in again.")
    return found


async def _issue(request: Request, form: TokenRequest) -> TokenAnswer:
    context = context_of(request)
    if "origin" in request.headers:  # a browser: only from our own pages
        try:
            check_origin(request, context.settings)
        except OriginError as error:
            raise TokenRequestError("invalid_request", error.detail, forbidden=True) from None
    username = form.username.strip()  # as the Hub's own form does
    # A name of dots only would lead to another path at the Hub.
    if not username.strip(".") or len(username) > _MAX_NAME or not form.password.get_secret_value():
        raise TokenRequestError("invalid_request", "username and password are required.")
    settings = context.settings
    wanted = PasswordRequest(
        credentials=Credentials(username=username, password=form.password, address=address_of(request)),
        scopes=form.scope.split(),
        expires_in=_lifetime(form.expires_in, settings),
        note=f"Requested with a password at {settings.service_name or context.oauth.client_id}",
    )
    attempt = context.passwords.count(account=username, address=wanted.credentials.address)
    issued = await context.password_tokens.issue(wanted)
    attempt.succeeded()
    await _check_holder(request, issued.token)
    return TokenAnswer(
        access_token=issued.token.get_secret_value(), expires_in=wanted.expires_in, scope=" ".join(issued.scopes)
    )


async def _check_holder(request: Request, token: SecretStr) -> None:
    """Refuse the token if an application gives its owner no new one. The Hub has made it, but nobody learns it."""
    if state_of(request).policy.sign_in_vetoes:
        identity = await context_of(request).auth.identify(token.get_secret_value())
        try:
            await check_sign_in(identity, request)
        except NotAdmittedError as error:
            raise TokenRequestError("invalid_grant", error.detail) from None


def _lifetime(text: str, settings: Settings) -> int:
    if not text:
        return settings.token_lifetime
    longest = settings.token_lifetime_max
    if not re.fullmatch(r"[0-9]{1,12}", text) or not 1 <= int(text) <= longest:
        raise TokenRequestError("invalid_request", f"expires_in must be from 1 to {longest} seconds.")
    return int(text)
