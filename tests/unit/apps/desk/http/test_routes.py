"""The desk's routes: what they take and return. `integration/test_desk_rights.py` tests who may call them."""

import csv
import io
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from service.apps.desk.domain.policy import GRANTS, Permission, Role
from tests.support.desk import EMPLOYEE, TICKET, Desk, open_desk, version

PREFIX = "/services/fastapi/"
MAX_ID = 2**63 - 1


# One thing


@pytest.mark.parametrize(
    ("path", "new", "where"),
    [
        ("desk/tickets", TICKET, "desk/tickets/1"),
        ("desk/employees", EMPLOYEE, "desk/employees/2"),
        ("desk/accounts", {"name": "a b", "first_name": "A", "last_name": "B"}, "desk/accounts/a%20b"),
    ],
)
async def test_what_is_created_is_found(desk: Desk, path: str, new: dict[str, Any], where: str) -> None:
    """Creating a thing answers 201, with its address and its ETag."""
    desk.service.user("a b")
    made = await desk.admin.post(path, json=new)
    found = await desk.admin.get(made.headers["Location"])

    assert (made.status_code, made.headers["Location"]) == (201, f"{PREFIX}{where}")
    assert (found.json(), found.headers["ETag"]) == (made.json(), made.headers["ETag"])
    assert found.headers["ETag"] == f'"{found.json()["version"]}"'


async def test_reading_again(desk: Desk) -> None:
    """A client that has the present version gets 304 without a body; after a change it gets the new version."""
    ticket = await desk.ticket()
    known = {"If-None-Match": '"1"'}

    unchanged = await desk.support.get("desk/tickets/1", headers=known)
    await desk.admin.patch("desk/tickets/1", json={"title": "x"}, headers=version(ticket))
    changed = await desk.support.get("desk/tickets/1", headers=known)

    assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", '"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')


@pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json"])
async def test_a_patch(desk: Desk, media_type: str) -> None:
    """A JSON Merge Patch changes what it names; null clears. The answer is the thing, with its new tag."""
    await desk.employee(first_name="Ada", phone="+442079460958", city="London")
    headers = {"If-Match": '"1"', "Content-Type": media_type}
    reply = await desk.admin.patch("desk/employees/2", content='{"phone": null, "city": "Bath"}', headers=headers)

    assert (reply.status_code, reply.headers["ETag"]) == (200, '"2"')
    assert {name: reply.json()[name] for name in ("first_name", "phone", "city")} == {
        "first_name": "Ada",
        "phone": None,
        "city": "Bath",
    }


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["desk/tickets/1", "desk/employees/1", "desk/accounts/carol"])
@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ("*", 428, "precondition_required"),
        ('"2"', 412, "version_conflict"),
        ('W/"1"', 412, "version_conflict"),
        ('"1", "2"', 412, "version_conflict"),
    ],
)
async def test_no_update_is_lost(
    shared: Desk, method: str, path: str, header: str | None, status: int, code: str
) -> None:
    """A change or deletion is made only for the one version that it names, and nothing is changed otherwise."""
    before = (await shared.admin.get(path)).json()
    body: object = {} if method == "PATCH" else None
    headers = {"If-Match": header} if header else {}
    reply = await shared.admin.request(method, path, headers=headers, json=body)

    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert (await shared.admin.get(path)).json() == before


