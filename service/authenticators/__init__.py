"""An authenticator for a Hub that keeps its own accounts and passwords. It runs in the Hub's process.

    c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"

It is based on jupyterhub-nativeauthenticator (1.3.0) and uses its table, also an existing one. The login page is the
Hub's own, hashes are Argon2, and every change is a POST with an XSRF token: see docs/decisions/0013. Every authorized
account may sign in, unless the Hub blocks it.
"""

import asyncio
import hmac
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from tornado import web
from traitlets import Bool, Dict, Integer, Unicode, default

from service.authenticators import passwords
from service.authenticators.api import HANDLERS as API
from service.authenticators.client_address import Proxies
from service.authenticators.hashing_queue import HashingQueue
from service.authenticators.invitations import HANDLERS as INVITATIONS
from service.authenticators.pages import HANDLERS as PAGES
from service.errors import ThrottledError
from service.hub.password_attempts import PASSWORDS_PER_PAIR, PasswordAttempts
from service.hub.throttle import RateLimiter, network_of

SIGN_UPS_PER_ADDRESS = 10  # a minute
MAX_NAME = 128  # characters, as in NativeAuthenticator's table
_NOBODY = (
    "There is no account with a password, so nobody could sign in: set PasswordAuthenticator.first_users (at the Hub of"
    " ./script/run: HUB_PASSWORD), or run `python -P -m service password NAME --admin` with the Hub's environment, in"
    " its folder."
)
_UNUSED = ("allow_2fa", "allow_self_approval_for", "import_from_firstuse", "recaptcha_key", "tos")


