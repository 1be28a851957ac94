"""The desk's pages: what each role sees, what forms do, and that nothing typed is lost."""

import re
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from unittest.mock import AsyncMock

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from service.apps.desk import pages
from service.apps.desk.domain.policy import GRANTS, Permission, Role
from service.apps.desk.errors import DatabaseUnavailableError
from service.apps.desk.storage.accounts import Accounts
from service.testing import Browser
from service.testing.callers import NAVIGATION
from tests.support.desk import Desk, open_desk
from tests.unit.web.test_pages import Outline

UI = "desk/ui/"
PAGES: Mapping[str, Permission] = {
    "tickets": Permission.TICKETS_READ,
    "tickets/1": Permission.TICKETS_READ,
    "tickets/new": Permission.TICKETS_CREATE,
    "tickets/1/delete": Permission.TICKETS_DELETE,
    "employees": Permission.EMPLOYEES_READ,
    "employees/1": Permission.EMPLOYEES_READ,
    "employees/new": Permission.EMPLOYEES_CREATE,
    "employees/1/delete": Permission.EMPLOYEES_DELETE,
    "accounts": Permission.ACCOUNTS_READ,
    "accounts/carol": Permission.ACCOUNTS_READ,
    "new-account": Permission.ACCOUNTS_CREATE,
    "accounts/carol/delete": Permission.ACCOUNTS_DELETE,
    "me": Permission.ACCOUNTS_READ_OWN,
    "audit": Permission.AUDIT_READ,
}
FORMS: Mapping[str, Permission] = {
    "tickets/new": Permission.TICKETS_CREATE,
    "tickets/1": Permission.TICKETS_UPDATE,
    "tickets/1/delete": Permission.TICKETS_DELETE,
    "tickets/1/comments": Permission.TICKETS_UPDATE,
    "employees/new": Permission.EMPLOYEES_CREATE,
    "employees/1": Permission.EMPLOYEES_UPDATE,
    "employees/1/delete": Permission.EMPLOYEES_DELETE,
    "new-account": Permission.ACCOUNTS_CREATE,
    "accounts/carol": Permission.ACCOUNTS_CONTACT,
    "accounts/carol/role": Permission.ACCOUNTS_ROLE,
    "accounts/carol/delete": Permission.ACCOUNTS_DELETE,
    "accounts/carol/invitation": Permission.ACCOUNTS_CREATE,
    "me": Permission.ACCOUNTS_CONTACT_OWN,
}
HTML = "<script>alert(1)</script>\"'><img src=x>"


async def send(browser: Browser, where: str, *, page: str = "", **typed: str) -> httpx.Response:
    """Open a page of the desk (`where`, unless another is named), and send its form with what was typed."""
    opened = await browser.visit(UI + (page or where))
    return await browser.post(UI + where, data=fields(opened) | typed, headers=NAVIGATION)


def find(pattern: str, page: httpx.Response) -> str:
    """Return the text of the pattern's group on a page; an empty string if nothing matches."""
    found = re.search(pattern, page.text)
    return unescape(found[1]) if found else ""


def fields(page: httpx.Response) -> dict[str, str]:
    """Return what the hidden fields of a page's form hold."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return {name: unescape(value) for name, value in found}


def shows(page: httpx.Response) -> str:
    """Return the text of a page, with single spaces between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


# Who sees what


def test_every_route_is_here() -> None:
    """The tables above list all pages and all forms."""
    keys = {"ticket_id": "1", "employee_id": "1", "name": "carol"}
    found: dict[str, set[str]] = {"GET": set(), "POST": set()}
    for route in iter_route_contexts(pages.router.routes):
        for method in route.methods or () if route.endpoint is not pages.begin else ():
            found[method].add((route.path or "").removeprefix("/ui/").format(**keys))

    assert found == {"GET": {*PAGES}, "POST": {*FORMS}}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("page", PAGES)
async def test_a_page_needs_its_permission(shared: Desk, page: str, role: Role) -> None:
    """A page is shown to the roles that may see it, and refused to others."""
    reply = await shared.member(role).browser().visit(UI + page)

    assert reply.status_code == (200 if PAGES[page] in GRANTS[role] else 403)


@pytest.mark.parametrize("page", PAGES)
async def test_somebody_outside_the_team(shared: Desk, page: str) -> None:
    """Other users of the Hub are refused, and a browser that is not signed in is sent to sign in."""
    known = await shared.stranger().browser().visit(UI + page, follow=True)
    unknown = await shared.service.anonymous().browser().visit(UI + page)

    assert (known.status_code, unknown.status_code) == (403, 302)


