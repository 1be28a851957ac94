"""Many identities in little room: unfolded they say what they said before."""

import tracemalloc

import pytest

from service.hub.folding import Folder
from service.hub.models import Identity
from service.testing.fake_hub import own_scopes


def identity(number: int) -> Identity:
    """Return somebody with all that a user's own token may."""
    name = f"user-{number}"
    return Identity.model_validate(
        {
            "kind": "user",
            "name": name,
            "groups": ["students", f"course-{number % 50}"],
            "scopes": sorted(own_scopes(name)),
            "session_id": f"{number:032x}",
            "token_id": f"a{number}",
            "auth_state": {"höhe": [1, 2.5, None, {"x": True}]},
        }
    )


@pytest.mark.parametrize(
    "said",
    [
        identity(1),
        Identity(name="x"),
        Identity(kind="service", name="other", admin=True, scopes=("access:services",)),
        Identity.model_validate({"name": "x", "scopes": None, "kind": None, "server": None}),
    ],
    ids=["full", "bare", "service", "tolerated"],
)
def test_nothing_is_lost(said: Identity) -> None:
    """Fields that we know, those that the Hub added, and what is not shown to callers."""
    folder = Folder(size=1)
    folded = folder.fold(said)
    folder.fold(identity(2))
    assert folded.identity is None

    again = folder.unfold(folded)
    assert again == said
    assert again.public() == said.public()
    assert (again.session_id, again.token_id) == (said.session_id, said.token_id)


def test_so_many_are_whole() -> None:
    """Those folded or unfolded last; one that is whole is given as it is."""
    folder = Folder(size=3)
    folded = [folder.fold(identity(number)) for number in range(5)]
    assert [each.identity is None for each in folded] == [True, True, False, False, False]
    assert folder.unfold(folded[4]) is folded[4].identity

    assert folder.unfold(folded[0]).name == "user-0"
    assert folder.unfold(folded[0]) is folded[0].identity
    assert [each.identity is None for each in folded] == [False, True, True, False, False]


def test_one_is_small() -> None:
    """A kilobyte at most, however many scopes it holds; whole it takes ten."""
    folder, many = Folder(size=1), 500
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [folder.fold(identity(number)) for number in range(many)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(kept) == many
    assert (after - before) / many < 1000
