"""Any scopes of a Hub can be compared, and more scopes never mean less access."""

from hypothesis import given
from hypothesis import strategies as st

from service.hub.scopes import ScopeSet, split

PIECES = ["access:services", "custom:x", "!", "=", "user", "server", "group", "service", "a", "a/", "/", "b", ":"]
SCOPES = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=12)
KINDS = st.sampled_from(["user", "service"])


def is_short_form(scope: str) -> bool:
    """Return whether a scope has a filter without a value, which stands for nobody in a token."""
    _, filter_, value = split(scope)
    return bool(filter_) and not value


@given(st.lists(SCOPES, max_size=5), SCOPES, KINDS)
def test_a_scope_covers_itself(scopes: list[str], needed: str, kind: str) -> None:
    """A scope covers itself and, without a filter, everything with its base. No scopes cover nothing."""
    held = ScopeSet(scopes, kind=kind, name="a", groups=["g"])

    assert all(held.covers(scope) for scope in scopes if not is_short_form(scope))
    assert ScopeSet([split(needed)[0]], kind=kind, name="a").covers(needed)
    assert not ScopeSet([], kind=kind, name="a", groups=["g"]).covers(needed)


@given(st.lists(SCOPES, max_size=4), st.lists(SCOPES, max_size=3), SCOPES, KINDS)
def test_more_scopes_never_mean_less(scopes: list[str], more: list[str], needed: str, kind: str) -> None:
    """What some scopes cover, they also cover together with others."""
    some = ScopeSet(scopes, kind=kind, name="a", groups=["g"])
    all_ = ScopeSet([*scopes, *more], kind=kind, name="a", groups=["g"])

    assert all_.covers(needed) >= some.covers(needed)


@given(SCOPES, SCOPES, KINDS)
def test_another_base_is_never_covered(held: str, needed: str, kind: str) -> None:
    """No scope covers one with another base, because the Hub sends them expanded."""
    covers = ScopeSet([held], kind=kind, name="a", groups=["g"]).covers(needed)

    assert not covers or split(held)[0] == split(needed)[0]
