"""What is asked of the Hub with the service's own token: groups, users, the age of tokens; and what replies mean.

The service may do this where its manifests' SERVICE_SCOPES say so; a no is for whoever runs the Hub to mend.
Source: `jupyterhub/apihandlers/groups.py` and `users.py`. Holds for JupyterHub 5.5 and 6.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, SecretStr

from service.hub.errors import GroupsManagedError, HubRefusedServiceError, HubUserMissingError, InvitationRefusedError
from service.hub.models import Names
from service.hub.protocol import HubReply, HubRequest, authorized, hub_message, raise_unusable, read, segment

_MANAGED = "Group management via API is disabled"  # up to JupyterHub 5.2; later ones say nothing
_NO_USER = "No such user"
_NO_INVITATION = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}


class _Group(BaseModel):
    users: Names


class _Tokens(BaseModel):
    api_tokens: list[object]


class _Token(BaseModel):
    created: AwareDatetime


class Invitation(BaseModel):
    """What lets a user of the Hub set their first password, on its page `invitation`."""

    key: SecretStr
    expires_at: AwareDatetime


class Registration(BaseModel):
    """How the Hub has a service: its path, and what `register()` left there to compare with; None where it did not."""

    prefix: str = ""
    info: Annotated[
        Mapping[str, object], BeforeValidator(lambda given: given if isinstance(given, Mapping) else {})
    ] = {}

    @property
    def redirect_uri(self) -> str | None:
        """The redirect URI of the OAuth client; "" for the Hub's own choice, which is relative to the Hub's host."""
        found = self.info.get("oauth_redirect_uri")
        return found if isinstance(found, str) else None


def service(token: str, name: str) -> HubRequest:
    """Ask how a service is registered."""
    return HubRequest("GET", f"services/{segment(name)}", headers=authorized(token))


def read_registration(reply: HubReply) -> Registration | None:
    """Return it; None where we may not know, or there is no such service."""
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and hub_message(reply) is not None:
        return None
    return read(reply, Registration, HTTPStatus.OK)


def group(token: str, name: str) -> HubRequest:
    """Ask who is in a group."""
    return HubRequest("GET", f"groups/{segment(name)}", headers=authorized(token))


def add(token: str, group: str, user: str) -> HubRequest:
    """Put a user into a group."""
    return HubRequest("POST", f"groups/{segment(group)}/users", headers=authorized(token), json={"users": [user]})


def remove(token: str, group: str, user: str) -> HubRequest:
    """Take a user out of a group."""
    return HubRequest("DELETE", f"groups/{segment(group)}/users", headers=authorized(token), json={"users": [user]})


def read_members(reply: HubReply) -> frozenset[str]:
    """Return who is in the group now.

    Raises:
        HubUserMissingError: there is no such user to be put in or taken out.
        GroupsManagedError: the authenticator alone says who is in which group.
    """
    message = hub_message(reply) or ""
    if reply.status == HTTPStatus.BAD_REQUEST and message.startswith(_NO_USER):
        raise HubUserMissingError
    if reply.status == HTTPStatus.BAD_REQUEST and message == _MANAGED:
        raise GroupsManagedError
    # A group that is not there and one that is none of our business are answered alike.
    _check_allowed(reply, {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
    return frozenset(read(reply, _Group, HTTPStatus.OK).users)


def user_tokens(token: str, user: str) -> HubRequest:
    """Ask for a user's tokens: what shows that there is such a user, to one who may read no more of them."""
    return HubRequest("GET", f"users/{segment(user)}/tokens", headers=authorized(token))


def read_has_user(reply: HubReply) -> bool:
    """Say whether there is a user of exactly that name."""
    if reply.status == HTTPStatus.NOT_FOUND and (hub_message(reply) or "").startswith(_NO_USER):
        return False
    _check_allowed(reply, {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
    read(reply, _Tokens, HTTPStatus.OK)
    return True


def create_user(token: str, user: str) -> HubRequest:
    """Make a user, under the name that the Hub makes of this one."""
    return HubRequest("POST", "users", headers=authorized(token), json={"usernames": [user]})


def read_created(reply: HubReply) -> None:
    """Raises HubUserMissingError where we may not make users, or the Hub takes no such name. One that is there is.

    Under which name the user was made is to be looked up.
    """
    if reply.status in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
        return
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST} and hub_message(reply) is not None:
        raise HubUserMissingError
    raise_unusable(reply)


def invite(token: str, user: str) -> HubRequest:
    """Ask for an invitation, which `service.authenticators.invitations` makes where the Hub has that authenticator."""
    return HubRequest("POST", f"users/{segment(user)}/invitation", headers=authorized(token))


def read_invitation(reply: HubReply) -> Invitation:
    """Return the invitation. Raises InvitationRefusedError."""
    if reply.status in _NO_INVITATION and hub_message(reply) is not None:
        raise InvitationRefusedError
    return read(reply, Invitation, HTTPStatus.CREATED)


def user_token(token: str, user: str, token_id: str) -> HubRequest:
    """Ask about one of a user's tokens."""
    return HubRequest("GET", f"users/{segment(user)}/tokens/{segment(token_id)}", headers=authorized(token))


def read_token_created(reply: HubReply) -> datetime | None:
    """Return since when there is the token, aware; None where the Hub knows of no such token."""
    if reply.status == HTTPStatus.NOT_FOUND and hub_message(reply) is not None:
        return None
    _check_allowed(reply, {HTTPStatus.FORBIDDEN})
    return read(reply, _Token, HTTPStatus.OK).created


def _check_allowed(reply: HubReply, refusals: set[HTTPStatus]) -> None:
    if reply.status in refusals and hub_message(reply) is not None:
        raise HubRefusedServiceError(
            reason="it does not let this service do what the applications need: register() gives it the scopes"
        )