@pytest.mark.parametrize("path", ["desk/tickets/1", "desk/employees/2", "desk/accounts/carol"])
async def test_what_is_deleted_is_gone(desk: Desk, path: str) -> None:
    """Deleting answers 204 without a body, and the thing is not found any more."""
    await desk.ticket()
    await desk.employee(first_name="Ada")
    await desk.account()
    reply = await desk.admin.delete(path, headers={"If-Match": '"1"'})

    assert (reply.status_code, reply.content) == (204, b"")
    assert (await desk.admin.get(path)).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "key", ["0", "-1", "999", "abc", "1.0", "01", "٣", "1e3", str(MAX_ID), str(MAX_ID + 1), "9" * 40, "%00", "1%20"]
)
@pytest.mark.parametrize("list_", ["tickets", "employees"])
async def test_an_impossible_id_is_not_found(shared: Desk, method: str, key: str, list_: str) -> None:
    """An id that no thing has, or could have, answers 404."""
    body: object = {} if method == "PATCH" else None
    reply = await shared.admin.request(method, f"desk/{list_}/{key}", headers={"If-Match": '"1"'}, json=body)

    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["nobody", "%00", "a%0Ab", "%F0%9F%98%80", "x" * 300, "..%5C", "%20"])
async def test_nobody_of_that_name(shared: Desk, name: str) -> None:
    """A name that no account has, or could have, answers 404."""
    assert (await shared.admin.get(f"desk/accounts/{name}")).status_code == 404


# Bodies


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("desk/tickets", TICKET | {"status": "closed"}),
        ("desk/tickets", TICKET | {"id": 7}),
        ("desk/tickets", TICKET | {"version": 7}),
        ("desk/tickets", TICKET | {"created": "2020-01-01T00:00:00Z"}),
        ("desk/employees", EMPLOYEE | {"id": 7}),
        ("desk/accounts", {"name": "x", "first_name": "A", "last_name": "B", "disabled": True}),
        ("desk/accounts", {"name": "x", "first_name": "A", "last_name": "B", "rights_changed_at": None}),
        ("desk/accounts", {"name": "me", "first_name": "A", "last_name": "B"}),
    ],
)
async def test_no_field_but_those_for_it(shared: Desk, path: str, body: dict[str, Any]) -> None:
    """Fields that a request may not set are refused, not ignored, and nothing is created."""
    reply = await shared.admin.post(path, json=body)

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("desk/tickets/1", "id"),
        ("desk/tickets/1", "version"),
        ("desk/tickets/1", "updated"),
        ("desk/tickets/1", "search"),
        ("desk/employees/1", "id"),
        ("desk/accounts/carol", "name"),
        ("desk/accounts/carol", "role"),
        ("desk/accounts/carol", "rights_changed_at"),
        ("desk/accounts/carol", "login_denied_at"),
    ],
)
async def test_no_change_of_what_is_fixed(shared: Desk, path: str, field: str) -> None:
    """A patch with a field that cannot be changed, or does not exist, is refused as a whole."""
    before = (await shared.admin.get(path)).json()
    patch = {"title": "x", "first_name": "x", field: "2020-01-01T00:00:00Z"}
    reply = await shared.admin.patch(path, json=patch, headers={"If-Match": '"1"'})

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")
    assert (await shared.admin.get(path)).json() == before


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "1", "{", ""])
async def test_a_patch_is_an_object(shared: Desk, body: str) -> None:
    """A patch that is no JSON object is refused."""
    headers = {"If-Match": '"1"', "Content-Type": "application/merge-patch+json"}
    reply = await shared.admin.patch("desk/tickets/1", content=body, headers=headers)

    assert (reply.status_code, reply.json()["code"]) == (422, "invalid_request")


async def test_what_was_sent_is_not_repeated(shared: Desk) -> None:
    """An answer about a wrong field names the field, and does not repeat its value."""
    reply = await shared.admin.post("desk/employees", json=EMPLOYEE | {"phone": "not-a-phone", "<b>secret</b>": "x"})

    assert reply.status_code == 422
    assert [item["loc"] for item in reply.json()["errors"]] == [["body", "phone"], ["body"]]
    assert "not-a-phone" not in reply.text
    assert "secret" not in reply.text


