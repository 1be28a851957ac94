"""Invitations: a link by which a user of the Hub who has no password yet sets one.

It is good for a day, and once: it is for users without a password, and who has used it has one. Only a user who is no
administrator, and was never active, can be invited: otherwise whoever makes links could become somebody else.

A stranger may have asked for an account of this name before the Hub had the user. The link replaces the stranger's
password, and authorizes the account. A link from before the account was made is not good for it: an administrator may
have revoked that account.

The Hub's API makes them, with the scope `admin:users`:

    POST /hub/api/users/{name}/invitation  ->  201 {"key": "…", "expires_at": "2026-03-01T12:00:00+00:00"}

The page is `/hub/invitation?key=…`. The Hub's log does not show the value of a parameter of this name.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from service.authenticators.pages import Page
from service.hub.sealing import Sealer

LIFETIME = timedelta(days=1)


class MakeInvitation(APIHandler):  # type: ignore[misc]  # the Hub has no types
    """Makes an invitation."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # likewise
    async def post(self, user_name: str) -> None:
        """Answer with the key. Raises HTTPError 404 and 409."""
        user = self.find_user(user_name)
        if user is None:
            raise web.HTTPError(HTTPStatus.NOT_FOUND, f"No such user: {user_name}")
        if problem := _problem_with(user, self.authenticator):
            raise web.HTTPError(HTTPStatus.CONFLICT, problem)
        expires_at = (datetime.now(UTC) + LIFETIME).isoformat(timespec="seconds")
        claims = [user.name, user.id, _mark(self.authenticator.get_user(user.name))]
        key = _sealer(self).seal(json.dumps(claims), lifetime=LIFETIME)
        self.set_status(HTTPStatus.CREATED)
        self.write(json.dumps({"key": key, "expires_at": expires_at}))


class Invitation(Page):
    """The page behind the link."""

    async def get(self) -> None:
        """Show the form."""
        await self._answer(self._invited())

    async def post(self) -> None:
        """Set the password."""
        user, problem, done = self._invited(), "", ""
        if user is not None:
            password, problem = self._new_password(user.name)
            if not problem:
                await self.authenticator.set_password(user.name, password, by=user.name, authorize=True)
                done = "Your password is set. You can sign in now."
        await self._answer(user, problem=problem, done=done)

    async def _answer(self, user: Any, **said: str) -> None:  # noqa: ANN401 - the Hub's
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        if user is None:  # no HTTPError: the Hub would log its address
            self.set_status(HTTPStatus.GONE)
        name = "" if user is None else user.name
        key = self.get_argument("key", "")
        await self._show("invitation.html", account=name, key=key, **self._policy(), **said)

    def _invited(self) -> Any:  # noqa: ANN401 - the Hub's
        """Return the user whose link this is; None if it is too old, was used, or is none of ours."""
        opened = _sealer(self).open(self.get_argument("key", ""))
        name, id_, mark = (*json.loads(opened), "")[:3] if opened else ("", 0, "")  # older links have no mark
        user = self.find_user(name)
        # Another user may have this name by now.
        if user is None or user.id != id_ or _problem_with(user, self.authenticator):
            return None
        return user if _mark(self.authenticator.get_user(name)) in {"", mark} else None


def _problem_with(user: Any, authenticator: Any) -> str:  # noqa: ANN401 - the Hub's
    """Say why a user cannot be invited."""
    account = authenticator.get_user(user.name)
    if account is not None and account.is_authorized:
        return "This user has a password already."
    if user.admin or user.orm_user.last_activity is not None:
        return "This user is an administrator of the Hub, or has used it before: an administrator sets their password."
    return ""


def _mark(account: Any) -> str:  # noqa: ANN401 - NativeAuthenticator's
    """Return what tells an account's password from another; an empty string if there is no account."""
    return "" if account is None else hashlib.sha256(bytes(account.password)).hexdigest()


def _sealer(handler: Any) -> Sealer:  # noqa: ANN401 - the Hub's
    return Sealer(handler.settings["cookie_secret"].hex(), purpose="invitation")


HANDLERS = [(r"/api/users/([^/]+)/invitation", MakeInvitation), (r"/invitation", Invitation)]
