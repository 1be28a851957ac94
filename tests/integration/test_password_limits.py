"""How often passwords are looked at by a real Hub with accounts, behind its proxy, and that strangers hold up nobody.

Whoever comes from another address does so in truth: all of 127.0.0.0/8 is this machine.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from itertools import count

import httpx
import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_api import HubApi
from tests.support.local_http import local_client
from tests.support.session import Session, forms

RIGHT, NEW = "first of all passwords", "second to none of them"
# Counted as any other, but never hashed: then a slow machine takes no longer than the minute that is counted.
WRONG = "x" * 1025
ACCOUNTS = ("admin", "testuser", "other", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
CONFIG = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {{name: {RIGHT!r} for name in {ACCOUNTS!r}}}
c.PasswordAuthenticator.enable_signup = True
"""
PER_PAIR = 10
FORGED = {"X-Real-Ip": "203.0.113.{}", "X-Forwarded-For": "203.0.113.{}, 203.0.113.{}", "Forwarded": "for=203.0.113.{}"}

_addresses = (f"127.{number >> 8 & 255}.{number & 255}.1" for number in count(0x0101))


def new_address() -> str:
    """Return one from which nobody has come yet."""
    return next(_addresses)


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """A Hub with accounts and its limits as they are by default."""
    return make_shared_hub(register={"password_grant": True}, config=CONFIG)


@pytest.fixture
async def at(hub: RealHub) -> AsyncIterator[Callable[..., Session]]:
    """Open browsers at an address, a new one unless it is said."""
    async with AsyncExitStack() as stack:
        opened: list[Session] = []

        def open_browser(address: str | None = None, *, url: str = hub.url) -> Session:
            opened.append(Session(url, transport=httpx.AsyncHTTPTransport(local_address=address or new_address())))
            stack.push_async_exit(opened[-1])
            return opened[-1]

        yield open_browser


async def attempt(browser: Session, name: str, password: str = WRONG) -> httpx.Response:
    """Try a password on the Hub's login page."""
    return await browser.sign_in(name, password=password)


async def is_let_in(browser: Session, name: str) -> bool:
    """Say whether the right password gets somebody in, and sign out again."""
    page = await attempt(browser, name, RIGHT)
    is_in = (page.status_code, page.url.path) == (200, "/hub/home")
    browser.client.cookies.clear()
    return is_in


async def by_api(api: HubApi, name: str, password: str) -> httpx.Response:
    """Ask for a token at the Hub's API, past its proxy."""
    async with local_client() as client:
        body = {"auth": {"username": name, "password": password}}
        return await client.post(f"{api.api_url}/users/{name}/tokens", json=body)


async def grant(browser: Session, name: str, password: str) -> httpx.Response:
    """Ask the service for a token for a password."""
    form = {"grant_type": "password", "username": name, "password": password}
    return await browser.client.post(browser.url.join("services/fastapi/token"), data=form)


# Holding up others


async def test_a_crowd_of_strangers_holds_up_nobody(at: Callable[..., Session]) -> None:
    """Sixty anonymous sign-ins at once: who signed in here lately has their turn, most others are sent away at once."""
    browser = at()
    assert await is_let_in(browser, "testuser")
    login = await browser.visit("hub/login", params={"next": "/hub/home"})
    judged: list[int] = []

    async def come(stranger: Session, number: int, page: httpx.Response) -> httpx.Response:
        reply = await stranger.submit(page, username=f"nobody-{number}", password="x", follow=False)
        judged.append(reply.status_code)
        return reply

    crowd = [at() for _ in range(12)]
    pages = [await stranger.visit("hub/login") for stranger in crowd]
    attack = asyncio.gather(
        *(come(stranger, number, page) for number in range(5) for stranger, page in zip(crowd, pages, strict=True))
    )
    page = await browser.submit(login, username="testuser", password=RIGHT)
    judged_before = judged.count(403)
    replies = await attack

    assert (page.status_code, page.url.path) == (200, "/hub/home")
    statuses = Counter(reply.status_code for reply in replies)
    assert set(statuses) == {403, 429}
    assert statuses[403] < 40, "nobody waits in a line without end"
    assert judged_before < 10, "who is known does not wait behind strangers"
    (seconds,) = {reply.headers["Retry-After"] for reply in replies if reply.status_code == 429}
    assert seconds == "2"


