"""The part of the Hub's API that makes tokens for commands at a shell (`service.auth.shell`). It runs in the Hub.

    POST /hub/api/services/{name}/shell-tokens
        {"code": "…", "user": "…", "expires_in": 3600, "machine": "…"}  ->  201, the token's model and `token`
    DELETE /hub/api/services/{name}/shell-tokens  ->  204

An authorization code of the service's OAuth client becomes a token with the scopes of that code, instead of one that
ends with the browser's session. The Hub's own API could do that only with a token that has the scope `tokens`, which
is as good as all rights of its owner. Here the service gets nothing that a sign-in would not give it.

The code goes in the same transaction in which the token comes, and nothing else runs in the Hub between the two. So a
code gives one token, however often and whenever it is sent.

Only the service itself may send a code. A token deletes itself: to have it is all that this takes.
Source: `jupyterhub/apihandlers/users.py`, `oauth/provider.py`. Holds for JupyterHub 5.5 and 6.
"""

import json
from http import HTTPStatus
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from tornado import web

NOTE = "python -P -m service login, on"  # before the machine; DELETE knows the tokens by it
_API_CLIENT = "jupyterhub"  # the Hub's own name for tokens that are of no OAuth client


class ShellTokens(APIHandler):  # type: ignore[misc]  # the Hub has no types
    """Makes and deletes the tokens of one service."""

    def initialize(self, *, service: str, client_id: str) -> None:
        """`client_id`: the service's OAuth client, whose codes are taken."""
        self._service, self._client_id = service, client_id

    async def post(self) -> None:
        """Make a token. Raises HTTPError 403 and 400."""
        sender = self.current_user
        if not isinstance(sender, orm.Service) or sender.name != self._service:
            raise web.HTTPError(HTTPStatus.FORBIDDEN, "Only the service may exchange its codes")
        wanted = self._wanted()
        code = orm.OAuthCode.find(self.db, wanted["code"])
        if code is None or code.client_id != self._client_id:
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "The code is wrong")
        user, scopes = code.user, list(code.scopes)
        self.db.delete(code)
        token = self._made(user, scopes, wanted) if user.name == wanted["user"] else None
        self.db.commit()  # a code that made no token is used up all the same
        if token is None:
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "The code is for no token of this user")
        self.log.info("User %s signed in a command at a shell through %s", user.name, self._service)
        self.set_status(HTTPStatus.CREATED)
        self.write(json.dumps(token))

    async def delete(self) -> None:
        """Delete the token that signs the request. Raises HTTPError 403 if it is not one of these."""
        token = self.get_token()
        is_ours = token is not None and token.user is not None and token.client_id == _API_CLIENT
        if not is_ours or not (token.note or "").startswith(NOTE):
            raise web.HTTPError(HTTPStatus.FORBIDDEN, "This token was not made for a shell")
        self.db.delete(token)
        self.db.commit()
        self.set_status(HTTPStatus.NO_CONTENT)

    def _wanted(self) -> dict[str, Any]:
        body = self.get_json_body()
        kinds = {"code": str, "user": str, "machine": str, "expires_in": int}
        if not isinstance(body, dict) or any(type(body.get(name)) is not kind for name, kind in kinds.items()):
            raise web.HTTPError(HTTPStatus.BAD_REQUEST, "The request is incomplete")
        longest = self.settings["token_expires_in_max_seconds"]
        return {**body, "expires_in": min(body["expires_in"], longest or body["expires_in"])}

    def _made(self, user: Any, scopes: list[str], wanted: dict[str, Any]) -> dict[str, Any] | None:  # noqa: ANN401 - the Hub's
        """Make the token, which commits the transaction; None if the Hub gives its owner no such token (any more)."""
        note, expires_in = f"{NOTE} {wanted['machine']}", wanted["expires_in"]
        try:
            value = user.new_api_token(note=note, expires_in=expires_in, scopes=scopes)
        except (ValueError, KeyError):
            return None
        model: dict[str, Any] = self.token_model(orm.APIToken.find(self.db, value))
        return {**model, "token": value, "expires_in": expires_in}
