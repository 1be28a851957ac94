"""Comments over HTTP."""

import pytest

from service.apps.desk.domain.policy import Permission, Role
from tests.support.desk import Desk


async def test_a_comment(desk: Desk) -> None:
    """A comment has its author, is listed, and does not change the ticket's ETag."""
    ticket = await desk.ticket()
    made = await desk.support.post("desk/tickets/1/comments", json={"text": "New toner"})
    listed = (await desk.manager.get("desk/tickets/1/comments?count=true")).json()

    assert (made.status_code, made.json()["author"], made.json()["text"]) == (201, "support", "New toner")
    assert (listed["items"], listed["count"]) == ([made.json()], 1)
    assert (await desk.admin.get("desk/tickets/1")).headers["ETag"] == f'"{ticket["version"]}"'


@pytest.mark.parametrize(
    ("ticket", "body", "status"),
    [
        (1, {"text": " "}, 422),
        (1, {"text": "x" * 20_001}, 422),
        (1, {"text": "a\x07"}, 422),
        (1, {"text": "x", "author": "eve"}, 422),
        (1, {}, 422),
        (99, {"text": "x"}, 404),
        ("x", {"text": "x"}, 404),
        ("mine", {"text": "x"}, 404),
    ],
)
async def test_an_impossible_comment(shared: Desk, ticket: object, body: dict[str, str], status: int) -> None:
    """A comment needs a valid text and an existing ticket."""
    assert (await shared.support.post(f"desk/tickets/{ticket}/comments", json=body)).status_code == status


@pytest.mark.parametrize(("method", "needed"), [("GET", Permission.TICKETS_READ), ("POST", Permission.TICKETS_UPDATE)])
async def test_a_comment_needs_its_permission(shared: Desk, method: str, needed: Permission) -> None:
    """Comments are read by those who read tickets, and written by those who change them."""
    caller = shared.member(Role.ADMIN, name="dave", scopes={*Permission} - {needed})
    body = {"text": "x"} if method == "POST" else None
    reply = await caller.request(method, "desk/tickets/1/comments", json=body)

    assert (reply.status_code, reply.json()["scopes"]) == (403, [needed])
