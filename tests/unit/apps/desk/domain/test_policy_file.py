"""The file that DESK_POLICY names: what it changes, what is refused, and that the documentation prints the rights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.apps.desk.domain.policy import GRANTS, Permission, Role
from service.apps.desk.domain.policy_file import as_table, changed, read_policy
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "desk.md"


def test_rights_are_taken_and_given() -> None:
    """A role loses and gains what the file says; names may have the prefix of their scope. Other roles stay."""
    told = {"support": {"take": ["tickets:delete"]}, "manager": {"give": ["custom:desk:audit:read"]}}
    after = changed(GRANTS, told)

    assert after == {
        Role.SUPPORT: GRANTS[Role.SUPPORT] - {Permission.TICKETS_DELETE},
        Role.MANAGER: GRANTS[Role.MANAGER] | {Permission.AUDIT_READ},
        Role.ADMIN: GRANTS[Role.ADMIN],
    }


def test_a_right_that_nobody_has() -> None:
    """A right can be taken from all roles."""
    after = changed(GRANTS, {role: {"take": ["tickets:delete"]} for role in Role})

    assert [role for role in Role if Permission.TICKETS_DELETE in after[role]] == []


REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a role that there is not": ({"boss": {}}, "there is no role 'boss', only support, manager, admin"),
    "a permission that there is not": (
        {"admin": {"take": ["tickets:burn"]}},
        "[admin] there is no permission 'tickets:burn'",
    ),
    "another word": ({"admin": {"grant": []}}, "[admin] may say give and take, and nothing else"),
    "no table": ({"admin": ["tickets:read"]}, "[admin] may say give and take, and nothing else"),
    "no list": ({"admin": {"take": "tickets:read"}}, "[admin] give and take must be lists of names"),
    "no name": ({"admin": {"take": [1]}}, "[admin] give and take must be lists of names"),
    "both": (
        {"admin": {"take": ["audit:read"], "give": ["audit:read"]}},
        "[admin] gives and takes audit:read",
    ),
    "more than a larger role": (
        {"support": {"give": ["audit:read"]}},
        "support would have audit:read, and manager would not: a larger role must have all rights of a smaller one",
    ),
    "less than a smaller role": (
        {"admin": {"take": ["tickets:read"]}},
        "manager would have tickets:read, and admin would not: a larger role must have all rights of a smaller one",
    ),
}


@pytest.mark.parametrize(("told", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(told: Mapping[str, Any], says: str) -> None:
    """A file with a mistake, or by which a larger role would lack a smaller one's right, is refused in a sentence."""
    with pytest.raises(ValueError, match=r"must|may|there is no|gives and takes") as refused:
        changed(GRANTS, told)

    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "the file cannot be read: No such file or directory"), (b"[support", "the file is not TOML: ")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, says: str) -> None:
    """A file that is missing, or is not TOML, is refused."""
    path = tmp_path / "policy.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=says):
        read_policy(str(path))


# The documentation


def test_the_documentation_has_the_table() -> None:
    """docs/desk.md prints the rights exactly as `desk rights` does."""
    assert as_table(GRANTS) in DOCUMENT.read_text()


def test_a_file_of_the_documentation(tmp_path: Path) -> None:
    """docs/desk.md prints the lines of the table that its file changes, and no others."""
    (file,) = blocks(DOCUMENT, "toml")
    path = tmp_path / file.title
    path.write_text(file.code)
    usual = as_table(GRANTS).splitlines()
    different = [line for line in as_table(read_policy(str(path))).splitlines() if line not in usual]
    _, table, *_ = DOCUMENT.read_text().partition(f"{file.code}```\n\n")[2].split("\n\n")
    printed = [line for line in table.splitlines() if "custom:" in line]

    assert different == printed != []
