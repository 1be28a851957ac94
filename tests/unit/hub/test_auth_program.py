"""HubAuth as other programs use it: the Hub's model, access, and the Hub's REST API."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import respx

from service.errors import ServiceError
from service.hub import (
    HubAuth,
    HubForbiddenError,
    HubNotFoundError,
    HubRefusedServiceError,
    HubUnavailableError,
    Identity,
    InvalidTokenError,
    Mode,
)
from service.testing import OUTAGES, FakeHub
from tests.unit.hub.conftest import asking

ACCESS = "access:services!service=fastapi"


@pytest.fixture
async def auth(fake_hub: FakeHub) -> AsyncIterator[HubAuth]:
    """Asks the Hub in memory."""
    async with asking(fake_hub) as auth:
        yield auth


async def test_a_token_gives_the_hubs_model(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Kind, name, groups, scopes and what else the Hub says, as plain JSON values; nothing that names a credential."""
    fake_hub.add_user("alice", groups=["writers"], admin=True)
    token = fake_hub.issue("alice", scopes=[ACCESS, "read:users!user=alice"], session_id="a1b2")

    model = await auth.user_for_token(token)

    assert model is not None
    assert {name: model[name] for name in ("kind", "name", "admin", "groups")} == {
        "kind": "user",
        "name": "alice",
        "admin": True,
        "groups": ["writers"],
    }
    assert ACCESS in model["scopes"]
    assert {"session_id", "token_id"} & model.keys() == set()


@pytest.mark.parametrize("token", ["unknown", "", "a b", "x" * 2000])
async def test_an_unknown_token_gives_none(auth: HubAuth, token: str) -> None:
    """As with JupyterHub's own HubAuth."""
    assert await auth.user_for_token(token) is None


