"""A REST API with roles and tickets: what the reader of that example does, in their order, with tokens for passwords.

Sign in as each role by name and password, as with FastAPI's `OAuth2PasswordRequestForm`; the administrator sees the
users, support records who asked and what for, the manager works on it, and everybody looks after their own profile.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.support.hub_config import PASSWORD
from tests.support.local_http import local_client
from tests.support.shipped_hub import ShippedHub

ROLES = ("support", "manager", "admin")


@asynccontextmanager
async def signed_in(shipped: ShippedHub, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """Get a token as the example does: name and password, and nothing else is asked for."""
    async with local_client(base_url=shipped.service) as client:
        form = {"grant_type": "password", "username": name, "password": PASSWORD}
        answer = (await client.post("token", data=form)).raise_for_status().json()
        client.headers["Authorization"] = f"{answer['token_type']} {answer['access_token']}"
        yield client


async def test_1_a_form_without_grant_type_is_told(shipped: ShippedHub) -> None:
    """The example's form may leave it out. Here the answer says what is missing."""
    async with local_client(base_url=shipped.service) as client:
        reply = await client.post("token", data={"username": "admin", "password": PASSWORD})

    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert "grant_type=password" in reply.json()["error_description"]


@pytest.mark.parametrize("role", ROLES)
async def test_2_a_token_does_what_its_owner_may(shipped: ShippedHub, role: str) -> None:
    """Each role has its rights at once, without naming 7 to 18 scopes."""
    async with signed_in(shipped, role) as client:
        status = (await client.get("desk/status")).raise_for_status().json()
        tickets = await client.get("desk/tickets")
        accounts = await client.get("desk/accounts")

    assert status["role"] == role
    assert tickets.status_code == 200
    assert accounts.status_code == (403 if role == "support" else 200)


async def test_3_a_user_without_a_role(shipped: ShippedHub) -> None:
    """They are told what they may not, and signing in is not the remedy."""
    async with signed_in(shipped, "testuser") as client:
        reply = await client.get("desk/tickets")

    assert (reply.status_code, reply.json()["code"]) == (403, "insufficient_scope")


async def made(client: httpx.AsyncClient, where: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Create something."""
    reply = await client.post(where, json=fields)
    assert reply.status_code == 201, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def changed(client: httpx.AsyncClient, where: str, thing: dict[str, Any], **fields: Any) -> httpx.Response:  # noqa: ANN401
    """Change something in the version that was read."""
    return await client.patch(where, json=fields, headers={"If-Match": f'"{thing["version"]}"'})


async def test_4_a_ticket_from_beginning_to_end(shipped: ShippedHub) -> None:
    """Support opens it, the manager works on it and closes it, and the administrator reads who did what."""
    async with signed_in(shipped, "support") as support:
        employee = await made(support, "desk/employees", first_name="Zoë", last_name="Okonkwo")
        ticket = await made(support, "desk/tickets", title="The printer is out of toner", employee_id=employee["id"])
        where = f"desk/tickets/{ticket['id']}"
        refused = await support.delete(f"desk/employees/{employee['id']}", headers={"If-Match": '"1"'})
    async with signed_in(shipped, "manager") as manager:
        working = await changed(manager, where, ticket, status="in_progress", owner="manager")
        late = await changed(manager, where, ticket, status="closed")
        closed = await changed(manager, where, working.json(), status="closed")
        mine = (await manager.get("desk/tickets/mine")).json()["items"]
    async with signed_in(shipped, "admin") as admin:
        audit = (await admin.get("desk/audit")).raise_for_status().json()["items"]

    assert refused.status_code == 403
    assert (working.status_code, late.status_code, closed.status_code) == (200, 412, 200)
    assert ticket["id"] in [each["id"] for each in mine]
    assert {entry["who"] for entry in audit} >= {"support", "manager"}


async def test_5_ones_own_profile(shipped: ShippedHub) -> None:
    """Everybody reads their own account and changes its phone, and not its role."""
    async with signed_in(shipped, "support") as support:
        account = (await support.get("desk/accounts/me")).raise_for_status().json()
        phone = await changed(support, "desk/accounts/me", account, phone="+49 30 901820")
        role = await support.put("desk/accounts/support/role", json={"role": "admin"})

    assert (phone.status_code, phone.json()["phone"]) == (200, "+4930901820")
    assert role.status_code == 403
