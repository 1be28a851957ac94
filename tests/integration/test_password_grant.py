"""`POST token` with a user's name and password, at a real Hub."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.integration.conftest import MIGHTY, MIGHTY_TOKEN
from tests.support.hub import RealHub
from tests.support.hub_api import Token

DEIDENTIFY = "custom:deidentify:use"
ACCESS = "access:services!service=fastapi"
GOOD = {"grant_type": "password", "username": "testuser", "password": "passwd"}
WRONG = GOOD | {"password": "guess"}


async def stored(hub: RealHub, token: Token) -> dict[str, Any]:
    """Return what the Hub keeps of a user's token."""
    token_id = (await hub.api("GET", "/user", token=token)).raise_for_status().json()["token_id"]
    found: dict[str, Any] = (await hub.api("GET", f"/users/testuser/tokens/{token_id}")).raise_for_status().json()
    return found


def lifetime(model: dict[str, Any]) -> timedelta:
    """Return how long a token lives from its making."""
    return datetime.fromisoformat(model["expires_at"]) - datetime.fromisoformat(model["created"])


async def tokens_of(hub: RealHub, user: str) -> set[str]:
    """Return the ids of all tokens that a user has at the Hub."""
    found = (await hub.api("GET", f"/users/{user}/tokens")).raise_for_status().json()
    return {token["id"] for token in found["api_tokens"]}


async def test_gives_what_a_sign_in_would_give_for_an_hour(hub: RealHub) -> None:
    """Where nothing else is asked for, the token may do in this service what its owner may, and lives an hour.

    Nothing else is left at the Hub: the token that was made to read the owner's rights is gone.
    """
    before = await tokens_of(hub, "testuser")
    reply = (await hub.ask("POST", "token", data=GOOD)).raise_for_status()

    answer = reply.json()
    assert reply.headers["Cache-Control"] == "no-store"
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    token = Token(answer["access_token"])
    model = await stored(hub, token)
    assert ACCESS in model["scopes"]
    assert {scope for scope in model["scopes"] if not scope.startswith("read:users:")} == {ACCESS, DEIDENTIFY}
    assert await tokens_of(hub, "testuser") - before == {model["id"]}
    assert set(answer["scope"].split()) == set(model["scopes"])
    assert abs(lifetime(model) - timedelta(hours=1)) < timedelta(seconds=5)
    assert (await hub.ask("GET", "me", token=token)).json()["name"] == "testuser"


async def test_carries_what_a_browsers_sign_in_carries(hub: RealHub) -> None:
    """The two ways to sign in give the same rights."""
    async with hub.session("testuser") as session:
        await session.visit("services/fastapi/login")
        xsrf = session.cookie("_xsrf", path=hub.service_path) or ""
        by_browser = (await session.fetch("GET", f"{hub.service_url}me", headers={"X-XSRFToken": xsrf})).json()
    token = Token((await hub.ask("POST", "token", data=GOOD)).raise_for_status().json()["access_token"])
    by_password = (await hub.ask("GET", "me", token=token)).raise_for_status().json()

    assert sorted(by_password["scopes"]) == sorted(by_browser["scopes"])


@pytest.mark.parametrize("name", ["TestUser", " testuser "])
async def test_takes_a_name_as_the_hubs_own_form_does(hub: RealHub, name: str) -> None:
    """The Hub writes names in lower case, and its form ignores spaces around them."""
    reply = (await hub.ask("POST", "token", data=GOOD | {"username": name})).raise_for_status()

    token = Token(reply.json()["access_token"])
    assert (await hub.ask("GET", "me", token=token)).json()["name"] == "testuser"


async def test_gives_all_rights_to_who_asks_for_them(hub: RealHub) -> None:
    """With `scope=inherit` the token may do what its owner may, at the Hub too, and delete itself."""
    reply = (await hub.ask("POST", "token", data=GOOD | {"scope": "inherit"})).raise_for_status()

    token = Token(reply.json()["access_token"])
    assert (await hub.ask("GET", "me", token=token)).json()["name"] == "testuser"
    assert (await hub.api("GET", "/users/testuser/tokens", token=token)).status_code == 200
    assert (await hub.ask("POST", "logout", token=token)).status_code == 204


async def test_adds_access_to_a_scope_that_is_named(hub: RealHub) -> None:
    """A token with one scope of an application, and without access to the service, would be of no use."""
    reply = (await hub.ask("POST", "token", data=GOOD | {"scope": DEIDENTIFY})).raise_for_status()

    token = Token(reply.json()["access_token"])
    note = await hub.ask("POST", "deidentify", token=token, json={"text": "Seen by Dr. Smith."})
    assert note.status_code == 200


async def test_gives_what_is_asked_for(hub: RealHub) -> None:
    """`scope` and `expires_in` are what the Hub then keeps, and what the answer says."""
    wanted = {"scope": f"{ACCESS} tokens!user", "expires_in": "90"}

    answer = (await hub.ask("POST", "token", data=GOOD | wanted)).raise_for_status().json()

    model = await stored(hub, Token(answer["access_token"]))
    assert {ACCESS, "tokens!user=testuser"} <= set(model["scopes"])
    assert set(answer["scope"].split()) == set(model["scopes"])
    assert answer["expires_in"] == 90
    assert abs(lifetime(model) - timedelta(seconds=90)) < timedelta(seconds=5)