@pytest.mark.parametrize("role", Role)
async def test_every_link_and_form_can_be_used(shared: Desk, role: Role) -> None:
    """No page shows a link or a form to somebody who would be refused there; the tabs are those of the role."""
    browser = shared.member(role).browser()
    leads: set[str] = set()
    for page in [page for page, permission in PAGES.items() if permission in GRANTS[role]]:
        reply = await browser.visit(UI + page)
        outline = Outline(reply.text)
        leads |= {link["href"] or "" for link in outline.all("a")}
        forms = Outline(reply.text.partition("<main")[2]).all("form")  # not the form in the header, which signs out
        posts = {
            (form["action"] or "").partition(UI)[2].partition("#")[0] for form in forms if form["method"] == "post"
        }
        assert [post for post in posts if FORMS[post] not in GRANTS[role]] == []
    pages = {link.partition(UI)[2].partition("?")[0] for link in leads if UI in link}

    assert [page for page in pages if page in PAGES and PAGES[page] not in GRANTS[role]] == []
    tabs = {"tickets", "employees", "me", *([] if role is Role.SUPPORT else ["accounts"])}
    assert tabs | ({"audit"} if role is Role.ADMIN else set()) == pages & {*tabs, "accounts", "audit"}


@pytest.mark.parametrize(("where", "needed"), FORMS.items(), ids=FORMS)
async def test_a_form_needs_its_permission(shared: Desk, where: str, needed: Permission) -> None:
    """A form's request is refused to a token without its permission, whatever other permissions it has."""
    others = {*Permission} - {needed}
    if where == "accounts/carol":  # each of its fields has its own permission
        others -= {Permission.ACCOUNTS_BLOCK, Permission.ACCOUNTS_UPDATE}
    browser = shared.member(Role.ADMIN, name="dave", scopes=others).browser()
    reply = await browser.post(UI + where, data={"version": "1", "title": "x", "role": "admin"})

    assert (reply.status_code, needed in reply.json()["scopes"]) == (403, True)


async def test_a_read_only_employee(shared: Desk) -> None:
    """A reader who may not change a thing sees its fields, and no form."""
    page = await shared.support.browser().visit(f"{UI}employees/1")

    assert "Zoë" in page.text
    main = Outline(page.text.partition("<main")[2])
    assert [form for form in main.all("form") if form["method"] == "post"] == []
    assert [field for field in Outline(page.text).all("input") if field.get("name") == "first_name"] == []


@pytest.mark.parametrize(("status", "following"), [("open", 4), ("resolved", 2), ("closed", 1)])
async def test_only_the_statuses_that_may_follow(desk: Desk, status: str, following: int) -> None:
    """A ticket has a button for each status that may follow its own, and for no other."""
    await desk.admin.patch("desk/tickets/1", json={"status": status}, headers={"If-Match": '"1"'})
    page = await desk.support.browser().visit(f"{UI}tickets/1")
    offered = [button["value"] for button in Outline(page.text).all("button") if button.get("name") == "status"]

    assert (len(offered), status in offered) == (following, False)


@pytest.mark.parametrize(
    ("setting", "link"), [("change-password", 'href="/hub/change-password"'), ("", "")], ids=["native", "others"]
)
async def test_the_way_to_a_new_password(tmp_path: Path, setting: str, link: str) -> None:
    """The page of one's own account links to the Hub's page for passwords, if the Hub has one."""
    async with open_desk(tmp_path, password_page=setting) as desk:
        page = await desk.support.browser().visit(f"{UI}me")

    assert ("Change my password" in page.text) == bool(link)
    assert link in page.text


@pytest.mark.parametrize("page", PAGES)
async def test_every_page_is_complete(shared: Desk, page: str) -> None:
    """Every page has a language, a title and one heading, loads only our own files, and has nothing inline."""
    reply = await shared.admin.browser().visit(UI + page)
    outline = Outline(reply.text)
    linked = [each.get("href") or each.get("src") or "" for tag in ("link", "script") for each in outline.all(tag)]

    assert (len(outline.all("title")), len(outline.all("h1")), len(outline.all("main"))) == (1, 1, 1)
    assert [link for link in linked if not link.startswith("/services/fastapi/static/")] == []
    assert outline.all("style") + [attrs for _, attrs in outline.tags if "style" in attrs] == []
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in reply.headers["Content-Security-Policy"]
    assert reply.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("where", ["desk", "desk/ui"])
