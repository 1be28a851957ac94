"""The desk keeps its OpenAPI document's word in each role, and gives to none what the policy does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.apps.desk.domain.policy import Role
from tests.conftest import MakeHub
from tests.support.desk_data import EMPLOYEES, tickets
from tests.support.hub import RealHub
from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM

# Not named as the roles are: those names are examples in the document, and so are called, changed and deleted.
TEAM = {Role.SUPPORT: "sue", Role.MANAGER: "max", Role.ADMIN: "ann"}
# JSON Schema cannot say all that makes a phone number, a name or a cursor. An empty field of a filter counts as none,
# for the sake of forms. "me" and "mine" stand beside names and ids of all kinds, which have more methods. Nearly
# everything is of version 1, so that many changes are made.
CONFIG = """
[parameters]
"header.if-match" = '"1"'

[checks]
positive_data_acceptance.enabled = false

[[operations]]
include-method = "GET"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path-regex = "/(me|mine)$"
checks.allow_header_conformance.enabled = false
checks.negative_data_rejection.enabled = false
checks.unsupported_method.enabled = false
"""


@pytest.fixture(scope="module")
async def team_hub(make_shared_hub: MakeHub, tmp_path_factory: pytest.TempPathFactory) -> RealHub:
    """A Hub with one of each role, and a desk that has seen some use."""
    groups = {f"desk-{role}": {"users": [name]} for role, name in TEAM.items()}
    hub = make_shared_hub(
        users=(*TEAM.values(), "testuser"),
        admins=(),
        config=f"c.JupyterHub.load_groups = {groups!r}",
        register={"apps": ["desk"], "environment": {"SERVICE_STATE": str(tmp_path_factory.mktemp("desk"))}},
    )
    token = await hub.user_token("ann")
    for employee in EMPLOYEES:
        (await hub.ask("POST", "desk/employees", token=token, json=employee)).raise_for_status()
    for ticket in tickets(20):
        new = {name: value for name, value in ticket.items() if name != "path"}
        (await hub.ask("POST", "desk/tickets", token=token, json=new)).raise_for_status()
    return hub


def schemathesis(document: str, directory: Path, *, token: str, role: str) -> subprocess.CompletedProcess[str]:
    """Run Schemathesis with all its checks and ours on the desk's routes, the same requests every time."""
    (directory / "schemathesis.toml").write_text(CONFIG)
    words = ["run", document, "--include-path-regex=^/desk", "--max-examples=5", "--seed=1", "--no-color"]
    return subprocess.run(
        [str(Path(sys.executable).with_name("st")), *words, f"--header=Authorization: Bearer {token}"],
        cwd=directory,
        env=os.environ
        | {"SCHEMATHESIS_HOOKS": "tests.support.desk_check", "PYTHONPATH": str(REPOSITORY), "DESK_ROLE": role},
        capture_output=True,
        text=True,
        timeout=PROGRAM,
        check=False,
    )


@pytest.mark.parametrize("role", [*Role, None])
async def test_in_each_role(team_hub: RealHub, role: Role | None, tmp_path: Path) -> None:
    """Whatever is sent: no failure of ours, no answer that is not documented, and none that the role may not have."""
    token = await team_hub.user_token(TEAM[role] if role else "testuser")
    document = f"http://127.0.0.1:{team_hub.ports.service}{team_hub.service_path}openapi.json"
    run = schemathesis(document, tmp_path, token=token.value, role=role or "")

    assert run.returncode == 0, run.stdout + run.stderr
    assert "401 Unauthorized" not in run.stdout, "it was called as nobody"
    refused = run.stdout.count("403 Forbidden")
    assert bool(refused) == (role is not Role.ADMIN), run.stdout
