"""The pages of accounts: one's own contacts, and a new colleague with a link to set a password."""

from pathlib import Path

import pytest

from service.apps.desk.domain.policy import GRANTS, Permission, Role
from tests.support.desk import Desk, open_desk
from tests.unit.apps.desk.pages.test_pages import UI, find, send, shows

NEW = {"name": "dave", "first_name": "Dave", "last_name": "B", "role": "support"}
KEY = {"key": "s3cret", "expires_at": "2026-03-01T12:00:00+00:00"}


async def test_ones_own_contacts(desk: Desk) -> None:
    """Everybody changes their own phone and e-mail on the page of their account."""
    browser = desk.support.browser()
    saved = await send(browser, "me", phone="+44 20 7946 0958", email="", first_name="X")
    wrong = await send(browser, "me", phone="12", email="")
    account = (await desk.support.get("desk/accounts/me")).json()

    assert (saved.status_code, account["phone"], account["first_name"]) == (303, "+442079460958", "")
    assert (wrong.status_code, 'value="12"' in wrong.text) == (422, True)


async def test_ones_own_contacts_without_that_right(shared: Desk) -> None:
    """Without the right to change one's own contacts, the page has no form for them, and says whom to ask."""
    scopes = GRANTS[Role.SUPPORT] - {Permission.ACCOUNTS_CONTACT_OWN}
    page = await shared.member(Role.SUPPORT, name="dave", scopes=scopes).browser().visit(f"{UI}me")

    assert "a manager phone and e-mail" in shows(page)
    assert 'name="phone"' not in page.text


@pytest.mark.parametrize(("role", "members"), [("", {"desk-manager"}), ("support", {"desk-support"})])
async def test_a_new_colleague_who_has_a_role(desk: Desk, role: str, members: set[str]) -> None:
    """Somebody who has a role at the Hub keeps it if the form names none, and otherwise gets the one of the form."""
    desk.service.hub.add_user("dave", groups=("desk-manager",))
    form = await desk.admin.browser().visit(f"{UI}new-account")
    await send(desk.admin.browser(), "new-account", **NEW | {"role": role})

    assert "Replaces a role that they have at the Hub already. None leaves it as it is." in shows(form)
    assert {group for group in ("desk-manager", "desk-support") if "dave" in desk.service.hub.members(group)} == members


async def test_a_new_colleague_gets_a_link(tmp_path: Path) -> None:
    """Where the Hub has passwords, the page that adds somebody shows a link to set one. The audit says who made it."""
    async with open_desk(tmp_path, password_page="change-password") as desk:
        desk.service.user("dave")
        desk.service.hub.respond("POST", "/users/dave/invitation", status=201, json=KEY)
        page = await send(desk.admin.browser(), "new-account", **NEW)
        entries = (await desk.admin.get("desk/audit?thing=account/dave")).json()["items"]

        assert page.status_code == 200
        assert find('id="link"[^>]* value="([^"]*)"', page).endswith("/hub/invitation?key=s3cret")
        assert find('id="link"[^>]* value="([^"]*)"', page).startswith("http")
        assert page.headers["Cache-Control"] == "no-store"
        assert [(entry["what"], entry["who"]) for entry in entries[:1]] == [("account.invited", "admin")]
        assert "s3cret" not in str(entries)
        assert "dave" in desk.service.hub.members("desk-support")


async def test_another_link(tmp_path: Path) -> None:
    """The page of an account makes another link, and so does the API."""
    async with open_desk(tmp_path, password_page="change-password") as desk:
        await desk.account("dave")
        desk.service.hub.respond("POST", "/users/dave/invitation", status=201, json=KEY)
        page = await send(desk.admin.browser(), "accounts/dave/invitation", page="accounts/dave")
        desk.service.hub.respond("POST", "/users/dave/invitation", status=201, json=KEY)
        made = await desk.admin.post("desk/accounts/dave/invitation")
        nobody = await desk.admin.post("desk/accounts/ghost/invitation")

    assert "key=s3cret" in page.text
    assert (made.status_code, made.json()["url"].endswith("/hub/invitation?key=s3cret")) == (201, True)
    assert nobody.status_code == 404


async def test_a_link_to_a_role(tmp_path: Path) -> None:
    """Whoever may not give roles gets no link for somebody who has one: whoever opens the link has that role."""
    async with open_desk(tmp_path, password_page="change-password") as desk:
        await desk.account("dave", role=Role.ADMIN)
        await desk.account("erin")
        creator = desk.member(Role.ADMIN, name="fay", scopes={*Permission} - {Permission.ACCOUNTS_ROLE})
        for name in ("dave", "erin", "gus"):  # the Hub itself would make a link for each
            desk.service.hub.respond("POST", f"/users/{name}/invitation", status=201, json=KEY)
        desk.member(Role.MANAGER, name="gus")
        pages = [await creator.browser().visit(f"{UI}accounts/{name}") for name in ("dave", "erin")]
        by_hand = await send(creator.browser(), "accounts/dave/invitation", page="accounts/dave")
        new = await send(creator.browser(), "new-account", **NEW | {"name": "gus"})
        replies = [await creator.post(f"desk/accounts/{name}/invitation") for name in ("dave", "erin")]

    assert ["First password" in page.text for page in pages] == [False, True]
    assert [("key=s3cret" in page.text, str(Permission.ACCOUNTS_ROLE) in page.text) for page in (by_hand, new)] == [
        (False, True),
        (False, True),
    ]
    assert [reply.status_code for reply in replies] == [403, 201]
    assert replies[0].json()["scopes"] == [Permission.ACCOUNTS_ROLE]


REFUSED = {"status": 409, "message": "This user has a password already."}


async def test_a_colleague_who_has_a_password(tmp_path: Path) -> None:
    """A colleague who has a password is added without a link, and the page says why."""
    async with open_desk(tmp_path, password_page="change-password") as desk:
        desk.service.user("dave")
        desk.service.hub.respond("POST", "/users/dave/invitation", status=409, json=REFUSED)
        page = await send(desk.admin.browser(), "new-account", **NEW)
        reply = await desk.admin.post("desk/accounts/dave/invitation")

        assert (reply.status_code, reply.json()["code"]) == (409, "invitation_refused")
        assert (page.status_code, "There is no link to set a password." in shows(page)) == (200, True)
        assert "dave" in desk.service.hub.members("desk-support")


async def test_an_outage_while_the_link_is_made(tmp_path: Path) -> None:
    """If the Hub fails while the link is made, the account exists already, and the page says so."""
    async with open_desk(tmp_path, password_page="change-password") as desk:
        desk.service.user("dave")
        desk.service.hub.respond("POST", "/users/dave/invitation", status=503, json={})
        page = await send(desk.admin.browser(), "new-account", **NEW)

        assert (page.status_code, "dave is on the team" in shows(page)) == (200, True)
        assert "The Hub cannot be asked" in shows(page)


async def test_a_hub_without_passwords_of_its_own(desk: Desk) -> None:
    """If the Hub has no passwords of its own, no link is made, and no page mentions one."""
    desk.service.user("dave")
    made = await send(desk.admin.browser(), "new-account", **NEW)
    page = await desk.admin.browser().visit(f"{UI}accounts/dave")
    reply = await desk.admin.post("desk/accounts/dave/invitation")

    assert (made.status_code, reply.status_code, reply.json()["code"]) == (303, 409, "invitation_refused")
    assert "First password" not in page.text
