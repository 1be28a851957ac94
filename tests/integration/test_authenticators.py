"""Accounts with passwords of their own, on a real Hub; and how the Hub that is shipped says who may come in."""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from tests.conftest import MakeHub
from tests.integration.test_scripts import RunningHub, free_hub_port, outcome
from tests.support.hub import RealHub
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.session import Session, forms

FIRST, SECOND, THIRD = "first of all passwords", "second to none of them", "third time is the charm"
ENTRA = {"ENTRA_TENANT_ID": "x", "ENTRA_HUB_CLIENT_ID": "x", "ENTRA_HUB_CLIENT_SECRET": "x"}
CONFIG = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {{name: {FIRST!r} for name in ("admin", "testuser", "other", "carol")}}
c.PasswordAuthenticator.attempts_per_minute = 100
"""


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """A Hub with accounts, where strangers may ask for one."""
    return make_shared_hub(register=None, config=f"{CONFIG}c.PasswordAuthenticator.enable_signup = True\n")


@pytest.fixture(scope="module")
def strict(make_shared_hub: MakeHub) -> RealHub:
    """A Hub as it is by default, with a policy of its own and little patience."""
    policy = "c.PasswordAuthenticator.password_classes = 3\nc.PasswordAuthenticator.attempts_per_minute = 3\n"
    config = CONFIG.replace(FIRST, f"{FIRST} No 1").replace("attempts_per_minute = 100", "minimum_password_length = 10")
    return make_shared_hub(register=None, config=config + policy)


async def signs_in(hub: RealHub, name: str, password: str) -> bool:
    """Say whether the Hub's login takes a password."""
    async with hub.session() as browser:
        page = await browser.sign_in(name, password=password)
        return page.status_code == 200 and page.url.path == "/hub/home"


async def change(browser: Session, **fields: str) -> httpx.Response:
    """Fill in the form for one's own password."""
    page = await browser.visit("hub/change-password")
    return await fill_in(browser, page, {"new_password_again": fields["new_password"]} | fields)


async def fill_in(browser: Session, page: httpx.Response, fields: Mapping[str, str]) -> httpx.Response:
    """Fill in the form of a page."""
    (form,) = forms(page)
    form.values |= fields
    return await browser.submit(page, form)


# Signing in


async def test_a_right_password(hub: RealHub) -> None:
    """Who has an account signs in with its password."""
    assert await signs_in(hub, "testuser", FIRST)
    assert await signs_in(hub, "TestUser", FIRST)


@pytest.mark.parametrize(("name", "password"), [("testuser", "wrong"), ("testuser", ""), ("nobody", FIRST), ("", "")])
async def test_a_wrong_password(hub: RealHub, name: str, password: str) -> None:
    """Anybody else is shown the form again, and not told what was wrong."""
    async with hub.session() as browser:
        page = await browser.sign_in(name, password=password)

    assert (page.status_code, page.url.path) == (403, "/hub/login")
    assert "Invalid username or password" in page.text


async def test_by_the_api(hub: RealHub) -> None:
    """The Hub's API takes the password, too, and no other."""
    statuses = []
    async with local_client() as client:
        for password in (FIRST, "wrong"):
            body = {"auth": {"username": "other", "password": password}}
            statuses.append((await client.post(f"{hub.api_url}/users/other/tokens", json=body)).status_code)

    assert statuses == [201, 403]


async def test_too_many_attempts(strict: RealHub) -> None:
    """After some wrong passwords for a name nobody's is looked at for a while, not even the right one."""
    async with strict.session() as browser:
        pages = [await browser.sign_in("carol", password="wrong") for _ in range(3)]
        page = await browser.sign_in("carol", password=f"{FIRST} No 1")

    assert [each.status_code for each in pages] == [403, 403, 403]
    assert (page.status_code, "Too many attempts" in page.text) == (429, True)
    assert await signs_in(strict, "other", f"{FIRST} No 1")


