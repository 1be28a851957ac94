"""Tokens for a password: which scopes they carry, and that the token behind them never stays."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest
import respx
from pydantic import SecretStr

from service.hub.client import HubClient, open_http
from service.hub.errors import HubUnavailableError, NameRefusedError, TokenRequestError
from service.hub.models import Identity
from service.hub.password_tokens import PasswordRequest, PasswordTokens, held_of, with_access
from service.hub.protocol import Credentials
from service.testing import FakeHub
from service.testing.fake_hub import own_scopes
from tests.support.polling import eventually

API = "http://hub.test/hub/api"
SECRET = "api-token-of-the-service"
ACCESS = "access:services!service=fastapi"
APPLICATION = frozenset({"custom:notes:read", "custom:notes:write!group=editors"})


@pytest.fixture
def fake() -> FakeHub:
    """A Hub where testuser has rights in an application, and more."""
    fake = FakeHub(API, api_token=SECRET)
    fake.add_user("testuser", scopes=own_scopes("testuser") | APPLICATION)
    return fake


@dataclass
class Way:
    """The way to the Hub: requests for which `fails` is true get nonsense, `times` times; `slow` delays them all."""

    fake: FakeHub
    fails: Callable[[httpx.Request], bool] = lambda _request: False
    times: int = 1
    slow: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, or do not."""
        if self.slow:
            await self.slow()
        if self.times and self.fails(request):
            self.times -= 1
            return httpx.Response(502)
        return await self.fake(request)


@pytest.fixture
def way(fake: FakeHub) -> Way:
    """A way to the Hub on which nothing fails yet."""
    return Way(fake)


@pytest.fixture
async def tokens(way: Way) -> AsyncIterator[PasswordTokens]:
    """What is tested, which tries to delete again at once."""
    with respx.mock(assert_all_called=False) as router:
        router.route().mock(side_effect=way)
        async with open_http(timeout=5) as http:
            hub = HubClient(http, api_url=API, api_token=SecretStr(SECRET))
            made = PasswordTokens(
                hub, service="fastapi", access_scopes=("access:services", ACCESS), pauses=(0.0, 0.0, 0.0)
            )
            yield made
            await made.aclose()


def wanted(username: str = "testuser", *, scopes: tuple[str, ...] = (), expires_in: int = 3600) -> PasswordRequest:
    """Return what somebody asks for who knows the password."""
    credentials = Credentials(username=username, password=SecretStr("passwd"))
    return PasswordRequest(credentials=credentials, scopes=scopes, expires_in=expires_in, note="n")


def mighty(fake: FakeHub) -> list[str]:
    """Return the tokens at the Hub that carry all rights of testuser."""
    return [token for token, scopes in fake.tokens_of("testuser").items() if "tokens!user=testuser" in scopes]


def bodies(fake: FakeHub) -> list[dict[str, object]]:
    """Return what was sent to make tokens."""
    return [json.loads(request.content) for request in fake.requests if request.method == "POST"]


async def test_what_a_browsers_sign_in_would_give(fake: FakeHub, tokens: PasswordTokens) -> None:
    """Access, and the applications' scopes that the user has: nothing of the user's own rights at the Hub."""
    issued = await tokens.issue(wanted())

    named = {scope for scope in issued.scopes if not scope.startswith("read:users:")}
    assert named == {ACCESS, *APPLICATION}
    assert mighty(fake) == []


async def test_the_first_token_lives_a_minute_at_most(fake: FakeHub, tokens: PasswordTokens) -> None:
    """It is made with the password; the one that the caller gets is made with the first, and not with the password."""
    await tokens.issue(wanted())
    first, second = bodies(fake)

    assert (first["scopes"], first["expires_in"], "auth" in first) == (["inherit"], 60, True)
    assert (second["expires_in"], "auth" in second) == (3600, False)


async def test_a_shorter_lifetime(fake: FakeHub, tokens: PasswordTokens) -> None:
    """A Hub may allow only a short life, so the first token never lives longer than the one that is asked for."""
    await tokens.issue(wanted(expires_in=10))

    assert [body["expires_in"] for body in bodies(fake)] == [10, 10]


async def test_a_service_that_the_hub_tells_nothing(fake: FakeHub, tokens: PasswordTokens) -> None:
    """A service that was registered by hand cannot read what a sign-in carries, so its tokens carry access alone."""
    fake.respond("GET", "/services/fastapi", status=403, json={"status": 403, "message": "x"})

    issued = await tokens.issue(wanted())

    assert {scope for scope in issued.scopes if not scope.startswith("read:users:")} == {ACCESS}


async def test_somebody_without_access(fake: FakeHub, tokens: PasswordTokens) -> None:
    """They get no token, and none is left."""
    fake.add_user("testuser", scopes=own_scopes("testuser") - {"access:services"})

    with pytest.raises(TokenRequestError) as caught:
        await tokens.issue(wanted())

    assert caught.value.error == "invalid_scope"
    assert "may not use this service" in caught.value.detail
    assert mighty(fake) == []


async def test_named_scopes_take_one_question(fake: FakeHub, tokens: PasswordTokens) -> None:
    """Somebody who names scopes gets these, and no token comes before."""
    await tokens.issue(wanted(scopes=("tokens!user=testuser",)))

    assert [body["scopes"] for body in bodies(fake)] == [["tokens!user=testuser", ACCESS]]
    assert fake.count("GET", "/user") == 0


# The first token never stays


FAILURES = {
    "who holds the first token": lambda request: request.url.path.endswith("/user"),
    "what a sign-in carries": lambda request: "/services/" in request.url.path,
    "the second token": lambda request: request.method == "POST" and b'"auth"' not in request.content,
}


