"""Who may come in, and who may begin something new: the account's two flags, judged.

`disabled` keeps somebody out whatever their role. `login_denied` lets go on what was begun before, and nothing begin:
no session, no token through this service; nor one that was made since then at the Hub itself, whose age is asked there.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from service.apps.desk.domain.values import AccountStatus
from service.apps.desk.errors import AccountDisabledError, LoginDeniedError

AskTokenCreated = Callable[[str, str], Awaitable[datetime | None]]
"""From a user's name and a token's id to since when there is the token; None where nobody knows."""


async def check(status: AccountStatus, *, name: str, token_id: str | None, ask: AskTokenCreated) -> None:
    """Check a caller and the token they come with; `token_id` is the Hub's, None where it did not say.

    The age is asked each time: a Hub on SQLite gives the id of a token that was deleted to the next one.

    Raises:
        AccountDisabledError: whoever it is, the account is disabled.
        LoginDeniedError: the token is not known to be from before the flag.
        HubUnavailableError, HubRefusedServiceError: the Hub could not be asked how old the token is.
    """
    if status.disabled:
        raise AccountDisabledError
    if status.login_denied:
        check_age(await ask(name, token_id) if token_id else None, denied_at=status.login_denied_at)


def check_age(created: datetime | None, *, denied_at: datetime | None) -> None:
    """Raises LoginDeniedError unless a token is known to be from before logins were denied."""
    if created is None or denied_at is None or created >= denied_at:
        raise LoginDeniedError


def check_sign_in(status: AccountStatus | None) -> None:
    """Raises LoginDeniedError for whom nothing new may begin; who is disabled may sign in, and be told so."""
    if status is not None and status.login_denied:
        raise LoginDeniedError