async def test_strangers_lock_nobody_out(at: Callable[..., Session]) -> None:
    """An owner signs in where they did so lately, however often strangers have tried the account."""
    owner = at()
    assert await is_let_in(owner, "carol")
    statuses: Counter[int] = Counter()
    for _ in range(4):
        stranger = at()
        for name in ("carol", "Carol ", "CAROL"):
            statuses += Counter([(await attempt(stranger, name)).status_code for _ in range(5)])

    assert statuses[403] == 3 * PER_PAIR, "spellings are no other account"
    assert statuses[429] == 60 - 3 * PER_PAIR
    assert await is_let_in(owner, "carol")


async def test_one_stranger_does_not_lock_an_account(at: Callable[..., Session]) -> None:
    """What one address may try leaves room for the owner at a new address."""
    stranger = at()
    pages = [await attempt(stranger, "dave") for _ in range(PER_PAIR + 1)]
    assert [page.status_code for page in pages] == [403] * PER_PAIR + [429]
    assert 0 < int(pages[-1].headers["Retry-After"]) <= 60
    assert "Too many attempts" in pages[-1].text

    assert await is_let_in(at(), "dave")


async def test_all_accounts_from_one_address(at: Callable[..., Session]) -> None:
    """Thirty wrong passwords a minute come from one address; who is known there signs in nevertheless."""
    address = new_address()
    assert await is_let_in(at(address), "erin")
    stranger = at(address)
    statuses = Counter([(await attempt(stranger, f"somebody-{number}")).status_code for number in range(35)])

    assert statuses == {403: 30, 429: 5}
    assert await is_let_in(at(address), "erin")
    assert (await attempt(at(address), "frank", RIGHT)).status_code == 429, "who is not known waits"


# Whence they come


@pytest.mark.parametrize("header", FORGED)
async def test_a_client_cannot_choose_its_address(at: Callable[..., Session], header: str) -> None:
    """What a client says of its address changes nothing: one address may try ten times, whatever it claims."""
    stranger = at()
    statuses = []
    for number in range(PER_PAIR + 1):
        stranger.client.headers[header] = FORGED[header].replace("{}", str(number))
        statuses.append((await attempt(stranger, f"forged-{header}")).status_code)

    assert statuses == [403] * PER_PAIR + [429]


@pytest.mark.parametrize("header", FORGED)
async def test_nobody_takes_the_owners_address(at: Callable[..., Session], header: str) -> None:
    """A stranger who claims to come from the owner's address does not use up what the owner has there."""
    address = new_address()
    assert await is_let_in(at(address), "grace")
    stranger = at()
    stranger.client.headers[header] = FORGED[header].replace("203.0.113.{}", address)
    for _ in range(PER_PAIR + 2):
        await attempt(stranger, "grace")

    assert await is_let_in(at(address), "grace")


async def test_behind_another_proxy(make_hub: MakeHub) -> None:
    """Behind a proxy in `trusted_downstream_ips`, addresses count as that one names them, not as its clients do."""
    config = f'{CONFIG}c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]\n'
    front = make_hub(register=None, config=config)
    async with front.session() as browser:

        async def tries(address: str, times: int) -> list[int]:
            statuses = []
            for number in range(times):
                browser.client.headers["X-Forwarded-For"] = f"203.0.113.{number}, {address}"
                statuses.append((await attempt(browser, "carol")).status_code)
            return statuses

        assert await tries("198.51.100.1", PER_PAIR + 1) == [403] * PER_PAIR + [429]
        assert await tries("198.51.100.2", 1) == [403]


# Other ways to try a password


