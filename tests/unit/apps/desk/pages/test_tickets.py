"""The pages of tickets: lists that lead both ways, owners, comments, and what an empty desk says."""

import re
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from service.apps.desk.domain.policy import GRANTS, Permission, Role
from service.apps.desk.errors import DatabaseFullError
from service.apps.desk.storage.comments import Comments
from tests.support.desk import Desk, open_desk
from tests.unit.apps.desk.pages.test_pages import UI, find, send, shows


async def test_a_list_leads_both_ways(desk: Desk) -> None:
    """A list says how many items there are, and has links to the next and the previous page."""
    for number in range(4):
        await desk.ticket(title=f"Ticket {number}")
    browser = desk.support.browser()
    first = await browser.visit(f"{UI}tickets?limit=2&sort=created")
    second = await browser.visit(find(r'href="([^"]+)" rel="next"', first))
    back = await browser.visit(find(r'href="([^"]+)" rel="prev"', second))
    titles = re.compile(r'<a href="[^"]*tickets/\d+" dir="auto">([^<]*)')

    assert ("5 tickets" in shows(first), find('rel="(prev)"', first)) == (True, "")
    assert titles.findall(second.text) == ["Ticket 1", "Ticket 2"]
    assert titles.findall(back.text) == titles.findall(first.text)


async def test_the_head_of_a_list_sorts(desk: Desk) -> None:
    """A column's head leads to the list sorted by it, then the other way, and keeps the filters."""
    for title in ("B", "A"):
        await desk.ticket(title=title)
    browser = desk.support.browser()
    head = re.compile(r'<th scope="col"([^>]*)><a href="([^"]*)">Ticket</a>')
    page = await browser.visit(f"{UI}tickets?owner=admin")
    for sort, state in (("title", "ascending"), ("-title", "descending")):
        where = head.findall(page.text)[0][1].replace("&amp;", "&")
        page = await browser.visit(where)

        assert where.partition("?")[2] == f"sort={sort}&owner=admin"
        assert head.findall(page.text)[0][0] == f' aria-sort="{state}"'


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("text=okonkwo", True),
        ("text=Okonkwo,+Zo%C3%AB", True),
        ("text=%20&owner=%20", True),
        ("since=2020-01-01", True),
        ("until=2020-01-01", False),
        ("since=2020-01-01&until=2020-01-31", False),
    ],
)
async def test_a_list_is_narrowed(shared: Desk, asked: str, found: bool) -> None:  # noqa: FBT001
    """A list can be filtered by the name of who asked and by days. The days stay in the form."""
    page = await shared.support.browser().visit(f"{UI}tickets?{asked}")

    assert ("The printer prints blank pages" in page.text) == found
    for name, day in re.findall(r"(since|until)=([\d-]+)", asked):
        assert f'id="{name}" name="{name}" value="{day}"' in page.text


@pytest.mark.parametrize("asked", ["until=9999-12-31", "until=0001-01-01T00:00:00Z", "since=0001-01-01"])
async def test_the_first_and_the_last_day(shared: Desk, asked: str) -> None:
    """Days at either end of the calendar are accepted."""
    assert (await shared.support.browser().visit(f"{UI}tickets?{asked}")).status_code == 200


async def test_the_owner_is_chosen_from_a_list(desk: Desk) -> None:
    """A ticket's owner is chosen from the team without disabled accounts. The present owner is always in the list."""
    await desk.account("dave", first_name="Dave", last_name="B")
    await desk.account("eve")
    await desk.ticket(owner="eve")
    await desk.admin.patch("desk/accounts/eve", json={"disabled": True}, headers={"If-Match": '"1"'})
    browser = desk.support.browser()
    option = re.compile(r'<option value="([^"]*)"( selected)?>([^<]*)')
    offered = option.findall((await browser.visit(f"{UI}tickets/1")).text)
    hers = option.findall((await browser.visit(f"{UI}tickets/2")).text)

    assert [name for name, _, _ in offered] == ["admin", "carol", "dave", "support"]
    assert ("dave", "", "dave (Dave B)") in offered
    assert ("eve", " selected", "eve") in hers


async def test_comments_on_a_ticket(desk: Desk) -> None:
    """A comment is added on the ticket's page, which shows the latest ones, the oldest of them first."""
    browser = desk.support.browser()
    added = await send(browser, "tickets/1/comments", page="tickets/1", text="Number 0 <b>")
    for number in range(1, 22):
        await desk.admin.post("desk/tickets/1/comments", json={"text": f"Number {number}"})
    page = await browser.visit(f"{UI}tickets/1")
    earlier = await browser.visit(find(r'href="([^"#]+)#comments">Earlier comments', page))
    shown = re.compile(r'class="given" dir="auto">Number (\d+)')

    assert added.headers["Location"].endswith("tickets/1?done=commented#comments")
    assert shown.findall(page.text) == [str(each) for each in range(2, 22)]
    assert shown.findall(earlier.text) == ["0", "1"]
    assert "Number 0 &lt;b&gt;" in earlier.text
    assert "Later comments" in earlier.text