@pytest.mark.parametrize(
    ("status", "code", "patch"),
    [
        (409, "employee_missing", {"employee_id": 999}),
        (409, "owner_missing", {"owner": "nobody"}),
        (409, "status_transition", {"status": "waiting"}),
        (422, "invalid_request", {"employee_id": MAX_ID + 1}),
        (422, "invalid_request", {"status": "lost"}),
        (422, "invalid_request", {"title": " "}),
        (422, "invalid_request", {"title": None}),
    ],
)
async def test_an_impossible_ticket(desk: Desk, status: int, code: str, patch: dict[str, Any]) -> None:
    """A ticket can only have existing employees, owners and statuses."""
    ticket = await desk.ticket()
    closed = await desk.admin.patch("desk/tickets/1", json={"status": "closed"}, headers=version(ticket))
    reply = await desk.admin.patch("desk/tickets/1", json=patch, headers=version(closed.json()))

    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_an_employee_with_tickets_stays(desk: Desk) -> None:
    """Whoever has tickets cannot be deleted."""
    await desk.ticket()
    reply = await desk.admin.delete("desk/employees/1", headers={"If-Match": '"1"'})

    assert (reply.status_code, reply.json()["code"]) == (409, "employee_has_tickets")


# Lists


async def test_page_by_page(desk: Desk) -> None:
    """`next`, and the address in `Link`, lead through the whole list, as it was filtered and sorted."""
    await desk.support.get("desk/accounts/me")
    for number in range(7):
        await desk.ticket(title=f"Ticket {number}", owner="support" if number % 2 else None)
    where, seen = "desk/tickets?limit=2&owner=support&sort=created", []
    while where:
        reply = await desk.support.get(where)
        seen += [ticket["title"] for ticket in reply.json()["items"]]
        where = reply.links.get("next", {}).get("url", "")
        assert bool(where) == (reply.json()["next"] is not None)
        assert parse_qs(urlsplit(where).query).get("cursor", [None]) == [reply.json()["next"]]

    assert seen == ["Ticket 1", "Ticket 3", "Ticket 5"]


async def test_a_link_repeats_no_token(tmp_path: Path) -> None:
    """`Link` repeats neither a token in the address nor parameters that the list does not have."""
    async with open_desk(tmp_path, allow_token_in_url=True) as desk:
        await desk.employee()
        await desk.employee()
        caller = desk.service.anonymous()
        reply = await caller.get("desk/employees", params={"limit": 1, "token": desk.support.token, "x": "y"})

    following = urlsplit(reply.links["next"]["url"])
    assert (reply.status_code, following.path) == (200, f"{PREFIX}desk/employees")
    assert set(parse_qs(following.query)) == {"limit", "cursor"}


async def test_only_ones_own(desk: Desk) -> None:
    """`mine` lists what the caller owns, whatever the query says, page by page."""
    await desk.support.get("desk/accounts/me")
    for owner in ("support", "admin", "support"):
        await desk.ticket(owner=owner)
    first = (await desk.support.get("desk/tickets/mine?owner=admin&limit=1")).json()
    second = (await desk.support.get(f"desk/tickets/mine?owner=admin&limit=1&cursor={first['next']}")).json()

    assert [ticket["id"] for ticket in first["items"] + second["items"]] == [3, 1]
    assert second["next"] is None


@pytest.mark.parametrize("list_", ["tickets", "tickets/mine", "tickets/1/comments", "employees", "accounts", "audit"])
async def test_there_and_back_in_a_list(desk: Desk, list_: str) -> None:
    """Each list leads to its next page and back, in its body and in `Link`, and counts its items if it is asked to."""
    for number in range(2):
        await desk.ticket(owner="admin")
        await desk.employee(first_name=f"Ada {number}")
        await desk.account(f"carol{number}")
        await desk.admin.post("desk/tickets/1/comments", json={"text": str(number)})
    first = await desk.admin.get(f"desk/{list_}?limit=1&count=true")
    second = await desk.admin.get(f"desk/{list_}", params={"limit": 1, "cursor": first.json()["next"]})
    again = await desk.admin.get(second.links["prev"]["url"])

    assert first.json()["count"] == len((await desk.admin.get(f"desk/{list_}")).json()["items"])
    assert (first.json()["previous"], second.json()["count"]) == (None, None)
    assert parse_qs(urlsplit(second.links["prev"]["url"]).query)["cursor"] == [second.json()["previous"]]
    assert again.json()["items"] == first.json()["items"] != second.json()["items"]


