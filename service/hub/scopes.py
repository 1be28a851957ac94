"""Whether the scopes of a token cover the scopes that a route requires, filters included.

A scope is `base` or `base!filter=value`. The Hub sends the scopes of a token expanded, so no scope implies another with
a different base. Results are those of `jupyterhub.services.auth.check_scopes`. Unlike it, this also handles group
filters, by the groups of the token's owner, and the short forms `!user`, `!server`, `!group` and `!service`, which
stand for the owner.
Source: `jupyterhub/scopes.py`, `_intersect_expanded_scopes`; https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Mode = Literal["all", "any"]
"""Whether a token must hold all scopes of a list, or one of them."""


def several(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of which one may have been given as a text: that is one name, and not its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


@lru_cache(maxsize=1024)  # routes require the same few scopes again and again
def split(scope: str) -> tuple[str, str, str]:
    """Split a scope into base, filter and value. Filter and value are empty if there is none."""
    base, _, narrowing = scope.partition("!")
    kind, _, value = narrowing.partition("=")
    return base, kind, value


class ScopeSet:
    """The scopes of one token, with its owner's `kind`, `name` and `groups`."""

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
        """Return the needed scopes that are not covered. With mode "any", return none if one of them is covered.

        With an empty `needed` nothing is missing. Use `covers_any` where that must mean that nobody has access.
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
        """Whether at least one of `needed` is covered. False if it is empty: a missing setting denies access."""
        for scope in needed:  # noqa: SIM110 - this runs on every request, and a generator takes twice as long
            if self.covers(scope):
                return True
        return False

    def covers(self, needed: str) -> bool:
        """Whether one of the scopes allows at least what `needed` allows."""
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
        """Whether everything of a user is covered: by name, or by a group if the user is the owner and a member."""
        if ("user", user) in held:
            return True
        is_owner = self._kind == "user" and user == self._name
        return is_owner and any(("group", group) in held for group in self._groups)
