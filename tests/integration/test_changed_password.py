"""What a new password ends, at a real Hub with accounts and at the service: sessions, and API tokens if chosen."""

import asyncio
import subprocess
import sys

import httpx
import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.node import REPOSITORY
from tests.support.polling import eventually
from tests.support.process import clean_environment
from tests.support.session import Session, forms

FIRST, SECOND, THIRD = "first of all passwords", "second to none of them", "third time is the charm"
ADMINS = ("admin", "alma", "axel")
PEOPLE = (
    *ADMINS,
    "testuser",
    "other",
    "carol",
    "dave",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "kim",
    "lena",
)
CONFIG = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {{name: {FIRST!r} for name in {PEOPLE!r}}}
c.PasswordAuthenticator.attempts_per_minute = 100
"""


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """A Hub with accounts, and the service, which asks the Hub anew after half a second."""
    register = {"environment": {"HUB_CACHE_TTL": "0.5"}}
    return make_shared_hub(users=PEOPLE, admins=ADMINS, register=register, config=CONFIG)


async def signed_in(browser: Session, name: str, password: str = FIRST) -> None:
    """Sign in at the Hub and at the service."""
    await browser.sign_in(name, password=password)
    await browser.visit("services/fastapi/me")
    assert await is_in(browser)


async def is_in(browser: Session) -> bool:
    """Say whether the service knows the browser by its cookie."""
    return (await browser.visit("services/fastapi/me", follow=False)).status_code == httpx.codes.OK


async def is_soon_out(browser: Session) -> None:
    """Wait until the service knows the browser no more, and see that it is asked for a password then."""

    async def is_out() -> bool:
        return not await is_in(browser)

    await eventually(is_out)
    assert (await browser.visit("services/fastapi/me")).url.path == "/hub/login"


async def change(browser: Session, old: str, new: str, **more: str) -> str:
    """Change one's own password, and return what the page says."""
    page = await browser.visit("hub/change-password")
    return await send(browser, page, old_password=old, new_password=new, **more)


async def send(browser: Session, page: httpx.Response, **fields: str) -> str:
    """Fill in the form of a page, and return what the next one says."""
    (form,) = forms(page)
    form.values |= {"new_password_again": fields["new_password"]} | fields
    page = await browser.submit(page, form)
    assert page.status_code == httpx.codes.OK, page.text
    return page.text


async def is_good(hub: RealHub, token: Token) -> bool:
    """Say whether the Hub takes a token."""
    return (await hub.api("GET", "/user", token=token)).status_code == httpx.codes.OK


def copy_of(browser: Session) -> Session:
    """Return a browser with the same cookies, as a thief of them has it."""
    thief = Session(str(browser.url))
    for cookie in browser.client.cookies.jar:
        thief.client.cookies.jar.set_cookie(cookie)
    return thief


# One's own


async def test_a_thief_is_signed_out(hub: RealHub) -> None:
    """Whoever signed in elsewhere with the old password is out, at the service too; the owner's tabs go on."""
    async with hub.session() as owner, hub.session() as thief:
        for browser in (owner, thief):
            await signed_in(browser, "testuser")
        said = await change(owner, FIRST, SECOND)

        await is_soon_out(thief)
        assert await is_in(owner)
        assert (await owner.visit("hub/home")).url.path == "/hub/home"
        assert "Your password has been changed. You are signed out everywhere except in this browser." in said


async def test_a_thief_in_the_middle_of_signing_in(hub: RealHub) -> None:
    """A code that the Hub gave before the change is worth nothing after it."""
    async with hub.session() as owner, hub.session() as thief:
        for browser in (owner, thief):
            await browser.sign_in("other", password=FIRST)
        step = await thief.visit("services/fastapi/me", follow=False)
        while "code=" not in step.headers["Location"]:
            step = await thief.visit(str(step.url.join(step.headers["Location"])), follow=False)
        await change(owner, FIRST, SECOND)

        await thief.visit(str(step.url.join(step.headers["Location"])), follow=False)
        assert not await is_in(thief)


async def test_api_tokens_stay(hub: RealHub) -> None:
    """Unless it is chosen, API tokens go on, and the page says that they do."""
    async with hub.session() as owner:
        await owner.sign_in("carol", password=FIRST)
        token = await hub.user_token("carol")
        said = await change(owner, FIRST, SECOND)

    assert "1 API token still works." in said
    assert await is_good(hub, token)


async def test_api_tokens_are_deleted(hub: RealHub) -> None:
    """Where it is chosen, nothing that was issued before is good; others' tokens are left alone."""
    async with hub.session() as owner:
        await owner.sign_in("dave", password=FIRST)
        tokens = [await hub.user_token("dave") for _ in range(2)]
        others = await hub.user_token("admin")
        said = await change(owner, FIRST, SECOND, api_tokens="1")

    assert "2 API tokens were deleted; running servers must be restarted." in said
    assert [await is_good(hub, token) for token in (*tokens, others)] == [False, False, True]


async def test_a_thief_of_this_browsers_cookies(hub: RealHub) -> None:
    """With the tokens the session itself ends: its copy is worth nothing, and the owner needs no password to go on."""
    async with hub.session() as owner:
        await signed_in(owner, "erin")
        async with copy_of(owner) as thief:
            assert await is_in(thief)
            await change(owner, FIRST, SECOND, api_tokens="1")

            await is_soon_out(thief)
        assert (await owner.visit("hub/home")).url.path == "/hub/home"
        page = await owner.visit("services/fastapi/me")
        assert (page.status_code, page.url.path) == (200, "/services/fastapi/me")