@pytest.mark.parametrize("list_", ["tickets", "tickets/mine", "employees", "accounts", "audit"])
@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=0", 422, "invalid_request"),
        ("limit=201", 422, "invalid_request"),
        ("limit=1000000000", 422, "invalid_request"),
        ("limit=x", 422, "invalid_request"),
        ("cursor=abc", 400, "invalid_cursor"),
        ("cursor=%00", 400, "invalid_cursor"),
        ("cursor=" + "A" * 2048, 400, "invalid_cursor"),
        ("cursor=" + "A" * 2049, 422, "invalid_request"),
    ],
)
async def test_an_impossible_list(shared: Desk, list_: str, query: str, status: int, code: str) -> None:
    """Limits and cursors out of bounds are refused."""
    reply = await shared.admin.get(f"desk/{list_}?{query}")

    assert (reply.status_code, reply.json()["code"]) == (status, code)


async def test_a_cursor_after_a_long_name(desk: Desk) -> None:
    """The list goes on after the longest name of all."""
    for name in ("\U00020bb7" * 255, "\U00020bb8"):
        await desk.account(name)
    first = await desk.admin.get("desk/accounts?limit=1&sort=-name")
    second = await desk.admin.get(f"desk/accounts?limit=1&sort=-name&cursor={first.json()['next']}")
    third = await desk.admin.get(f"desk/accounts?limit=1&sort=-name&cursor={second.json()['next']}")

    assert [reply.status_code for reply in (first, second, third)] == [200] * 3


async def test_a_cursor_of_another_list(desk: Desk) -> None:
    """A cursor works only in its own list, with the same filters and order."""
    for _ in range(3):
        await desk.ticket()
    cursor = (await desk.support.get("desk/tickets?limit=1")).json()["next"]
    others = ["tickets?sort=title", "tickets?status=open", "tickets?owner=admin", "employees?sort=created"]
    replies = [await desk.support.get(f"desk/{other}&cursor={cursor}") for other in others]

    assert [reply.json().get("code") for reply in replies] == ["invalid_cursor"] * len(others)


