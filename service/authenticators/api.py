"""The parts of the Hub's API that concern passwords.

Where it takes a password, it answers 429 if there were too many attempts. A user who is renamed keeps the password.
"""

from http import HTTPStatus
from typing import Any

from jupyterhub.apihandlers.users import UserAPIHandler, UserTokenListAPIHandler
from jupyterhub.scopes import needs_scope
from tornado import web


class UserTokens(UserTokenListAPIHandler):  # type: ignore[misc]  # the Hub has no types
    """The Hub's own handler turns every error of an authenticator into 403, as if the password were wrong."""

    _throttled: web.HTTPError | None = None

    async def post(self, user_name: str) -> None:
        """Create a token. Raises HTTPError as the Hub's own handler, and 429."""
        try:
            await super().post(user_name)
        except web.HTTPError:
            if self._throttled is not None:
                raise self._throttled from None
            raise

    async def authenticate(self, data: Any) -> Any:  # noqa: ANN401 - the Hub's signature
        """As in the Hub, but keep a 429 for `post`."""
        try:
            return await super().authenticate(data)
        except web.HTTPError as error:
            if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                self._throttled = error
            raise


class RenamedUser(UserAPIHandler):  # type: ignore[misc]  # likewise
    """The Hub's own handler would leave the password with the old name, for the next user of that name."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]  # likewise
    async def patch(self, user_name: str) -> None:
        """Change a user. Raises HTTPError as the Hub's own handler, and 409 if the new name has an account."""
        given = self.get_json_body()
        name = given.get("name") if isinstance(given, dict) else None
        new = self.authenticator.normalize_username(name) if isinstance(name, str) else user_name
        if new != user_name and not self.authenticator.can_be_name(new):
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "This user name is not allowed.")
        if new != user_name and self.authenticator.user_exists(new):  # perhaps a stranger has asked for it
            raise web.HTTPError(HTTPStatus.CONFLICT, "There is an account of this name: delete it first.")
        await super().patch(user_name)
        if new != user_name and (account := self.authenticator.get_user(user_name)) is not None:
            account.username = new
            self.db.commit()


HANDLERS = [(r"/api/users/([^/]+)/tokens", UserTokens), (r"/api/users/([^/]+)", RenamedUser)]
