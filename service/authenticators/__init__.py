"""Accounts with passwords of their own, for a Hub that has no other place to ask: it runs in the Hub's process.

    c.JupyterHub.authenticator_class = "service.authenticators.PasswordAuthenticator"

It is jupyterhub-nativeauthenticator (1.3.0) with its table, and takes over one that is there. The login page is the
Hub's own, hashes are Argon2's, and what changes something is a POST with an XSRF token: see docs/decisions/0013.
Whoever is authorized may come in, unless the Hub blocks them.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from jupyterhub.handlers import BaseHandler
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.orm import UserInfo
from tornado import web
from traitlets import Bool, Dict, Integer, Unicode, default

from service.authenticators import passwords
from service.authenticators.pages import HANDLERS
from service.errors import ThrottledError
from service.hub.throttle import Windows

# Logins that are judged at once: each takes 64 MiB and some hundredths of a second of all cores.
_AT_ONCE = 2
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
    attempts_per_minute = Integer(10, min=1, config=True, help="Passwords that are looked at for one name in a minute.")
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
        self._windows = Windows("passwords for one account", self.attempts_per_minute, clock=monotonic)
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._make_first_users()
        if self.parent is not None:
            self.parent.template_paths = [str(Path(__file__).parent / "templates"), *self.parent.template_paths]

    @default("allow_all")
    def _allow_all_who_are_authorized(self) -> bool:
        return True

    def get_handlers(self, app: object) -> list[tuple[str, type[BaseHandler]]]:  # noqa: ARG002 - the Hub's signature
        """The pages beside the Hub's own login."""
        return list(HANDLERS)

    async def authenticate(self, handler: BaseHandler, data: Mapping[str, str]) -> str | None:  # noqa: ARG002 - likewise
        """Return the user's name where the password is right. Raises HTTPError 429 and, for who waits for it, 403."""
        name = self.normalize_username(data.get("username", ""))
        if not await self.is_right(name, data.get("password", "")):
            return None
        if not self.get_user(name).is_authorized:
            raise web.HTTPError(403, "An administrator of the Hub has yet to authorize this account.")
        return str(name)

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None) -> bool:  # noqa: ANN401, ARG002 - likewise
        """Say whether somebody who is signed in still may be."""
        account = self.get_user(user.name)
        return account is not None and bool(account.is_authorized)

    async def is_right(self, name: str, password: str) -> bool:
        """Judge a password, in the same time whether there is such an account or not. Raises HTTPError 429."""
        try:
            self._windows.open(name.casefold()).count += 1
        except ThrottledError as error:
            raise web.HTTPError(429, error.detail) from None
        account = self.get_user(name)
        stored = bytes(account.password) if account is not None else passwords.nobodys()
        async with self._turn:
            is_right = await asyncio.to_thread(passwords.matches, stored, password)
        if is_right and account is not None and passwords.is_outdated(stored):
            await self.set_password(name, password)
        return is_right and account is not None

    async def set_password(self, name: str, password: str) -> None:
        """Store a password, which the policy has been asked about; one who had none is authorized with it."""
        async with self._turn:
            hashed = await asyncio.to_thread(passwords.hashed, password)
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

    async def sign_up(self, name: str, password: str) -> None:
        """Make an account that an administrator has yet to authorize, unless `open_signup`."""
        async with self._turn:
            hashed = await asyncio.to_thread(passwords.hashed, password)
        # Nobody is authorized for their name: a stranger could be the first to use an administrator's.
        self.db.add(UserInfo(username=name, password=hashed, is_authorized=bool(self.open_signup)))
        self.db.commit()

    def create_user(self, username: str, password: str, **known: object) -> None:
        """Nobody's way to make an account here; see `sign_up`."""
        raise NotImplementedError

    def change_password(self, username: str, new_password: str) -> None:
        """Nobody's way to change a password here; see `set_password`."""
        raise NotImplementedError

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
