"""From a token to who holds it, asking the Hub as seldom as can be."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import anyio
import pytest

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
    """How often the Hub was asked who holds a token."""
    return hub.count("GET", "/user")


async def test_the_hub_is_asked_once_for_a_token(auth: HubAuth, fake_hub: FakeHub) -> None:
    """A second request of the same token is answered from memory."""
    token = fake_hub.issue("testuser")

    assert (await auth.identify(token)).name == "testuser"
    assert (await auth.identify(token)).name == "testuser"
    assert asked(fake_hub) == 1


async def test_users_and_services_are_told_apart(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Whatever holds a token: a user, narrow or wide, or a service."""
    narrow = await auth.identify(fake_hub.issue("testuser", scopes=[]))
    service = await auth.identify(fake_hub.add_service("other", scopes=["access:services"]))

    assert (narrow.kind, narrow.name) == ("user", "testuser")
    assert (service.kind, service.name, service.scopes) == ("service", "other", ("access:services",))


async def test_an_answer_holds_for_one_session(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Another session id of the browser, or none, is asked about anew: so the Hub's sign-out reaches us."""
    token = fake_hub.issue("testuser", session_id=SESSION)

    for session_id in (SESSION, "another", "", SESSION):
        assert (await auth.identify(token, session_id=session_id)).session_id == SESSION
    assert asked(fake_hub) == 3

    fake_hub.revoke(token)
    with pytest.raises(InvalidTokenError):
        await auth.identify(token, session_id="yet-another")


@pytest.mark.parametrize("session_id", ["x" * 513, "a b", "a,b", "é", "a\n", "\x00", "a:b"], ids=ascii)
async def test_an_impossible_session_id_counts_as_none(auth: HubAuth, fake_hub: FakeHub, session_id: str) -> None:
    """So nobody fills our memory with long ones."""
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
    """What the Hub cannot have issued, and what could change the request's headers, does not reach it."""
    with pytest.raises(InvalidTokenError):
        await auth.identify(token)

    assert fake_hub.requests == []


@pytest.mark.parametrize("token", ["x", "!~'\"\\", "x" * 1024], ids=["short", "odd", "long"])
async def test_a_possible_but_wrong_token_is_refused_by_the_hub(auth: HubAuth, fake_hub: FakeHub, token: str) -> None:
    """Asked about once, then refused from memory."""
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
    """A caller whom we do not know gets HubUnavailableError; one whom we know notices nothing."""
    known, unknown = fake_hub.issue("testuser"), fake_hub.issue("testuser")
    await auth.identify(known)
    fake_hub.outage = OUTAGES[outage]

    assert (await auth.identify(known)).name == "testuser"
    with pytest.raises(HubUnavailableError):
        await auth.identify(unknown)


async def wrong_tokens(auth: HubAuth, times: int, *, address: str = HERE) -> list[type[Exception]]:
    """Send so many; return what came of each."""
    heard: list[type[Exception]] = []
    for number in range(times):
        with pytest.raises((InvalidTokenError, ThrottledError)) as caught:
            await auth.identify(f"wrong-{number}", address=address)
        heard.append(caught.type)
    return heard


async def test_after_many_wrong_tokens_an_address_is_not_asked_about(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Sixty are asked about, then none; what is known to be wrong is still said to be."""
    few = WRONG_TOKENS_PER_ADDRESS
    heard = await wrong_tokens(auth, few + 10)

    assert heard == [InvalidTokenError] * few + [ThrottledError] * 10
    assert asked(fake_hub) == few
    assert await wrong_tokens(auth, 1) == [InvalidTokenError]
    assert await wrong_tokens(auth, few + 1, address="192.0.2.2") == [InvalidTokenError] * (few + 1)


async def test_who_is_known_goes_on_behind_the_same_address(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Also when the answer has grown old; a new token has to wait."""
    known, new = fake_hub.issue("testuser"), fake_hub.issue("testuser")
    await auth.identify(known, address=HERE)
    await wrong_tokens(auth, WRONG_TOKENS_PER_ADDRESS)

    assert (await auth.identify(known, address=HERE)).name == "testuser"
    assert (await auth.identify(known, address=HERE, not_before=datetime.now(UTC))).name == "testuser"
    with pytest.raises(ThrottledError):
        await auth.identify(new, address=HERE)
    assert (await auth.identify(new, address="192.0.2.2")).name == "testuser"


async def test_a_token_that_nobody_could_make_up_is_always_asked_about(auth: HubAuth, fake_hub: FakeHub) -> None:
    """The Hub gave it to us just now, or we have sealed it in a cookie."""
    await wrong_tokens(auth, WRONG_TOKENS_PER_ADDRESS)

    assert (await auth.identify(fake_hub.issue("testuser"), session_id=SESSION)).name == "testuser"


async def test_not_before_asks_again(auth: HubAuth, fake_hub: FakeHub) -> None:
    """After an event an answer from before it does not count."""
    token = fake_hub.issue("testuser")
    await auth.identify(token)

    await auth.identify(token, not_before=datetime.now(UTC) - timedelta(hours=1))
    assert asked(fake_hub) == 1
    await auth.identify(token, not_before=datetime.now(UTC))
    assert asked(fake_hub) == 2


async def test_a_forgotten_token_is_asked_about_again_in_every_session(auth: HubAuth, fake_hub: FakeHub) -> None:
    """Signing out with a token takes effect at once, and concerns no other token."""
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
