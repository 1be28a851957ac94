"""The Hub's API where it takes a password, with an answer of its own when there were too many."""

from http import HTTPStatus
from typing import Any

from jupyterhub.apihandlers.users import UserTokenListAPIHandler
from tornado import web


class UserTokens(UserTokenListAPIHandler):  # type: ignore[misc]  # the Hub has no types
    """The Hub's own turns whatever an authenticator raises into 403, as if the password were wrong."""

    _refused: web.HTTPError | None = None

    async def post(self, user_name: str) -> None:
        """Make a token. Raises HTTPError as the Hub's does, and 429."""
        try:
            await super().post(user_name)
        except web.HTTPError:
            if self._refused is not None:
                raise self._refused from None
            raise

    async def authenticate(self, data: Any) -> Any:  # noqa: ANN401 - the Hub's signature
        """As the Hub's, but that a 429 is remembered."""
        try:
            return await super().authenticate(data)
        except web.HTTPError as error:
            if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                self._refused = error
            raise


HANDLERS = [(r"/api/users/([^/]+)/tokens", UserTokens)]
