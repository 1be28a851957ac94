"""`POST token` with a name and a password, for people at a shell, where that is turned on (RFC 6749 section 4.3)."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from service.testing import OUTAGES
from tests.unit.auth.test_token import refusal
from tests.unit.conftest import API_TOKEN, ORIGIN, Serve, Service

NARROW = "access:services!service=fastapi"


@pytest.fixture
async def turned_on(serve: Serve) -> Service:
    """A service that takes passwords, and has been asked for no token yet."""
    return await serve(password_grant=True)


async def asked(
    service: Service, changed: Mapping[str, str | None] | None = None, *, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Send what curl sends, with fields changed, or left out if they are None."""
    form = {"grant_type": "password", "username": "testuser", "password": "passwd"} | dict(changed or {})
    data = {name: value for name, value in form.items() if value is not None}
    return await service.api(headers=dict(headers or {})).post("token", data=data)


def sent(service: Service) -> dict[str, Any]:
    """Return the JSON of the last request to the Hub."""
    return dict(json.loads(service.hub.requests[-1].content))


async def test_off_where_nothing_is_said(serve: Serve) -> None:
    """By default no password is accepted, and the Hub is not asked."""
    service = await serve()

    assert refusal(await asked(service)) == (400, "unsupported_grant_type")
    assert service.hub.requests == []


async def test_good(turned_on: Service) -> None:
    """Name and password give a token that may use this service, and that lives for an hour."""
    reply = await asked(turned_on)
    body = reply.json()

    assert reply.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert NARROW in body["scope"].split(" ")
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    assert (await turned_on.api(body["access_token"]).get("me")).json()["name"] == "testuser"


async def test_nothing_of_ours_goes_with_the_password(turned_on: Service) -> None:
    """The Hub gets only the password and what is asked for. With our own token it would not check the password."""
    caller = {"Authorization": f"token {turned_on.hub.issue('testuser')}", "Cookie": "jupyterhub-session-id=a"}
    await asked(turned_on, {"scope": NARROW}, headers=caller)
    request = turned_on.hub.requests[-1]

    assert (request.method, request.url.path) == ("POST", "/hub/api/users/testuser/tokens")
    assert {"authorization", "cookie"} & set(request.headers) == set()
    assert API_TOKEN not in f"{request.url} {request.headers} {request.content!r}"
    assert sent(turned_on) == {
        "auth": {"username": "testuser", "password": "passwd"},
        "scopes": [NARROW],
        "expires_in": 3600,
        "note": "Requested with a password at fastapi",
    }


async def test_a_wrong_password_fails_even_for_a_service_that_could_make_tokens(serve: Serve) -> None:
    """A wrong password is refused, even if the service's own token could make tokens for everybody."""
    service = await serve(password_grant=True)
    service.hub.add_service("fastapi", scopes=["tokens", "admin:users"], token=API_TOKEN)

    assert refusal(await asked(service, {"password": "guess"})) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"password": "guess"}, "invalid_grant", id="wrong password"),
        pytest.param({"username": "nobody"}, "invalid_grant", id="unknown user"),
        pytest.param({"username": "jürgen müller%2f"}, "invalid_grant", id="a name to be encoded"),
        pytest.param({"username": "fastapi"}, "invalid_grant", id="a service's name"),
        pytest.param({"scope": "admin:users"}, "invalid_scope", id="a scope the user has not"),
    ],
)
async def test_what_the_hub_refuses(turned_on: Service, changed: dict[str, str], expected: str) -> None:
    """A refusal of the Hub becomes an OAuth error, which does not tell whether the user exists."""
    reply = await asked(turned_on, changed)

    assert refusal(reply) == (400, expected)
    assert "WWW-Authenticate" not in reply.headers, "curl should not ask for the password again"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"username": None}, id="no name"),
        pytest.param({"username": ""}, id="empty name"),
        pytest.param({"username": ".."}, id="a step in a path"),
        pytest.param({"username": "x" * 256}, id="endless name"),
        pytest.param({"password": None}, id="no password"),
        pytest.param({"password": ""}, id="empty password"),
        *(
            pytest.param({"expires_in": text}, id=f"expires_in {text[:16]}")
            for text in ("0", "-1", "1.5", "x", "31536001", "1e3", "٣٦٠٠", "000000000001999999", "9" * 5000)
        ),
    ],
)
async def test_what_the_hub_is_not_asked(turned_on: Service, changed: dict[str, str | None]) -> None:
    """An invalid request is an `invalid_request`, and the Hub is not asked."""
    assert refusal(await asked(turned_on, changed)) == (400, "invalid_request")
    assert turned_on.hub.requests == []


@pytest.mark.parametrize("expires_in", [1, 60, 31_536_000])
async def test_lifetime(turned_on: Service, expires_in: int) -> None:
    """A caller may say how many seconds the token should live, up to a year."""
    reply = await asked(turned_on, {"expires_in": str(expires_in), "scope": NARROW})

    assert (reply.json()["expires_in"], sent(turned_on)["expires_in"]) == (expires_in, expires_in)


