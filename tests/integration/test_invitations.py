"""A new colleague, from the page of the desk to their first sign-in, on a real Hub with passwords of its own."""

import re
import secrets
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.session import Session, forms

FIRST, SECOND, THIRD = "first of all passwords", "second to none of them", "third time is the charm"
CONFIG = f"""
c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"
c.PasswordAuthenticator.first_users = {{name: {FIRST!r} for name in ("admin", "ann", "testuser")}}
c.PasswordAuthenticator.enable_signup = True
c.JupyterHub.load_groups = {{"desk-admin": {{"users": ["ann"]}}}}
"""


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> RealHub:
    """A Hub with passwords, and a desk that may make users, with the administrator ann."""
    state = str(tmp_path_factory.mktemp("desk"))
    environment = {"SERVICE_STATE": state, "HUB_PASSWORD_PAGE": "change-password"}
    register = {"apps": ["desk"], "manage_users": True, "environment": environment}
    return make_shared_hub(
        users=("admin", "ann", "testuser"), admins=("admin", "boss"), config=CONFIG, register=register
    )


async def submit(browser: Session, page: httpx.Response, action: str, **typed: str) -> httpx.Response:
    """Fill in and send the form of a page that leads to `action`."""
    (form,) = (form for form in forms(page) if form.method == "POST" and form.action.endswith(action))
    form.values |= typed
    return await browser.submit(page, form)


async def invited(hub: RealHub, name: str) -> str:
    """Make a user, and return the link by which they set a password."""
    (await hub.api("POST", f"/users/{name}")).raise_for_status()
    return link(await hub.api("POST", f"/users/{name}/invitation"))


def link(made: httpx.Response) -> str:
    """Return the address of the page, below the Hub's."""
    assert made.status_code == httpx.codes.CREATED, made.text
    return f"hub/invitation?key={made.json()['key']}"


async def signs_in(hub: RealHub, name: str, password: str) -> bool:
    """Say whether the Hub's login takes a password."""
    async with hub.session() as browser:
        return (await browser.sign_in(name, password=password)).url.path == "/hub/home"


async def test_a_new_colleague(hub: RealHub) -> None:
    """One page of the desk makes user, account and role, and shows a link; with that the colleague is at work."""
    async with hub.session() as ann, hub.session() as dave:
        await ann.sign_in("ann", password=FIRST)
        page = await ann.visit(f"{hub.service_url}desk/ui/new-account")
        shown = await submit(ann, page, "new-account", name="dave", first_name="Dave", last_name="B", role="support")
        address = unescape(re.search(r'id="link"[^>]* value="([^"]*)"', shown.text)[1])  # type: ignore[index]
        assert (shown.status_code, address.startswith(f"{hub.url}hub/invitation?key=")) == (200, True)
        assert (await ann.visit(f"{hub.service_url}desk/ui/accounts/dave")).text.count("support") > 0

        done = await submit(
            dave, await dave.visit(address), "invitation", new_password=SECOND, new_password_again=SECOND
        )
        assert (done.status_code, "Your password is set." in done.text) == (200, True)
        await dave.sign_in("dave", password=SECOND)
        tickets = await dave.visit(f"{hub.service_url}desk/ui/tickets")
        assert (tickets.status_code, "There are no tickets yet." in tickets.text) == (200, True)
        again = await dave.visit(address)
        assert (again.status_code, "This link is too old, or has been used." in again.text) == (410, True)
    assert address.partition("key=")[2] not in hub.log_text()


async def test_a_password_that_is_not_good_enough(hub: RealHub) -> None:
    """The page says what is wrong, and the link stays good."""
    where = await invited(hub, "erin")
    async with hub.session() as erin:
        page = await erin.visit(where)
        assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")
        short = await submit(erin, page, "invitation", new_password="short", new_password_again="short")
        differ = await submit(erin, short, "invitation", new_password=SECOND, new_password_again=THIRD)
        done = await submit(erin, differ, "invitation", new_password=SECOND, new_password_again=SECOND)

    assert (short.status_code, "have 12 to 1024 characters" in short.text) == (400, True)
    assert (differ.status_code, done.status_code) == (400, 200)
    assert await signs_in(hub, "erin", SECOND)


async def test_a_stranger_has_asked_for_the_name(hub: RealHub) -> None:
    """The link replaces the stranger's password, and authorizes the account. It does not undo a later revocation."""
    async with hub.session() as stranger, hub.session() as admin, hub.session() as kate:
        await submit(
            stranger,
            await stranger.visit("hub/signup"),
            "",
            username="kate",
            new_password=THIRD,
            new_password_again=THIRD,
        )
        where = await invited(hub, "kate")
        await submit(kate, await kate.visit(where), "invitation", new_password=SECOND, new_password_again=SECOND)
        await admin.sign_in("admin", password=FIRST)
        page = await admin.visit("hub/authorize")
        (form,) = (form for form in forms(page) if form.values.get("username") == "kate")
        form.action = "authorize"
        await admin.submit(page, form, action="unauthorize")
        assert (await kate.visit(where)).status_code == 410
        await admin.submit(page, form, action="authorize-user")

    assert (await signs_in(hub, "kate", SECOND), await signs_in(hub, "kate", THIRD)) == (True, False)


