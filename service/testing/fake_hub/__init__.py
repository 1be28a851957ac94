"""The part of a JupyterHub's HTTP API that a service uses, in memory.

It answers httpx requests, records them for the test, and fails on requests that no service should send. A test compares
its answers with those of a real Hub (tests/integration/test_fake_hub.py).

    hub = FakeHub()
    token = hub.issue("testuser", scopes=["access:services"])
    http = httpx.AsyncClient(transport=httpx.MockTransport(hub))
"""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import anyio
import httpx

from service.testing.fake_hub.api import answer
from service.testing.fake_hub.outages import OUTAGES, Outage
from service.testing.fake_hub.scopes import own_scopes
from service.testing.fake_hub.state import Owner, State, challenge_of

__all__ = ["OUTAGES", "FakeHub", "Outage", "challenge_of", "own_scopes"]


class FakeHub:
    """A handler for `httpx.MockTransport`, and a `side_effect` for respx."""

    def __init__(
        self,
        api_url: str = "http://hub.test/hub/api",
        *,
        service: str = "fastapi",
        api_token: str = "api-token-of-the-service-in-tests",
        redirect_uri: str | None = None,
        service_scopes: Collection[str] = (),
        groups: Collection[str] = (),
    ) -> None:
        """Start with one service, ours, and the user "testuser". `api_token` is also the secret of the OAuth client.

        `service_scopes` are the scopes of our service. `groups` exist and are empty.
        """
        self.api_url = httpx.URL(api_url)
        self.requests: list[httpx.Request] = []
        self.outage: Outage | None = None
        self._flow: anyio.Event | None = None
        self._more: dict[tuple[str, str], tuple[int, Any]] = {}
        self.api_token, self.client_id = api_token, f"service-{service}"
        self.redirect_uri = redirect_uri or f"/services/{service}/oauth_callback"
        self._state = State(service=service, api_token=api_token, redirect_uri=self.redirect_uri)
        self.add_user("testuser")
        self.add_service(service, scopes=service_scopes, token=api_token)
        self._state.groups.update(groups)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as a Hub does, unless an `outage` is set."""
        self.requests.append(request)
        assert request.url.netloc == self.api_url.netloc, f"{request.url} is not a URL of the Hub"
        assert "cookie" not in request.headers, "a service never sends cookies to the Hub"
        if self._flow is not None:
            await self._flow.wait()
        if self.outage is not None:
            return self.outage(request)
        path = self._path(request)
        if more := self._more.get((request.method, path)):
            return httpx.Response(more[0], json=more[1])
        return answer(self._state, request, path)

    # Preparing the Hub

    def add_user(self, name: str, *, scopes: Collection[str] | None = None, **known: Any) -> None:  # noqa: ANN401
        """Add or change a user. Existing tokens keep their scopes. `known`: admin, groups, servers, password."""
        held = own_scopes(name) if scopes is None else frozenset(scopes)
        self._state.add(Owner(name, scopes=held, **known))

    def add_service(self, name: str, *, scopes: Collection[str] = (), token: str | None = None) -> str:
        """Add a service and return its API token."""
        return self._state.issue(self._state.add(Owner(name, kind="service", scopes=frozenset(scopes))), value=token)

    def issue(self, name: str, *, scopes: Collection[str] | None = None, session_id: str | None = None) -> str:
        """Make a token for a user or service: with all that its owner may, or with some scopes of it."""
        return self._state.issue(self._state.owners[name], scopes=scopes, session_id=session_id)

    def rescope(self, token: str, scopes: Collection[str]) -> None:
        """Be the Hub after roles have changed: a token holds these scopes, and those that every token carries."""
        self._state.rescope(token, scopes)

    def members(self, group: str) -> set[str]:
        """Return the names of who is in a group."""
        return {owner.name for owner in self._state.owners.values() if group in owner.groups}

    def revoke(self, token: str) -> None:
        """Forget a token; an expired one is answered in the same way."""
        del self._state.tokens[token]

    def end_session(self, session_id: str) -> None:
        """Be the Hub's sign-out: forget every token that was given in a session."""
        self._state.end_session(session_id)

    def grant(
        self,
        user: str = "testuser",
        *,
        challenge: str | None = None,
        session_id: str | None = None,
        scopes: Collection[str] | None = None,
    ) -> str:
        """Make an authorization code for a user, with a PKCE challenge if one is given. `scopes`: see `authorize`."""
        return self._state.grant(self._state.owners[user], challenge=challenge, session_id=session_id, scopes=scopes)

    def authorize(self, url: str, *, user: str = "testuser", session_id: str | None = None) -> str:
        """Act as the Hub's authorize page for a user: check the request, and return the URL to redirect to.

        Where the request names scopes, the code has those of them that the user has; otherwise all custom scopes.
        """
        params = dict(httpx.URL(url).params)
        expected = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code_challenge_method": "S256",
        }
        assert expected == {name: params.get(name) for name in expected}
        scopes = params["scope"].split() if "scope" in params else None
        code = self.grant(user, challenge=params["code_challenge"], session_id=session_id, scopes=scopes)
        return str(httpx.URL(params["redirect_uri"]).copy_merge_params({"code": code, "state": params["state"]}))

    def respond(self, method: str, path: str, *, json: Any, status: int = 200) -> None:  # noqa: ANN401
        """Set the answer to a request that the service itself never sends. `path` is relative to the API: "/users/x".

        Errors of a Hub look like `{"status": 403, "message": "…"}`. Any other error counts as one of a proxy.
        """
        self._more[method, path] = status, json

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Delay the answers to all requests until the block ends."""
        self._flow = flow = anyio.Event()
        try:
            yield
        finally:
            self._flow = None
            flow.set()

    # Looking at requests

    def tokens_of(self, name: str) -> dict[str, frozenset[str]]:
        """Return the tokens that a user or service has now, each with its scopes."""
        return {value: token.scopes for value, token in self._state.tokens.items() if token.owner.name == name}

    def count(self, method: str, path: str) -> int:
        """Return the number of requests to an endpoint. `path` is relative to the API: "/user"."""
        return sum(request.method == method and self._path(request) == path for request in self.requests)

    def _path(self, request: httpx.Request) -> str:
        return request.url.path.removeprefix(self.api_url.path)