async def test_at_the_hubs_api(hub: RealHub) -> None:
    """The Hub's API counts with the login page, and says 429 rather than that the password is wrong."""
    replies = [await by_api(hub, "heidi", WRONG) for _ in range(PER_PAIR + 1)]

    assert [reply.status_code for reply in replies] == [403] * PER_PAIR + [429]
    assert 0 < int(replies[-1].headers["Retry-After"]) <= 60
    assert "Too many attempts" in replies[-1].json()["message"]


async def test_the_service_is_no_way_round(at: Callable[..., Session]) -> None:
    """What was tried on the Hub's page counts for tokens at the service, by the caller's address, not the service's."""
    stranger = at()
    assert await is_let_in(at(), "ivan"), "the Hub gives tokens to those who were there once"
    for _ in range(PER_PAIR):
        await attempt(stranger, "ivan")

    refused = await grant(stranger, "ivan", RIGHT)
    assert (refused.status_code, refused.json()["error"]) == (429, "temporarily_unavailable")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert (await grant(at(), "ivan", RIGHT)).status_code == 200


async def test_strangers_at_the_service_lock_nobody_out(at: Callable[..., Session]) -> None:
    """Neither an account nor the service's own address is used up by strangers who try passwords at the service."""
    owner = at()
    for name in ("other", "admin"):
        assert await is_let_in(at(), name), "the Hub gives tokens to those who were there once"
    assert (await grant(owner, "other", RIGHT)).status_code == 200
    for _ in range(4):
        stranger = at()
        for _ in range(PER_PAIR + 1):
            await grant(stranger, "other", WRONG)

    assert (await grant(owner, "other", RIGHT)).status_code == 200
    assert (await grant(at(), "admin", RIGHT)).status_code == 200


async def test_asking_for_accounts(at: Callable[..., Session]) -> None:
    """Ten requests for an account a minute come from one address; others are not held up."""

    async def ask(browser: Session, name: str) -> int:
        page = await browser.visit("hub/signup")
        return (await browser.submit(page, username=name, new_password=NEW, new_password_again="x")).status_code

    stranger = at()
    assert [await ask(stranger, "zoe") for _ in range(11)] == [400] * 10 + [429]
    assert await ask(at(), "zoe") == 400


async def test_guessing_the_old_password(at: Callable[..., Session]) -> None:
    """Whoever found an open browser gets ten guesses a minute at the old password; the owner signs in elsewhere."""
    found, owner = at(), at()
    await attempt(found, "frank", RIGHT)
    page = await found.visit("hub/change-password")
    (form,) = forms(page)
    fields = {"old_password": WRONG, "new_password": NEW, "new_password_again": NEW}
    form.values |= fields
    statuses = [(await found.submit(page, form)).status_code for _ in range(PER_PAIR + 1)]

    assert statuses == [400] * PER_PAIR + [429]
    assert await is_let_in(owner, "frank")


async def test_a_thief_does_not_keep_the_owner_from_a_new_password(at: Callable[..., Session]) -> None:
    """Wrong old passwords in a stolen session, sent from elsewhere, leave the owner's own place its attempts."""
    owner, thief = at(), at()
    await attempt(owner, "judy", RIGHT)
    for cookie in owner.client.cookies.jar:
        thief.client.cookies.jar.set_cookie(cookie)

    statuses = [(await change(thief, old=WRONG)).status_code for _ in range(PER_PAIR + 1)]

    assert statuses == [400] * PER_PAIR + [429]
    assert "Your password has been changed." in (await change(owner, old=RIGHT)).text


async def change(browser: Session, *, old: str) -> httpx.Response:
    """Fill in the form for a new password."""
    page = await browser.visit("hub/change-password")
    (form,) = forms(page)
    form.values |= {"old_password": old, "new_password": NEW, "new_password_again": NEW}
    return await browser.submit(page, form)


async def test_names_without_end(at: Callable[..., Session]) -> None:
    """A name longer than any account's is looked at as any other is, and told from others by nothing."""
    stranger = at()
    page = await attempt(stranger, "x" * 100_000)

    assert (page.status_code, "Invalid username or password" in page.text) == (403, True)