class PasswordAuthenticator(NativeAuthenticator):  # type: ignore[misc]  # it has no types
    """Users sign in with a password, which they can change on the Hub's page `change-password`."""

    minimum_password_length = Integer(
        12, min=1, config=True, help="The minimum number of characters of a new password."
    )
    maximum_password_length = Integer(
        passwords.MAX_LENGTH,
        min=1,
        max=passwords.MAX_LENGTH,
        config=True,
        help="The most characters of a new password.",
    )
    password_classes = Integer(
        1,
        min=1,
        max=4,
        config=True,
        help="How many of these kinds a new password must have: small letters, capitals, digits, other characters.",
    )
    check_common_password = Bool(True, config=True, help="Refuse the ten thousand most common passwords.")  # noqa: FBT003 - a trait's default
    enable_signup = Bool(False, config=True, help="Let anybody request an account on the page `signup`.")  # noqa: FBT003 - likewise
    attempts_per_minute = Integer(
        PASSWORDS_PER_PAIR,
        min=1,
        config=True,
        help="Passwords checked per minute for a name and an address. For a name alone, three times as many.",
    )
    first_users = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        config=True,
        help="Names and passwords of authorized accounts to create, if there are no accounts at all.",
    )

    def __init__(self, *, is_serving: bool = True, **options: Any) -> None:  # noqa: ANN401 - traitlets'
        # It needs the database session of the Hub. Hub 5 and 6 call this one deprecated, but provide no other.
        super().__init__(**{"db": options.get("_deprecated_db_session"), **options})
        if used := [name for name in _UNUSED if getattr(self, name)]:
            raise ValueError(
                f"PasswordAuthenticator does not support {', '.join(used)}: remove it from the configuration"
            )
        passwords.placeholder()  # make it now: later, it would delay the first sign-in and all others with it
        self._proxies = Proxies(self.parent.trusted_downstream_ips if self.parent is not None else ())
        self._attempts = PasswordAttempts(per_pair=self.attempts_per_minute)
        self._changes = RateLimiter("passwords on the page to change one", self.attempts_per_minute, clock=monotonic)
        self._sign_ups = RateLimiter("requests for an account", SIGN_UPS_PER_ADDRESS, clock=monotonic)
        self._hashing_queue = HashingQueue()
        self._make_first_users()
        if is_serving and not self._lets_somebody_in():
            sys.exit(_NOBODY)
        if self.parent is not None:
            self.parent.template_paths = [str(Path(__file__).parent / "templates"), *self.parent.template_paths]

    @default("allow_all")
    def _allow_all_who_are_authorized(self) -> bool:
        return True

    def get_handlers(self, app: object) -> list[tuple[str, type[BaseHandler]]]:  # noqa: ARG002 - the Hub's signature
        """Return the handlers of our pages, and of the Hub's API where it takes a password."""
        return [*PAGES, *API, *INVITATIONS]

    async def authenticate(self, handler: BaseHandler, data: Mapping[str, str]) -> str | None:
        """Return the user's name if the password is right. Raises HTTPError 429, or 403 for an unauthorized account."""
        name = self.normalize_username(data.get("username", ""))
        account = self._account(name)
        # Attempts are counted by the stored name, because a database may find an account by several spellings.
        key = name if account is None else str(account.username)
        address = self._proxies.client_of(handler.request)
        is_known = self._attempts.knows(account=key, address=address)
        who = key if is_known else network_of(address)
        with _throttling():
            # Before counting, so that an attempt that is not checked does not count.
            self._hashing_queue.check(who, is_known=is_known)
            attempt = self._attempts.count(account=key, address=address)
            async with self._hashing_queue.turn(who, is_known=is_known):
                account = await self._check_password(name, data.get("password", ""))
        if account is None:
            return None
        if not account.is_authorized:
            raise web.HTTPError(403, "An administrator of the Hub must authorize this account first.")
        attempt.succeeded()
        # The Hub keeps users in memory. `service password` changes them in the database.
        if (user := orm.User.find(self.db, name)) is not None:
            self.db.refresh(user)
        return str(name)

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None) -> bool:  # noqa: ANN401, ARG002 - likewise
        """Whether a user who is signed in may stay signed in."""
        account = self.get_user(user.name)
        return account is not None and bool(account.is_authorized)

    async def is_own_password(self, handler: BaseHandler, name: str, password: str) -> bool:
        """Check the password of a user who is signed in. Raises HTTPError 429.

        Attempts are counted for each address from which the user has signed in lately; all other addresses share one
        count. So somebody who has stolen a session cannot prevent the owner from changing the password.
        """
        address = self._proxies.client_of(handler.request)
        origin = network_of(address) if self._attempts.knows(account=name, address=address) else "elsewhere"
        with _throttling():
            self._hashing_queue.check(name, is_known=True)
            self._changes.open(f"{origin} {name}").count += 1
            async with self._hashing_queue.turn(name, is_known=True):
                return await self._check_password(name, password) is not None

    async def set_password(self, name: str, password: str, *, by: str, authorize: bool = False) -> None:
        """Store a password that follows the policy. A user without an account gets one, which is authorized.

        Call it right after the old password was checked. `by` is the user who is signed in. `authorize`: authorize
        the account, too, if there is one already.

        Raises:
            HTTPError: 429: `by` has too many requests in progress. 409: since the call, the password has been changed,
                or the account created or deleted.

        """
        before = self._stored(name)
        hashed = await self._hash(password, by, is_known=True)
        # Otherwise a queued request of a thief could undo a change by the owner, and a deleted account could come back.
        if self._stored(name) != before:
            raise web.HTTPError(HTTPStatus.CONFLICT, "The password has been changed by another request. Try again.")
        account = self.get_user(name)
        if account is None:
            self.db.add(UserInfo(username=name, password=hashed, is_authorized=True))
        else:
            account.password = hashed
            account.is_authorized = account.is_authorized or authorize
        self.db.commit()

    def problem_with(self, password: str, *, name: str) -> str:
        """Return why the policy does not allow a new password; an empty string if it does."""
        return passwords.problem_with(
            password,
            name=name,
            length=self.minimum_password_length,
            most=self.maximum_password_length,
            classes=self.password_classes,
            check_common=self.check_common_password,
        )

    def can_be_name(self, name: str) -> bool:
        """Whether a new account may have this name, as far as its characters are concerned."""
        return len(name) <= MAX_NAME and self.validate_username(name)

    def count_sign_up(self, handler: BaseHandler) -> None:
        """Count a request for an account. Raises HTTPError 429."""
        network = network_of(self._proxies.client_of(handler.request))
        with _throttling():
            self._sign_ups.open(network, shown=network).count += 1

    async def sign_up(self, handler: BaseHandler, name: str, password: str) -> bool:
        """Create an account, authorized only if `open_signup` is set. Returns False if the name is taken.

        Raises:
            HTTPError: 429: too many requests for an account at once.

        """
        network = network_of(self._proxies.client_of(handler.request))
        hashed = await self._hash(password, network, is_known=False)
        # Created in the meantime, by another request or by an administrator.
        if self.user_exists(name) or orm.User.find(self.db, name) is not None:
            return False
        # No name is authorized automatically: a stranger could request the name of an administrator.
        self.db.add(UserInfo(username=name, password=hashed, is_authorized=bool(self.open_signup)))
        self.db.commit()
        return True

    def create_user(self, username: str, password: str, **known: object) -> None:
        """Not used; see `sign_up`."""
        raise NotImplementedError

    def change_password(self, username: str, new_password: str) -> None:
        """Not used; see `set_password`."""
        raise NotImplementedError

    def _account(self, name: str) -> UserInfo | None:
        return self.get_user(name) if len(name) <= MAX_NAME else None

    def _stored(self, name: str) -> bytes | None:
        account = self.get_user(name)
        return None if account is None else bytes(account.password)

    async def _hash(self, password: str, who: str, *, is_known: bool) -> bytes:
        """Return the hash of a password, made when it is the turn of `who`. Raises HTTPError 429."""
        with _throttling():
            async with self._hashing_queue.turn(who, is_known=is_known):
                return await asyncio.to_thread(passwords.hashed, password)

    async def _check_password(self, name: str, password: str) -> UserInfo | None:
        """Return the account if the password is right. It takes the same time if there is no such account."""
        account = self._account(name)
        stored = passwords.placeholder() if account is None else bytes(account.password)
        is_right, renewed = await asyncio.to_thread(passwords.check, stored, password)
        account = self._account(name)
        # If it has been changed in the meantime, the old password must not be accepted, and must not be stored again.
        if not is_right or account is None or not hmac.compare_digest(bytes(account.password), stored):
            return None
        if renewed is not None:
            account.password = renewed
            self.db.commit()
        return account

    def _make_first_users(self) -> None:
        if UserInfo.all_users(self.db):
            return
        for name, password in self.first_users.items():
            if problem := self.problem_with(password, name=name):
                sys.exit(f"The first password of {name}: {problem}")  # the Hub would show an exception with a traceback
            known = {"username": self.normalize_username(name), "password": passwords.hashed(password)}
            self.db.add(UserInfo(**known, is_authorized=True))
        self.db.commit()

    def _lets_somebody_in(self) -> bool:
        return bool(UserInfo.all_users(self.db)) or (self.enable_signup and self.open_signup)


class _ThrottledHTTPError(web.HTTPError):
    """A 429. The Hub sends the `headers` of an HTTPError."""

    def __init__(self, error: ThrottledError) -> None:
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, error.detail)
        self.headers = {"Retry-After": str(error.retry_after)}


@contextmanager
def _throttling() -> Iterator[None]:
    """Turn a ThrottledError into an answer 429 of the Hub."""
    try:
        yield
    except ThrottledError as error:
        raise _ThrottledHTTPError(error) from None