REFUSED: dict[str, tuple[dict[str, str], tuple[int, str]]] = {
    "a wrong password": ({"password": "guess"}, (400, "invalid_grant")),
    "an unknown user": ({"username": "nobody"}, (400, "invalid_grant")),
    "a user who is somewhere else": ({"username": "../../services"}, (400, "invalid_grant")),
    "a scope that the user lacks": ({"username": "other", "scope": "admin:users"}, (400, "invalid_scope")),
    "a scope that does not exist": ({"username": "other", "scope": "nonsense"}, (400, "invalid_scope")),
    "no password": ({"password": ""}, (400, "invalid_request")),
    "a lifetime of nothing": ({"expires_in": "0"}, (400, "invalid_request")),
    "a lifetime that is none": ({"expires_in": "soon"}, (400, "invalid_request")),
}


@pytest.mark.parametrize(("changed", "expected"), REFUSED.values(), ids=REFUSED.keys())
async def test_refuses(hub: RealHub, changed: dict[str, str], expected: tuple[int, str]) -> None:
    """Errors are those of RFC 6749, section 5.2."""
    reply = await hub.ask("POST", "token", data=GOOD | changed)

    assert (reply.status_code, reply.json()["error"]) == expected
    assert reply.headers["Cache-Control"] == "no-store"
    assert "passwd" not in reply.text


async def test_is_off_where_nothing_was_said(varied_hub: RealHub) -> None:
    """A service that was not told to take passwords does not look at one."""
    with varied_hub.gate.recording() as asked:
        reply = await varied_hub.ask("POST", "token", data=GOOD)

    assert (reply.status_code, reply.json()["error"]) == (400, "unsupported_grant_type")
    assert asked == []


async def test_takes_no_password_from_another_site(hub: RealHub) -> None:
    """A page elsewhere cannot try passwords with its visitors' browsers."""
    reply = await hub.ask("POST", "token", data=GOOD, headers={"Origin": "https://evil.example"})

    assert (reply.status_code, reply.json()["error"]) == (403, "invalid_request")


async def test_asks_the_hub_unsigned(hub: RealHub) -> None:
    """The request that carries the password carries no other credential, whatever the caller sent along."""
    token = await hub.user_token("admin")
    with hub.gate.recording() as asked:
        reply = await hub.ask("POST", "token", data=WRONG, token=token, headers={"Cookie": "jupyterhub-session-id=x"})

    assert reply.status_code == 400
    assert [request.method for request in asked] == ["POST"], "there is no second question with a wrong password"
    (request,) = asked
    assert request.path == "/hub/api/users/testuser/tokens"
    assert not {"authorization", "cookie", "x-xsrftoken"} & request.headers.keys()


async def test_a_wrong_password_is_wrong_even_for_a_mighty_service(varied_hub: RealHub) -> None:
    """A service that could make tokens for anybody at the Hub makes none without the password."""
    mighty = Token(MIGHTY_TOKEN)
    asked = {"auth": {"username": "testuser", "password": "guess"}}
    could = await varied_hub.api("POST", "/users/testuser/tokens", token=mighty, json=asked)
    assert could.status_code == 201, "this service does have the scope `tokens`"

    wrong = await varied_hub.ask("POST", "token", service=MIGHTY, data=WRONG)
    right = await varied_hub.ask("POST", "token", service=MIGHTY, data=GOOD)

    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert right.status_code == 200


async def test_somebody_new_to_the_hub(varied_hub: RealHub) -> None:
    """Where the Hub lets everybody in who has a password, they get a token before they have ever signed in.

    With a wrong password the Hub makes no user.
    """
    right = await varied_hub.ask("POST", "token", service=MIGHTY, data=GOOD | {"username": "Newcomer"})
    wrong = await varied_hub.ask("POST", "token", service=MIGHTY, data=WRONG | {"username": "stranger"})

    token = Token(right.raise_for_status().json()["access_token"])
    assert (await varied_hub.ask("GET", "me", service=MIGHTY, token=token)).json()["name"] == "newcomer"
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")
    assert (await varied_hub.api("GET", "/users/stranger")).status_code == 404


async def test_throttles(varied_hub: RealHub) -> None:
    """After ten attempts at an account within a minute there is no eleventh, right or wrong; others go on."""
    attempt = GOOD | {"username": "other"}
    guesses = [
        await varied_hub.ask("POST", "token", service=MIGHTY, data=attempt | {"password": "x"}) for _ in range(10)
    ]

    late: httpx.Response = await varied_hub.ask("POST", "token", service=MIGHTY, data=attempt)
    elsewhere = await varied_hub.ask("POST", "token", service=MIGHTY, data=GOOD)

    assert {reply.status_code for reply in guesses} == {400}
    assert (late.status_code, late.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(late.headers["Retry-After"]) <= 60
    assert elsewhere.status_code == 200
