"""What a test asks of a running Hub by its HTTP API: tokens of every kind, and whatever else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx

from tests.support.hub_config import ADMIN_SERVICE
from tests.support.local_http import local_client
from tests.support.polling import eventually


@dataclass(frozen=True)
class Token:
    """A token the Hub has issued, with what is needed to use and to delete it."""

    value: str = field(repr=False)
    id: str = ""
    user: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        """The header that carries it."""
        return {"Authorization": f"Bearer {self.value}"}


class HubApi:
    """The API at `api_url`, as seen by the service that runs the tests; `api_tokens` by service name."""

    def __init__(self, api_url: str, api_tokens: Mapping[str, str]) -> None:
        """Ask nothing yet."""
        self.api_url = api_url
        self._api_tokens = dict(api_tokens)

    def service_token(self, name: str = "reporter") -> Token:
        """Return the API token of one of the further services."""
        return Token(self._api_tokens[name])

    async def api(
        self,
        method: str,
        path: str,
        *,
        token: Token | None = None,
        json: object = None,
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """Send a request to the Hub's API as the admin service, or with another token; `path` begins with a slash."""
        sender = token or self.service_token(ADMIN_SERVICE)
        async with local_client() as client:
            return await client.request(method, self.api_url + path, headers=sender.bearer, json=json, **options)

    async def user_token(
        self, user: str, *, scopes: Sequence[str] | None = None, expires_in: timedelta | None = None
    ) -> Token:
        """Make an API token for a user: all the user's rights unless `scopes` are named, for ever unless it expires."""
        wanted: dict[str, object] = {"note": "tests"}
        if scopes is not None:
            wanted["scopes"] = list(scopes)
        if expires_in is not None:
            wanted["expires_in"] = int(expires_in.total_seconds())
        reply = await self.api("POST", f"/users/{quote(user)}/tokens", json=wanted)
        made = reply.raise_for_status().json()
        return Token(made["token"], made["id"], user)

    async def expired_token(self, user: str = "testuser") -> Token:
        """Make a token for a user and return it once the Hub refuses it."""
        token = await self.user_token(user, expires_in=timedelta(seconds=1))

        async def is_refused() -> bool:
            return (await self.api("GET", "/user", token=token)).status_code == httpx.codes.FORBIDDEN

        await eventually(is_refused)
        return token

    async def revoke(self, token: Token) -> None:
        """Delete a token that `user_token` made."""
        (await self.api("DELETE", f"/users/{quote(token.user)}/tokens/{token.id}")).raise_for_status()
