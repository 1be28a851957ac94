"""The rights that users, their browsers and their notebooks need at the Hub to use the service.

The functions are pure. They add what the manifests of the applications ask for to the configuration of the Hub, and
keep everything in it. Facts about the Hub are from the source of JupyterHub 5.5.0 and 6.1.1 (`app.py`, `user.py`,
`roles.py`), and are true for both unless a comment says otherwise.
"""

import asyncio
import concurrent.futures
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Any

from service.registration import manifest

Role = Mapping[str, Any]
TokenScopes = Sequence[str] | Callable[[Any], Any]

MANAGE_USERS = ("admin:users",)  # to create users; the Hub has no smaller scope for it
_MEMBERS = ("users", "groups", "services")
_FIRST_WITH_EXTRA_USER_SCOPES = 6  # the Hub's major version


@dataclass(frozen=True, kw_only=True)
class Rights:
    """What all manifests together ask of the Hub. In a manifest, the same names are in capitals."""

    custom_scopes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    user_scopes: Sequence[str] = ()
    roles: Sequence[Role] = ()
    groups: Sequence[str] = ()
    service_scopes: Sequence[str] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    reads: Sequence[str] = ()

    @property
    def carried(self) -> list[str]:
        """The scopes that a token may carry in addition to access, if the roles of its owner have them."""
        # An operator's role may give a scope that no role of ours has. The service's own scope is left out: it is for
        # programs such as Prometheus, with tokens of their own. Besides, the Hub logs a warning when somebody signs in
        # who lacks a scope of this list; without applications nobody should cause one.
        of_applications = (scope for scope in self.custom_scopes if scope not in manifest.CUSTOM_SCOPES)
        return union(self.user_scopes, *(role.get("scopes", ()) for role in self.roles), of_applications)


def rights_of(manifests: Iterable[object], told: Mapping[str, str] = MappingProxyType({})) -> Rights:
    """Combine manifests: modules with some of CUSTOM_SCOPES, USER_SCOPES, ROLES, GROUPS, SERVICE_SCOPES, OPTIONS.

    OPTIONS maps a keyword of `register()` to a setting of the service. A manifest whose rights depend on settings has
    READS, the names of these settings, and `configured(told)`, which returns an object with the attributes that differ.
    `told`: the settings of the service.

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
    """Return the scope that gives access to the service."""
    return f"access:services!service={name}"


def itself_scope(name: str) -> str:
    """Return the scope with which the service can read its own registration."""
    return f"read:services!service={name}"


def server_scopes(rights: Rights, *, name: str) -> list[str]:
    """Return the scopes that the token of a notebook may carry."""
    return union([access_scope(name)], rights.carried)


def own_roles(rights: Rights, *, name: str, grant: Sequence[str] | None) -> list[Role]:
    """Return our roles: those of the applications, of the service itself, and of the groups that may use it.

    The Hub creates the groups that a role names, even if the authenticator manages groups.
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
    """Return the new values of traits of `c.JupyterHub`.

    Args:
        present: the present values of `load_roles`, `load_groups`, `custom_scopes` and `extra_user_scopes`.
        rights: what the manifests ask for.
        name: the name of the service.
        grant: the groups that may use the service. None means all users.
        hub: the Hub's major version.
        default_scopes: the scopes of the Hub's default roles `user` and `server`, by name.
        groups_are_managed: whether the authenticator decides who is in which group (`Authenticator.manage_groups`).
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
    # JUPYTERHUB_API_TOKEN of a notebook gets those scopes of this role that its user has.
    server = {"name": "server", "scopes": server_scopes(rights, name=name)}
    return {
        "load_roles": with_role(roles, server, default_scopes["server"]),
        "load_groups": _with_groups(present["load_groups"], rights, groups_are_managed=groups_are_managed),
        "custom_scopes": {**rights.custom_scopes, **present["custom_scopes"]},
        "extra_user_scopes": extra,
    }


def with_role(roles: Sequence[Role], role: Role, default_scopes: Sequence[str] = ()) -> list[Role]:
    """Return `roles` with a role added. If there is one of the same name, the two are merged: the Hub allows only one.

    `default_scopes` are the scopes that the Hub gives the role if it sets none.
    """
    for position, present in enumerate(roles):
        if present.get("name") == role["name"]:
            members = {kind: union(present.get(kind, ()), role[kind]) for kind in _MEMBERS if kind in role}
            scopes = union(present.get("scopes", default_scopes), role.get("scopes", ()))
            return [*roles[:position], {**present, **members, "scopes": scopes}, *roles[position + 1 :]]
    return [*roles, {**role, "scopes": union(default_scopes, role.get("scopes", ()))}]


def with_token_scopes(present: TokenScopes, scopes: Sequence[str]) -> TokenScopes:
    """Return `Spawner.server_token_scopes`, a list or a callable, with `scopes` added.

    An empty list stays empty: it means the scopes of the role `server`.
    """
    if callable(present):
        return _extended(present, scopes)
    return union(present, scopes) if present else present


def union(*many: Iterable[str]) -> list[str]:
    """Return all items without duplicates, in order."""
    return list(dict.fromkeys(chain.from_iterable(many)))


def _sets_user_scopes(roles: Iterable[Role]) -> bool:
    # With such a role, Hub 6 ignores extra_user_scopes. It does not if the role sets no scopes.
    return any(role.get("name") == "user" and "scopes" in role for role in roles)


def _with_groups(present: Mapping[str, Any], rights: Rights, *, groups_are_managed: bool) -> dict[str, Any]:
    """Return `load_groups` with our groups added, without members.

    `JupyterHub.init_groups` only adds: it creates missing groups, and adds the users that are listed. A listed user who
    was removed from a group would be in it again after every restart, so we list none. With `manage_groups` the Hub
    does not start if load_groups is set, but it creates the groups that roles name.
    """
    in_roles = {group for role in rights.roles for group in role.get("groups", ())}
    missing = [] if groups_are_managed else [group for group in rights.groups if group not in in_roles]
    return {**{group: {"users": []} for group in missing}, **present}


def _extended(present: Callable[[Any], Any], scopes: Sequence[str]) -> Callable[[Any], Any]:
    async def server_token_scopes(spawner: object) -> list[str]:
        """Call the callable as the Hub would; it awaits what the callable returns (`utils.maybe_future`)."""
        found = present(spawner)
        if isinstance(found, concurrent.futures.Future):
            found = asyncio.wrap_future(found)
        if inspect.isawaitable(found):
            found = await found
        return union(found, scopes) if found else []

    return server_token_scopes
