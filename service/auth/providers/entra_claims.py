"""Reads the header and the claims of a token of Entra ID. Whether they are true is checked in `entra`.

Source: https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference, of version 2.0.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import from_json

from service.auth.errors import InsufficientScopeError
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.hub.sealing import decode
from service.registration.applications import load_manifest
from service.settings import Settings

_NAMELESS = "This token does not name its user: the claim preferred_username must be a user principal name."
_NAME = 255  # characters, as of the Hub's users

Grants = Mapping[str, Iterable[str]]
"""The one table: from a scope or app role of ours at Entra ID to scopes of the Hub."""


def header_of(token: str) -> dict[str, Any] | None:
    """Return the header of a JWT (RFC 7519 section 3); None for any other token, such as the Hub's."""
    first, dot, _ = token.partition(".")
    data = decode(first) if dot else None
    if data is None:
        return None
    try:
        found = from_json(data)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def grants_of(settings: Settings) -> Grants:
    """Return the table. By default, ENTRA_SCOPE grants what the Hub grants its users for our applications."""
    manifests = [load_manifest(app) for app in settings.apps]
    theirs = [scope for manifest in manifests for scope in getattr(manifest, "USER_SCOPES", ())]
    return {settings.entra_scope: theirs, **settings.entra_grants}


def identity_of(claims: Mapping[str, Any], *, settings: Settings, grants: Grants) -> Identity:
    """Return the user or program in verified claims, with the access scopes and those that the table grants.

    A user's name must have an `@`, so that it is not the name of one of the Hub's own users. A program's name begins
    with `entra:`, so that it is not the name of a service of the Hub.

    Raises:
        InsufficientScopeError: a user's token lacks ENTRA_SCOPE, or a program has no app role of the table.
        InvalidTokenError: it names nobody.
    """
    scopes, roles = claims.get("scp"), claims.get("roles")
    given = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
    if isinstance(scopes, str):  # an id_token has no scp
        kind, name = "user", _name_in(claims)
        if settings.entra_scope not in scopes.split():
            raise InsufficientScopeError((settings.entra_scope,))
        given += scopes.split()
    else:
        kind, name = "service", f"entra:{claims.get('azp')}"
        if claims.get("idtyp") != "app" or "azp" not in claims or not grants.keys() & given:
            raise InsufficientScopeError((settings.entra_scope,))
    held = {*settings.access_scopes, *(scope for word in given for scope in grants.get(word, ()))}
    told = {"kind": kind, "name": name, "scopes": sorted(held), "issuer": claims["iss"], "oid": claims.get("oid")}
    return Identity.model_validate(told).with_claims(claims)


def _name_in(claims: Mapping[str, Any]) -> str:
    """The user's name as the Hub's authenticator has it (`normalize_username`)."""
    name = claims.get("preferred_username")
    if not isinstance(name, str) or "@" not in name or not name.isprintable() or len(name) > _NAME:
        raise InvalidTokenError(_NAMELESS)
    return name.lower()
