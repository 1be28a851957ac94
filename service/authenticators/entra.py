"""An authenticator that signs users in to the Hub with Entra ID, and puts them into groups of the Hub.

    c.JupyterHub.authenticator_class = "service.authenticators.entra.EntraAuthenticator"

It runs in the Hub's process. It is based on oauthenticator's GenericOAuthenticator (17.4), which trusts the connection
over which an id_token arrives, and checks audience and time. We also check its signature, issuer and tenant.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jwt import InvalidTokenError, PyJWKClient, PyJWKClientError, PyJWTError, decode
from oauthenticator.generic import GenericOAuthenticator
from tornado import web
from traitlets import Bool, Dict, TraitError, Unicode, default, validate

from service.settings.types import OPEN_TO_ALL, guid

AUTHORITY = "https://login.microsoftonline.com"
_REFUSED = "The answer of Entra ID cannot be verified. The operator of the Hub finds the reason in its log."


class EntraAuthenticator(GenericOAuthenticator):  # type: ignore[misc]  # it has no types
    """Users sign in at one tenant of Entra ID. Guests are refused."""

    tenant_id = Unicode(config=True, help="The GUID of the tenant.")
    authority = Unicode(AUTHORITY, config=True, help="The URL of Entra ID. National clouds have their own.")
    own_keys = Bool(
        False,  # noqa: FBT003 - a trait's default
        config=True,
        help="Whether the Hub's registration has signing keys of its own at Entra ID (claims mapping).",
    )
    groups = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        config=True,
        help="Maps the object id of a group in Entra ID to the name of a group of the Hub.",
    )

    login_service = Unicode("Entra ID", config=True)
    username_claim = Unicode("preferred_username", config=True)
    manage_groups = Bool(True, config=True)  # noqa: FBT003 - a trait's default

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - traitlets'
        super().__init__(**options)
        query = f"?appid={self.client_id}" if self.own_keys else ""
        self._keys = PyJWKClient(f"{self.authority}/{self.tenant_id}/discovery/v2.0/keys{query}", timeout=10)

    @validate("authority")
    def _no_customers(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets'
        authority: str = proposal["value"].rstrip("/")
        if (urlsplit(authority).hostname or "").rstrip(".").endswith(OPEN_TO_ALL):
            raise TraitError("External ID and Azure AD B2C are not supported: anybody can make an account there.")
        return authority

    @validate("tenant_id")
    def _as_entra_says_it(self, proposal: Any) -> str:  # noqa: ANN401 - traitlets'
        try:
            return guid(proposal["value"])
        except ValueError as error:
            raise TraitError(f"tenant_id {error}.") from None

    @validate("groups")
    def _by_ids_as_entra_says_them(self, proposal: Any) -> dict[str, str]:  # noqa: ANN401 - traitlets'
        return {group.lower(): name for group, name in proposal["value"].items()}

    @default("scope")
    def _scope(self) -> list[str]:
        return ["openid", "profile", "email"]

    @default("authorize_url")
    def _authorize_url(self) -> str:
        return f"{self.authority}/{self.tenant_id}/oauth2/v2.0/authorize"

    @default("token_url")
    def _token_url(self) -> str:
        return f"{self.authority}/{self.tenant_id}/oauth2/v2.0/token"

    @default("auth_state_groups_key")
    def _groups_key(self) -> Any:  # noqa: ANN401 - a function or a text
        return lambda auth_state: self.groups_of(auth_state[self.user_auth_state_key])

    def groups_of(self, claims: Mapping[str, Any]) -> set[str]:
        """Return the groups of a user at the Hub: only those in `groups`."""
        given = claims.get("groups")
        if "groups" in claims.get("_claim_names", ()):
            self.log.warning(
                "Entra ID does not list the groups of a user who is in too many: assign only some groups to the app."
            )
        return {self.groups[group] for group in given if group in self.groups} if isinstance(given, list) else set()

    async def token_to_user(self, token_info: Mapping[str, Any]) -> dict[str, Any]:
        """Return the claims of the id_token. Raises HTTPError 403 for a guest, and 500 for an invalid id_token."""
        try:
            claims = await self._verified(token_info.get("id_token") or "")
        except PyJWTError as error:
            hint = "; does the registration have signing keys of its own (own_keys)?"
            told = type(error).__name__ + (hint if isinstance(error, PyJWKClientError) else "")
            self.log.error("An id_token of Entra ID is refused: %s", told)  # noqa: TRY400 - the traceback may quote the token
            raise web.HTTPError(500, _REFUSED) from None
        if claims.get("acct") == 1 or claims.get("idp", claims["iss"]) != claims["iss"]:
            raise web.HTTPError(403, "You are a guest in this organization, but this Hub is only for its members.")
        return claims

    async def refresh_user(self, user: Any, handler: Any = None, **options: Any) -> Any:  # noqa: ANN401 - its signature
        """As in the base class, but a user with an expired id_token must sign in again instead of getting an error."""
        try:
            return await super().refresh_user(user, handler, **options)
        except web.HTTPError:
            return False

    async def _verified(self, token: str) -> dict[str, Any]:
        key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
        claims: dict[str, Any] = decode(
            token,
            key,
            algorithms=["RS256"],
            audience=self.client_id,
            issuer=f"{self.authority}/{self.tenant_id}/v2.0",
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
        # A name without @ could be that of an account that the Hub itself has created.
        if claims.get("tid") != self.tenant_id or "@" not in str(claims.get(self.username_claim)):
            raise InvalidTokenError
        return claims