async def test_lifetimes_of_the_operators_own(serve: Serve) -> None:
    """The settings say how long a token lives if nobody says, and how long at most."""
    service = await serve(password_grant=True, token_lifetime_given=600, token_lifetime_max=900)

    replies = [await asked(service, {"expires_in": text}) for text in ("", "900", "901")]

    assert [reply.json().get("expires_in") for reply in replies] == [600, 900, None]
    assert refusal(replies[2]) == (400, "invalid_request")
    assert "from 1 to 900 seconds" in replies[2].json()["error_description"]


async def test_scope(turned_on: Service) -> None:
    """A caller may name the scopes, separated by spaces; the answer says which the token has."""
    reply = await asked(turned_on, {"scope": f"{NARROW}  read:users!user=testuser"})

    assert sent(turned_on)["scopes"] == [NARROW, "read:users!user=testuser"]
    assert {NARROW, "read:users!user=testuser"} <= set(reply.json()["scope"].split())


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        pytest.param("read:users!user", ["read:users!user", NARROW], id="something else"),
        pytest.param("access:services", ["access:services"], id="access to all services"),
        pytest.param("inherit", ["inherit"], id="all rights"),
    ],
)
async def test_a_named_scope_comes_with_access(turned_on: Service, named: str, expected: list[str]) -> None:
    """Without access a token would be of no use here, so it need not be named."""
    await asked(turned_on, {"scope": named})

    assert sent(turned_on)["scopes"] == expected
    assert turned_on.hub.count("POST", "/users/testuser/tokens") == 1


async def test_the_grant_type_is_missing(turned_on: Service) -> None:
    """A form without `grant_type`, as FastAPI's own OAuth2PasswordRequestForm takes it, is told what is missing."""
    reply = await asked(turned_on, {"grant_type": None})

    assert refusal(reply) == (400, "invalid_request")
    assert "grant_type=password" in reply.json()["error_description"]


@pytest.mark.parametrize("typed", ["TestUser", " testuser ", "TESTUSER"])
async def test_names_as_the_hub_normalizes_them(turned_on: Service, typed: str) -> None:
    """The Hub's form takes a name in any case, and with spaces around it. So does this."""
    reply = await asked(turned_on, {"username": typed})

    assert reply.status_code == 200
    assert (await turned_on.api(reply.json()["access_token"]).get("me")).json()["name"] == "testuser"


async def test_from_a_browser_only_from_our_pages(turned_on: Service) -> None:
    """A page of another origin cannot try passwords through its visitors' browsers."""
    foreign = await asked(turned_on, headers={"Origin": "https://evil.test"})
    own = await asked(turned_on, headers={"Origin": ORIGIN})

    assert (refusal(foreign), own.status_code) == ((403, "invalid_request"), 200)


async def test_throttled_by_account(turned_on: Service) -> None:
    """One account allows ten attempts a minute, right or wrong, however its name is written. Others are not held up."""
    turned_on.hub.add_user("other")
    tried = [await asked(turned_on, {"password": "guess"}) for _ in range(9)]
    last, eleventh = await asked(turned_on, {"username": "TestUser", "password": "x"}), await asked(turned_on)

    assert {reply.json()["error"] for reply in tried} == {"invalid_grant"}
    assert last.json()["error"] == "invalid_grant"
    assert refusal(eleventh) == (429, "temporarily_unavailable")
    assert 1 <= int(eleventh.headers["Retry-After"]) <= 60
    assert sum(turned_on.hub.count("POST", f"/users/{name}/tokens") for name in ("testuser", "TestUser")) == 10
    assert (await asked(turned_on, {"username": "other"})).status_code == 200


async def test_throttled_by_address(turned_on: Service) -> None:
    """One address may make thirty attempts a minute, over all accounts."""
    tried = [await asked(turned_on, {"username": f"user-{number}"}) for number in range(30)]
    next_one = await asked(turned_on, {"username": "testuser"})

    assert {refusal(reply) for reply in tried} == {(400, "invalid_grant")}
    assert refusal(next_one) == (429, "temporarily_unavailable")


async def test_the_token_behind_it_is_seen_nowhere(turned_on: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The token with all rights, which comes first, is in no answer, in no line of a log, and in no cache."""
    caplog.set_level(logging.DEBUG)
    reply = await asked(turned_on)
    first = turned_on.hub.requests[1].headers["Authorization"].removeprefix("token ")

    assert first not in f"{reply.text} {reply.headers} {caplog.text}"
    assert first not in turned_on.hub.tokens_of("testuser")
    questions = turned_on.hub.count("GET", "/user")
    assert (await turned_on.api(first).get("me")).status_code == 401
    assert turned_on.hub.count("GET", "/user") == questions + 1, "the service had to ask the Hub"


@pytest.mark.parametrize("outage", OUTAGES)
async def test_the_hub_gives_no_answer(turned_on: Service, outage: str) -> None:
    """A Hub that is down, slow or talks nonsense is `temporarily_unavailable`, with the time to wait."""
    turned_on.hub.outage = OUTAGES[outage]
    reply = await asked(turned_on)

    assert refusal(reply) == (503, "temporarily_unavailable")
    assert reply.headers["Retry-After"] == "5"


async def test_a_class_behind_one_address(turned_on: Service) -> None:
    """Right passwords do not use up what one address may try, so that a whole class behind one gets its tokens."""
    names = [f"pupil-{number}" for number in range(31)]
    for name in names:
        turned_on.hub.add_user(name)

    assert {(await asked(turned_on, {"username": name})).status_code for name in names} == {200}
