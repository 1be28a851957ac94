"""Who holds a token, with as few questions to the Hub as possible."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import anyio
import httpx
import pytest
import respx

from service.errors import ThrottledError
from service.hub.auth import HubAuth, Key
from service.hub.errors import HubUnavailableError, InvalidTokenError
from service.hub.throttle import WRONG_TOKENS_PER_ADDRESS
from service.testing import OUTAGES, FakeHub
from tests.unit.hub.conftest import asking

HERE = "192.0.2.1"
SESSION = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def auth(fake_hub: FakeHub) -> AsyncIterator[HubAuth]:
    """Asks the Hub in memory."""
    async with asking(fake_hub) as auth:
        yield auth


def asked(hub: FakeHub) -> int:
    """Return how often the Hub was asked who holds a token."""
    return hub.count("GET", "/user")


async def test_the_hub_is_asked_once_for_a_token(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A second request with the same token is answered from the cache."""
    token = fake_hub.issue("testuser")

    assert (await auth.identify(token)).name == "testuser"
    assert (await auth.identify(token)).name == "testuser"
    assert asked(fake_hub) == 1


async def test_users_and_services_are_told_apart(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A token may belong to a user, with few or many scopes, or to a service."""
    narrow = await auth.identify(fake_hub.issue("testuser", scopes=[]))
    service = await auth.identify(fake_hub.add_service("other", scopes=["access:services"]))

    assert (narrow.kind, narrow.name) == ("user", "testuser")
    assert (service.kind, service.name, service.scopes) == ("service", "other", ("access:services",))


async def test_an_answer_holds_for_one_session(auth: HubAuth, fake_hub: FakeHub) -> None:
    """With another session id, or none, the Hub is asked again. So signing out at the Hub takes effect here."""
    token = fake_hub.issue("testuser", session_id=SESSION)

    for session_id in (SESSION, "another", "", SESSION):
        assert (await auth.identify(token, session_id=session_id)).session_id == SESSION
    assert asked(fake_hub) == 3

    fake_hub.revoke(token)
    with pytest.raises(InvalidTokenError):
        await auth.identify(token, session_id="yet-another")


@pytest.mark.parametrize("session_id", ["x" * 513, "a b", "a,b", "é", "a\n", "\x00", "a:b"], ids=ascii)
async def test_an_impossible_session_id_counts_as_none(auth: HubAuth, fake_hub: FakeHub, session_id: str) -> None:
    """So long session ids cannot fill the memory."""
    token = fake_hub.issue("testuser")

    await auth.identify(token)
    await auth.identify(token, session_id=session_id)
    assert asked(fake_hub) == 1


@pytest.mark.parametrize(
    "token",
    ["", " ", "a b", "a\n", "a\r\nX: y", "\ta", "é", "\x00", "\x7f", "\u2028", "\ud800", "x" * 1025, "x" * 1_000_000],
    ids=lambda token: ascii(token)[:20],
)
async def test_an_impossible_token_is_refused_without_a_question(auth: HubAuth, fake_hub: FakeHub, token: str) -> None:
    """A token that the Hub cannot have issued, or that could add headers to the request, is not sent."""
    with pytest.raises(InvalidTokenError):
        await auth.identify(token)

    assert fake_hub.requests == []


@pytest.mark.parametrize("token", ["x", "!~'\"\\", "x" * 1024], ids=["short", "odd", "long"])
async def test_a_possible_but_wrong_token_is_refused_by_the_hub(auth: HubAuth, fake_hub: FakeHub, token: str) -> None:
    """The Hub is asked once. Then the token is refused from the cache."""
    for _ in range(2):
        with pytest.raises(InvalidTokenError) as caught:
            await auth.identify(token)
        assert token not in f"{caught.value!r}" or len(token) == 1
    assert asked(fake_hub) == 1


async def test_many_requests_at_once_are_one_question(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A page that loads with fifty requests asks the Hub once."""
    token = fake_hub.issue("testuser")
    names: list[str] = []

    async def identify() -> None:
        names.append((await auth.identify(token)).name)

    async with anyio.create_task_group() as group:
        with fake_hub.holding():
            for _ in range(50):
                group.start_soon(identify)
            await anyio.wait_all_tasks_blocked()

    assert names == ["testuser"] * 50
    assert asked(fake_hub) == 1


@pytest.mark.parametrize("outage", OUTAGES)
async def test_an_outage_is_not_a_refusal(auth: HubAuth, fake_hub: FakeHub, outage: str) -> None:
    """An unknown caller gets HubUnavailableError. A known one is not affected."""
    known, unknown = fake_hub.issue("testuser"), fake_hub.issue("testuser")
    await auth.identify(known)
    fake_hub.outage = OUTAGES[outage]

    assert (await auth.identify(known)).name == "testuser"
    with pytest.raises(HubUnavailableError):
        await auth.identify(unknown)


async def wrong_tokens(auth: HubAuth, times: int, *, address: str = HERE) -> list[type[Exception]]:
    """Send so many wrong tokens, and return the error of each."""
    heard: list[type[Exception]] = []
    for number in range(times):
        with pytest.raises((InvalidTokenError, ThrottledError)) as caught:
            await auth.identify(f"wrong-{number}", address=address)
        heard.append(caught.type)
    return heard


async def test_wrong_tokens_of_an_address_are_limited(auth: HubAuth, fake_hub: FakeHub) -> None:
    """The Hub is asked about sixty tokens, then about none. Tokens known to be wrong are still refused as such."""
    few = WRONG_TOKENS_PER_ADDRESS
    heard = await wrong_tokens(auth, few + 10)

    assert heard == [InvalidTokenError] * few + [ThrottledError] * 10
    assert asked(fake_hub) == few
    assert await wrong_tokens(auth, 1) == [InvalidTokenError]
    assert await wrong_tokens(auth, few + 1, address="192.0.2.2") == [InvalidTokenError] * (few + 1)


async def test_known_tokens_still_work_behind_that_address(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A known token works even when its answer has expired. A new token has to wait."""
    known, new = fake_hub.issue("testuser"), fake_hub.issue("testuser")
    await auth.identify(known, address=HERE)
    await wrong_tokens(auth, WRONG_TOKENS_PER_ADDRESS)

    assert (await auth.identify(known, address=HERE)).name == "testuser"
    assert (await auth.identify(known, address=HERE, not_before=datetime.now(UTC))).name == "testuser"
    with pytest.raises(ThrottledError):
        await auth.identify(new, address=HERE)
    assert (await auth.identify(new, address="192.0.2.2")).name == "testuser"


async def test_a_token_that_nobody_can_make_up_is_not_limited(auth: HubAuth, fake_hub: FakeHub) -> None:
    """The Hub has just issued it, or it was sealed in a cookie."""
    await wrong_tokens(auth, WRONG_TOKENS_PER_ADDRESS)

    assert (await auth.identify(fake_hub.issue("testuser"), session_id=SESSION)).name == "testuser"


async def test_not_before_asks_again(auth: HubAuth, fake_hub: FakeHub) -> None:
    """An answer from before an event does not count after it."""
    token = fake_hub.issue("testuser")
    await auth.identify(token)

    await auth.identify(token, not_before=datetime.now(UTC) - timedelta(hours=1))
    assert asked(fake_hub) == 1
    await auth.identify(token, not_before=datetime.now(UTC))
    assert asked(fake_hub) == 2


async def test_a_forgotten_token_is_asked_about_again_in_every_session(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Signing out with a token takes effect at once, and does not affect other tokens."""
    mine, yours = fake_hub.issue("testuser"), fake_hub.issue("testuser")
    for token in (mine, yours):
        await auth.identify(token)
        await auth.identify(token, session_id=SESSION)
    fake_hub.revoke(mine)
    auth.forget(mine)

    assert len(auth.cache) == 2
    for session_id in ("", SESSION):
        with pytest.raises(InvalidTokenError):
            await auth.identify(mine, session_id=session_id)
        assert (await auth.identify(yours, session_id=session_id)).name == "testuser"


@pytest.mark.parametrize("address", ["127.0.0.1:8081", "http://", "http://h:99999/hub/api", "http://a@h/hub/api", ""])
def test_an_address_that_is_none(address: str) -> None:
    """Is refused at once."""
    with pytest.raises(ValueError, match="must be an http:// or https:// address"):
        HubAuth(api_url=address, api_token="x")


@pytest.mark.parametrize("token", ["", "x\n", "two words", "é"])
def test_a_token_that_cannot_be_sent(token: str) -> None:
    """Is refused at once, too. A Hub would be blamed for it otherwise."""
    with pytest.raises(ValueError, match="must be one word of printable ASCII"):
        HubAuth(api_url="http://hub.test/hub/api", api_token=token)


async def test_one_access_scope_as_text() -> None:
    """Is one scope, and not its letters."""
    async with HubAuth(api_url="http://hub.test/hub/api", api_token="x", access_scopes="access:services") as auth:
        assert auth.access_scopes == ("access:services",)


async def test_who_waits_while_it_is_closed_is_told() -> None:
    """By an error, and not as if they had been cancelled."""
    auth, is_asked = HubAuth(api_url="http://hub.test/hub/api", api_token="x"), anyio.Event()

    async def answer(_request: httpx.Request) -> None:
        is_asked.set()
        await anyio.sleep_forever()

    with respx.mock:
        respx.get(url__startswith="http://hub.test").mock(side_effect=answer)
        waiting = asyncio.ensure_future(auth.identify("token"))
        await is_asked.wait()
        await auth.aclose()

        with pytest.raises(HubUnavailableError):
            await waiting


async def test_memory_holds_no_token(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Answers are kept under the token's SHA-256, which does not reveal the token."""
    seen: list[Key] = []

    def sees_all(key: Key) -> bool:
        seen.append(key)
        return False

    token = fake_hub.issue("testuser")
    await auth.identify(token, session_id=SESSION)
    auth.cache.forget(sees_all)

    assert [session_id for session_id, _ in seen] == [SESSION]
    assert token not in repr(seen)


async def test_refused_with_an_impossible_session_id(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A token that is refused in a session with an impossible id is refused there."""
    token = fake_hub.issue("testuser")
    await auth.identify(token, session_id="a:b")
    auth.refuse(token, session_id="a:b")
    with pytest.raises(InvalidTokenError):
        await auth.identify(token, session_id="a:b")


async def test_an_answer_holds_for_one_set_of_sessions(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Beside several Hubs, too, whose ids are joined: signing out at one of them takes effect here."""
    token = fake_hub.issue("testuser", session_id=SESSION)
    many = ";".join(f"{number:032x}" for number in range(15))

    for session_id in (f"{SESSION};a", f"{SESSION};b", many, ""):
        await auth.identify(token, session_id=session_id)
    assert asked(fake_hub) == 4
