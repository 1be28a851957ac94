"""Which scopes cover which needed scopes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyterhub.services.auth import check_scopes

from service.hub.scopes import ScopeSet, split

ACCESS = {"access:services", "access:services!service=x"}

# jupyterhub.services.auth.check_scopes, as measured on 6.1.1; where it has no answer, ours stands.
TABLE = [
    pytest.param(ACCESS, {"access:services"}, True, id="all services"),
    pytest.param(ACCESS, {"access:services!service=x"}, True, id="this service"),
    pytest.param(ACCESS, {"access:services!service=other"}, False, id="another service"),
    pytest.param(ACCESS, {"access:servers!user=x"}, False, id="another base"),
    pytest.param({"access:services"}, {"access:services!service=x"}, False, id="narrower than needed"),
    pytest.param({"access:servers!server=a/b"}, {"access:servers!user=a"}, True, id="a user's servers are theirs"),
    pytest.param({"access:servers!server=a/"}, {"access:servers!user=a"}, True, id="the default server too"),
    pytest.param({"access:servers!server=ab/c"}, {"access:servers!user=a"}, False, id="a name that only begins so"),
    pytest.param({"access:servers!user=a"}, {"access:servers!server=a/b"}, False, id="a server is not its user"),
    pytest.param({"access:servers!server=a/b"}, {"access:servers!server=a/b"}, True, id="the same server"),
    pytest.param({"access:servers!server=a/b"}, {"access:servers!server=a/c"}, False, id="another server"),
    pytest.param({"custom:x:read!user=a"}, {"custom:x:read"}, True, id="wider than needed"),
    pytest.param({"custom:x:read!user=a"}, {"custom:x:read!user=b"}, False, id="another user"),
    pytest.param({"custom:x!group=g"}, {"custom:x!group=g"}, True, id="the same group"),
    pytest.param({"custom:x!group=g"}, {"custom:x!group=h"}, False, id="another group"),
    pytest.param({"read:users:name"}, {"read:users"}, False, id="no sub-scopes: the Hub sends them expanded"),
    pytest.param({"custom:x"}, {"custom:x:read"}, False, id="no super-scopes"),
    pytest.param(set(), {"access:services"}, False, id="nothing known means closed"),
    pytest.param(ACCESS, set(), False, id="nothing held"),
]


@pytest.mark.parametrize(("needed", "held", "expected"), TABLE)
def test_one_needed_scope_must_be_covered(needed: set[str], held: set[str], expected: bool) -> None:  # noqa: FBT001
    """One of the needed scopes gives access, and nothing else does."""
    assert ScopeSet(held, kind="user", name="somebody").covers_any(needed) is expected


@pytest.mark.parametrize(("needed", "held", "expected"), TABLE)
def test_the_table_is_upstreams(needed: set[str], held: set[str], expected: bool) -> None:  # noqa: FBT001
    """JupyterHub's own function returns the same."""
    assert bool(check_scopes(needed, held)) is expected


BASES = ["access:services", "access:servers", "custom:x", "custom:x:read"]
OWN_THINGS = ["", "!user=a", "!user=b", "!server=a/", "!server=a/x", "!server=b/x", "!server=ab/x", "!service=x"]
GROUP_THINGS = ["", "!group=g", "!group=h", "!service=x", "!service=y"]


def scope_sets(filters: list[str]) -> st.SearchStrategy[set[str]]:
    """Return a strategy for sets of scopes with these filters."""
    return st.sets(st.builds(str.__add__, st.sampled_from(BASES), st.sampled_from(filters)), max_size=6)


@given(st.sampled_from([OWN_THINGS, GROUP_THINGS]).flatmap(lambda f: st.tuples(scope_sets(f), scope_sets(f))))
@settings(max_examples=100)
def test_results_are_those_of_upstream(sets: tuple[set[str], set[str]]) -> None:
    """For each needed scope JupyterHub's own function returns the same, except for groups beside users.

    Of several at once it may say no where it says yes to one of them: `x` hides `x!server=a/`, which `x!user=a` covers.
    """
    needed, scopes = sets
    held = ScopeSet(scopes, kind="user", name="a", groups=["g"])
    covered = {scope for scope in needed if check_scopes({scope}, scopes)}

    assert set(held.missing(needed)) == needed - covered
    assert held.covers_any(needed) == bool(covered)
    assert held.covers_any(needed) >= bool(check_scopes(needed, scopes))


