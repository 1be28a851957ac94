"""Forms: what a form changes, and what a reader is shown after a conflict."""

import re
from typing import Any

import pytest

from service.apps.desk.domain.policy import Role
from service.testing import Browser
from service.testing.callers import NAVIGATION
from tests.support.desk import Desk
from tests.unit.apps.desk.pages.test_pages import UI, find, shows

TICKET = {"title": "The printer prints blank pages", "description": "", "owner": "admin", "employee_id": "1"}


async def stamp(browser: Browser, where: str) -> dict[str, str]:
    """Open a form, and return its hidden fields."""
    page = await browser.visit(UI + where)
    return {name: find(f'name="{name}" value="([^"]*)"', page) for name in ("_xsrf", "version")}


async def change(desk: Desk, where: str, **fields: Any) -> None:  # noqa: ANN401
    """Change a thing as somebody else does."""
    now = await desk.admin.get(f"desk/{where}")
    changed = await desk.admin.patch(f"desk/{where}", json=fields, headers={"If-Match": now.headers["ETag"]})
    assert changed.status_code == 200, changed.text


async def test_a_conflict_reverts_no_field_that_was_not_touched(desk: Desk) -> None:
    """The form sends all fields. What the reader has not changed stays as somebody else has made it."""
    browser = desk.admin.browser()
    sent = {**TICKET, **await stamp(browser, "tickets/1")}
    await change(desk, "tickets/1", description="Theirs")
    first = await browser.post(f"{UI}tickets/1", data=sent | {"title": "Mine"}, headers=NAVIGATION)
    shown = find(r'<textarea id="description"[^>]*>\n([^<]*)', first)
    again = {"title": "Mine", "description": shown, "version": find('name="version" value="([^"]*)"', first)}
    second = await browser.post(f"{UI}tickets/1", data=sent | again, headers=NAVIGATION)
    ticket = (await desk.admin.get("desk/tickets/1")).json()

    assert (first.status_code, shown, second.status_code) == (412, "Theirs", 303)
    assert 'id="description-now">Somebody else has changed this.' in first.text
    assert (ticket["title"], ticket["description"]) == ("Mine", "Theirs")
    (told, *_) = (await desk.admin.get("desk/audit?thing=ticket/1")).json()["items"]
    assert told["after"] == {"title": "Mine"}


async def test_a_field_that_both_have_changed(desk: Desk) -> None:
    """If both have changed a field, both values are shown, and saving again stores the reader's."""
    browser = desk.admin.browser()
    sent = {**TICKET, **await stamp(browser, "tickets/1"), "title": "Mine"}
    await change(desk, "tickets/1", title="Theirs")
    first = await browser.post(f"{UI}tickets/1", data=sent, headers=NAVIGATION)
    again = sent | {"version": find('name="version" value="([^"]*)"', first)}
    second = await browser.post(f"{UI}tickets/1", data=again, headers=NAVIGATION)

    assert (first.status_code, second.status_code) == (412, 303)
    assert 'value="Mine"' in first.text
    assert re.findall(r'id="(\w+)-now">Now: <q dir="auto">([^<]*)', first.text) == [("title", "Theirs")]
    assert (await desk.admin.get("desk/tickets/1")).json()["title"] == "Mine"


async def test_both_have_changed_it_alike(desk: Desk) -> None:
    """If both have made the same change, the page shows no field for the reader to decide on."""
    browser = desk.admin.browser()
    sent = {**TICKET, **await stamp(browser, "tickets/1"), "title": "Ours"}
    await change(desk, "tickets/1", title="Ours")
    first = await browser.post(f"{UI}tickets/1", data=sent, headers=NAVIGATION)

    assert (first.status_code, re.findall(r'id="\w+-now"', first.text)) == (412, [])