async def test_where_it_begins(shared: Desk, where: str) -> None:
    """The desk's address leads to the tickets."""
    reply = await shared.support.browser().visit(where)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/services/fastapi/desk/ui/tickets")


# What forms do


async def test_a_ticket_from_beginning_to_end(desk: Desk) -> None:
    """A ticket is created, changed, given a status and deleted, and each time a page says what was done."""
    browser = desk.support.browser()
    made = await send(browser, "tickets/new", title="No sound", owner="support", employee_id="1", description="a\r\nb")
    saved = await send(browser, "tickets/2", title="No sound at all", description="a\r\nb", status="resolved")
    ticket = (await desk.support.get("desk/tickets/2")).json()
    shown = await browser.visit(saved.headers["Location"])
    gone = await send(browser, "tickets/2/delete")
    tickets = await browser.visit(gone.headers["Location"])

    assert [reply.status_code for reply in (made, saved, gone)] == [303, 303, 303]
    assert made.headers["Location"] == "/services/fastapi/desk/ui/tickets/2?done=created"
    assert {name: ticket[name] for name in ("title", "description", "status", "version")} == {
        "title": "No sound at all",
        "description": "a\nb",
        "status": "resolved",
        "version": 2,
    }
    assert "Saved." in shows(shown)
    assert "Deleted." in shows(tickets)
    assert "No sound" not in tickets.text


async def test_the_employee_of_a_ticket_is_found_by_name(desk: Desk) -> None:
    """The form of a ticket finds employees by a part of their name. What was typed stays, and nothing is saved yet."""
    await desk.employee(first_name="Ada", last_name="Byron")
    browser = desk.support.browser()
    asked = await send(browser, "tickets/new", title="No sound", description="x", who="Byron, Ada")
    nobody = await send(browser, "tickets/new", title="No sound", who="zzz")
    made = await send(browser, "tickets/new", title="No sound", employee_id="2", who="")

    assert 'type="radio" name="employee_id" value="2" autocomplete="off" checked autofocus' in asked.text
    assert 'value="No sound"' in asked.text
    assert 'data-draft="unsaved"' in asked.text
    assert 'data-draft="unsaved"' in nobody.text
    assert 'data-draft="unsaved"' not in (await browser.visit(f"{UI}tickets/1")).text
    assert 'name="employee_id" value="1"' not in asked.text
    assert "Nobody has this name." in nobody.text
    assert 'value="zzz"' in nobody.text
    assert made.status_code == 303
    assert (await desk.support.get("desk/tickets/2")).json()["employee_id"] == 2


@pytest.mark.parametrize("where", ["tickets/new", "tickets/1"])
async def test_a_name_that_was_copied(desk: Desk, where: str) -> None:
    """Other programs put characters around names and numbers that direct the text. A search does not mind them."""
    found = await send(desk.support.browser(), where, who="\u2068Okonkwo\u2069")
    listed = await desk.support.browser().visit(f"{UI}employees?text=\u202aOkonkwo\u202c")

    assert "Nobody has this name." not in found.text
    assert "Okonkwo" in shows(listed)


async def test_a_ticket_that_was_deleted_meanwhile(desk: Desk) -> None:
    """What was typed can be copied, and not be sent again. After a sign-in that has ended, it can."""
    browser = desk.support.browser()
    sent = {"_xsrf": browser.cookies["_xsrf"], "text": "New toner"}
    gone = await browser.post(f"{UI}tickets/99/comments", data=sent, headers=NAVIGATION)
    browser.sign_out_at_hub()
    ended = await browser.post(f"{UI}tickets/1/comments", data=sent, headers=NAVIGATION)

    assert (gone.status_code, "Copy what you need." in gone.text, "Send it again" in gone.text) == (404, True, False)
    assert "New toner" in shows(gone)
    assert (ended.status_code, "Send it again" in ended.text) == (401, True)
    assert re.findall(r'<a[^>]* href="[^"]*login[^"]*"[^>]*>', ended.text) == [
        '<a class="button" href="/services/fastapi/login" target="_blank">'
    ], "no link leads away from the form"