async def test_many_at_once_do_not_get_more(strict: RealHub) -> None:
    """Attempts that come at the same moment are counted before they are judged."""
    body = {"auth": {"username": "eve", "password": "wrong"}}
    async with local_client() as client:
        await asyncio.gather(*(client.post(f"{strict.api_url}/users/eve/tokens", json=body) for _ in range(20)))
    async with strict.session() as browser:
        assert (await browser.sign_in("eve", password="wrong")).status_code == 429


# One's own password


async def test_change_it(hub: RealHub) -> None:
    """The new one is good at once, the old one never again; this browser stays signed in, others do not."""
    async with hub.session() as browser, hub.session() as elsewhere:
        for each in (browser, elsewhere):
            await each.sign_in("carol", password=FIRST)
        page = await change(browser, old_password=FIRST, new_password=SECOND)

        assert (page.status_code, "Your password has been changed." in page.text) == (200, True)
        assert (await browser.visit("hub/home")).url.path == "/hub/home"
        assert (await elsewhere.visit("hub/home")).url.path == "/hub/login"
    assert (await signs_in(hub, "carol", SECOND), await signs_in(hub, "carol", FIRST)) == (True, False)
    async with hub.session() as browser:
        await browser.sign_in("carol", password=SECOND)
        await change(browser, old_password=SECOND, new_password=FIRST)
    assert await signs_in(hub, "carol", FIRST)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"old_password": "wrong", "new_password": SECOND}, "The old password is wrong."),
        ({"old_password": FIRST, "new_password": "short"}, "have 12 to 1024 characters"),
        ({"old_password": FIRST, "new_password": "my name is testuser"}, "not contain the user name"),
        ({"old_password": FIRST, "new_password": SECOND, "new_password_again": THIRD}, "The two new passwords differ."),
    ],
    ids=["wrong", "short", "the name", "differ"],
)
async def test_what_is_not_changed(hub: RealHub, fields: dict[str, str], words: str) -> None:
    """What is wrong is said on the page, and the old password stays."""
    async with hub.session() as browser:
        await browser.sign_in("testuser", password=FIRST)
        page = await change(browser, **fields)

    assert (page.status_code, words in page.text) == (400, True)
    assert await signs_in(hub, "testuser", FIRST)


async def test_the_policy_is_the_operators(strict: RealHub) -> None:
    """Length and kinds of characters are as they are configured, and said on the page."""
    async with strict.session() as browser:
        await browser.sign_in("testuser", password=f"{FIRST} No 1")
        page = await browser.visit("hub/change-password")
        assert "At least 10 characters, with 3 of these kinds" in " ".join(page.text.split())
        page = await change(browser, old_password=f"{FIRST} No 1", new_password="only small letters")
        assert "have characters of 3 of these kinds" in page.text


async def test_who_is_not_signed_in(hub: RealHub) -> None:
    """The page leads who is not signed in to the login."""
    async with hub.session() as browser:
        assert (await browser.visit("hub/change-password")).url.path == "/hub/login"


@pytest.mark.parametrize("path", ["hub/change-password", "hub/change-password/carol", "hub/authorize"])
async def test_not_from_another_page(hub: RealHub, path: str) -> None:
    """A form without the Hub's XSRF token changes nothing: neither with none, nor with somebody else's."""
    fields = {"old_password": FIRST, "new_password": SECOND, "new_password_again": SECOND}
    fields |= {"username": "carol", "action": "unauthorize"}
    async with hub.session() as browser, hub.session() as stranger:
        await browser.sign_in("admin", password=FIRST)
        theirs = forms(await stranger.visit("hub/login"))[0].values["_xsrf"]
        url = browser.url.join(path)
        statuses = [
            (await browser.client.post(url, data=fields | more)).status_code for more in ({}, {"_xsrf": theirs})
        ]

    assert statuses == [403, 403]
    assert (await signs_in(hub, "admin", FIRST), await signs_in(hub, "carol", FIRST)) == (True, True)


# Accounts of others


