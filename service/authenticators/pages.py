"""The Hub's pages for accounts with passwords: change one's own, set somebody's, ask for an account, authorize.

What changes something is a POST, which the Hub lets pass with its XSRF token only.
"""

import hmac
from typing import Any

from jupyterhub.handlers import BaseHandler
from jupyterhub.scopes import needs_scope
from nativeauthenticator.orm import UserInfo
from tornado import web

from service.authenticators import sessions


class Page(BaseHandler):  # type: ignore[misc]  # the Hub has no types
    """What the pages share."""

    async def _show(self, template: str, *, flaw: str = "", done: str = "", **values: Any) -> None:  # noqa: ANN401
        if flaw:
            self.set_status(400)
        self.finish(await self.render_template(template, flaw=flaw, done=done, **values))

    def _text(self, name: str) -> str:
        return str(self.get_body_argument(name, "", strip=False))

    def _new_password(self, name: str) -> tuple[str, str]:
        """Return the password that the form asks for, and what is wrong with it."""
        password = self._text("new_password")
        if not hmac.compare_digest(password.encode(), self._text("new_password_again").encode()):
            return password, "The two new passwords differ."
        return password, self.authenticator.flaw_of(password, name=name)

    def _policy(self) -> dict[str, Any]:
        return {"length": self.authenticator.minimum_password_length, "classes": self.authenticator.password_classes}

    async def _store(self, user: Any, password: str) -> str:  # noqa: ANN401 - the Hub's
        """Store a password, end what was begun with the old one, and say what else has ended and what has not.

        Whoever changes their own stays signed in in this browser.
        """
        await self.authenticator.set_password(user.name, password, by=self.current_user.name)
        is_own, with_tokens = user.name == self.current_user.name, bool(self._text("api_tokens"))
        tokens = sessions.count_api_tokens(self.db, user.orm_user)
        if with_tokens:
            sessions.delete_api_tokens(self.db, user.orm_user)
        # Whoever has copied this browser's cookies is in the same session: then it has to end, too.
        kept = self.get_session_cookie() if is_own and not with_tokens else None
        sessions.end_sessions(self.db, user.orm_user, but=kept)
        self.db.commit()
        if is_own:
            if with_tokens:
                self.set_session_cookie()
            self.set_login_cookie(user)
        return _said_of_tokens(tokens, are_deleted=with_tokens)


def _said_of_tokens(number: int, *, are_deleted: bool) -> str:
    """One more sentence, where there were API tokens."""
    if not number:
        return ""
    tokens, were, work = ("1 API token", "was", "works") if number == 1 else (f"{number} API tokens", "were", "work")
    return (
        f" {tokens} {were} deleted; running servers must be restarted." if are_deleted else f" {tokens} still {work}."
    )


class ChangePassword(Page):
    """One's own password."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form."""
        await self._show("change-password.html", account=self._own(), is_own=True, **self._policy())

    @web.authenticated
    async def post(self) -> None:
        """Change it, and stay signed in here."""
        name = self._own()
        password, flaw = self._new_password(name)
        if not flaw and not await self.authenticator.confirms(self, name, self._text("old_password")):
            flaw = "The old password is wrong."
        done = ""
        if not flaw:
            tokens = await self._store(self.current_user, password)
            done = f"Your password has been changed. You are signed out everywhere but in this browser.{tokens}"
        await self._show("change-password.html", flaw=flaw, done=done, account=name, is_own=True, **self._policy())

    def _own(self) -> str:
        if getattr(self.current_user, "kind", "") != "user" or not self.authenticator.user_exists(
            self.current_user.name
        ):
            raise web.HTTPError(404)
        return str(self.current_user.name)


class _AdminPage(Page):
    def prepare_admin(self) -> None:
        """A scope can be given to others than administrators; this would let them become one."""
        if not getattr(self.current_user, "admin", False):
            raise web.HTTPError(403, "For administrators of the Hub only.")


class SetPassword(_AdminPage):
    """Somebody's password, also of a user who has none yet."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # the Hub's
    async def get(self, user_name: str) -> None:
        """Show the form."""
        self.prepare_admin()
        await self._show("change-password.html", account=self._user(user_name).name, is_own=False, **self._policy())

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # likewise
    async def post(self, user_name: str) -> None:
        """Set it."""
        self.prepare_admin()
        user = self._user(user_name)
        password, flaw = self._new_password(user.name)
        done = ""
        if not flaw:
            tokens = await self._store(user, password)
            where = "everywhere but in this browser" if user.name == self.current_user.name else "everywhere"
            done = f"The password of {user.name} has been changed. {user.name} is signed out {where}.{tokens}"
        await self._show(
            "change-password.html", flaw=flaw, done=done, account=user.name, is_own=False, **self._policy()
        )

    def _user(self, name: str) -> Any:  # noqa: ANN401 - the Hub's
        user = self.find_user(name)
        if user is None:
            raise web.HTTPError(404)
        return user


class SignUp(Page):
    """Ask for an account, where that is turned on."""

    async def get(self) -> None:
        """Show the form."""
        self._check_open()
        await self._show("sign-up.html", account="", **self._policy())

    async def post(self) -> None:
        """Make an account that waits to be authorized."""
        self._check_open()
        self.authenticator.count_sign_up(self)
        name = self.authenticator.normalize_username(self._text("username").strip())
        password, flaw = self._new_password(name)
        if not name or not self.authenticator.can_be_name(name):
            flaw = "This cannot be a user name here."
        elif self.authenticator.user_exists(name) or self.find_user(name) is not None:
            flaw = "This name is taken."
        done = ""
        if not flaw and not await self.authenticator.sign_up(self, name, password):
            flaw = "This name is taken."
        if not flaw:
            is_open = self.authenticator.open_signup
            done = "You can sign in now." if is_open else "An administrator of the Hub has to authorize your account."
        await self._show("sign-up.html", flaw=flaw, done=done, account=name, **self._policy())

    def _check_open(self) -> None:
        if not self.authenticator.enable_signup:
            raise web.HTTPError(404)


class Authorize(_AdminPage):
    """Who has an account, and whether it may be used."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # the Hub's
    async def get(self) -> None:
        """List them."""
        self.prepare_admin()
        accounts = sorted(UserInfo.all_users(self.db), key=lambda account: str(account.username))
        await self._show("authorize.html", accounts=accounts)

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # likewise
    async def post(self) -> None:
        """Authorize one, take that back, or discard one that was never authorized."""
        self.prepare_admin()
        account = self.authenticator.get_user(self._text("username"))
        if account is None:
            raise web.HTTPError(404)
        action = self._text("action")
        if action == "authorize":
            account.is_authorized = True
        elif action == "unauthorize" and account.username != self.current_user.name:
            account.is_authorized = False
            # The Hub itself goes on to take the tokens of a user who may not sign in any more.
            if (user := self.find_user(account.username)) is not None:
                sessions.delete_api_tokens(self.db, user.orm_user)
                sessions.end_sessions(self.db, user.orm_user)
        elif action == "discard" and not account.is_authorized:
            self.db.delete(account)
        else:
            raise web.HTTPError(400)
        self.db.commit()
        self.redirect(f"{self.hub.base_url}authorize")


HANDLERS = [
    (r"/signup", SignUp),
    (r"/authorize", Authorize),
    (r"/change-password", ChangePassword),
    (r"/change-password/([^/]+)", SetPassword),
]
