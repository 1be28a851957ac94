"""Decide by an account's two flags who may use the service, and who may sign in.

`disabled` keeps a person out, whatever their role. `login_denied` refuses new sessions and tokens; older ones still
work. New tokens can also be made at the Hub itself, so the Hub is asked how old a token is.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from service.apps.desk.domain.values import AccountStatus
from service.apps.desk.errors import AccountDisabledError, LoginDeniedError

AskTokenCreated = Callable[[str, str], Awaitable[datetime | None]]
"""Takes a user's name and a token's id, and returns when the token was made (aware); None if that is not known."""


async def check(status: AccountStatus, *, name: str, token_id: str | None, ask: AskTokenCreated) -> None:
    """Check a caller and their token. `token_id` is the Hub's id, None if it did not say.

    The Hub is asked for the age each time, because a Hub on SQLite reuses the id of a deleted token.

    Raises:
        AccountDisabledError: the account is disabled.
        LoginDeniedError: the token is not known to be older than the flag.
        HubUnavailableError, HubRefusedServiceError: the Hub could not be asked how old the token is.
    """
    if status.disabled:
        raise AccountDisabledError
    if status.login_denied:
        check_age(await ask(name, token_id) if token_id else None, denied_at=status.login_denied_at)


def check_age(created: datetime | None, *, denied_at: datetime | None) -> None:
    """Raise LoginDeniedError unless the token is known to be older than the flag."""
    if created is None or denied_at is None or created >= denied_at:
        raise LoginDeniedError


def check_sign_in(status: AccountStatus | None) -> None:
    """Raise LoginDeniedError if `login_denied` is set. A disabled person may sign in, and then learns why."""
    if status is not None and status.login_denied:
        raise LoginDeniedError