@pytest.mark.parametrize("list_", ["tickets", "employees", "accounts"])
async def test_a_list_as_a_file(desk: Desk, list_: str) -> None:
    """The CSV has the columns and rows of the JSON, all of them, and no formula."""
    await desk.ticket(title="=cmd|' /C calc'!A0")
    await desk.employee(first_name="@SUM(1)", phone="+442079460958")
    await desk.account()
    items = (await desk.admin.get(f"desk/{list_}")).json()["items"]
    cursor = (await desk.admin.get(f"desk/{list_}?limit=1")).json()["next"] or ""
    reply = await desk.admin.get(f"desk/{list_}.csv", params={"limit": 1, "cursor": cursor})
    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))

    assert reply.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert reply.headers["Content-Disposition"] == f'attachment; filename="{list_}.csv"'
    more = {"employee"} if list_ == "tickets" else set[str]()
    assert (len(rows), set(rows[0])) == (len(items), {*items[0]} | more)
    assert [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@"))] == []


# One's own status and account


async def test_ones_own_status(desk: Desk) -> None:
    """`status` has the caller's role, and the permissions of the token, which can be fewer than the role's."""
    narrowed = desk.member(Role.MANAGER, scopes=[Permission.TICKETS_READ])
    told = {
        name: (await caller.get("desk/status")).json() for name, caller in (("m", narrowed), ("s", desk.stranger()))
    }

    assert told["m"] == {
        "name": "manager",
        "role": "manager",
        "permissions": ["custom:desk:tickets:read"],
        "disabled": False,
        "login_denied": False,
    }
    assert (told["s"]["role"], told["s"]["permissions"]) == (None, [])


@pytest.mark.parametrize("is_down", [False, True])
async def test_ones_own_status_after_a_demotion(tmp_path: Path, is_down: bool) -> None:  # noqa: FBT001
    """What the Hub said before one's rights changed does not count, unless the Hub cannot be asked."""
    async with open_desk(tmp_path, cache_ttl=300) as desk:
        hub, manager = desk.service.hub, desk.manager
        before = (await manager.get("desk/status")).json()
        await desk.admin.put("desk/accounts/manager/role", json={"role": None})
        hub.rescope(manager.token, [*manager.scopes - {*Permission}])
        hub.outage = (lambda _request: httpx.Response(503)) if is_down else None
        after = (await manager.get("desk/status")).json()

    assert before["role"] == "manager"
    assert after == (before if is_down else before | {"role": None, "permissions": []})


async def test_the_disabled_see_why(desk: Desk) -> None:
    """Somebody whose account is disabled can read their own status, and nothing else of the desk."""
    await desk.support.get("desk/accounts/me")
    await desk.admin.patch("desk/accounts/support", json={"disabled": True}, headers={"If-Match": '"1"'})
    status, tickets = await desk.support.get("desk/status"), await desk.support.get("desk/tickets")

    assert (status.status_code, status.json()["disabled"]) == (200, True)
    assert (tickets.status_code, tickets.json()["code"]) == (403, "account_disabled")


async def test_ones_own_account(desk: Desk) -> None:
    """Everybody of the team reads their own account; a service, which has none, gets 404."""
    reporter = desk.service.other_service("reporter", scopes=[Permission.ACCOUNTS_READ_OWN])
    mine, its = await desk.support.get("desk/accounts/me"), await reporter.get("desk/accounts/me")

    assert (mine.status_code, mine.json()["name"], mine.json()["role"]) == (200, "support", "support")
    assert its.status_code == 404


async def test_the_id_or_name_comes_first(desk: Desk) -> None:
    """The first field of an answer, and the first column of a file, is the id or the name."""
    ticket, account = await desk.ticket(), await desk.account()
    files = [(await desk.admin.get(f"desk/{name}.csv")).text for name in ("tickets", "employees", "accounts")]

    assert (next(iter(ticket)), next(iter(account))) == ("id", "name")
    assert [text.partition(",")[0] for text in files] == ['"id"', '"id"', '"name"']


async def test_a_service_called_as_a_user_is(desk: Desk) -> None:
    """A service that has a user's name acts under a name that no user can have, and reads nothing of that user's."""
    await desk.ticket(by=desk.support)
    namesake = desk.service.other_service("support", scopes=list(Permission))
    assert (await namesake.get("desk/accounts/me")).status_code == 404
    assert (await namesake.get("desk/tickets/mine")).json()["items"] == []
    made = await desk.ticket(by=namesake)
    owned = (await desk.admin.get("desk/tickets", params={"owner": "service/support"})).json()["items"]
    told = (await desk.admin.get("desk/audit", params={"who": "service/support"})).json()["items"]

    assert owned == [made]
    assert [entry["thing"] for entry in told] == [f"ticket/{made['id']}"]


@pytest.mark.parametrize("name", ["zoe\u0308", "a  b", "x" * 255])
async def test_the_audit_finds_every_name(desk: Desk, name: str) -> None:
    """The audit finds entries about any name that the Hub allows."""
    await desk.member(Role.SUPPORT, name=name).get("desk/accounts/me")
    told = (await desk.admin.get("desk/audit", params={"thing": f"account/{name}", "who": name})).json()

    assert [entry["what"] for entry in told["items"]] == ["account.created"]


@pytest.mark.parametrize("name", ["a\u200cb", "a\xa0b"], ids=["joiner", "no-break space"])
async def test_a_name_that_no_font_shows(desk: Desk, name: str) -> None:
    """An account of any name can be read and deleted."""
    await desk.account(name)
    path = f"desk/accounts/{quote(name)}"

    assert (await desk.admin.get(path)).json()["name"] == name
    assert (await desk.admin.delete(path, headers={"If-Match": '"1"'})).status_code == 204


@pytest.mark.parametrize("name", ["me", ".", ".."])
async def test_a_name_that_no_address_can_have(desk: Desk, name: str) -> None:
    """A user of such a name gets no account, even with a role: nobody could open, disable or delete it."""
    reply = await desk.member(Role.SUPPORT, name=name).get("desk/tickets")
    names = [account["name"] for account in (await desk.admin.get("desk/accounts")).json()["items"]]

    assert (reply.status_code, reply.json()["code"]) == (403, "name_not_possible")
    assert name not in names


# Accounts

FIELDS: dict[str, tuple[object, Permission]] = {
    "first_name": ("X", Permission.ACCOUNTS_UPDATE),
    "last_name": ("X", Permission.ACCOUNTS_UPDATE),
    "phone": ("+442079460958", Permission.ACCOUNTS_CONTACT),
    "email": ("x@example.com", Permission.ACCOUNTS_CONTACT),
    "disabled": (True, Permission.ACCOUNTS_BLOCK),
    "login_denied": (True, Permission.ACCOUNTS_BLOCK),
}
EDITING = sorted({permission for _, permission in FIELDS.values()})


@pytest.mark.parametrize("permission", EDITING)
@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_of_an_account_needs_its_permission(desk: Desk, permission: Permission, field: str) -> None:
    """A token with one of the permissions changes the fields of that one; with another field the patch is refused."""
    await desk.account()
    value, needed = FIELDS[field]
    caller = desk.member(Role.ADMIN, scopes=[permission])
    reply = await caller.patch("desk/accounts/carol", json={field: value}, headers={"If-Match": '"1"'})

    if permission is needed:
        assert (reply.status_code, reply.json()[field]) == (200, value)
    else:
        assert (reply.status_code, reply.json()["scopes"]) == (403, [needed])


async def test_all_fields_of_a_patch_are_judged(desk: Desk) -> None:
    """A patch with one field that the caller may not change is refused, whatever else it has."""
    await desk.account()
    patch = {"phone": "+442079460958", "first_name": "X"}
    reply = await desk.manager.patch("desk/accounts/carol", json=patch, headers={"If-Match": '"1"'})
    account = (await desk.admin.get("desk/accounts/carol")).json()

    assert (reply.status_code, reply.json()["scopes"]) == (403, [Permission.ACCOUNTS_UPDATE])
    assert (account["phone"], account["first_name"]) == (None, "Carol")


async def test_who_is_denied_does_not_lift_it(desk: Desk) -> None:
    """Somebody who may change `login_denied` can clear it for others, and not for themselves, in whatever notation."""
    await desk.manager.get("desk/accounts/me")
    denied = await desk.admin.patch("desk/accounts/manager", json={"login_denied": True}, headers={"If-Match": '"1"'})
    tag = {"If-Match": denied.headers["ETag"]}
    replies = [
        await desk.manager.patch("desk/accounts/manager", json={"login_denied": no}, headers=tag)
        for no in (False, "false", 0)
    ]

    assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(403, "login_denied")] * 3
    assert (await desk.manager.patch("desk/accounts/manager", json={"phone": None}, headers=tag)).status_code == 200
    assert (await desk.admin.patch("desk/accounts/manager", json={"login_denied": False}, headers=tag)).is_success


