"""The desk works beside the Hub before ours, too: roles, what is taken away, and who begins no new session."""

import sys

import pytest

from service.apps.desk.domain.policy import Role, group_of
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.node import REPOSITORY

HUB = "5.5"
TEAM = {group_of(role): {"users": [role.value]} for role in Role}


@pytest.fixture(scope="module")
def hub(make_shared_hub: MakeHub) -> RealHub:
    """An older Hub with one of each role."""
    python = REPOSITORY / ".venv" / f"hub-{HUB}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no JupyterHub {HUB}: ./script/test conformance installs it")
    register = {
        "apps": ["desk"],
        "command": [sys.executable, "-P", "-m", "service"],  # the Hub's environment has no FastAPI
        "environment": {"SERVICE_STATE": "state"},
    }
    users = [*(role.value for role in Role), "eve"]
    config = f"c.JupyterHub.load_groups = {TEAM!r}"
    return make_shared_hub(users=users, admins=(), config=config, register=register, python=str(python))


async def test_it_is_the_older_one(hub: RealHub) -> None:
    """The Hub of these tests is of the version that they are about."""
    reply = await hub.ask("GET", "health/ready")

    assert reply.json()["hub_version"].startswith(HUB)


async def test_roles(hub: RealHub) -> None:
    """A role is given by a group, moved by the service, and holds from the next request on."""
    admin, support = await hub.user_token("admin"), await hub.user_token("support")
    assert (await hub.ask("GET", "desk/status", token=support)).json()["role"] == "support"
    assert (await hub.ask("GET", "desk/accounts", token=support)).status_code == 403
    role = "desk/accounts/support/role"
    assert (await hub.ask("PUT", role, json={"role": "manager"}, token=admin)).json()["role"] == "manager"
    assert (await hub.ask("GET", "desk/accounts", token=support)).status_code == 200
    assert (await hub.ask("PUT", role, json={"role": None}, token=admin)).status_code == 200
    assert (await hub.ask("GET", "desk/accounts", token=support)).status_code == 403
    assert (await hub.ask("GET", "desk/tickets", token=support)).status_code == 403


async def test_nobody_else(hub: RealHub) -> None:
    """Who is in none of the groups may nothing."""
    reply = await hub.ask("GET", "desk/tickets", token=await hub.user_token("eve"))

    assert (reply.status_code, reply.json()["code"]) == (403, "insufficient_scope")


async def test_no_new_sign_in(hub: RealHub) -> None:
    """With `login_denied` a session goes on, and neither another one nor a token made at the Hub afterwards does."""
    admin = await hub.user_token("admin")
    async with hub.session("manager") as before, hub.session("manager") as after:
        page = f"{hub.service_path}desk/ui/tickets"
        assert (await before.visit(page)).status_code == 200
        old = await hub.user_token("manager")
        known = await hub.ask("GET", "desk/accounts/manager", token=admin)
        tag = {"If-Match": known.headers["ETag"]}
        denied = {"login_denied": True}
        reply = await hub.ask("PATCH", "desk/accounts/manager", json=denied, token=admin, headers=tag)
        assert reply.status_code == 200

        new = await hub.user_token("manager")
        assert (await hub.ask("GET", "desk/tickets", token=new)).json()["code"] == "login_denied"
        assert (await hub.ask("GET", "desk/tickets", token=old)).status_code == 200
        assert (await before.visit(page)).status_code == 200
        assert (await after.visit(page)).status_code == 403
