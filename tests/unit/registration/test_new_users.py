"""The Hub makes a user for somebody who asks for a token with a password, where its authenticator lets them in."""

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.apihandlers.users import UserTokenListAPIHandler
from traitlets.config import Config

from service.registration import register
from service.registration.new_users import add_hook

ALLOWED = {"name": "newcomer", "admin": None, "auth_state": None}


class Tokens(UserTokenListAPIHandler):  # type: ignore[misc]
    """The Hub's handler of requests for tokens, with one user."""

    def __init__(self) -> None:
        """Know nobody but testuser."""
        self.made: list[str] = []

    def find_user(self, name: str) -> str | None:
        """Return a user, or None."""
        return name if name == "testuser" else None

    async def auth_to_user(self, authentication: dict[str, Any]) -> None:
        """Make a user, as at a sign-in."""
        self.made.append(authentication["name"])


def hook_of(c: Config) -> Any:  # noqa: ANN401
    """Return the hook that a Hub with this configuration has."""
    return c.Authenticator.post_auth_hook


async def test_somebody_new() -> None:
    """They are made a user, as when they sign in."""
    c, handler = Config(), Tokens()
    register(c, password_grant=True)

    assert await hook_of(c)(None, handler, ALLOWED) == ALLOWED
    assert handler.made == ["newcomer"]


async def test_a_service_that_the_hub_does_not_start() -> None:
    """They are made a user for it, too. The service itself learns from whoever starts it that it takes passwords."""
    c, handler = Config(), Tokens()
    entry = register(c, managed=False, api_token="x" * 64, password_grant=True)

    await hook_of(c)(None, handler, ALLOWED)

    assert handler.made == ["newcomer"]
    assert "environment" not in entry


async def test_somebody_known() -> None:
    """Nothing happens."""
    c, handler = Config(), Tokens()
    add_hook(c)

    await hook_of(c)(None, handler, {**ALLOWED, "name": "testuser"})

    assert handler.made == []


async def test_any_other_way_to_sign_in() -> None:
    """The Hub does all by itself."""
    c = Config()
    add_hook(c)

    assert await hook_of(c)(None, SimpleNamespace(), ALLOWED) == ALLOWED


@pytest.mark.parametrize("section", ["Authenticator", "PAMAuthenticator"])
async def test_a_hook_that_is_there(section: str) -> None:
    """It runs first, and may refuse."""
    c, handler = Config(), Tokens()

    async def nobody(_authenticator: object, _handler: object, _authentication: object) -> None:
        """Refuse everybody."""

    c[section].post_auth_hook = nobody
    add_hook(c)

    assert await c[section].post_auth_hook(None, handler, ALLOWED) is None
    assert handler.made == []


def test_two_services() -> None:
    """The hook is added once."""
    c = Config()
    register(c, password_grant=True)
    first = hook_of(c)
    register(c, name="second", url="http://127.0.0.1:10102", password_grant=True)

    assert hook_of(c) is first


def test_without_passwords() -> None:
    """The Hub's authenticator is left as it is."""
    c = Config()
    register(c)

    assert "post_auth_hook" not in c.Authenticator
