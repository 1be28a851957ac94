"""The data of the fake Hub: users, services, tokens and authorization codes."""

import base64
import hashlib
import itertools
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from service.testing.fake_hub.scopes import expanded


@dataclass(frozen=True)
class Owner:
    """A user or a service, with all scopes that its tokens may carry."""

    name: str
    kind: str = "user"
    scopes: frozenset[str] = frozenset()
    admin: bool = False
    groups: tuple[str, ...] = ()
    servers: Mapping[str, Any] = field(default_factory=dict)
    password: str = "passwd"


@dataclass(frozen=True)
class Token:
    """A token. `client` is the OAuth client that it was made for."""

    id: str
    owner: Owner
    scopes: frozenset[str]
    session_id: str | None = None
    client: str | None = None
    note: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Code:
    """An authorization code: its user, and the PKCE challenge of the request."""

    owner: Owner
    challenge: str | None
    scopes: frozenset[str]
    session_id: str | None


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class State:
    """The Hub's database, in memory."""

    def __init__(self, *, service: str, api_token: str, redirect_uri: str) -> None:
        """Start with one OAuth client, the service."""
        self.service, self.client_id = service, f"service-{service}"
        self.api_token, self.redirect_uri = api_token, redirect_uri
        self.owners: dict[str, Owner] = {}
        self.groups: set[str] = set()
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, Code] = {}
        self._numbers = itertools.count(1)

    def add(self, owner: Owner) -> Owner:
        """Add or change a user or service. The Hub always returns the current data of a token's owner."""
        self.owners[owner.name] = owner
        self.groups.update(owner.groups)
        mine = {value: token for value, token in self.tokens.items() if token.owner.name == owner.name}
        self.tokens |= {value: replace(token, owner=owner) for value, token in mine.items()}
        return owner

    def regroup(self, owner: Owner, group: str, *, is_in: bool) -> None:
        """Add a user to a group, or remove them. Their scopes do not change: the fake Hub knows no roles."""
        others = tuple(each for each in owner.groups if each != group)
        self.add(replace(owner, groups=(*others, group) if is_in else others))

    def issue(
        self,
        owner: Owner,
        *,
        scopes: Collection[str] | None = None,
        session_id: str | None = None,
        client: str | None = None,
        note: str = "",
        value: str | None = None,
    ) -> str:
        """Make a token, with all scopes of its owner, or with `scopes` and those that every token has."""
        made = value or secrets.token_hex(16)
        given = owner.scopes if scopes is None else {*scopes, *identifying(owner)}
        held = expanded(given, kind=owner.kind, name=owner.name)
        self.tokens[made] = Token(f"a{next(self._numbers)}", owner, held, session_id, client, note)
        return made

    def rescope(self, value: str, scopes: Collection[str]) -> None:
        """Change the scopes of a token."""
        token = self.tokens[value]
        given = {*scopes, *identifying(token.owner)}
        self.tokens[value] = replace(token, scopes=expanded(given, kind=token.owner.kind, name=token.owner.name))

    def grant(
        self, owner: Owner, *, challenge: str | None, session_id: str | None, scopes: Collection[str] | None = None
    ) -> str:
        """Make an authorization code for our service, with all custom scopes of the user, or those among `scopes`."""
        code = secrets.token_hex(16)
        custom = {scope for scope in owner.scopes if scope.startswith("custom:")}
        granted = custom if scopes is None else custom & {*scopes}
        held = frozenset({f"access:services!service={self.service}"}) | identifying(owner) | granted
        self.codes[code] = Code(owner, challenge, held, session_id)
        return code

    def delete(self, token: Token) -> None:
        """Delete a token. With an OAuth token, the other tokens of the same client and owner are deleted, too."""
        self.tokens = {value: each for value, each in self.tokens.items() if not _is_deleted_with(each, token)}

    def end_session(self, session_id: str) -> None:
        """Delete the tokens of a session (jupyterhub/handlers/login.py, LogoutHandler)."""
        self.tokens = {value: each for value, each in self.tokens.items() if each.session_id != session_id}


def _is_deleted_with(each: Token, deleted: Token) -> bool:
    same_client = deleted.client is not None and each.client == deleted.client
    return each.id == deleted.id or (same_client and each.owner.name == deleted.owner.name)


def identifying(owner: Owner) -> frozenset[str]:
    """Return the scopes that every token of a user has (jupyterhub/scopes.py, identify_scopes)."""
    if owner.kind != "user":
        return frozenset()
    return frozenset({f"read:users:name!user={owner.name}", f"read:users:groups!user={owner.name}"})
