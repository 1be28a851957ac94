"""Who may not use the service, and who may not sign in to it."""

from datetime import UTC, datetime, timedelta

import pytest

from service.apps.desk.domain import admission
from service.apps.desk.domain.values import AccountStatus
from service.apps.desk.errors import AccountDisabledError, LoginDeniedError
from service.errors import ServiceError
from service.hub.errors import HubUnavailableError

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def status(*, disabled: bool = False, denied_at: datetime | None = None) -> AccountStatus:
    """Return the status of an account."""
    return AccountStatus(
        disabled=disabled, login_denied=denied_at is not None, login_denied_at=denied_at, rights_changed_at=None
    )


class Hub:
    """Answers when a token was made, and keeps what it was asked."""

    def __init__(self, says: datetime | ServiceError | None = None) -> None:
        self.says = says
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, name: str, token_id: str) -> datetime | None:
        """Return when the token was made, or raise."""
        self.asked.append((name, token_id))
        if isinstance(self.says, ServiceError):
            raise self.says
        return self.says


@pytest.mark.parametrize("denied_at", [None, NOW], ids=["only disabled", "denied too"])
async def test_disabled(denied_at: datetime | None) -> None:
    """A disabled person is refused without asking the Hub."""
    hub = Hub(NOW - TICK)

    with pytest.raises(AccountDisabledError):
        await admission.check(status(disabled=True, denied_at=denied_at), name="ada", token_id="a1", ask=hub)
    assert hub.asked == []


async def test_without_a_flag_nobody_is_asked() -> None:
    """A person without flags is let in, and the Hub is not asked for the token's age."""
    hub = Hub(HubUnavailableError(reason="down"))

    await admission.check(status(), name="ada", token_id="a1", ask=hub)

    assert hub.asked == []


async def test_a_token_from_before_goes_on() -> None:
    """A person with `login_denied` goes on with a token that is older than the flag."""
    hub = Hub(NOW - TICK)

    await admission.check(status(denied_at=NOW), name="ada", token_id="a1", ask=hub)

    assert hub.asked == [("ada", "a1")]


@pytest.mark.parametrize("created", [NOW, NOW + TICK, None], ids=["same moment", "later", "unknown"])
async def test_a_token_that_may_be_new(created: datetime | None) -> None:
    """A token that is not known to be older than the flag is refused."""
    with pytest.raises(LoginDeniedError):
        await admission.check(status(denied_at=NOW), name="ada", token_id="a1", ask=Hub(created))


@pytest.mark.parametrize("token_id", [None, ""])
async def test_a_token_without_an_id(token_id: str | None) -> None:
    """A token without an id is refused without asking the Hub."""
    hub = Hub(NOW - TICK)

    with pytest.raises(LoginDeniedError):
        await admission.check(status(denied_at=NOW), name="ada", token_id=token_id, ask=hub)
    assert hub.asked == []


async def test_a_flag_without_its_moment() -> None:
    """A flag without a time refuses every token."""
    denied = AccountStatus(disabled=False, login_denied=True, login_denied_at=None, rights_changed_at=None)

    with pytest.raises(LoginDeniedError):
        await admission.check(denied, name="ada", token_id="a1", ask=Hub(NOW))


async def test_the_hub_cannot_be_asked() -> None:
    """While the Hub cannot say how old a token is, a person with `login_denied` is not let in."""
    with pytest.raises(HubUnavailableError):
        await admission.check(
            status(denied_at=NOW), name="ada", token_id="a1", ask=Hub(HubUnavailableError(reason="down"))
        )


async def test_the_age_is_asked_every_time() -> None:
    """The age is asked for each time, because the Hub may give the id to another token."""
    hub = Hub(NOW - TICK)
    denied = status(denied_at=NOW)
    await admission.check(denied, name="ada", token_id="a1", ask=hub)
    hub.says = NOW + TICK

    with pytest.raises(LoginDeniedError):
        await admission.check(denied, name="ada", token_id="a1", ask=hub)


def test_signing_in() -> None:
    """`login_denied` refuses signing in. Disabled people, and people without an account, can sign in."""
    admission.check_sign_in(None)
    admission.check_sign_in(status(disabled=True))
    with pytest.raises(LoginDeniedError):
        admission.check_sign_in(status(denied_at=NOW))