async def test_an_outage_is_an_error_and_not_none(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A program must not take "cannot ask" for "unknown"."""
    fake_hub.outage = OUTAGES["down"]

    with pytest.raises(HubUnavailableError):
        await auth.user_for_token(fake_hub.issue("testuser"))


@pytest.mark.parametrize(
    ("scopes", "mode", "expected"),
    [
        (None, "all", True),
        (None, "any", True),
        (["custom:notes:read"], "all", True),
        (["custom:notes:read", "custom:notes:write"], "all", False),
        (["custom:notes:read", "custom:notes:write"], "any", True),
        (["custom:notes:write"], "any", False),
        (["read:users!user"], "all", True),
        (["read:users!user=other"], "all", False),
        (["read:users"], "all", False),
        ("custom:notes:read", "all", True),
        ("custom:notes:write", "all", False),
        ([], "all", False),
        ([], "any", False),
        ("", "all", False),
    ],
)
async def test_whether_a_token_covers_scopes(
    auth: HubAuth, scopes: Iterable[str] | None, mode: Mode, *, expected: bool
) -> None:
    """Filters count as in JupyterHub; an empty list is never covered."""
    identity = Identity(name="alice", scopes=(ACCESS, "custom:notes:read", "read:users!user=alice"))

    assert auth.covers(identity, scopes, mode=mode) is expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (("access:services",), True),
        ((ACCESS,), True),
        (("access:services!service=other",), False),
        (("access:servers",), False),
        ((), False),
    ],
)
async def test_access_to_the_service(auth: HubAuth, held: tuple[str, ...], *, expected: bool) -> None:
    """Without scopes `covers` says whether the token gives access to this service."""
    assert auth.covers(Identity(name="alice", scopes=held)) is expected


async def test_without_access_scopes_nobody_has_access() -> None:
    """A program that was told none lets nobody in."""
    async with HubAuth(api_url="http://hub.test/hub/api", api_token="x") as auth:
        assert not auth.covers(Identity(name="alice", admin=True, scopes=("access:services",)))


@pytest.mark.parametrize("by_caller", [False, True], ids=["as the service", "as a caller"])
async def test_a_call_is_made_in_the_name_of_one(auth: HubAuth, fake_hub: FakeHub, *, by_caller: bool) -> None:
    """It is signed with the service's own token, or with the caller's where that is given."""
    token = fake_hub.issue("testuser")
    fake_hub.respond("POST", "/users/a%2Fb/server", json={"started": True}, status=201)
    fake_hub.respond("POST", "/users/a/b/server", json={"started": True}, status=201)

    said = await auth.call(
        "POST", "users", "a/b", "server", params={"x": "1"}, json={"y": 2}, token=token if by_caller else None
    )

    [request] = fake_hub.requests
    assert said == {"started": True}
    assert request.url.raw_path == b"/hub/api/users/a%2Fb/server?x=1"
    assert json.loads(request.content) == {"y": 2}
    assert request.headers["Authorization"] == f"token {token if by_caller else fake_hub.api_token}"


REFUSED: dict[str, tuple[int, Any, type[ServiceError], type[ServiceError]]] = {
    "403": (403, {"status": 403, "message": "no"}, HubRefusedServiceError, HubForbiddenError),
    "404": (404, {"status": 404, "message": "no"}, HubNotFoundError, HubNotFoundError),
    "a proxy's 403": (403, {"message": "no"}, HubUnavailableError, HubUnavailableError),
    "500": (500, {"status": 500, "message": "no"}, HubUnavailableError, HubUnavailableError),
}


@pytest.mark.parametrize(("status", "body", "to_service", "to_caller"), REFUSED.values(), ids=REFUSED)
async def test_a_refused_call(
    auth: HubAuth,
    fake_hub: FakeHub,
    status: int,
    body: object,
    to_service: type[ServiceError],
    to_caller: type[ServiceError],
) -> None:
    """What the service itself may not do is for the operator to mend; what the caller may not do is theirs to know."""
    fake_hub.respond("GET", "/users", json=body, status=status)

    with pytest.raises(to_service):
        await auth.call("GET", "users")
    with pytest.raises(to_caller):
        await auth.call("GET", "users", token=fake_hub.issue("testuser"))


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1"])
async def test_an_impossible_token_makes_no_call(auth: HubAuth, fake_hub: FakeHub, token: str) -> None:
    """It neither becomes a call in the service's name nor adds headers to one."""
    with pytest.raises(InvalidTokenError):
        await auth.call("GET", "users", token=token)

    assert fake_hub.requests == []


async def test_an_unknown_token_makes_an_invalid_call(auth: HubAuth, fake_hub: FakeHub) -> None:
    """The Hub's 403 to a token that it does not know is told from one to a token without the right."""
    fake_hub.respond("GET", "/users", json={"status": 403, "message": "no"}, status=403)

    with pytest.raises(InvalidTokenError):
        await auth.call("GET", "users", token="unknown")


async def test_a_slash_at_the_end_of_the_address_does_no_harm(fake_hub: FakeHub) -> None:
    """The paths of the calls stay the same."""
    with respx.mock as router:
        router.route().mock(side_effect=fake_hub)
        async with HubAuth(api_url=f"{fake_hub.api_url}/", api_token=fake_hub.api_token) as auth:
            assert (await auth.identify(fake_hub.issue("testuser"))).name == "testuser"


async def test_nothing_shows_the_services_token(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Neither the object nor its parts do, as far as a traceback or a debugger prints them."""
    assert fake_hub.api_token not in f"{auth!r} {vars(auth)} {vars(auth.hub)}"


def test_another_event_loop(fake_hub: FakeHub) -> None:
    """An object that has been used in one event loop is refused in every other, with what to do."""
    auth = HubAuth(api_url=str(fake_hub.api_url), api_token=fake_hub.api_token)
    tokens = [fake_hub.issue("testuser") for _ in range(3)]
    with respx.mock() as router:
        router.route().mock(side_effect=fake_hub)

        assert asyncio.run(auth.identify(tokens[0])).name == "testuser"
        for token in tokens[1:]:
            with pytest.raises(RuntimeError, match=r"another event loop: make one in each asyncio\.run"):
                asyncio.run(auth.identify(token))


async def test_after_the_end_nothing_is_asked() -> None:
    """Leaving the block closes the connections."""
    async with HubAuth(api_url="http://hub.test/hub/api", api_token="x") as auth:
        pass

    with pytest.raises(HubUnavailableError) as raised:
        await auth.identify("token")
    assert raised.value.reason == "this client of it is closed"
