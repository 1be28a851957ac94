"""Does what a token holds cover what a route needs? JupyterHub's scopes with their filters.

A scope is `base` or `base!filter=value`. Held scopes come from the Hub expanded, so no scope implies another of a
different base. Where upstream's `jupyterhub.services.auth.check_scopes` has an answer on one, ours is the same; it has
none for group filters (it may not look up members; we know the owner's groups) and for the short forms `!user`,
`!server`, `!group` and `!service`, which stand for the token's owner.
Source: `jupyterhub/scopes.py`, `_intersect_expanded_scopes`; https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Mode = Literal["all", "any"]


@lru_cache(maxsize=1024)  # routes need the same few again and again
def split(scope: str) -> tuple[str, str, str]:
    """Split into base, filter and value; filter and value are empty where there is none."""
    base, _, narrowing = scope.partition("!")
    kind, _, value = narrowing.partition("=")
    return base, kind, value


class ScopeSet:
    """The scopes that one token holds, and what is known of its owner: `kind`, `name` and `groups`."""

    __slots__ = ("_by_base", "_groups", "_kind", "_name")

    def __init__(self, scopes: Iterable[str], *, kind: str, name: str, groups: Iterable[str] = ()) -> None:
        self._kind = kind
        self._name = name
        self._groups = frozenset(groups)
        self._by_base: dict[str, set[tuple[str, str]]] = {}
        for scope in scopes:
            base, filter_, value = split(scope)
            self._by_base.setdefault(base, set()).add((filter_, value))

    def missing(self, needed: Iterable[str], *, mode: Mode = "all") -> tuple[str, ...]:
        """Return the needed scopes that are not covered; with `any`, none as soon as one is covered.

        An empty `needed` is covered in mode `all`. In mode `any` nobody can satisfy it: ask `covers_any` there.
        """
        missing = []
        for scope in needed:
            if self.covers(scope):
                if mode == "any":
                    return ()
            else:
                missing.append(scope)
        return tuple(missing)

    def covers_any(self, needed: Iterable[str]) -> bool:
        """Whether at least one of `needed` is covered; never for an empty one, so that nothing known means closed."""
        for scope in needed:  # noqa: SIM110 - this runs on every request, and a generator takes twice as long
            if self.covers(scope):
                return True
        return False

    def covers(self, needed: str) -> bool:
        """Whether some held scope allows at least what `needed` does."""
        base, filter_, value = split(needed)
        held = self._by_base.get(base)
        if not held:
            return False
        if ("", "") in held or (value and (filter_, value) in held):
            return True
        if not filter_:
            return False
        if not value:
            return self._covers_own(held, filter_)
        if filter_ == "server":
            return self._covers_user(held, value.partition("/")[0])
        return filter_ == "user" and self._covers_user(held, value)

    def _covers_own(self, held: set[tuple[str, str]], filter_: str) -> bool:
        """Resolve a short form for the token's owner."""
        if filter_ == "service":
            return self._kind == "service" and ("service", self._name) in held
        if self._kind != "user":
            return False
        if filter_ == "user":
            return self._covers_user(held, self._name)
        if filter_ == "server":
            own = f"{self._name}/"
            return self._covers_user(held, self._name) or any(
                kind == "server" and value.startswith(own) for kind, value in held
            )
        return filter_ == "group" and any(("group", group) in held for group in self._groups)

    def _covers_user(self, held: set[tuple[str, str]], user: str) -> bool:
        """Whether all of a user's things are covered: by name, or by a group that the owner, if it is them, is in."""
        if ("user", user) in held:
            return True
        is_owner = self._kind == "user" and user == self._name
        return is_owner and any(("group", group) in held for group in self._groups)