async def test_asking_for_an_account(hub: RealHub) -> None:
    """A stranger asks, an administrator authorizes, they sign in; taken back, they are out, and may be discarded."""
    async with hub.session() as stranger, hub.session() as admin:
        page = await asked(stranger, "Dora")
        assert (page.status_code, "must authorize your account before you can sign in" in page.text) == (200, True)
        assert ("<title>Ask for an account" in " ".join(page.text.split()), "new_password" in page.text) == (
            True,
            False,
        )
        page = await stranger.sign_in("dora", password=FIRST)
        assert (page.status_code, "must authorize this account first" in page.text) == (403, True)
        assert "must authorize this account first" not in (await stranger.sign_in("dora", password="wrong")).text

        await admin.sign_in("admin", password=FIRST)
        await act(admin, "dora", "authorize")
        assert await signs_in(hub, "dora", FIRST)
        await act(admin, "dora", "unauthorize")
        assert not await signs_in(hub, "dora", FIRST)
        page = await act(admin, "dora", "discard")
        assert [form for form in forms(page) if form.values.get("username") == "dora"] == []
        # She has signed in, so she is a user of the Hub: the page says that she cannot, and where she gets a password.
        assert "no: they have no password" in page.text
        assert "/hub/change-password/dora" in page.text
        # Nobody shuts themselves out.
        (own,) = [form for form in forms(page) if form.values.get("username") == "admin"]
        assert (await admin.submit(page, own, action="unauthorize")).status_code == 400


async def test_a_user_of_a_name_that_somebody_has_asked_for(hub: RealHub) -> None:
    """The page warns of a request that is older than the user, and a button from before that authorizes nobody."""
    async with hub.session() as stranger, hub.session() as admin:
        await asked(stranger, "nina")
        await admin.sign_in("admin", password=FIRST)
        before = await admin.visit("hub/authorize")
        assert "somebody else may have asked for this account before" not in before.text
        (await hub.api("POST", "/users/nina")).raise_for_status()
        page = await act(admin, "nina", "authorize")
        assert "somebody else may have asked for this account before" in page.text
        assert not await signs_in(hub, "nina", FIRST)
        await act(admin, "nina", "authorize-user")
        assert await signs_in(hub, "nina", FIRST)


async def test_the_password_of_an_account_without_a_user(hub: RealHub) -> None:
    """An administrator sets it for an account that was only asked for, and still has to authorize that."""
    async with hub.session() as stranger, hub.session() as admin:
        await asked(stranger, "olga")
        await admin.sign_in("admin", password=FIRST)
        page = await admin.visit("hub/change-password/olga")
        page = await admin.submit(page, new_password=SECOND, new_password_again=SECOND)
        assert (page.status_code, "They may not sign in until you authorize them." in page.text) == (200, True)
        await act(admin, "olga", "authorize")
    assert (await signs_in(hub, "olga", FIRST), await signs_in(hub, "olga", SECOND)) == (False, True)


async def test_a_user_is_renamed(hub: RealHub) -> None:
    """The password goes with the user, and does not wait for the next one of the old name."""
    async with hub.session() as stranger, hub.session() as admin:
        for name in ("paul", "quinn"):
            await asked(stranger, name, SECOND)
        await admin.sign_in("admin", password=FIRST)
        await act(admin, "paul", "authorize")
    (await hub.api("POST", "/users/paul")).raise_for_status()
    taken = await hub.api("PATCH", "/users/paul", json={"name": "quinn"})
    renamed = await hub.api("PATCH", "/users/paul", json={"name": "Paula"})
    (await hub.api("POST", "/users/paul")).raise_for_status()

    assert (taken.status_code, renamed.status_code) == (409, 200)
    assert (await signs_in(hub, "paula", SECOND), await signs_in(hub, "paul", SECOND)) == (True, False)


async def asked(stranger: Session, name: str, password: str = FIRST) -> httpx.Response:
    """Ask for an account, and return the answer."""
    page = await stranger.visit("hub/signup")
    return await stranger.submit(page, username=name, new_password=password, new_password_again=password)


