"""An operator's own rights, on a real Hub: the file of docs/desk.md, and another one after a restart."""

from pathlib import Path

from service.apps.desk.domain.policy import GRANTS, Permission, Role, group_of
from service.apps.desk.domain.policy_file import read_policy
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.hub_config import PASSWORD
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY

(POLICY,) = (block.code for block in blocks(REPOSITORY / "docs" / "desk.md", "toml"))


async def permissions(hub: RealHub, name: str) -> set[str]:
    """Return what a new token of a member of the team may do at the desk."""
    status = await hub.ask("GET", "desk/status", token=await hub.user_token(name))
    return set(status.raise_for_status().json()["permissions"])


async def test_the_hub_gives_what_the_file_says(make_hub: MakeHub, tmp_path: Path) -> None:
    """Each role has the rights of the file. Another file counts from the Hub's next start on, for old tokens, too."""
    policy = tmp_path / "policy.toml"
    policy.write_text(POLICY)
    groups = {group_of(role): {"users": [str(role)]} for role in Role}
    hub = make_hub(
        users=tuple(map(str, Role)),
        config=f"c.JupyterHub.load_groups = {groups!r}",
        register={"apps": ["desk"], "desk_policy": str(policy), "environment": {"SERVICE_STATE": str(tmp_path)}},
    )
    for role, expected in read_policy(str(policy)).items():
        assert await permissions(hub, role) == expected
    old = await hub.user_token("manager")
    employee = {"first_name": "Zoë", "last_name": "Okonkwo"}
    refused = await hub.ask("POST", "desk/employees", token=await hub.user_token("support"), json=employee)
    made = await hub.ask("POST", "desk/employees", token=old, json=employee)
    assert (refused.status_code, refused.json()["scopes"], made.status_code) == (
        403,
        [Permission.EMPLOYEES_CREATE],
        201,
    )

    hub.stop()
    policy.write_text('[support]\ntake = ["employees:create"]\n[manager]\ntake = ["employees:create"]\n')
    hub.start()
    for role in Role:
        taken = set() if role is Role.ADMIN else {Permission.EMPLOYEES_CREATE}
        assert await permissions(hub, role) == GRANTS[role] - taken
    assert (await hub.ask("POST", "desk/employees", token=old, json=employee)).status_code == 403


async def test_a_right_that_no_role_has(make_hub: MakeHub, tmp_path: Path) -> None:
    """What the file takes from every role, a role of the operator's gives to one person, in whatever they use."""
    policy = tmp_path / "policy.toml"
    policy.write_text('[admin]\ntake = ["audit:read"]\n')
    auditor = {"name": "auditor", "scopes": [str(Permission.AUDIT_READ)], "users": ["eve"]}
    hub = make_hub(
        users=("eve", "mallory"),
        config=f"c.JupyterHub.load_roles.append({auditor!r})",
        register={
            "apps": ["desk"],
            "desk_policy": str(policy),
            "environment": {"SERVICE_STATE": str(tmp_path)},
            "password_grant": True,
        },
    )

    for name, status in {"eve": 200, "mallory": 403}.items():
        async with hub.session(name) as browser:
            await browser.visit(f"{hub.service_url}me")
            assert (await browser.visit(f"{hub.service_url}desk/ui/audit")).status_code == status
        form = {"grant_type": "password", "username": name, "password": PASSWORD}
        granted = (await hub.ask("POST", "token", data=form)).raise_for_status().json()
        assert (str(Permission.AUDIT_READ) in granted["scope"].split()) is (name == "eve")
    async with hub.notebook("eve") as notebook:
        code = (
            "import os, urllib.request as u\n"
            f"asked = u.Request({hub.service_url + 'desk/audit'!r})\n"
            "asked.add_header('Authorization', 'Bearer ' + os.environ['JUPYTERHUB_API_TOKEN'])\n"
            "u.urlopen(asked).status"
        )
        assert await notebook.run(code) == "200"
