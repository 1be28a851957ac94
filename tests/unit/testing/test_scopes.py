"""The scopes of tokens at the fake Hub are those that the real one would keep."""

from typing import Annotated

import pytest
from fastapi import APIRouter
from jupyterhub import orm
from jupyterhub.scopes import expand_scopes, scope_definitions

from service.auth.guard import require
from service.hub.models import Identity
from service.testing import FakeHub, open_service, own_scopes
from service.testing.fake_hub.scopes import expanded

OWNERS = {"user": orm.User, "service": orm.Service}
router = APIRouter()


@router.get("/servers")
async def servers(user: Annotated[Identity, require("read:servers!user")]) -> str:
    """Require a scope for what is the caller's own, as docs/extend.md does."""
    return user.name


@pytest.mark.parametrize("narrowing", ["", "!user=bob", "!group=a", "!{kind}"])
@pytest.mark.parametrize("kind", OWNERS)
def test_as_a_hub(kind: str, narrowing: str) -> None:
    """Each scope includes what it does there, and the short filters name the owner."""
    owner = OWNERS[kind](name="alice")
    bases = {scope for scope in scope_definitions if not scope.startswith("custom:")} - {"self", "inherit"}

    for scope in sorted(f"{base}{narrowing.format(kind=kind)}" for base in bases):
        assert expanded([scope], kind=kind, name="alice") == expand_scopes([scope], owner=owner)


def test_what_is_a_user_s_own() -> None:
    """Is the Hub's metascope `self`."""
    assert own_scopes("alice") == expand_scopes(["access:services", "self"], owner=orm.User(name="alice"))


@pytest.mark.parametrize("scope", ["read:servers!user", "servers!user", "read:servers!user=alice", "servers"])
async def test_what_a_token_may(scope: str) -> None:
    """A test gives scopes as a role of the Hub does, and as a route requires them."""
    async with open_service(routers=[router]) as service:
        alice = service.user("alice", scopes=[scope])

        assert (await alice.get("servers")).json() == "alice"
        assert (await alice.browser().get("servers")).json() == "alice"
        service.hub.rescope(alice.token, ["access:services"])
        assert (await alice.get("servers")).status_code == 403
        service.hub.rescope(alice.token, ["access:services", scope])
        assert (await alice.get("servers")).json() == "alice"


def test_a_filter_for_another_kind_of_owner() -> None:
    """It names nobody."""
    hub = FakeHub()
    token = hub.add_service("reporter", scopes=["custom:x:read!user", "custom:x:read!service"])

    assert hub.tokens_of("reporter")[token] == {"custom:x:read!user", "custom:x:read!service=reporter"}
