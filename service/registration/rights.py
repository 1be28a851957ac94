"""What the Hub must be told so that people, their browsers and their notebooks may use the service.

Pure: from what a jupyterhub_config.py says and what the applications' manifests ask, to what it says then. Nothing that
is there gets lost. Facts about the Hub are from the source of JupyterHub 5.5.0 and 6.1.1 (`app.py`, `user.py`,
`roles.py`) and hold for both unless a comment says otherwise.
"""

import asyncio
import concurrent.futures
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Any

Role = Mapping[str, Any]
TokenScopes = Sequence[str] | Callable[[Any], Any]

MANAGE_USERS = ("admin:users",)  # to make users; the Hub has no smaller scope for that
_MEMBERS = ("users", "groups", "services")
_FIRST_WITH_EXTRA_USER_SCOPES = 6  # the Hub's major version


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What the applications' manifests ask of the Hub, together; a manifest's attributes are the same in capitals."""

    custom_scopes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    user_scopes: Sequence[str] = ()
    roles: Sequence[Role] = ()
    groups: Sequence[str] = ()
    service_scopes: Sequence[str] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    reads: Sequence[str] = ()

    @property
    def carried(self) -> list[str]:
        """The scopes that a token may carry beyond access. Who has them is for the roles to say: no token gets more."""
        return union(self.user_scopes, *(role.get("scopes", ()) for role in self.roles))


def rights_of(manifests: Iterable[object], told: Mapping[str, str] = MappingProxyType({})) -> Rights:
    """Read and join manifests: modules with some of CUSTOM_SCOPES, USER_SCOPES, ROLES, GROUPS, SERVICE_SCOPES, OPTIONS.

    OPTIONS are keywords of `register()`, each with the setting of the service that it becomes. A manifest whose rights
    depend on settings has READS, the names of these settings, and `configured(told)`, which returns an object with the
    attributes that differ. `told`: the settings of the service.

    Raises:
        ValueError: `configured` finds a setting wrong.
    """
    parts = [(module.configured(told) if hasattr(module, "configured") else None, module) for module in manifests]

    def each(name: str, default: Any) -> list[Any]:  # noqa: ANN401
        return [getattr(special, name, getattr(module, name, default)) for special, module in parts]

    return Rights(
        custom_scopes={k: v for scopes in each("CUSTOM_SCOPES", {}) for k, v in scopes.items()},
        user_scopes=union(*each("USER_SCOPES", ())),
        roles=list(chain(*each("ROLES", ()))),
        groups=union(*each("GROUPS", ())),
        service_scopes=union(*each("SERVICE_SCOPES", ())),
        options={k: v for options in each("OPTIONS", {}) for k, v in options.items()},
        reads=tuple(union(*each("READS", ()))),
    )


def access_scope(name: str) -> str:
    """Name the scope that lets its holder use the service."""
    return f"access:services!service={name}"


def itself_scope(name: str) -> str:
    """Name the scope that lets the service read how it is registered."""
    return f"read:services!service={name}"


def server_scopes(rights: Rights, *, name: str) -> list[str]:
    """List what a notebook's token may carry."""
    return union([access_scope(name)], rights.carried)


def own_roles(rights: Rights, *, name: str, grant: Sequence[str] | None) -> list[Role]:
    """List the roles that are ours: the applications', the service's own, and that of the groups which may use it.

    The Hub makes the groups that a role names itself, whether the authenticator manages groups or not.
    """
    roles = list(rights.roles)
    if grant is not None:
        users = {"name": f"{name}-users", "description": f"Use the service {name}", "groups": list(grant)}
        roles.append({**users, "scopes": [access_scope(name), *rights.user_scopes]})
    if rights.service_scopes:
        service = {"name": f"{name}-service", "description": f"The service {name} itself", "services": [name]}
        roles.append({**service, "scopes": list(rights.service_scopes)})
    return roles


