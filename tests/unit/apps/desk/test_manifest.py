"""What the desk needs from a Hub."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from service.apps.desk import manifest
from service.apps.desk.domain.policy import GRANTS, Permission, Role
from service.registration import RegistrationError, register
from tests.support.node import REPOSITORY


def test_every_permission_is_a_scope_of_the_hub() -> None:
    """The Hub is told of each permission, with a description for its pages."""
    assert set(manifest.CUSTOM_SCOPES) == {str(permission) for permission in Permission}
    assert all(scope["description"] for scope in manifest.CUSTOM_SCOPES.values())


@pytest.mark.parametrize("role", Role)
def test_every_role_is_a_role_of_the_hub(role: Role) -> None:
    """The Hub gives each role's permissions to the members of its group, and to nobody else."""
    (found,) = [each for each in manifest.ROLES if each["name"] == f"desk-{role}"]

    assert {**found, "description": ""} == {
        "name": f"desk-{role}",
        "description": "",
        "scopes": sorted(str(permission) for permission in GRANTS[role]),
        "groups": [f"desk-{role}"],
    }


def test_what_the_service_itself_may() -> None:
    """The service may read tokens, and see and change these three groups; each is written out."""
    assert manifest.SERVICE_SCOPES == [
        "read:tokens",
        "groups!group=desk-support",
        "groups!group=desk-manager",
        "groups!group=desk-admin",
    ]
    assert manifest.GROUPS == ["desk-support", "desk-manager", "desk-admin"]


def test_the_hub_loads_no_more_than_the_standard_library() -> None:
    """The Hub's process imports the manifest without anything that has to be installed."""
    code = (
        "import sys; from service.apps.desk import manifest;"
        "print([name for name in sys.modules if name.partition('.')[0] not in {*sys.stdlib_module_names, 'service'}])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() in {"[]", "['__main__']"}


def test_the_roles_follow_the_operators_file(tmp_path: Path) -> None:
    """`register(desk_policy=…)` gives the Hub's roles other scopes, and tells the service of the file."""
    policy = tmp_path / "policy.toml"
    policy.write_text('[support]\ntake = ["tickets:delete"]\n')
    c = Config()
    entry = register(c, apps=["desk"], desk_policy=policy, desk_admins=["ada", "bob"])
    scopes = {role["name"]: role["scopes"] for role in JupyterHub(config=c).load_roles}

    assert "custom:desk:tickets:delete" not in scopes["desk-support"]
    assert "custom:desk:tickets:delete" in scopes["desk-manager"]
    assert entry["environment"]["DESK_POLICY"] == str(policy)
    assert entry["environment"]["DESK_ADMINS"] == "ada,bob"


def test_tokens_may_carry_what_the_file_takes_from_every_role(tmp_path: Path) -> None:
    """A right that no role of the desk has can be given by a role of the operator's, to browsers and notebooks, too."""
    policy = tmp_path / "policy.toml"
    policy.write_text('[admin]\ntake = ["audit:read"]\n')
    c = Config()
    entry = register(c, apps=["desk"], desk_policy=policy)
    scopes = {role["name"]: role["scopes"] for role in JupyterHub(config=c).load_roles}

    holders = [name for name in scopes if "custom:desk:audit:read" in scopes[name]]
    assert holders == ["server"], "the Hub gives this role's scopes to notebooks whose users have them"
    assert "custom:desk:audit:read" in entry["oauth_client_allowed_scopes"]
    assert entry["info"]["oauth_client_allowed_scopes"] == entry["oauth_client_allowed_scopes"]


@pytest.mark.parametrize("options", [{"desk_policy": "nowhere"}, {"environment": {"DESK_POLICY": "nowhere"}}])
def test_the_hub_does_not_start_with_a_wrong_file(options: dict[str, Any]) -> None:
    """`register()` refuses a wrong policy file, and changes nothing."""
    c = Config()
    with pytest.raises(RegistrationError, match="DESK_POLICY: the file cannot be read"):
        register(c, apps=["desk"], **options)

    assert JupyterHub(config=c).load_roles == []


def test_an_external_desk(tmp_path: Path) -> None:
    """The Hub of a service that somebody else starts reads the file for its roles. Other options are refused."""
    policy = tmp_path / "policy.toml"
    policy.write_text('[support]\ntake = ["tickets:delete"]\n')
    external: dict[str, Any] = {"managed": False, "api_token": "x" * 64, "apps": ["desk"], "desk_policy": policy}
    c = Config()
    entry = register(c, **external)
    with pytest.raises(RegistrationError, match="cannot set DESK_ADMINS"):
        register(Config(), **external, desk_admins=["ada"])

    assert "environment" not in entry
    scopes = {role["name"]: role["scopes"] for role in JupyterHub(config=c).load_roles}
    assert "custom:desk:tickets:delete" not in scopes["desk-support"]