async def test_more_employees_than_are_shown(desk: Desk) -> None:
    """A search that finds more than ten says that it shows only ten."""
    browser, words = desk.support.browser(), "Only the first 10 are shown"
    for number in range(10):
        await desk.employee(first_name=f"Ada {number}", last_name="Byron")
    ten = await send(browser, "tickets/new", title="x", who="ada")
    await desk.employee(first_name="Ada", last_name="Byron")
    more = await send(browser, "tickets/new", title="x", who="ada")

    assert (words in shows(ten), words in shows(more)) == (False, True)


async def test_an_employee_from_beginning_to_end(desk: Desk) -> None:
    """An employee is created, changed and deleted. A field left empty is cleared."""
    browser = desk.manager.browser()
    made = await send(browser, "employees/new", first_name="Ada", last_name="Byron", city="Bath", phone="")
    saved = await send(browser, "employees/2", first_name="Ada", last_name="King", city="", birthday="1990-12-10")
    employee = (await desk.manager.get("desk/employees/2")).json()
    gone = await send(browser, "employees/2/delete")

    assert [reply.status_code for reply in (made, saved, gone)] == [303, 303, 303]
    assert {name: employee[name] for name in ("last_name", "city", "birthday")} == {
        "last_name": "King",
        "city": None,
        "birthday": "1990-12-10",
    }
    assert (await desk.manager.get("desk/employees/2")).status_code == 404


async def test_an_account_from_beginning_to_end(desk: Desk) -> None:
    """An administrator creates an account with a role, changes both, and deletes the account."""
    desk.service.user("d ave")
    browser, page = desk.admin.browser(), "accounts/d%20ave"
    made = await send(browser, "new-account", name="d ave", first_name="Dave", last_name="B", role="support")
    saved = await send(browser, page, first_name="David", last_name="B", login_denied="on")
    account = (await desk.admin.get("desk/accounts/d ave")).json()
    moved = await send(browser, f"{page}/role", page=page, role="manager")
    members = desk.service.hub.members("desk-manager")
    gone = await send(browser, f"{page}/delete")

    assert [reply.status_code for reply in (made, saved, moved, gone)] == [303, 303, 303, 303]
    assert (account["first_name"], account["login_denied"], account["role"]) == ("David", True, "support")
    assert members == {"manager", "d ave"}
    assert desk.service.hub.members("desk-manager") == {"manager"}


async def test_a_flag_is_cleared(desk: Desk) -> None:
    """Clearing a checkbox clears the flag."""
    await desk.admin.patch("desk/accounts/carol", json={"disabled": True}, headers={"If-Match": '"1"'})
    await send(desk.manager.browser(), "accounts/carol", phone="", email="")

    assert (await desk.admin.get("desk/accounts/carol")).json()["disabled"] is False


async def test_a_field_that_the_reader_may_not_change(desk: Desk) -> None:
    """A field that the reader's form does not have is not changed, even if it is sent."""
    await send(desk.manager.browser(), "accounts/carol", first_name="X", role="admin", name="y", email="c@example.com")
    account = (await desk.admin.get("desk/accounts/carol")).json()

    assert [account[name] for name in ("first_name", "role", "email")] == ["Carol", None, "c@example.com"]


async def test_what_the_reader_may_not_change_after_a_refusal(desk: Desk) -> None:
    """It is shown as it is: the form does not send it."""
    refused = await send(desk.manager.browser(), "accounts/carol", phone="12", email="", version="")

    assert (refused.status_code, "First name Carol" in shows(refused)) == (422, True)


async def test_an_account_without_a_role(desk: Desk) -> None:
    """Somebody who may create accounts but not give roles creates one without a role, whatever the form says."""
    desk.service.user("dave")
    scopes = {*Permission} - {Permission.ACCOUNTS_ROLE}
    browser = desk.member(Role.ADMIN, name="erin", scopes=scopes).browser()
    made = await send(browser, "new-account", name="dave", first_name="Dave", last_name="B", role="admin")

    assert made.status_code == 303
    assert (await desk.admin.get("desk/accounts/dave")).json()["role"] is None


@pytest.mark.parametrize("typed", [{}, {"role": "root"}, {"role": "desk-admin"}])
async def test_no_role_by_mistake(desk: Desk, typed: dict[str, str]) -> None:
    """A form that names no existing role does not change the role."""
    await desk.account("dave", role=Role.SUPPORT)
    reply = await send(desk.admin.browser(), "accounts/dave/role", page="accounts/dave", **typed)

    assert reply.status_code == 422
    assert desk.service.hub.members("desk-support") == {"support", "dave"}