@pytest.mark.parametrize(
    ("needed", "held", "expected"),
    [
        pytest.param("x!user=me", "x!group=g", True, id="the owner is in the group"),
        pytest.param("x!server=me/lab", "x!group=g", True, id="the owner's server, in the group"),
        pytest.param("x!user=me", "x!group=h", False, id="the owner is not in the group"),
        pytest.param("x!group=me", "x!user=me", False, id="a group named like the owner"),
        pytest.param("x!user=you", "x!group=g", False, id="another, whose groups we do not know"),
        pytest.param("x!server=you/lab", "x!group=g", False, id="another's server"),
        pytest.param("x!server=me2/lab", "x!group=g", False, id="another whose name begins alike"),
        pytest.param("x!user", "x", True, id="!user, unfiltered"),
        pytest.param("x!user", "x!user=me", True, id="!user, the owner"),
        pytest.param("x!user", "x!user=you", False, id="!user, another"),
        pytest.param("x!user", "x!group=g", True, id="!user, by group"),
        pytest.param("x!user", "x!server=me/lab", False, id="!user, a server only"),
        pytest.param("x!server", "x!server=me/lab", True, id="!server, one of the owner's"),
        pytest.param("x!server", "x!user=me", True, id="!server, the owner"),
        pytest.param("x!server", "x!group=g", True, id="!server, by group"),
        pytest.param("x!server", "x!server=you/lab", False, id="!server, another's"),
        pytest.param("x!server", "x!server=me2/lab", False, id="!server, of a name that begins alike"),
        pytest.param("x!group", "x!group=g", True, id="!group, one of the owner's"),
        pytest.param("x!group", "x!group=h", False, id="!group, another"),
        pytest.param("x!group", "x!user=me", False, id="!group, the owner only"),
        pytest.param("x!service", "x!service=me", False, id="!service, of a user"),
        pytest.param("x!user=", "x!user", False, id="held short forms stand for nobody"),
        pytest.param("x!nonsense", "x!user=me", False, id="an unknown short form"),
    ],
)
def test_what_upstream_leaves_open_is_resolved_for_the_tokens_owner(needed: str, held: str, expected: bool) -> None:  # noqa: FBT001
    """Short forms stand for the owner. Group filters are resolved by the owner's groups, which the Hub's model has."""
    assert ScopeSet([held], kind="user", name="me", groups=["g"]).covers(needed) is expected


@pytest.mark.parametrize(
    ("needed", "held", "expected"),
    [
        pytest.param("x!service", "x!service=me", True, id="!service"),
        pytest.param("x!service", "x!service=other", False, id="!service, another"),
        pytest.param("x!user", "x!user=me", False, id="!user: a user of the service's name"),
        pytest.param("x!server", "x!server=me/lab", False, id="!server of that user"),
        pytest.param("x!group", "x!group=g", False, id="!group: services are in none"),
        pytest.param("x!user=me", "x!group=g", False, id="nor do groups stand for its namesake"),
    ],
)
def test_a_service_is_not_a_user_of_the_same_name(needed: str, held: str, expected: bool) -> None:  # noqa: FBT001
    """What stands for a user never stands for a service."""
    assert ScopeSet([held], kind="service", name="me", groups=["g"]).covers(needed) is expected


def test_all_needed_scopes_are_asked_for_unless_any_will_do() -> None:
    """`missing` names what is not covered, in the order asked; with mode any, nothing once one is covered."""
    held = ScopeSet(["a", "b!user=me"], kind="user", name="me")

    assert held.missing(["c", "a", "b"]) == ("c", "b")
    assert held.missing(["a", "b!user=me"]) == ()
    assert held.missing(["c", "a"], mode="any") == ()
    assert held.missing(["c", "b"], mode="any") == ("c", "b")


@pytest.mark.parametrize(
    ("scope", "parts"),
    [
        ("access:services", ("access:services", "", "")),
        ("access:services!service=x", ("access:services", "service", "x")),
        ("custom:x!user", ("custom:x", "user", "")),
        ("custom:x!user=a=b!c", ("custom:x", "user", "a=b!c")),
        ("", ("", "", "")),
    ],
)
def test_a_scope_is_base_filter_and_value(scope: str, parts: tuple[str, str, str]) -> None:
    """A scope splits at its first ! and =; a user name may contain either."""
    assert split(scope) == parts


@pytest.mark.parametrize(
    ("held", "needed"),
    [("custom:x!group=ada/team", "custom:x!server"), ("custom:x!group=staff", "custom:x!role")],
    ids=["a group that is named like a server", "a filter that nobody knows"],
)
def test_a_group_stands_for_nothing_else(held: str, needed: str) -> None:
    """A scope for a group covers no short form but those of its members."""
    assert not ScopeSet([held], kind="user", name="ada", groups=["staff"]).covers(needed)
