"""What the desk needs from a Hub."""

import subprocess
import sys

import pytest

from service.apps.desk import manifest
from service.apps.desk.domain.policy import GRANTS, Permission, Role
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
