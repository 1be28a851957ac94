"""Entra ID's keys: fetched rarely, however many tokens name an unknown key, and not lost when a fetch fails."""

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
    """A stand-in for Entra ID: has `keys` by id, or raises `failure`. `asked` counts fetches, `now` is the clock."""

    def __init__(self) -> None:
        self.name = "https://issuer.test"
        self.keys = {"old": new_key().public_key()}
        self.failure: Callable[[], Exception] | None = None
        self.asked = 0
        self.now = 1000.0

    def made(self) -> Keys:
        """Return a `Keys` that fetches from this issuer."""
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
    """An issuer with one key."""
    return Issuer()


async def test_nothing_is_known_before_they_are_fetched(issuer: Issuer) -> None:
    """Before the first fetch no token can be judged, and no request starts a fetch."""
    keys = issuer.made()
    with pytest.raises(EntraUnavailableError):
        await keys.find("old")
    assert "ENTRA_TENANT_ID" in keys.problem
    assert issuer.asked == 0


async def test_an_unknown_key_asks_once_in_a_while(issuer: Issuer) -> None:
    """An unknown key starts a fetch at most once a minute. In between, tokens that name one are refused at once."""
    keys = issuer.made()
    await keys.refresh()
    for passed, asked in ((0, 2), (PAUSE - 1, 2), (1, 3)):
        issuer.now += passed
        with pytest.raises(InvalidTokenError):
            await keys.find("unknown")
        assert issuer.asked == asked
    assert await keys.find("old") is issuer.keys["old"]


async def test_who_comes_while_it_is_asked_gets_that_answer(issuer: Issuer) -> None:
    """Requests at the same moment share one fetch, and all of them find the new key."""
    keys = issuer.made()
    await keys.refresh()
    issuer.keys = {"new": new_key().public_key()}
    found = await asyncio.gather(*(keys.find("new") for _ in range(20)))
    assert issuer.asked == 2
    assert set(map(id, found)) == {id(issuer.keys["new"])}


async def test_one_who_hangs_up_takes_the_answer_from_nobody(issuer: Issuer) -> None:
    """A request that is cancelled does not cancel the fetch that others wait for."""
    keys = issuer.made()
    await keys.refresh()
    issuer.keys = {"new": new_key().public_key()}
    first, second = (asyncio.create_task(keys.find("new")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is issuer.keys["new"]


@pytest.mark.parametrize("failure", ["down", "none", "another's"])
async def test_a_failure_takes_no_key_away(issuer: Issuer, failure: str, caplog: pytest.LogCaptureFixture) -> None:
    """After a failed fetch the known keys stay, and others cannot be judged. The log says so once, without details."""
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
    """A key is forgotten with the next fetch that lacks it: a stolen key must not work for long."""
    keys = issuer.made()
    await keys.refresh()
    issuer.keys = {"new": new_key().public_key()}
    await keys.refresh()
    with pytest.raises(InvalidTokenError):
        await keys.find("old")


async def test_they_are_fetched_every_hour(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a key that is withdrawn is good for an hour at most. After a failure, seconds pass until the next attempt."""
    sleep, waits = asyncio.sleep, list[float]()

    async def waited(seconds: float) -> None:
        await sleep(0)
        if seconds:
            waits.append(seconds)
            issuer.failure = RuntimeError
        if len(waits) > 1:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", waited)
    with pytest.raises(asyncio.CancelledError):
        await issuer.made().keep_fresh()

    assert (waits, PAUSE) == ([3600, 3], 60)
