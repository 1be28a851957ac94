"""The part of the Hub's API that takes a password. It answers 429 if there were too many attempts."""

from http import HTTPStatus
from typing import Any

from jupyterhub.apihandlers.users import UserTokenListAPIHandler
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


HANDLERS = [(r"/api/users/([^/]+)/tokens", UserTokens)]