async def test_a_box_that_was_not_touched(desk: Desk) -> None:
    """A checkbox that the reader has not touched stays as somebody else has ticked it. Unticked, it sends nothing."""
    browser = desk.admin.browser()
    sent = {"first_name": "Carol", "last_name": "Kay", "phone": "", "email": ""} | await stamp(
        browser, "accounts/carol"
    )
    await change(desk, "accounts/carol", disabled=True)
    first = await browser.post(f"{UI}accounts/carol", data=sent | {"first_name": "Caroline"}, headers=NAVIGATION)
    again = {"version": find('name="version" value="([^"]*)"', first), "disabled": "on"}
    second = await browser.post(
        f"{UI}accounts/carol", data=sent | {"first_name": "Caroline"} | again, headers=NAVIGATION
    )
    carol = (await desk.admin.get("desk/accounts/carol")).json()

    assert 'name="disabled" autocomplete="off" aria-describedby="disabled-hint" checked' in first.text
    assert (second.status_code, carol["first_name"], carol["disabled"]) == (303, "Caroline", True)


async def test_an_account_without_names_can_be_disabled(desk: Desk) -> None:
    """Names that are empty may stay empty when something else is changed. A name that is set cannot be cleared."""
    desk.service.hub.add_user("dave", groups=("desk-support",))
    await desk.member(Role.SUPPORT, name="dave").get("desk/accounts/me")
    browser = desk.admin.browser()
    page = await browser.visit(f"{UI}accounts/dave")
    names = {"first_name": "", "last_name": ""}
    sent = names | await stamp(browser, "accounts/dave") | {"disabled": "on"}
    saved = await browser.post(f"{UI}accounts/dave", data=sent, headers=NAVIGATION)
    emptied = await browser.post(
        f"{UI}accounts/carol", data=names | await stamp(browser, "accounts/carol"), headers=NAVIGATION
    )

    assert " required" not in page.text
    assert (saved.status_code, emptied.status_code) == (303, 422)
    assert (await desk.admin.get("desk/accounts/dave")).json()["disabled"] is True


@pytest.mark.parametrize(
    "version", ["1 title", "1 title=", "1 =x", "1  title=x", "1 title=x nothing=y", "1 " + "x=y " * 1000]
)
async def test_a_stamp_that_is_not_ours(desk: Desk, version: str) -> None:
    """A form with a stamp that was made up changes what it sends, and nothing breaks."""
    browser = desk.admin.browser()
    sent = {**TICKET, **await stamp(browser, "tickets/1"), "title": "x", "version": version}
    reply = await browser.post(f"{UI}tickets/1", data=sent, headers=NAVIGATION)

    assert reply.status_code == 303
    assert (await desk.admin.get("desk/tickets/1")).json()["title"] == "x"


# What is missing


@pytest.mark.parametrize(
    ("where", "typed", "link"),
    [
        ("tickets/new", {"title": "x", "employee_id": "99"}, "desk/ui/employees/new"),
        ("tickets/new", {"title": "x", "who": "zzz"}, "desk/ui/employees/new"),
        ("tickets/new", {"title": "x", "employee_id": "1", "owner": "nobody"}, "desk/ui/new-account"),
        ("new-account", {"name": "ghost", "first_name": "A", "last_name": "B"}, "/hub/admin"),
    ],
)
async def test_where_the_missing_thing_is_made(desk: Desk, where: str, typed: dict[str, str], link: str) -> None:
    """If a form names something that does not exist, it links to the page that makes it, in a new tab."""
    browser = desk.admin.browser()
    xsrf = (await stamp(browser, where))["_xsrf"]
    page = await browser.post(UI + where, data=typed | {"_xsrf": xsrf}, headers=NAVIGATION)

    assert re.search(rf'<a href="[^"]*{link}" target="_blank">', page.text)


async def test_somebody_who_may_not_make_it(desk: Desk) -> None:
    """A reader who may not make the missing thing is told who may, and gets no link."""
    browser = desk.support.browser()
    xsrf = (await stamp(browser, "tickets/new"))["_xsrf"]
    typed = {"title": "x", "employee_id": "1", "owner": "nobody", "_xsrf": xsrf}
    page = await browser.post(f"{UI}tickets/new", data=typed, headers=NAVIGATION)

    assert "An administrator can create the account." in shows(page)
    assert "new-account" not in page.text
