"""Pages of the Hub for accounts with passwords: change or set a password, request an account, authorize accounts.

Every change is a POST, which the Hub accepts only with its XSRF token.
"""

import hmac
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from jupyterhub.scopes import needs_scope
from nativeauthenticator.orm import UserInfo
from tornado import web

from service.authenticators import sessions


class Page(BaseHandler):  # type: ignore[misc]  # the Hub has no types
    """What the pages share."""

    async def _show(self, template: str, *, problem: str = "", done: str = "", **values: Any) -> None:  # noqa: ANN401
        if problem:
            self.set_status(400)
        self.finish(await self.render_template(template, problem=problem, done=done, **values))

    def _text(self, name: str) -> str:
        return str(self.get_body_argument(name, "", strip=False))

    def _new_password(self, name: str) -> tuple[str, str]:
        """Return the new password in the form, and what is wrong with it."""
        password = self._text("new_password")
        if not hmac.compare_digest(password.encode(), self._text("new_password_again").encode()):
            return password, "The two new passwords differ."
        return password, self.authenticator.problem_with(password, name=name)

    def _policy(self) -> dict[str, Any]:
        return {"length": self.authenticator.minimum_password_length, "classes": self.authenticator.password_classes}

    async def _store(self, name: str, password: str) -> str:
        """Store a password and end the sessions of its owner. Returns a sentence about their API tokens.

        Users who change their own password stay signed in in this browser. An account may have no user of the Hub yet.
        """
        await self.authenticator.set_password(name, password, by=self.current_user.name)
        user = self.find_user(name)
        if user is None:
            return ""
        is_own, with_tokens = name == self.current_user.name, bool(self._text("api_tokens"))
        tokens = sessions.count_api_tokens(self.db, user.orm_user)
        if with_tokens:
            sessions.delete_api_tokens(self.db, user.orm_user)
        # If tokens are deleted, this session ends, too: somebody may have copied the cookies of this browser.
        kept = self.get_session_cookie() if is_own and not with_tokens else None
        sessions.end_sessions(self.db, user.orm_user, but=kept)
        self.db.commit()
        if is_own:
            if with_tokens:
                self.set_session_cookie()
            self.set_login_cookie(user)
        return _token_sentence(tokens, are_deleted=with_tokens)


def _token_sentence(number: int, *, are_deleted: bool) -> str:
    """Return a sentence about API tokens; an empty string if the user has none."""
    if not number:
        return ""
    tokens, were, work = ("1 API token", "was", "works") if number == 1 else (f"{number} API tokens", "were", "work")
    return (
        f" {tokens} {were} deleted; running servers must be restarted." if are_deleted else f" {tokens} still {work}."
    )


class ChangePassword(Page):
    """The page where users change their own password."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form."""
        await self._show("change-password.html", account=self._own(), is_own=True, **self._policy())

    @web.authenticated
    async def post(self) -> None:
        """Change the password, and stay signed in in this browser."""
        name = self._own()
        password, problem = self._new_password(name)
        if not problem and not await self.authenticator.is_own_password(self, name, self._text("old_password")):
            problem = "The old password is wrong."
        done = ""
        if not problem:
            tokens = await self._store(name, password)
            done = f"Your password has been changed. You are signed out everywhere except in this browser.{tokens}"
        await self._show(
            "change-password.html", problem=problem, done=done, account=name, is_own=True, **self._policy()
        )

    def _own(self) -> str:
        if getattr(self.current_user, "kind", "") != "user" or not self.authenticator.user_exists(
            self.current_user.name
        ):
            raise web.HTTPError(404)
        return str(self.current_user.name)


class _AdminPage(Page):
    def check_admin(self) -> None:
        """Refuse non-administrators. A holder of the scope could otherwise take over an administrator's account."""
        if not getattr(self.current_user, "admin", False):
            raise web.HTTPError(403, "For administrators of the Hub only.")


class SetPassword(_AdminPage):
    """The page where administrators set the password of a user, who may have none yet, or of an account.

    For their own password it leads to the page that asks for the old one.
    """

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # the Hub's
    async def get(self, user_name: str) -> None:
        """Show the form."""
        self.check_admin()
        if name := self._other(user_name):
            await self._show("change-password.html", account=name, is_own=False, **self._policy())

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # likewise
    async def post(self, user_name: str) -> None:
        """Set the password."""
        self.check_admin()
        if name := self._other(user_name):
            password, problem = self._new_password(name)
            done = ""
            if not problem:
                tokens = await self._store(name, password)
                done = f"The password of {name} has been changed. {name} is signed out everywhere.{tokens}"
                account = self.authenticator.get_user(name)
                if account is not None and not account.is_authorized:
                    done += " They may not sign in until you authorize them."
            await self._show(
                "change-password.html", problem=problem, done=done, account=name, is_own=False, **self._policy()
            )

    def _other(self, given: str) -> str:
        """Return the name of another user or account. For one's own name: redirect, and return an empty string."""
        account = self.authenticator.get_user(given)
        name = given if account is None else str(account.username)
        if account is None and self.find_user(name) is None:
            raise web.HTTPError(404)
        if name == self.current_user.name:
            self.redirect(f"{self.hub.base_url}change-password")
            return ""
        return name


class SignUp(Page):
    """The page where people request an account, if `enable_signup` is set."""

    async def get(self) -> None:
        """Show the form."""
        self._check_open()
        await self._show("sign-up.html", account="", **self._policy())

    async def post(self) -> None:
        """Create an account, which an administrator must authorize."""
        self._check_open()
        self.authenticator.count_sign_up(self)
        name = self.authenticator.normalize_username(self._text("username").strip())
        password, problem = self._new_password(name)
        if not name or not self.authenticator.can_be_name(name):
            problem = "This user name is not allowed."
        elif self.authenticator.user_exists(name) or self.find_user(name) is not None:
            problem = "This name is taken."
        done = ""
        if not problem and not await self.authenticator.sign_up(self, name, password):
            problem = "This name is taken."
        if not problem:
            is_open = self.authenticator.open_signup
            done = (
                "You can sign in now."
                if is_open
                else "An administrator of the Hub must authorize your account before you can sign in."
            )
        await self._show("sign-up.html", problem=problem, done=done, account=name, **self._policy())

    def _check_open(self) -> None:
        if not self.authenticator.enable_signup:
            raise web.HTTPError(404)


class Authorize(_AdminPage):
    """The page where administrators authorize accounts."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # the Hub's
    async def get(self) -> None:
        """List the accounts, and the users of the Hub who have none, and so no password."""
        self.check_admin()
        accounts = sorted(UserInfo.all_users(self.db), key=lambda account: str(account.username))
        users = {name for (name,) in self.db.query(orm.User.name)}
        without = sorted(users - {account.username for account in accounts})
        await self._show("authorize.html", accounts=accounts, users=users, without=without)

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # likewise
    async def post(self) -> None:
        """Authorize an account, revoke that, or delete an account that is not authorized."""
        self.check_admin()
        account = self.authenticator.get_user(self._text("username"))
        if account is None:
            raise web.HTTPError(404)
        action = self._text("action")
        is_user = orm.User.find(self.db, account.username) is not None
        if action == "authorize-user" or (action == "authorize" and not is_user):
            account.is_authorized = True
        elif action == "authorize":  # the user was made after the page was shown, which says now what to look at
            pass
        elif action == "unauthorize" and account.username != self.current_user.name:
            account.is_authorized = False
            # The Hub itself would still accept the tokens of this user.
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