async def act(browser: Session, name: str, action: str) -> httpx.Response:
    """Press a button in the line of an account."""
    page = await browser.visit("hub/authorize")
    (form,) = [form for form in forms(page) if form.values.get("username") == name]
    form.action = "authorize"
    return await browser.submit(page, form, action=action)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"username": "testuser"}, "This name is taken."),
        ({"username": "Admin"}, "This name is taken."),
        ({"username": "a/b"}, "This user name is not allowed."),
        ({"username": ""}, "This user name is not allowed."),
        ({"new_password": "short", "new_password_again": "short"}, "have 12 to 1024 characters"),
    ],
    ids=["taken", "another spelling", "no name", "empty", "a bad password"],
)
async def test_what_nobody_gets(hub: RealHub, fields: dict[str, str], words: str) -> None:
    """A name that is taken or none, or a bad password: the page says so, and there is no account."""
    filled = {"username": "erin", "new_password": FIRST, "new_password_again": FIRST} | fields
    async with hub.session() as stranger:
        page = await fill_in(stranger, await stranger.visit("hub/signup"), filled)

    assert (page.status_code, words in page.text) == (400, True)


async def test_nobody_is_authorized_for_their_name(make_hub: MakeHub) -> None:
    """Who asks for the name of an administrator who has no account yet waits like everybody."""
    config = CONFIG.replace('("admin", ', "(") + "c.PasswordAuthenticator.enable_signup = True\n"
    hub = make_hub(register=None, config=config)
    async with hub.session() as stranger:
        await asked(stranger, "admin")

    assert not await signs_in(hub, "admin", FIRST)


async def test_by_default_nobody_asks(strict: RealHub) -> None:
    """Unless it is turned on there is no page to ask for an account, and no link to it."""
    async with strict.session() as stranger:
        assert (await stranger.visit("hub/signup")).status_code == 404
        assert "signup" not in (await stranger.visit("hub/login")).text


async def test_an_administrator_sets_a_password(hub: RealHub) -> None:
    """An administrator gives a user of the Hub their first password, and replaces one that was forgotten."""
    (await hub.api("POST", "/users/frank")).raise_for_status()
    async with hub.session() as admin, hub.session() as frank:
        await admin.sign_in("admin", password=FIRST)
        for password in (SECOND, THIRD):
            page = await admin.visit("hub/change-password/frank")
            page = await admin.submit(page, new_password=password, new_password_again=password)
            assert (page.status_code, "The password of frank has been changed." in page.text) == (200, True)
            assert await signs_in(hub, "frank", password)
            if password == SECOND:
                await frank.sign_in("frank", password=SECOND)
        assert (await frank.visit("hub/home")).url.path == "/hub/login"
        assert (await admin.visit("hub/change-password/nobody")).status_code == 404
    assert not await signs_in(hub, "frank", SECOND)


async def test_only_administrators(hub: RealHub) -> None:
    """Nobody else sees who has an account, or sets another's password; a token that was made for less does not."""
    token = await hub.user_token("admin", scopes=["access:services"])
    async with hub.session() as browser:
        await browser.sign_in("testuser", password=FIRST)
        for path in ("hub/authorize", "hub/change-password/carol"):
            assert (await browser.visit(path)).status_code in {403, 404}
            async with local_client() as client:
                reply = await client.get(hub.url + path, headers=token.bearer)
            assert reply.status_code in {403, 404}


async def test_what_was_stored_by_native_authenticator(make_hub: MakeHub) -> None:
    """An account that was made by NativeAuthenticator goes on, and its password is stored anew with Argon2."""
    hub = make_hub(register=None, config=CONFIG)
    hub.stop()
    database = hub.directory / "jupyterhub.sqlite"
    old = bcrypt.hashpw(SECOND.encode(), bcrypt.gensalt(rounds=4))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE users_info SET password = ? WHERE username = 'testuser'", (old,))
    hub.start()

    assert not await signs_in(hub, "testuser", FIRST)
    assert await signs_in(hub, "testuser", SECOND)
    with closing(sqlite3.connect(database)) as connection:
        ((stored,),) = connection.execute("SELECT password FROM users_info WHERE username = 'testuser'")
    assert bytes(stored).startswith(b"$argon2id$")
    assert await signs_in(hub, "testuser", SECOND)