async def test_an_account_with_a_role(desk: Desk) -> None:
    """A new account can get a role at once from somebody who may give it, and is then in the Hub's group."""
    desk.service.user("carol")
    new = {"name": "carol", "first_name": "Carol", "last_name": "Kay", "role": "manager"}
    narrowed = desk.member(Role.ADMIN, name="dave", scopes=GRANTS[Role.ADMIN] - {Permission.ACCOUNTS_ROLE})
    refused, made = await narrowed.post("desk/accounts", json=new), await desk.admin.post("desk/accounts", json=new)

    assert (refused.status_code, refused.json()["scopes"]) == (403, [Permission.ACCOUNTS_ROLE])
    assert (made.status_code, made.json()["role"]) == (201, "manager")
    assert desk.service.hub.members("desk-manager") == {"manager", "carol"}
    changed = await desk.admin.patch(
        "desk/accounts/carol", json={"phone": None}, headers={"If-Match": made.headers["ETag"]}
    )
    assert changed.status_code == 200


async def test_an_account_for_somebody_with_a_role(desk: Desk) -> None:
    """Creating an account answers with the role that its user already has at the Hub."""
    made = await desk.account("eve"), await desk.account("dave", role=Role.MANAGER)
    desk.service.hub.add_user("frank", groups=("desk-manager",))
    new = {"name": "frank", "first_name": "Frank", "last_name": "Kay"}
    frank = (await desk.admin.post("desk/accounts", json=new)).json()

    assert [account["role"] for account in (*made, frank)] == [None, "manager", "manager"]