@pytest.mark.parametrize("when", FAILURES.values(), ids=FAILURES)
async def test_the_hub_fails_in_between(
    fake: FakeHub, way: Way, tokens: PasswordTokens, when: Callable[[httpx.Request], bool]
) -> None:
    """The caller is told to try again, and the first token is deleted."""
    way.fails = when

    with pytest.raises(HubUnavailableError):
        await tokens.issue(wanted())

    assert mighty(fake) == []


async def test_deleting_fails(fake: FakeHub, way: Way, tokens: PasswordTokens) -> None:
    """The caller gets their token at once, and the first one is deleted when the Hub answers again."""
    way.fails, way.times = (lambda request: request.method == "DELETE"), 3

    issued = await tokens.issue(wanted())

    async def is_gone() -> bool:
        return mighty(fake) == []

    await eventually(is_gone)
    assert issued.token.get_secret_value() in fake.tokens_of("testuser")


async def test_the_service_ends_while_deleting_fails(fake: FakeHub, way: Way, tokens: PasswordTokens) -> None:
    """Then it tries once more, and waits for that."""
    way.fails = lambda request: request.method == "DELETE"
    issued = await tokens.issue(wanted())

    await tokens.aclose()

    assert issued.token.get_secret_value() in fake.tokens_of("testuser")
    assert mighty(fake) == []


async def test_deleting_fails_for_good(
    fake: FakeHub, way: Way, tokens: PasswordTokens, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says that a token is left, which expires within a minute, and does not show it."""
    way.fails, way.times = (lambda request: request.method == "DELETE"), 99

    await tokens.issue(wanted())
    (left,) = mighty(fake)
    await tokens.aclose()

    assert "A token of testuser could not be deleted" in caplog.text
    assert left not in caplog.text


FIVE = 5  # questions: the first token, whose it is, what a sign-in carries, the second token, deleting the first


@pytest.mark.parametrize("questions", range(FIVE + 1), ids=lambda number: f"after {number} answers")
async def test_the_caller_disconnects(fake: FakeHub, way: Way, tokens: PasswordTokens, questions: int) -> None:
    """Whenever the request is cancelled, the first token is deleted."""
    asked, go_on, seen = asyncio.Event(), asyncio.Event(), 0

    async def wait_at_one() -> None:
        nonlocal seen
        seen += 1
        if seen == questions + 1:
            asked.set()
            await go_on.wait()

    way.slow = wait_at_one
    request = asyncio.create_task(tokens.issue(wanted()))
    watching = asyncio.create_task(asked.wait())
    await asyncio.wait({request, watching}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    request.cancel()
    await asyncio.wait({request})
    go_on.set()
    await tokens.aclose()

    assert request.cancelled() == (questions < FIVE)
    assert mighty(fake) == []


# Names


async def test_a_hub_that_tells_apart_names_by_case(fake: FakeHub, tokens: PasswordTokens) -> None:
    """The name as typed counts there."""
    refused = {"status": 403, "message": "User bob not found or no permissions to generate tokens"}
    fake.respond("POST", "/users/bob/tokens", status=403, json=refused)
    fake.respond("POST", "/users/Bob/tokens", status=201, json={"token": "t", "id": "a7", "user": "Bob"})

    issued = await tokens.issue(wanted("Bob", scopes=(ACCESS,)))

    assert issued.user == "Bob"


async def test_two_users_whose_names_differ_by_case(fake: FakeHub, tokens: PasswordTokens) -> None:
    """An administrator may make tokens for everybody, and must not get that of another by the lower-case name."""
    for name in ("bob", "Bob"):
        fake.respond("POST", f"/users/{name}/tokens", status=201, json={"token": "t", "id": "a7", "user": name})

    issued = await tokens.issue(wanted("Bob", scopes=(ACCESS,)))

    assert issued.user == "Bob"


async def test_a_wrong_password_is_tried_once(fake: FakeHub, tokens: PasswordTokens) -> None:
    """The second name is asked for only if the password is right: an account must not be locked twice as soon."""
    credentials = Credentials(username="TestUser", password=SecretStr("guess"))

    with pytest.raises(TokenRequestError) as caught:
        await tokens.issue(PasswordRequest(credentials=credentials, expires_in=60, note="n"))

    assert caught.value.error == "invalid_grant"
    assert len(fake.requests) == 1


async def test_another_name_at_the_hub(fake: FakeHub, tokens: PasswordTokens) -> None:
    """Where the Hub knows somebody by another name, they are told so, and not that the password is wrong."""
    refused = {"status": 403, "message": "User bob not found or no permissions to generate tokens"}
    fake.respond("POST", "/users/bob/tokens", status=403, json=refused)

    with pytest.raises(NameRefusedError, match="another name"):
        await tokens.issue(wanted("bob"))


# Which scopes


HELD = ("custom:a", "custom:b!user=u", "custom:c!group=g", "read:users!user=u")


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["custom:a", "custom:x"], ["custom:a"], id="those that are held"),
        pytest.param(["custom:a!user=u"], ["custom:a!user=u"], id="no more than is allowed"),
        pytest.param(["custom:b"], ["custom:b!user=u"], id="no more than is held"),
        pytest.param(["custom:c!group=other"], [], id="another group"),
        pytest.param(["self"], ["self"], id="what the Hub expands itself"),
    ],
)
def test_what_is_held_of_the_allowed_scopes(allowed: list[str], expected: list[str]) -> None:
    """The Hub refuses a token with a scope more than its owner has."""
    assert held_of(allowed, Identity(name="u", scopes=HELD, groups=())) == expected


def test_access_is_added_once() -> None:
    """If the configuration names no access scope of this service alone, the one for all services is added."""
    assert with_access(["x"], ["access:services"]) == ["x", "access:services"]
    assert with_access([ACCESS], ["access:services", ACCESS]) == [ACCESS]