async def test_a_form_that_was_opened_twice(hub: RealHub) -> None:
    """Of two who have the link the first one sets the password. The second changes nothing."""
    where = await invited(hub, "fred")
    async with hub.session() as first, hub.session() as second:
        pages = [(each, await each.visit(where)) for each in (first, second)]
        replies = [
            await submit(browser, page, "invitation", new_password=password, new_password_again=password)
            for (browser, page), password in zip(pages, (SECOND, THIRD), strict=True)
        ]

    assert [reply.status_code for reply in replies] == [200, 410]
    assert (await signs_in(hub, "fred", SECOND), await signs_in(hub, "fred", THIRD)) == (True, False)


async def test_not_from_another_page(hub: RealHub) -> None:
    """A form without the Hub's XSRF token sets nothing."""
    where = await invited(hub, "gina")
    fields = {"key": where.partition("key=")[2], "new_password": SECOND, "new_password_again": SECOND}
    async with hub.session() as browser:
        reply = await browser.fetch("POST", "/hub/invitation", data=fields)

    assert reply.status_code == 403
    assert not await signs_in(hub, "gina", SECOND)


@pytest.mark.parametrize(
    "key", ["", "x", secrets.token_urlsafe(60), "Z" * 9000, "%00"], ids=["empty", "short", "made up", "long", "NUL"]
)
async def test_a_link_that_was_made_up(hub: RealHub, key: str) -> None:
    """It is answered as one that was used."""
    async with hub.session() as browser:
        assert (await browser.visit(f"hub/invitation?key={key}")).status_code == 410


async def test_a_user_of_the_same_name(hub: RealHub) -> None:
    """A link is for one user. It is worth nothing when another has got the name."""
    where = await invited(hub, "hugo")
    (await hub.api("DELETE", "/users/hugo")).raise_for_status()
    (await hub.api("POST", "/users/ivan")).raise_for_status()  # takes the id that is free again, where that is so
    (await hub.api("POST", "/users/hugo")).raise_for_status()
    async with hub.session() as browser:
        assert (await browser.visit(where)).status_code == 410


@pytest.mark.parametrize(
    ("name", "status"),
    [("testuser", 409), ("ann", 409), ("nobody", 404), ("boss", 409), ("worker", 409)],
    ids=["has a password", "of the desk", "no user", "an administrator", "was active"],
)
async def test_who_cannot_be_invited(hub: RealHub, name: str, status: int) -> None:
    """Whoever has a password, administers the Hub or has used it gets none: another could take their place."""
    if name == "worker":
        await hub.api("POST", f"/users/{name}")
        token = Token((await hub.api("POST", f"/users/{name}/tokens")).json()["token"])
        (await hub.api("GET", "/user", token=token)).raise_for_status()

    assert (await hub.api("POST", f"/users/{name}/invitation")).status_code == status


async def test_who_cannot_invite(hub: RealHub) -> None:
    """The Hub makes links for those who may administer its users, and for nobody else."""
    (await hub.api("POST", "/users/jane")).raise_for_status()
    for token in (await hub.user_token("testuser"), await hub.user_token("ann"), Token("wrong" * 8)):
        assert (await hub.api("POST", "/users/jane/invitation", token=token)).status_code in {403, 404}


async def test_a_hub_without_passwords_makes_no_links(hub_with_desk: RealHub) -> None:
    """With another authenticator there is no such page, and the desk says that there is no link."""
    token = await hub_with_desk.user_token("ann")
    made = await hub_with_desk.ask(
        "POST", "desk/accounts", token=token, json={"name": "dave", "first_name": "Dave", "last_name": "B"}
    )
    reply = await hub_with_desk.ask("POST", "desk/accounts/dave/invitation", token=token)

    assert (made.status_code, reply.status_code, reply.json()["code"]) == (201, 409, "invitation_refused")


@pytest.fixture(scope="module")
def hub_with_desk(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> RealHub:
    """A Hub of another authenticator, of which the operator says that it has a page for passwords."""
    state: Path = tmp_path_factory.mktemp("desk")
    environment = {"SERVICE_STATE": str(state), "HUB_PASSWORD_PAGE": "change-password"}
    return make_shared_hub(
        users=("ann",),
        config='c.JupyterHub.load_groups = {"desk-admin": {"users": ["ann"]}}',
        register={"apps": ["desk"], "manage_users": True, "environment": environment},
    )