@pytest.mark.parametrize(("name", "ticked"), [("grace", {}), ("heidi", {"api_tokens": "1"})])
async def test_twice(hub: RealHub, name: str, ticked: dict[str, str]) -> None:
    """A change can be followed by another; the page that tells of one has no form, whose token would be too old."""
    async with hub.session() as owner:
        await owner.sign_in(name, password=FIRST)
        for old, new in ((FIRST, SECOND), (SECOND, THIRD)):
            said = await change(owner, old, new, **ticked)
            assert ("has been changed" in said, "<form" in said) == (True, False)


async def test_a_running_server(hub: RealHub) -> None:
    """The token of a running server goes on, unless the owner chooses otherwise."""
    own = "import os, requests; env = os.environ; "
    own += "head = {'Authorization': 'token ' + env['JUPYTERHUB_API_TOKEN']}; "
    own += "print(requests.get(env['JUPYTERHUB_API_URL'] + '/user', headers=head).status_code)"
    async with hub.session() as owner, hub.notebook("admin") as notebook:
        await owner.sign_in("admin", password=FIRST)
        await change(owner, FIRST, SECOND)
        assert (await notebook.run(own)).strip() == "200"

        await change(owner, SECOND, FIRST, api_tokens="1")
        assert (await notebook.run(own)).strip() == "403"


async def test_a_wrong_old_password_ends_nothing(hub: RealHub) -> None:
    """Whoever does not know the password deletes nothing with the form."""
    async with hub.session() as owner:
        await signed_in(owner, "frank")
        token = await hub.user_token("frank")
        page = await owner.visit("hub/change-password")
        (form,) = forms(page)
        form.values |= {"old_password": "x", "new_password": SECOND, "new_password_again": SECOND, "api_tokens": "1"}
        page = await owner.submit(page, form)

        assert page.status_code == httpx.codes.BAD_REQUEST
        assert await is_good(hub, token)
        assert await is_in(owner)


# By an administrator


@pytest.mark.parametrize(
    ("boss", "name", "ticked"),
    [("alma", "ivan", {}), ("axel", "judy", {"api_tokens": "1"})],
    ids=["sessions", "tokens, too"],
)
async def test_an_administrator_sets_a_password(hub: RealHub, boss: str, name: str, ticked: dict[str, str]) -> None:
    """All sessions of that user end, API tokens if chosen; the administrator's own go on."""
    async with hub.session() as admin, hub.session() as user:
        await signed_in(admin, boss)
        await signed_in(user, name)
        token = await hub.user_token(name)
        page = await admin.visit(f"hub/change-password/{name}")
        said = await send(admin, page, new_password=SECOND, **ticked)

        assert f"The password of {name} has been changed. {name} is signed out everywhere." in said
        assert ("1 API token was deleted" if ticked else "1 API token still works") in said
        assert await is_good(hub, token) is not bool(ticked)
        await is_soon_out(user)
        assert await is_in(admin)
        # Their own needs the old one.
        own = f"hub/change-password/{boss}"
        page = await admin.visit(own)
        fields = {"_xsrf": forms(page)[0].values["_xsrf"], "new_password": SECOND, "new_password_again": SECOND}
        sent = await admin.client.post(admin.url.join(own), data=fields)
        assert (page.url.path, "Old password" in page.text) == ("/hub/change-password", True)
        assert (sent.status_code, sent.headers["Location"]) == (302, "/hub/change-password")
    async with hub.session() as admin:
        await signed_in(admin, boss)


async def test_an_account_is_taken_back(hub: RealHub) -> None:
    """Whoever may not sign in any more has no session and no token left; authorized again, they begin anew."""
    async with hub.session() as admin, hub.session() as user, hub.session() as again:
        await admin.sign_in("admin", password=FIRST)
        await signed_in(user, "kim")
        token = await hub.user_token("kim")
        for action in ("unauthorize", "authorize-user"):
            page = await admin.visit("hub/authorize")
            (form,) = [form for form in forms(page) if form.values.get("username") == "kim"]
            form.action = "authorize"
            await admin.submit(page, form, action=action)
        await signed_in(again, "kim")

        assert not await is_good(hub, token)
        await is_soon_out(user)


# At a shell of the Hub's machine


async def test_a_lost_administrator(hub: RealHub) -> None:
    """`python -P -m service password` works while the Hub runs: old sessions end, and its user may administer it."""
    command = [sys.executable, "-P", "-m", "service", "password", "Lena", "--admin", "--delete-tokens"]
    async with hub.session() as user, hub.session() as admin:
        await signed_in(user, "lena")
        token = await hub.user_token("lena")
        run = await asyncio.to_thread(
            subprocess.run,
            command,
            input=f"{SECOND}\n",
            cwd=hub.directory,
            env=clean_environment(PYTHONPATH=str(REPOSITORY)),
            capture_output=True,
            text=True,
            check=False,
        )

        assert (run.returncode, run.stderr) == (0, "")
        assert "lena has a new password, and is signed out everywhere. API tokens deleted: " in run.stdout
        assert "lena is an administrator of the Hub." in run.stdout
        assert SECOND not in run.stdout
        assert not await is_good(hub, token)
        await is_soon_out(user)
        assert (await user.sign_in("lena", password=FIRST)).url.path == "/hub/login"
        await signed_in(admin, "lena", SECOND)
        assert (await admin.visit("hub/authorize")).status_code == httpx.codes.OK