@pytest.mark.parametrize("role", [*Role, None])
async def test_a_change_of_role(desk: Desk, role: Role | None) -> None:
    """A role is given by name and removed by null, and the account shows it from then on."""
    await desk.account(role=Role.SUPPORT)
    reply = await desk.admin.put("desk/accounts/carol/role", json={"role": role})
    listed = (await desk.admin.get("desk/accounts?text=carol")).json()["items"]

    assert (reply.status_code, reply.json()["role"], listed[0]["role"]) == (200, role, role)
    assert (await desk.admin.get("desk/accounts/carol")).headers["ETag"] == reply.headers["ETag"]


@pytest.mark.parametrize(
    "body", [{}, {"role": "root"}, {"role": "desk-admin"}, {"role": []}, {"role": None, "x": 1}, None]
)
async def test_no_other_roles(desk: Desk, body: object) -> None:
    """Anything that is not a role of the desk is refused."""
    await desk.account(role=Role.SUPPORT)
    reply = await desk.admin.put("desk/accounts/carol/role", json=body)

    assert reply.status_code == 422
    assert desk.service.hub.members("desk-support") == {"support", "carol"}


async def test_who_changed_what(desk: Desk) -> None:
    """The audit tells each change with who made it, the latest first."""
    ticket = await desk.ticket(by=desk.support)
    await desk.manager.patch("desk/tickets/1", json={"status": "closed"}, headers=version(ticket))
    entries = (await desk.admin.get("desk/audit?thing=ticket/1")).json()["items"]

    assert [(entry["who"], entry["what"]) for entry in entries] == [
        ("manager", "ticket.changed"),
        ("support", "ticket.created"),
    ]
    assert (entries[0]["before"], entries[0]["after"]) == ({"status": "open"}, {"status": "closed"})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "desk/accounts/carol", {"first_name": "X"}),
        ("PATCH", "desk/accounts/me", {"phone": "+442079460958"}),
        ("POST", "desk/accounts", {"name": "dave", "first_name": "Dave", "last_name": "B"}),
    ],
)
async def test_nothing_is_changed_while_the_hub_is_away(
    desk: Desk, method: str, path: str, body: dict[str, Any]
) -> None:
    """If the Hub cannot say who has which role, the answer is an error, and nothing was changed or created."""
    await desk.account()
    await desk.admin.get("desk/accounts/me")
    desk.service.user("dave")
    audit = "desk/audit?what=account.changed", "desk/audit?thing=account/dave"
    before = [(await desk.admin.get(each)).json()["items"] for each in audit]
    desk.service.hub.respond("GET", "/groups/desk-admin", status=503, json={})
    reply = await desk.admin.request(method, path, json=body, headers={"If-Match": '"1"'})

    assert reply.status_code == 503
    assert [(await desk.admin.get(each)).json()["items"] for each in audit] == before