@pytest.mark.parametrize("cursor", ["x", "a" * 3000], ids=["no cursor", "endless"])
async def test_a_cursor_of_no_comments(shared: Desk, cursor: str) -> None:
    """A made-up cursor of comments is refused, however long it is."""
    assert (await shared.support.browser().visit(f"{UI}tickets/1?comments={cursor}")).status_code == 400


async def test_the_message_after_a_comment(desk: Desk) -> None:
    """It is among the comments, to which the browser scrolls. Other messages are at the top of the page."""
    browser = desk.support.browser()
    commented = await browser.visit(f"{UI}tickets/1?done=commented#comments")
    saved = await browser.visit(f"{UI}tickets/1?done=saved")

    assert commented.text.count('role="status"') == saved.text.count('role="status"') == 1
    assert 'role="status">Your comment is added.' in commented.text.partition('id="comments"')[2]
    assert 'role="status">Saved.' in saved.text.partition("<h1")[0]


async def test_an_empty_comment(desk: Desk) -> None:
    """An empty comment is refused beside its field, where the browser scrolls, and the ticket's form is unchanged."""
    page = await send(desk.support.browser(), "tickets/1/comments", page="tickets/1", text=" ")

    assert (page.status_code, 'id="text-error">Fill this in.' in page.text) == (422, True)
    assert 'value="The printer prints blank pages"' in page.text
    assert 'tickets/1/comments#comments"' in page.text


async def test_a_comment_that_the_database_refuses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so beside the comment, which is there still."""
    monkeypatch.setattr(Comments, "add", AsyncMock(side_effect=DatabaseFullError))
    page = await send(desk.support.browser(), "tickets/1/comments", page="tickets/1", text="New toner")

    assert page.status_code == 507
    assert 'role="alert">The database has no space left' in page.text.partition('id="comments"')[2]
    assert "New toner</textarea>" in page.text


async def test_a_reader_does_not_comment(shared: Desk) -> None:
    """A reader who may not change tickets sees the comments, and no form for a new one."""
    scopes = GRANTS[Role.SUPPORT] - {Permission.TICKETS_UPDATE}
    page = await shared.member(Role.SUPPORT, name="dave", scopes=scopes).browser().visit(f"{UI}tickets/1")

    assert ("Comments" in page.text, "Add a comment" in page.text) == (True, False)


# The first day


@pytest.mark.parametrize(
    ("role", "steps"),
    [
        (Role.SUPPORT, ["employees/new"]),
        (Role.MANAGER, ["employees/new"]),
        (Role.ADMIN, ["employees/new", "accounts"]),
    ],
)
async def test_an_empty_desk(tmp_path: Path, role: Role, steps: list[str]) -> None:
    """On an empty desk, each role is told what to do next, and can open the page for it."""
    async with open_desk(tmp_path) as desk:
        browser = desk.member(role).browser()
        page = await browser.visit(f"{UI}tickets")
        empty = page.text.partition('<div class="empty">')[2].partition("</main>")[0]
        assert re.findall(rf'href="/services/fastapi/{UI}([^"]*)"', empty) == steps
        assert [(await browser.visit(UI + step)).status_code for step in steps] == [200] * len(steps)
        await desk.employee()
        page = await browser.visit(f"{UI}tickets")
        empty = page.text.partition('<div class="empty">')[2].partition("</main>")[0]
        assert re.findall(rf'href="/services/fastapi/{UI}([^"]*)"', empty) == ["tickets/new"]


async def test_an_empty_desk_where_support_creates_no_employees(tmp_path: Path) -> None:
    """On an empty desk, somebody who may not create employees is told whom to ask."""
    async with open_desk(tmp_path) as desk:
        scopes = GRANTS[Role.SUPPORT] - {Permission.EMPLOYEES_CREATE}
        page = await desk.member(Role.SUPPORT, scopes=scopes).browser().visit(f"{UI}tickets")

    assert "ask a manager of the desk" in shows(page)
    assert "employees/new" not in page.text


async def test_a_file_for_excel(shared: Desk) -> None:
    """Lists link to their files, with the same filters."""
    page = await shared.admin.browser().visit(f"{UI}audit?who=admin&since=2020-01-01")

    for file in ("audit.csv?who=admin&amp;since=2020-01-01T00%3A00%3A00Z", "&amp;bom=1"):
        assert file in page.text


async def test_a_search_for_who_asked_needs_its_permission(shared: Desk) -> None:
    """A reader who may not see employees finds nobody by the form's search: neither a name nor a number."""
    scopes = [Permission.TICKETS_CREATE]
    browser = shared.member(Role.SUPPORT, name="dave", scopes=scopes).browser()
    pages = [await send(browser, "tickets/new", title="x", who=who) for who in ("okonkwo", "nobody")]

    assert [find('name="employee_id" value="([^"]*)"', page) for page in pages] == ["", ""]
    assert ["choose who it was" in shows(page) for page in pages] == [False, False]
    assert shows(pages[0]) == shows(pages[1])