# The Hub that is shipped


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """What `script/run` starts with HUB_AUTHENTICATOR=native."""
    if not (REPOSITORY / ".venv" / "stamp").exists():
        pytest.skip("no .venv in this checkout: run ./script/test")
    state = tmp_path_factory.mktemp("native") / "state"
    running = RunningHub(state, HUB_AUTHENTICATOR="native", HUB_PASSWORD=FIRST)
    yield running
    running.process.close()


async def role_at_the_desk(hub: RunningHub, name: str, password: str) -> str | None:
    """Sign in, and ask the desk which role that is."""
    async with Session(hub.url) as browser:
        await browser.sign_in(name, password=password)
        page = await browser.visit("services/fastapi/desk/ui/tickets")
        path = "/services/fastapi/"
        if (page.status_code, page.url.path) != (200, f"{path}desk/ui/tickets"):
            return None
        status = await browser.fetch("GET", f"{path}desk/status", headers=browser.signing(path))
        assert status.status_code == 200, status.text
        return str(status.json()["role"])


@pytest.fixture(scope="module")
async def team(shipped: RunningHub) -> dict[str, str | None]:
    """Who had which role at the desk after the first start, with the password that was said."""
    names = ("support", "manager", "admin", "testuser")
    return {name: await role_at_the_desk(shipped, name, FIRST) for name in names}


async def test_the_shipped_hub_has_a_team(team: dict[str, str | None]) -> None:
    """Its users have accounts with the password that was said, and three of them roles at the desk."""
    assert team == {"support": "support", "manager": "manager", "admin": "admin", "testuser": None}


@pytest.mark.usefixtures("team")
async def test_a_restart_undoes_nothing(shipped: RunningHub) -> None:
    """A password and a role that were changed stay so when the Hub starts again."""
    async with Session(shipped.url) as browser:
        await browser.sign_in("support", password=FIRST)
        await change(browser, old_password=FIRST, new_password=SECOND)
    async with Session(shipped.url) as admin:
        await admin.sign_in("admin", password=FIRST)
        path = "/services/fastapi/"
        await admin.visit(f"{path}desk/ui/tickets")
        role = f"{path}desk/accounts/support/role"
        given = await admin.fetch("PUT", role, json={"role": "manager"}, headers=admin.signing(path))
        assert given.status_code == 200, given.text
    shipped.restart()

    assert await role_at_the_desk(shipped, "support", SECOND) == "manager"
    assert await role_at_the_desk(shipped, "support", FIRST) is None


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"HUB_AUTHENTICATOR": "ldap"}, "HUB_AUTHENTICATOR must be one of dummy, native, pam"),
        ({"HUB_AUTHENTICATOR": "native", "HUB_PASSWORD": "passwd"}, "have 12 to 1024 characters"),
        ({"HUB_AUTHENTICATOR": "entra", "ENTRA_TENANT_ID": "x"}, "needs ENTRA_HUB_CLIENT_ID, ENTRA_HUB_CLIENT_SECRET"),
        ({"HUB_AUTHENTICATOR": "entra", **ENTRA, "ENTRA_GROUPS": "[x"}, "ENTRA_GROUPS must be JSON"),
    ],
    ids=["unknown", "a bad first password", "Entra ID without a client", "groups of Entra ID that are none"],
)
def test_what_cannot_be(tmp_path: Path, environment: dict[str, Any], words: str) -> None:
    """An authenticator that there is not, and first passwords that the policy refuses, keep the Hub from starting."""
    run = REPOSITORY / "script" / "run"
    status, said = outcome([run], HUB_PORT=str(free_hub_port()), HUB_STATE=str(tmp_path / "state"), **environment)

    assert status != 0
    assert words in said


async def test_the_machines_own_users(tmp_path: Path) -> None:
    """With `pam` the machine is asked, and lets in nobody whom it does not know."""
    running = RunningHub(tmp_path / "state", HUB_AUTHENTICATOR="pam")
    try:
        async with Session(running.url) as browser:
            page = await browser.sign_in("testuser", password="passwd")
            assert (page.status_code, page.url.path) == (403, "/hub/login")
    finally:
        running.process.close()