async def test_a_role_that_somebody_else_has_changed(desk: Desk) -> None:
    """A role that is another one by now is not changed. The page shows it, and sent again its form counts."""
    await desk.account("dave", role=Role.SUPPORT)
    browser = desk.admin.browser()
    opened = fields(await browser.visit(f"{UI}accounts/dave"))
    await desk.admin.put("desk/accounts/dave/role", json={"role": None})
    first = await browser.post(f"{UI}accounts/dave/role", data=opened | {"role": "manager"}, headers=NAVIGATION)
    unsaid = await browser.post(
        f"{UI}accounts/dave/role", data={"_xsrf": opened["_xsrf"], "role": "manager"}, headers=NAVIGATION
    )
    held = desk.service.hub.members("desk-manager")
    second = await browser.post(f"{UI}accounts/dave/role", data=fields(first) | {"role": "manager"}, headers=NAVIGATION)

    assert [reply.status_code for reply in (first, unsaid, second)] == [412, 412, 303]
    assert "Somebody has changed this in the meantime" in shows(first)
    assert ("no role · created" in shows(first), '<option value="manager" selected>' in first.text) == (True, True)
    assert held == {"manager"}
    assert desk.service.hub.members("desk-manager") == {"manager", "dave"}


# Nothing typed is lost


@pytest.mark.parametrize(
    ("where", "typed", "field", "words"),
    [
        ("tickets/new", {"title": "", "employee_id": "1", "description": "kept"}, "title", "Fill this in."),
        ("tickets/new", {"title": "kept" * 60, "employee_id": "1"}, "title", "At most 200 characters."),
        ("tickets/new", {"title": "kept"}, "employee_id", "Say who asked."),
        ("tickets/new", {"title": "kept", "employee_id": "99"}, "employee_id", "There is no such employee."),
        ("tickets/new", {"title": "kept", "employee_id": "1", "owner": "x"}, "owner", "There is no account with this"),
        ("employees/new", {"first_name": "kept", "last_name": "B", "phone": "12"}, "phone", "This must be a phone"),
        ("employees/new", {"first_name": "kept", "last_name": "B", "email": "12"}, "email", "This must be an e-mail"),
        ("employees/new", {"first_name": "kept", "last_name": "B", "birthday": "x"}, "birthday", "This must be a day"),
        ("employees/new", {"first_name": "kept", "last_name": "B", "email": "z@example.com"}, "email", "Somebody else"),
        ("employees/1", {"first_name": "kept", "last_name": ""}, "last_name", "Fill this in."),
        ("employees/1", {"first_name": "kept", "last_name": "a\x07"}, "last_name", "This must not contain control"),
        ("accounts/carol", {"first_name": "kept", "last_name": "B", "phone": "x"}, "phone", "This must be a phone"),
        ("new-account", {"name": "ghost", "first_name": "kept", "last_name": "B"}, "name", "The Hub has no user"),
        ("new-account", {"name": "carol", "first_name": "kept", "last_name": "B"}, "name", "There is already"),
        ("new-account", {"name": "me", "first_name": "kept", "last_name": "B"}, "name", "This must not be me"),
    ],
)  # fmt: skip
async def test_errors_are_shown_beside_the_field(
    desk: Desk, where: str, typed: dict[str, str], field: str, words: str
) -> None:
    """A form that is not taken comes back with what was typed, and the reason beside the field it is about."""
    await desk.employee(first_name="Z", email="z@example.com")
    reply = await send(desk.admin.browser(), where, **typed)

    assert reply.status_code in {409, 422}
    assert words in shows(reply)
    assert "kept" in reply.text
    assert reply.text.count('data-draft="unsaved"') == 1
    if field != "employee_id":
        assert re.search(rf'id="{field}-error">{re.escape(words)}', reply.text)
        assert re.search(rf'<(?:input|textarea|select)[^>]* name="{field}"[^>]* aria-invalid="true"', reply.text)


