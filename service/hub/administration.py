"""Calls in the service's own name: groups, users, the age of tokens, its own registration.

The service may make them where SERVICE_SCOPES in a manifest say so. A refusal is the operator's business.
Source: `jupyterhub/apihandlers/groups.py` and `users.py`. Holds for JupyterHub 5.5 and 6.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, BeforeValidator, SecretStr

from service.hub.call import Call, HubReply, raise_unusable, read_model, refusal, segment
from service.hub.errors import GroupsManagedError, HubRefusedServiceError, HubUserMissingError, InvitationRefusedError
from service.hub.models import Names

_MANAGED = "Group management via API is disabled"  # up to JupyterHub 5.2; later versions have no such error
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
    """How the service is registered at the Hub: its prefix, and what `register()` noted there, if it did."""

    prefix: str = ""
    info: Annotated[
        Mapping[str, object], BeforeValidator(lambda given: given if isinstance(given, Mapping) else {})
    ] = {}

    @property
    def redirect_uri(self) -> str | None:
        """The OAuth client's redirect URI. "" stands for the Hub's default, None for unknown."""
        found = self.info.get("oauth_redirect_uri")
        return found if isinstance(found, str) else None

    @property
    def allowed_scopes(self) -> tuple[str, ...]:
        """The scopes that a browser's sign-in gets besides access, where its user has them; empty for unknown."""
        found = self.info.get("oauth_client_allowed_scopes")
        return tuple(str(scope) for scope in found) if isinstance(found, list) else ()


def registration(name: str) -> Call[Registration | None]:
    """Ask how a service is registered; None if the Hub does not tell, or has no such service."""
    return Call("GET", f"services/{segment(name)}", _read_registration, as_service=True)


def _read_registration(reply: HubReply) -> Registration | None:
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND} and refusal(reply) is not None:
        return None
    return read_model(reply, Registration, HTTPStatus.OK)


def group_members(group: str) -> Call[frozenset[str]]:
    """Ask who is in a group. Raises HubRefusedServiceError if the service may not know."""
    return Call("GET", f"groups/{segment(group)}", _read_members, as_service=True)


def add_to_group(group: str, name: str) -> Call[frozenset[str]]:
    """Put a user into a group. The result is who is in it afterwards.

    Raises:
        HubUserMissingError: the Hub has no such user.
        GroupsManagedError: only the Hub's authenticator may change groups.
        HubRefusedServiceError: the service may not change this group.
    """
    return Call("POST", f"groups/{segment(group)}/users", _read_members, json={"users": [name]}, as_service=True)


def remove_from_group(group: str, name: str) -> Call[frozenset[str]]:
    """Take a user out of a group, whether or not they are in it. Result and errors as in `add_to_group`."""
    return Call("DELETE", f"groups/{segment(group)}/users", _read_members, json={"users": [name]}, as_service=True)


def _read_members(reply: HubReply) -> frozenset[str]:
    message = refusal(reply) or ""
    if reply.status == HTTPStatus.BAD_REQUEST and message.startswith(_NO_USER):
        raise HubUserMissingError
    if reply.status == HTTPStatus.BAD_REQUEST and message == _MANAGED:
        raise GroupsManagedError
    # The Hub gives the same answer for a group that does not exist and one that we may not see.
    _check_allowed(reply, {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
    return frozenset(read_model(reply, _Group, HTTPStatus.OK).users)


def has_user(name: str) -> Call[bool]:
    """Ask whether the Hub has a user of exactly this name. Raises HubRefusedServiceError.

    Asks for the user's tokens, because a service with few rights may list those but not read the user.
    """
    return Call("GET", f"users/{segment(name)}/tokens", _read_has_user, as_service=True)


def _read_has_user(reply: HubReply) -> bool:
    if reply.status == HTTPStatus.NOT_FOUND and (refusal(reply) or "").startswith(_NO_USER):
        return False
    _check_allowed(reply, {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
    read_model(reply, _Tokens, HTTPStatus.OK)
    return True


def create_user(name: str) -> Call[None]:
    """Create a user; it is fine if there is one already. The Hub may normalize the name: check with `has_user`.

    Raises:
        HubUserMissingError: the service may not create users, or the Hub does not accept the name.
    """
    return Call("POST", "users", _read_created, json={"usernames": [name]}, as_service=True)


def _read_created(reply: HubReply) -> None:
    if reply.status in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}:
        return
    if reply.status in {HTTPStatus.FORBIDDEN, HTTPStatus.BAD_REQUEST} and refusal(reply) is not None:
        raise HubUserMissingError
    raise_unusable(reply)


def invite(name: str) -> Call[Invitation]:
    """Ask for an invitation of a user, which `service.authenticators.invitations` makes if the Hub has it.

    Raises:
        InvitationRefusedError: the Hub makes none, or none for this user.
    """
    return Call("POST", f"users/{segment(name)}/invitation", _read_invitation, as_service=True)


def _read_invitation(reply: HubReply) -> Invitation:
    if reply.status in _NO_INVITATION and refusal(reply) is not None:
        raise InvitationRefusedError
    return read_model(reply, Invitation, HTTPStatus.CREATED)


def token_created(name: str, token_id: str) -> Call[datetime | None]:
    """Ask when a user's token was created (aware); None if there is no such token. Raises HubRefusedServiceError."""
    return Call("GET", f"users/{segment(name)}/tokens/{segment(token_id)}", _read_token_created, as_service=True)


def _read_token_created(reply: HubReply) -> datetime | None:
    if reply.status == HTTPStatus.NOT_FOUND and refusal(reply) is not None:
        return None
    _check_allowed(reply, {HTTPStatus.FORBIDDEN})
    return read_model(reply, _Token, HTTPStatus.OK).created


def _check_allowed(reply: HubReply, refusals: set[HTTPStatus]) -> None:
    if reply.status in refusals and refusal(reply) is not None:
        raise HubRefusedServiceError(
            reason="it does not let this service do what the applications need: register() gives it the scopes"
        )