@pytest.mark.parametrize("flag", ["disabled", "login_denied"])
async def test_a_service_called_as_somebody_who_is_kept_out(desk: Desk, flag: str) -> None:
    """The flags of a user keep out no service of the same name, and its status does not show them."""
    await desk.support.get("desk/accounts/me")
    denied = await desk.admin.patch("desk/accounts/support", json={flag: True}, headers={"If-Match": '"1"'})
    namesake = desk.service.other_service("support", scopes=list(Permission))
    status = (await namesake.get("desk/status")).json()

    assert denied.status_code == 200
    assert (await namesake.get("desk/tickets")).status_code == 200
    assert (status["disabled"], status["login_denied"]) == (False, False)


async def test_each_change_names_who_made_it(desk: Desk) -> None:
    """The audit names the caller with every change over HTTP, whatever was created, changed or deleted."""
    caller = desk.member(Role.ADMIN, name="dave")
    desk.service.user("carol")
    carol = {"name": "carol", "first_name": "Carol", "last_name": "Kay", "role": "support"}
    for method, path, body, version_ in (
        ("POST", "desk/employees", EMPLOYEE, None),
        ("PATCH", "desk/employees/2", {"city": "Lagos"}, 1),
        ("DELETE", "desk/employees/2", None, 2),
        ("POST", "desk/tickets", TICKET, None),
        ("PATCH", "desk/tickets/1", {"title": "x"}, 1),
        ("POST", "desk/tickets/1/comments", {"text": "x"}, None),
        ("DELETE", "desk/tickets/1", None, 2),
        ("POST", "desk/accounts", carol, None),
        ("PATCH", "desk/accounts/carol", {"disabled": True}, 1),
        ("PUT", "desk/accounts/carol/role", {"role": None}, None),
        ("DELETE", "desk/accounts/carol", None, 2),
    ):
        reply = await caller.request(method, path, json=body, headers={"If-Match": f'"{version_}"'} if version_ else {})
        assert reply.is_success, reply.text
    told = (await desk.admin.get("desk/audit?who=dave&limit=200")).json()["items"]

    assert [entry["what"] for entry in reversed(told)] == [
        "account.created",  # the caller's own
        *("employee.created", "employee.changed", "employee.deleted"),
        *("ticket.created", "ticket.changed", "ticket.commented", "ticket.deleted"),
        *("account.created", "account.role_changed", "account.changed", "account.role_changed", "account.deleted"),
    ]


async def test_the_audit_as_a_file(desk: Desk) -> None:
    """The file of the audit has all entries that match its filters, whatever cursor and limit say."""
    await desk.ticket()
    await desk.ticket()
    first = (await desk.admin.get("desk/audit?what=ticket.created&limit=1")).json()
    asked = {"what": "ticket.created", "limit": 1, "cursor": first["next"]}
    reply = await desk.admin.get("desk/audit.csv", params=asked)

    rows = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert [row["thing"] for row in rows] == ["ticket/2", "ticket/1"]


@pytest.mark.parametrize("list_", ["tickets", "tickets/mine"])
async def test_tickets_are_found_by_who_asked(desk: Desk, list_: str) -> None:
    """A search finds tickets by the name of who asked, among one's own and in a file, too."""
    await desk.employee(first_name="Ada", last_name="Byron")
    await desk.ticket(by=desk.support, title="x")
    hers = await desk.ticket(by=desk.support, title="x", employee_id=2)
    found = (await desk.support.get(f"desk/{list_}?text=byron")).json()["items"]
    file = (await desk.support.get("desk/tickets.csv?text=byron")).text

    assert found == [hers]
    assert [row["id"] for row in csv.DictReader(io.StringIO(file, newline=""))] == ["2"]