@pytest.mark.parametrize("ended_at", ["the Hub", "the browser"])
async def test_what_was_typed_outlives_the_sign_in(desk: Desk, ended_at: str) -> None:
    """A form sent after the sign-in has ended comes back. After a new sign-in it is sent again, and accepted."""
    browser = desk.support.browser()
    typed = {"title": "Sound", "description": "from <b>\nthe left", "employee_id": "1", "owner": "support"}
    sent = {"_xsrf": find('name="_xsrf" value="([^"]*)"', await browser.visit(f"{UI}tickets/new")), **typed}
    if ended_at == "the Hub":
        browser.sign_out_at_hub()
    else:
        browser.cookies.clear()
    ended = await browser.post(f"{UI}tickets/new", data=sent, headers=NAVIGATION)
    again = desk.support.browser()
    asked = await again.post(f"{UI}tickets/new", data=fields(ended), headers=NAVIGATION)
    taken = await again.post(f"{UI}tickets/new", data=fields(asked), headers=NAVIGATION)
    ticket = (await desk.admin.get("desk/tickets/2")).json()

    assert (ended.status_code, asked.status_code, taken.status_code) == (401, 403, 303)
    assert fields(ended) | {"_xsrf": ""} == fields(asked) | {"_xsrf": ""} == {**typed, "_xsrf": ""}
    assert "from <b> the left" in shows(ended)
    assert "Sign in with JupyterHub" in shows(ended)
    assert (ticket["title"], ticket["description"]) == ("Sound", "from <b>\nthe left")


