"""The operator's changes to the rights of roles: a TOML file, named by DESK_POLICY.

    [support]
    take = ["tickets:delete"]
    give = ["employees:update"]

Standard library only: the Hub's process reads the file, too, because the Hub keeps the roles.
"""

import tomllib
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from service.apps.desk.domain.policy import GRANTS, MEANINGS, Grants, Permission, Role

_PREFIX = "custom:desk:"


def read_policy(path: str) -> Grants:
    """Return the rights of each role, with the file's changes.

    Raises:
        ValueError: the file cannot be read, or is not valid. The text says why, in a sentence.
    """
    try:
        told = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    except ValueError as error:  # TOML's own, and a wrong encoding
        raise ValueError(f"the file is not TOML: {error}") from None
    return changed(GRANTS, told)


def changed(grants: Grants, told: Mapping[str, Any]) -> Grants:
    """Return the rights after the changes in `told`: `give` and `take` by role. Raises ValueError if one is not valid.

    Each role must keep all rights of the smaller ones. A change of a person's role relies on that: it gives the new
    role before it takes the old one.
    """
    if unknown := sorted(told.keys() - {*Role}):
        raise ValueError(f"there is no role {unknown[0]!r}, only {', '.join(Role)}")
    after = {role: _of_role(role, grants[role], told.get(role, {})) for role in Role}
    for smaller, larger in pairwise(Role):
        if missing := sorted(after[smaller] - after[larger]):
            raise ValueError(
                f"{smaller} would have {missing[0].removeprefix(_PREFIX)}, and {larger} would not: "
                "a larger role must have all rights of a smaller one"
            )
    return after


def as_table(grants: Grants) -> str:
    """Return the rights as a table in Markdown: each permission, and the smallest role that has it."""
    rows = [
        ["permission", "", "smallest role"],
        ["---"] * 3,
        *(
            [f"`{permission}`", meaning, next((role for role in Role if permission in grants[role]), "none")]
            for permission, meaning in MEANINGS.items()
        ),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows).replace("|  |", "| |")


def _of_role(role: Role, held: frozenset[Permission], told: object) -> frozenset[Permission]:
    if not isinstance(told, Mapping) or told.keys() - {"give", "take"}:
        raise ValueError(f"[{role}] may say give and take, and nothing else")
    given, taken = (_permissions(role, told.get(word, [])) for word in ("give", "take"))
    if both := sorted(given & taken):
        raise ValueError(f"[{role}] gives and takes {both[0].removeprefix(_PREFIX)}")
    return (held | given) - taken


def _permissions(role: Role, names: object) -> frozenset[Permission]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"[{role}] give and take must be lists of names")
    known = {permission.removeprefix(_PREFIX): permission for permission in Permission}
    if unknown := [name for name in names if name.removeprefix(_PREFIX) not in known]:
        raise ValueError(f"[{role}] there is no permission {unknown[0]!r}")
    return frozenset(known[name.removeprefix(_PREFIX)] for name in names)
