"""Scopes as the Hub keeps them: with those that they include, and with the name of their owner."""

from collections.abc import Iterable

INCLUDED = {  # jupyterhub/scopes.py, scope_definitions; the Hub alone knows what custom scopes include
    "admin:groups": ("groups", "read:roles:groups", "delete:groups"),
    "admin:servers": ("admin:server_state", "servers"),
    "admin:services": ("list:services", "read:services", "read:roles:services"),
    "admin:users": ("admin:auth_state", "users", "read:roles:users", "delete:users"),
    "groups": ("read:groups", "list:groups"),
    "groups:shares": ("read:groups:shares",),
    "list:groups": ("read:groups:name",),
    "list:services": ("read:services:name",),
    "list:users": ("read:users:name",),
    "read:groups": ("read:groups:name",),
    "read:roles": ("read:roles:users", "read:roles:services", "read:roles:groups"),
    "read:servers": ("read:users:name",),
    "read:services": ("read:services:name",),
    "read:users": ("read:users:name", "read:users:groups", "read:users:activity"),
    "servers": ("read:servers", "start:servers", "delete:servers"),
    "shares": ("access:servers", "read:shares", "users:shares", "groups:shares"),
    "tokens": ("read:tokens",),
    "users": ("read:users", "list:users", "users:activity"),
    "users:activity": ("read:users:activity",),
    "users:shares": ("read:users:shares",),
}
OWN = (  # the metascope `self` (jupyterhub/scopes.py, _expand_self_scope)
    "access:servers",
    "read:shares",
    "read:users",
    "servers",
    "tokens",
    "users:activity",
    "users:shares",
)


def expanded(scopes: Iterable[str], *, kind: str, name: str) -> frozenset[str]:
    """Return scopes and those that they include, of which `!user` or `!service` now names the owner (expand_scopes)."""
    found: set[str] = set()
    for scope in scopes:
        base, mark, narrowing = scope.partition("!")
        found.add(f"{scope}={name}" if narrowing == kind else scope)
        found |= expanded((f"{each}{mark}{narrowing}" for each in INCLUDED.get(base, ())), kind=kind, name=name)
    return frozenset(found)


def own_scopes(name: str) -> frozenset[str]:
    """Return the scopes of a user's token, at a Hub that gives all users access to its services."""
    return expanded(("access:services", *(f"{scope}!user" for scope in OWN)), kind="user", name=name)