@pytest.mark.parametrize("away", ["the Hub", "the database"])
async def test_what_was_typed_outlives_an_outage(desk: Desk, away: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form sent while the Hub or the database is down comes back with the reason, and with its XSRF token."""
    browser = desk.manager.browser()
    sent = {"_xsrf": browser.cookies["_xsrf"], "first_name": "Ida", "last_name": "Rhodes"}
    if away == "the Hub":
        desk.service.hub.respond("GET", "/user", status=503, json={})
    else:
        gone = DatabaseUnavailableError(reason="gone")
        monkeypatch.setattr(Accounts, "status", AsyncMock(side_effect=gone))
    reply = await browser.post(f"{UI}employees/new", data=sent, headers=NAVIGATION)

    assert (reply.status_code, reply.headers["Retry-After"] != "", fields(reply)) == (503, True, sent)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}])
async def test_what_another_site_has_sent(desk: Desk, headers: dict[str, str]) -> None:
    """A form that another site sent is not shown to the reader to be confirmed."""
    sent = {"_xsrf": "", "title": "Sound", "employee_id": "1"}
    reply = await desk.support.browser().post(f"{UI}tickets/new", data=sent, headers=NAVIGATION | headers)

    assert (reply.status_code, fields(reply)) == (403, {})


async def test_both_versions_of_a_conflict(desk: Desk) -> None:
    """On a conflict the reader sees both versions, and saving again stores theirs."""
    await desk.admin.patch("desk/tickets/1", json={"description": "a\nb"}, headers={"If-Match": '"1"'})
    browser = desk.support.browser()
    opened = await browser.visit(f"{UI}tickets/1")
    await desk.admin.patch("desk/tickets/1", json={"title": "Theirs"}, headers={"If-Match": '"2"'})
    sent = {"_xsrf": find('name="_xsrf" value="([^"]*)"', opened), "title": "Mine", "description": "a\r\nb"}
    first = await browser.post(f"{UI}tickets/1", data=sent | {"version": "2"}, headers=NAVIGATION)
    between = (await desk.support.get("desk/tickets/1")).json()["title"]
    shown = find('name="version" value="([^"]*)"', first)
    second = await browser.post(f"{UI}tickets/1", data=sent | {"version": shown}, headers=NAVIGATION)
    ticket = (await desk.support.get("desk/tickets/1")).json()

    assert (first.status_code, between, shown.split()[0], second.status_code) == (412, "Theirs", "3", 303)
    assert 'value="Mine"' in first.text
    assert re.findall(r'id="(\w+)-now"', first.text) == ["title"]
    assert 'id="title-now">Now: <q dir="auto">Theirs</q>' in first.text
    assert (ticket["title"], ticket["description"]) == ("Mine", "a\nb")


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("tickets/1", {"title": "x"}),
        ("employees/1", {"city": "x"}),
        ("accounts/carol", {"phone": "+442079460958"}),
    ],
)
async def test_nothing_is_deleted_that_was_changed_since(desk: Desk, where: str, change: dict[str, str]) -> None:
    """If the thing has changed since the question, the question is asked again."""
    browser = desk.admin.browser()
    if where == "employees/1":
        await desk.admin.delete("desk/tickets/1", headers={"If-Match": '"1"'})
    asked = await browser.visit(f"{UI}{where}/delete")
    sent = {name: find(f'name="{name}" value="([^"]*)"', asked) for name in ("_xsrf", "version")}
    await desk.admin.patch(f"desk/{where}", json=change, headers={"If-Match": '"1"'})
    first = await browser.post(f"{UI}{where}/delete", data=sent, headers=NAVIGATION)
    sent["version"] = find('name="version" value="([^"]*)"', first)
    second = await browser.post(f"{UI}{where}/delete", data=sent, headers=NAVIGATION)

    assert (first.status_code, second.status_code) == (412, 303)


async def test_an_employee_with_tickets_is_not_deleted(desk: Desk) -> None:
    """Deleting an employee with tickets is refused, and the page says why."""
    reply = await send(desk.manager.browser(), "employees/1/delete")

    assert (reply.status_code, "This employee has tickets." in reply.text) == (409, True)


async def test_the_last_administrator_stays(desk: Desk) -> None:
    """The last administrator cannot be removed, not even by themselves, and the page says why."""
    browser = desk.admin.browser()
    replies = [
        await send(browser, "accounts/admin", disabled="on", first_name="A", last_name="B"),
        await send(browser, "accounts/admin/role", page="accounts/admin", role=""),
        await send(browser, "accounts/admin/delete"),
    ]

    assert [reply.status_code for reply in replies] == [409, 409, 409]
    assert ["last active administrator" in reply.text for reply in replies] == [True, True, True]
    assert '<option value="admin" selected>' not in replies[1].text, "the role that was chosen stays so"


# Attacks


@pytest.mark.parametrize("where", FORMS)
@pytest.mark.parametrize("xsrf", ["", "wrong"])
async def test_a_form_of_another_site(shared: Desk, where: str, xsrf: str) -> None:
    """A form without this session's token changes nothing."""
    sent = {"_xsrf": xsrf, "version": "1", "title": "x", "first_name": "x", "last_name": "x", "role": "admin"}
    reply = await shared.admin.browser().post(UI + where, data=sent, headers=NAVIGATION)

    assert (reply.status_code, "xsrf" in reply.text) == (403, True)


@pytest.mark.parametrize("page", PAGES)
async def test_no_script_reads_a_page(shared: Desk, page: str) -> None:
    """A script of another page of our origin, such as a notebook's, gets no page, nor the token in it."""
    reply = await shared.admin.browser().get(UI + page, headers={"X-XSRFToken": ""})

    assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")


async def test_a_token_gets_no_xsrf_token(shared: Desk) -> None:
    """A page requested with a token has no XSRF token."""
    page = await shared.admin.get(f"{UI}tickets/1", headers=NAVIGATION)

    assert (page.status_code, find('name="_xsrf" value="([^"]*)"', page)) == (200, "")


@pytest.mark.parametrize(
    "page",
    ["tickets", "tickets/2", "tickets/2/delete", "employees", "employees/2", "accounts", "accounts/dave", "audit"],
)
async def test_text_stays_text(desk: Desk, page: str) -> None:
    """Typed text is shown as text on every page, and never becomes markup."""
    await desk.employee(first_name=HTML, last_name=HTML, nick_name=HTML, city=HTML, country=HTML, address=HTML)
    await desk.ticket(title=HTML, description=f"</textarea>{HTML}", employee_id=2)
    await desk.account("dave", first_name=HTML, last_name=HTML)
    reply = await desk.admin.browser().visit(f"{UI}{page}")

    assert re.findall(r"<script>|<img src=x|</textarea>\"", reply.text) == []
    assert HTML in shows(reply) or HTML in unescape(reply.text)


@pytest.mark.parametrize("where", ["tickets", "employees", "accounts", "audit"])
async def test_an_address_says_nothing_of_its_own(shared: Desk, where: str) -> None:
    """A link can make a page show only a search term or one of our own sentences, and no link leads elsewhere."""
    word = "https://evil.example.org/"
    page = await shared.admin.browser().visit(f"{UI}{where}", params={"done": word, "next": word, "back": word})

    assert page.status_code == 200
    assert "evil" not in page.text


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "application/json", "text/plain"])
async def test_only_forms(shared: Desk, content_type: str) -> None:
    """Only form bodies are accepted with a cookie."""
    headers = NAVIGATION | {"Content-Type": content_type}
    reply = await shared.admin.browser().post(f"{UI}tickets/new", content=b"--x--", headers=headers)

    assert reply.status_code == 403


async def test_an_upload_with_a_token(shared: Desk) -> None:
    """An upload with a token in a header is refused, too."""
    reply = await shared.admin.post(f"{UI}tickets/new", files={"title": b"x"})

    assert reply.status_code == 415