def with_rights(
    present: Mapping[str, Any],
    rights: Rights,
    *,
    name: str,
    grant: Sequence[str] | None,
    hub: int,
    default_scopes: Mapping[str, Sequence[str]],
    groups_are_managed: bool,
) -> dict[str, Any]:
    """Say what `c.JupyterHub` shall have, given what is `present` in it.

    Args:
        present: `load_roles`, `load_groups`, `custom_scopes` and `extra_user_scopes`, each present and plain.
        rights: what the applications ask.
        name: the service's.
        grant: the groups that may use the service; None for all users.
        hub: the Hub's major version.
        default_scopes: role name -> scopes, of the Hub's default roles `user` and `server`.
        groups_are_managed: the authenticator says who is in which group (`Authenticator.manage_groups`).
    """
    everyone = [access_scope(name), *rights.user_scopes]
    roles: list[Role] = list(present["load_roles"])
    extra = set(present["extra_user_scopes"])
    for role in own_roles(rights, name=name, grant=grant):
        roles = with_role(roles, role)
    if grant is None and hub >= _FIRST_WITH_EXTRA_USER_SCOPES and not _sets_user_scopes(roles):
        extra.update(everyone)
    elif grant is None:
        roles = with_role(roles, {"name": "user", "scopes": everyone}, default_scopes["user"])
    # A notebook's JUPYTERHUB_API_TOKEN asks for the scopes of this role, and gets those of them that its user has.
    server = {"name": "server", "scopes": server_scopes(rights, name=name)}
    return {
        "load_roles": with_role(roles, server, default_scopes["server"]),
        "load_groups": _with_groups(present["load_groups"], rights, groups_are_managed=groups_are_managed),
        "custom_scopes": {**rights.custom_scopes, **present["custom_scopes"]},
        "extra_user_scopes": extra,
    }


def with_role(roles: Sequence[Role], role: Role, default_scopes: Sequence[str] = ()) -> list[Role]:
    """Add a role. One of the same name, which the Hub would not take twice, keeps what it has and gains what is new.

    `default_scopes` are what the Hub gives the role where no `scopes` are set.
    """
    for position, present in enumerate(roles):
        if present.get("name") == role["name"]:
            members = {kind: union(present.get(kind, ()), role[kind]) for kind in _MEMBERS if kind in role}
            scopes = union(present.get("scopes", default_scopes), role.get("scopes", ()))
            return [*roles[:position], {**present, **members, "scopes": scopes}, *roles[position + 1 :]]
    return [*roles, {**role, "scopes": union(default_scopes, role.get("scopes", ()))}]


def with_token_scopes(present: TokenScopes, scopes: Sequence[str]) -> TokenScopes:
    """Add to `Spawner.server_token_scopes`, a list or a callable; empty, it means those of the role `server`."""
    if callable(present):
        return _asking(present, scopes)
    return union(present, scopes) if present else present


def union(*many: Iterable[str]) -> list[str]:
    """Everything once, in the order of first mention."""
    return list(dict.fromkeys(chain.from_iterable(many)))


def _sets_user_scopes(roles: Iterable[Role]) -> bool:
    # With such a role Hub 6 ignores extra_user_scopes; with one that sets no scopes it does not.
    return any(role.get("name") == "user" and "scopes" in role for role in roles)


def _with_groups(present: Mapping[str, Any], rights: Rights, *, groups_are_managed: bool) -> dict[str, Any]:
    """Add groups without members, which leaves those alone that people have been given meanwhile.

    `JupyterHub.init_groups` only ever adds: it makes the group where it is missing, and puts in those users that are
    listed. Listed users would be back in the group after every restart, whoever had taken them out; so none are.
    With `manage_groups` the Hub refuses to start if load_groups says anything; groups in roles it makes all the same.
    """
    in_roles = {group for role in rights.roles for group in role.get("groups", ())}
    missing = [] if groups_are_managed else [group for group in rights.groups if group not in in_roles]
    return {**{group: {"users": []} for group in missing}, **present}


def _asking(present: Callable[[Any], Any], scopes: Sequence[str]) -> Callable[[Any], Any]:
    async def server_token_scopes(spawner: object) -> list[str]:
        """Ask what the Hub would have asked; it awaits whatever a callable here returns (`utils.maybe_future`)."""
        asked = present(spawner)
        if isinstance(asked, concurrent.futures.Future):
            asked = asyncio.wrap_future(asked)
        if inspect.isawaitable(asked):
            asked = await asked
        return union(asked, scopes) if asked else []

    return server_token_scopes
