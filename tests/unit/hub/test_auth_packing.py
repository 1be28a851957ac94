"""Identities are kept as compressed JSON: nothing is lost, and many fit into little memory."""

import tracemalloc
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from service.hub.auth import UNPACKED, HubAuth, pack, unpack
from service.hub.models import Identity
from service.testing import FakeHub
from service.testing.fake_hub import own_scopes
from tests.unit.hub.conftest import asking


@pytest.fixture
async def auth(fake_hub: FakeHub) -> AsyncIterator[HubAuth]:
    """Asks the Hub in memory."""
    async with asking(fake_hub) as auth:
        yield auth


def identity(number: int) -> Identity:
    """Return a user whose token has all of the user's own scopes."""
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
    """Fields that we know, fields that the Hub added, and those that callers do not see survive."""
    again = unpack(pack(said))

    assert again == said
    assert again.public() == said.public()
    assert (again.session_id, again.token_id) == (said.session_id, said.token_id)


async def test_those_used_last_are_at_hand(auth: HubAuth, fake_hub: FakeHub) -> None:
    """The same object is returned until `UNPACKED` other identities have been used. Then it is unpacked again."""
    token = fake_hub.issue("testuser", scopes=[])
    first = await auth.identify(token)
    assert auth.known(token) is first
    assert await auth.identify(token) is first

    for number in range(UNPACKED):
        await use(auth, f"other-{number}")
    again = auth.known(token)
    assert again == first
    assert again is not first


async def use(auth: HubAuth, name: str) -> None:
    """Have somebody identified without a question to the Hub; their token is their name."""

    async def answer() -> bytes:
        return pack(Identity(name=name))

    await auth.cache.get(("", sha256(name.encode()).digest()), answer)
    assert auth.known(name) == Identity(name=name)


def test_one_is_small() -> None:
    """A packed identity takes less than a kilobyte, however many scopes it has. Unpacked it takes ten."""
    many = 500
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    kept = [pack(identity(number)) for number in range(many)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(kept) == many
    assert (after - before) / many < 1000