async def test_a_huge_form(shared: Desk) -> None:
    """A form beyond the service's limit is refused before it is read."""
    browser = shared.admin.browser()
    reply = await send(browser, "tickets/new", title="x", employee_id="1", description="x" * 2_000_000)

    assert reply.status_code == 413


@pytest.mark.parametrize("version", ["", "x", "-1", "1.5", "9" * 40, "٣", "W/1", "0"])
async def test_an_invalid_version(desk: Desk, version: str) -> None:
    """A form for a version that does not exist changes nothing."""
    reply = await send(desk.admin.browser(), "tickets/1", title="x", version=version)

    assert reply.status_code == 412
    assert (await desk.admin.get("desk/tickets/1")).json()["version"] == 1


@pytest.mark.parametrize("employee", ["x", "-1", "9" * 40, "0", "99", "1 OR 1=1"])
async def test_a_new_ticket_for_nobody(shared: Desk, employee: str) -> None:
    """An address that names no existing employee opens a form without one."""
    reply = await shared.support.browser().visit(f"{UI}tickets/new", params={"employee": employee})

    assert (reply.status_code, 'name="employee_id"' in reply.text) == (200, False)


@pytest.mark.parametrize("page", ["tickets/99", "tickets/x", "employees/99/delete", "accounts/nobody", "accounts/me"])
async def test_nothing_there(shared: Desk, page: str) -> None:
    """The page of a thing that does not exist answers 404."""
    reply = await shared.admin.browser().visit(UI + page)

    assert (reply.status_code, "not_found" in reply.text) == (404, True)


async def test_each_form_names_who_sent_it(desk: Desk) -> None:
    """The audit names the reader with every change by a form, whatever was created, changed or deleted."""
    desk.service.user("dave")
    browser = desk.member(Role.ADMIN, name="erin").browser()
    dave = {"name": "dave", "first_name": "Dave", "last_name": "B", "role": "support"}
    ticket = {"title": "Sound", "description": "", "owner": "erin", "employee_id": "1"}
    for where, page, typed in (
        ("employees/new", "", {"first_name": "Ida", "last_name": "Rhodes"}),
        ("employees/2", "", {"first_name": "Ida", "last_name": "Rhodes", "city": "Lagos"}),
        ("employees/2/delete", "", {}),
        ("tickets/new", "", ticket),
        ("tickets/2", "", ticket | {"title": "No sound"}),
        ("tickets/2/comments", "tickets/2", {"text": "x"}),
        ("tickets/2/delete", "", {}),
        ("new-account", "", dave),
        ("accounts/dave", "", dave | {"last_name": "C"}),
        ("accounts/dave/role", "accounts/dave", {"role": "manager"}),
        ("accounts/dave/delete", "", {}),
        ("me", "", {"phone": "+44 20 7946 0958"}),
    ):
        reply = await send(browser, where, page=page, **typed)
        assert reply.status_code == 303, reply.text
    told = (await desk.admin.get("desk/audit?who=erin&limit=200")).json()["items"]

    assert [entry["what"] for entry in reversed(told)] == [
        "account.created",  # the reader's own
        *("employee.created", "employee.changed", "employee.deleted"),
        *("ticket.created", "ticket.changed", "ticket.commented", "ticket.deleted"),
        *("account.created", "account.role_changed", "account.changed", "account.role_changed"),
        *("account.role_changed", "account.deleted", "account.changed"),
    ]


async def test_the_operator_learns_why_a_form_was_refused(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """If the Hub does not let the service change a role, the log says what is missing, and the page says less."""
    refusal = {"status": 403, "message": "Action is not authorized"}
    desk.service.hub.respond("POST", "/groups/desk-support/users", status=403, json=refusal)
    page = await send(desk.admin.browser(), "accounts/carol/role", page="accounts/carol", role="support")

    assert page.status_code == 502
    assert "register() gives it the scopes" in caplog.text
    assert "register()" not in page.text


async def test_a_form_that_may_be_sent_again(desk: Desk) -> None:
    """If the Hub fails while a form is carried out, the answer says when to try again."""
    desk.service.hub.respond("POST", "/groups/desk-support/users", status=503, json={})
    page = await send(desk.admin.browser(), "accounts/carol/role", page="accounts/carol", role="support")

    assert (page.status_code, page.headers["Retry-After"].isdecimal()) == (503, True)
