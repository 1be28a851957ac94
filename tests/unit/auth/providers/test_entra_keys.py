"""Entra ID's keys: asked for seldom, however many tokens name one that is not known, and never lost."""

import asyncio
from collections.abc import Callable

import pytest

pytest.importorskip("fastapi_azure_auth", reason="no fastapi-azure-auth installed: pip install '.[entra]'")

from fastapi_azure_auth.openid_config import OpenIdConfig

from service.auth.errors import EntraUnavailableError
from service.auth.providers.entra import PAUSE, Keys
from service.hub.errors import InvalidTokenError
from tests.support.entra import new_key


class Issuer:
    """What would be asked: `keys` by their ids, or a failure; `asked` counts, `now` is the clock."""

    def __init__(self) -> None:
        self.name = "https://issuer.test"
        self.keys = {"old": new_key().public_key()}
        self.failure: Callable[[], Exception] | None = None
        self.asked = 0
        self.now = 1000.0

    def made(self) -> Keys:
        """Keys that ask here."""
        return Keys(lambda: _Configuration(self), clock=lambda: self.now)


class _Configuration(OpenIdConfig):
    def __init__(self, issuer: Issuer) -> None:
        super().__init__(config_url="https://issuer.test/.well-known/openid-configuration")
        self._answers = issuer

    async def load_config(self) -> None:
        self._answers.asked += 1
        await asyncio.sleep(0)
        if self._answers.failure is not None:
            raise self._answers.failure()
        self.issuer = self._answers.name
        self.signing_keys = dict(self._answers.keys)


@pytest.fixture
def issuer() -> Issuer:
    """One with a key."""
    return Issuer()


async def test_nothing_is_known_before_they_are_fetched(issuer: Issuer) -> None:
    """No token can be judged, and nobody's request asks."""
    keys = issuer.made()
    with pytest.raises(EntraUnavailableError):
        await keys.find("old")
    assert "ENTRA_TENANT_ID" in keys.problem
    assert issuer.asked == 0


async def test_an_unknown_key_asks_once_in_a_while(issuer: Issuer) -> None:
    """The second within a minute is refused at once; after that Entra ID is asked again."""
    keys = issuer.made()
    await keys.refresh()
    for passed, asked in ((0, 2), (PAUSE - 1, 2), (1, 3)):
        issuer.now += passed
        with pytest.raises(InvalidTokenError):
            await keys.find("unknown")
        assert issuer.asked == asked
    assert await keys.find("old") is issuer.keys["old"]


async def test_who_comes_while_it_is_asked_gets_that_answer(issuer: Issuer) -> None:
    """Many at once make one question, and all are told of the new key."""
    keys = issuer.made()
    await keys.refresh()
    issuer.keys = {"new": new_key().public_key()}
    found = await asyncio.gather(*(keys.find("new") for _ in range(20)))
    assert issuer.asked == 2
    assert set(map(id, found)) == {id(issuer.keys["new"])}


async def test_one_who_hangs_up_takes_the_answer_from_nobody(issuer: Issuer) -> None:
    """The question goes on, and the next finds the key."""
    keys = issuer.made()
    await keys.refresh()
    issuer.keys = {"new": new_key().public_key()}
    first, second = (asyncio.create_task(keys.find("new")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is issuer.keys["new"]


@pytest.mark.parametrize("failure", ["down", "none", "another's"])
async def test_a_failure_takes_no_key_away(issuer: Issuer, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    """Those known stay, of others nothing is known, and it is said once, without the failure's own text."""
    keys = issuer.made()
    await keys.refresh()
    known = issuer.keys["old"]
    issuer.keys = {} if failure == "none" else {"new": known}
    issuer.failure = (lambda: RuntimeError("canary")) if failure == "down" else None
    issuer.name = "https://another.test" if failure == "another's" else issuer.name
    assert not await keys.refresh()
    assert not await keys.refresh()
    assert await keys.find("old") is known
    with pytest.raises(EntraUnavailableError):
        await keys.find("new")
    assert caplog.text.count("cannot be fetched") == 1
    assert "canary" not in caplog.text
    assert keys.problem == ""


async def test_a_key_that_is_withdrawn_is_forgotten(issuer: Issuer) -> None:
    """With the next answer; a stolen one must not serve for long."""
    keys = issuer.made()
    await keys.refresh()
    issuer.keys = {"new": new_key().public_key()}
    await keys.refresh()
    with pytest.raises(InvalidTokenError):
        await keys.find("old")
