"""Accounts with passwords of their own, for a Hub that has no other place to ask: it runs in the Hub's process.

    c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"

It is jupyterhub-nativeauthenticator (1.3.0) with its table, and takes over one that is there. The login page is the
Hub's own, hashes are Argon2's, and what changes something is a POST with an XSRF token: see docs/decisions/0013.
Whoever is authorized may come in, unless the Hub blocks them.
"""

import asyncio
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

from jupyterhub.handlers import BaseHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from tornado import web
from traitlets import Bool, Dict, Integer, Unicode, default

from service.authenticators import passwords
from service.authenticators.addresses import Proxies
from service.authenticators.api import HANDLERS as API
from service.authenticators.invitations import HANDLERS as INVITATIONS
from service.authenticators.pages import HANDLERS as PAGES
from service.authenticators.turns import Turns
from service.errors import ThrottledError
from service.hub.attempts import PASSWORDS_PER_PAIR, PasswordAttempts
from service.hub.throttle import Windows, network_of

SIGN_UPS_PER_ADDRESS = 10  # a minute
MAX_NAME = 128  # characters, as in NativeAuthenticator's table
_UNUSED = ("allow_2fa", "allow_self_approval_for", "import_from_firstuse", "recaptcha_key", "tos")


class PasswordAuthenticator(NativeAuthenticator):  # type: ignore[misc]  # it has no types
    """People sign in by a password that they can change, on the Hub's page `change-password`."""

    minimum_password_length = Integer(12, min=1, config=True, help="Characters that a new password has at least.")
    password_classes = Integer(
        1,
        min=1,
        max=4,
        config=True,
        help="How many of small letters, capitals, digits and other characters a new password has at least.",
    )
    check_common_password = Bool(True, config=True, help="Refuse the ten thousand passwords that are tried first.")  # noqa: FBT003 - a trait's default
    enable_signup = Bool(False, config=True, help="Let strangers ask for an account, on the page `signup`.")  # noqa: FBT003 - likewise
    attempts_per_minute = Integer(
        PASSWORDS_PER_PAIR,
        min=1,
        config=True,
        help="Passwords looked at in a minute for one name from one address; for one name alone three times as many.",
    )
    first_users = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        config=True,
        help="Names and passwords of the accounts to make, authorized, while there is none at all.",
    )

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - traitlets'
        # It works on the Hub's own session, which Hub 5 and 6 call deprecated and give no other.
        super().__init__(**{"db": options.get("_deprecated_db_session"), **options})
        if used := [name for name in _UNUSED if getattr(self, name)]:
            raise ValueError(f"PasswordAuthenticator does without {', '.join(used)}: take it out of the configuration")
        passwords.nobodys()  # made now, or the first stranger would wait for it, and all others with them
        self._proxies = Proxies(self.parent.trusted_downstream_ips if self.parent is not None else ())
        self._attempts = PasswordAttempts(per_pair=self.attempts_per_minute)
        self._changes = Windows("passwords on the page to change one", self.attempts_per_minute, clock=monotonic)
        self._sign_ups = Windows("requests for an account", SIGN_UPS_PER_ADDRESS, clock=monotonic)
        self._turns = Turns()
        self._make_first_users()
        if self.parent is not None:
            self.parent.template_paths = [str(Path(__file__).parent / "templates"), *self.parent.template_paths]

    @default("allow_all")
    def _allow_all_who_are_authorized(self) -> bool:
        return True

    def get_handlers(self, app: object) -> list[tuple[str, type[BaseHandler]]]:  # noqa: ARG002 - the Hub's signature
        """The pages beside the Hub's own login, and what the Hub's API has for passwords."""
        return [*PAGES, *API, *INVITATIONS]

    async def authenticate(self, handler: BaseHandler, data: Mapping[str, str]) -> str | None:
        """Return the user's name where the password is right. Raises HTTPError 429 and, for who waits for it, 403."""
        name = self.normalize_username(data.get("username", ""))
        account = self._account(name)
        # Counted by the account's own name: a database may find it by several spellings.
        key = name if account is None else str(account.username)
        address = self._proxies.client_of(handler.request)
        is_known = self._attempts.knows(account=key, address=address)
        who = key if is_known else network_of(address)
        with _refusing():
            # First, so that an attempt which nobody looks at does not count.
            self._turns.check(who, is_known=is_known)
            attempt = self._attempts.count(account=key, address=address)
            async with self._turns.turn(who, is_known=is_known):
                account = await self._judge(name, data.get("password", ""))
        if account is None:
            return None
        if not account.is_authorized:
            raise web.HTTPError(403, "An administrator of the Hub has yet to authorize this account.")
        attempt.succeeded()
        return str(name)

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None) -> bool:  # noqa: ANN401, ARG002 - likewise
        """Say whether somebody who is signed in still may be."""
        account = self.get_user(user.name)
        return account is not None and bool(account.is_authorized)

    async def confirms(self, handler: BaseHandler, name: str, password: str) -> bool:
        """Judge the password of somebody who is signed in. Raises HTTPError 429.

        Each address from which they signed in by password lately has a count of its own, and all others share one. So
        whoever has stolen a session cannot keep the owner from changing the password.
        """
        address = self._proxies.client_of(handler.request)
        place = network_of(address) if self._attempts.knows(account=name, address=address) else "elsewhere"
        with _refusing():
            self._turns.check(name, is_known=True)
            self._changes.open(f"{place} {name}").count += 1
            async with self._turns.turn(name, is_known=True):
                return await self._judge(name, password) is not None

    async def set_password(self, name: str, password: str, *, by: str) -> None:
        """Store a password, which the policy has been asked about; one who had none is authorized with it.

        Raises:
            HTTPError: 429; `by`, who is signed in, has too much under way. 409; the password has been changed, or the
                account made or deleted, since this was called, which is to be when the old password has been judged.

        """
        before = self._stored(name)
        with _refusing():
            async with self._turns.turn(by, is_known=True):
                hashed = await asyncio.to_thread(passwords.hashed, password)
        # Else a thief's request that waits for its turn would undo the owner's, and a deleted account would come back.
        if self._stored(name) != before:
            raise web.HTTPError(HTTPStatus.CONFLICT, "The password has been changed by another request. Try again.")
        account = self.get_user(name)
        if account is None:
            self.db.add(UserInfo(username=name, password=hashed, is_authorized=True))
        else:
            account.password = hashed
        self.db.commit()

    def flaw_of(self, password: str, *, name: str) -> str:
        """Say what the policy has against a new password; nothing where it is good."""
        return passwords.flaw_of(
            password,
            name=name,
            length=self.minimum_password_length,
            classes=self.password_classes,
            check_common=self.check_common_password,
        )

    def can_be_name(self, name: str) -> bool:
        """Whether somebody who asks for an account may have that name, as far as its letters go."""
        return len(name) <= MAX_NAME and self.validate_username(name)

    def count_sign_up(self, handler: BaseHandler) -> None:
        """Count a request for an account. Raises HTTPError 429."""
        network = network_of(self._proxies.client_of(handler.request))
        with _refusing():
            self._sign_ups.open(network, shown=network).count += 1

    async def sign_up(self, handler: BaseHandler, name: str, password: str) -> bool:
        """Make an account that an administrator has yet to authorize, unless `open_signup`; false if there is one.

        Raises:
            HTTPError: 429; too many strangers have passwords hashed.

        """
        network = network_of(self._proxies.client_of(handler.request))
        with _refusing():
            async with self._turns.turn(network, is_known=False):
                hashed = await asyncio.to_thread(passwords.hashed, password)
        if self.user_exists(name):  # by another request meanwhile
            return False
        # Nobody is authorized for their name: a stranger could be the first to use an administrator's.
        self.db.add(UserInfo(username=name, password=hashed, is_authorized=bool(self.open_signup)))
        self.db.commit()
        return True

    def create_user(self, username: str, password: str, **known: object) -> None:
        """Nobody's way to make an account here; see `sign_up`."""
        raise NotImplementedError

    def change_password(self, username: str, new_password: str) -> None:
        """Nobody's way to change a password here; see `set_password`."""
        raise NotImplementedError

    def _account(self, name: str) -> UserInfo | None:
        return self.get_user(name) if len(name) <= MAX_NAME else None

    def _stored(self, name: str) -> bytes | None:
        account = self.get_user(name)
        return None if account is None else bytes(account.password)

    async def _judge(self, name: str, password: str) -> UserInfo | None:
        """Return the account if the password is right, in the same time whether there is such an account or not."""
        account = self._account(name)
        stored = passwords.nobodys() if account is None else bytes(account.password)
        is_right, renewed = await asyncio.to_thread(passwords.judged, stored, password)
        account = self._account(name)
        # It may have been changed meanwhile: then the old password neither lets in nor comes back.
        if not is_right or account is None or not hmac.compare_digest(bytes(account.password), stored):
            return None
        if renewed is not None:
            account.password = renewed
            self.db.commit()
        return account

    def _make_first_users(self) -> None:
        if UserInfo.all_users(self.db):
            return
        if not self.first_users:
            self.log.warning("There is no account, so that nobody can sign in: set PasswordAuthenticator.first_users.")
        for name, password in self.first_users.items():
            if flaw := self.flaw_of(password, name=name):
                raise ValueError(f"The first password of {name}: {flaw}")
            known = {"username": self.normalize_username(name), "password": passwords.hashed(password)}
            self.db.add(UserInfo(**known, is_authorized=True))
        self.db.commit()


class _RefusedError(web.HTTPError):
    """429; the Hub sends the headers that an error has."""

    def __init__(self, error: ThrottledError) -> None:
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, error.detail)
        self.headers = {"Retry-After": str(error.retry_after)}


@contextmanager
def _refusing() -> Iterator[None]:
    """Let the Hub answer 429 where something is throttled."""
    try:
        yield
    except ThrottledError as error:
        raise _RefusedError(error) from None
