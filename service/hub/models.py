"""The Hub's models of callers and tokens.

Only a name is required. The Hub omits what a token may not see: an OAuth token's model has no `server`, a service's no
`groups`. Newer Hubs add fields. Source: `jupyterhub/apihandlers/base.py`, `user_model` and `service_model`.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, SecretStr

from service.hub.scopes import ScopeSet


def _names(value: object) -> object:
    return () if value is None else value


def _flag(value: object) -> object:
    return False if value is None else value


def _kind(value: object) -> object:
    return "user" if value is None else value


def _scope_words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else _names(value)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]

_NOT_SHOWN = {"session_id", "token_id", "scope_set"}
_CENTURY = 100 * 365 * 24 * 3600  # seconds; a longer lifetime is nonsense, and dates could overflow


class Identity(BaseModel):
    """The user or service that holds a token, as the Hub says. Other fields of the Hub's model are in `model_extra`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: Annotated[str, BeforeValidator(_kind)] = Field(default="user", examples=["user"])
    name: str = Field(min_length=1, examples=["testuser"])
    admin: Annotated[bool, BeforeValidator(_flag)] = False
    groups: Names = ()
    scopes: Names = ()
    # Both identify a credential, so they are not shown to callers.
    session_id: str | None = Field(default=None, exclude=True, repr=False)
    token_id: str | None = Field(default=None, exclude=True, repr=False)
    _claims: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def claims(self) -> Mapping[str, Any]:
        """The verified claims of a token of Entra ID, such as `name`, `email` and `roles`; empty for the Hub's tokens.

        `/me` does not show them.
        """
        return self._claims

    def with_claims(self, claims: Mapping[str, Any]) -> Self:
        """Return the same caller with verified claims."""
        copied = self.model_copy()
        copied._claims = dict(claims)  # noqa: SLF001 - of this class
        return copied

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with these fields changed, whose rights are those of its own fields."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("scope_set", None)  # pydantic copies what is cached, too
        return copied

    def __iter__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]  # pydantic's is a generator
        """Leave out of `dict(identity)` what `public()` leaves out, as it may become an answer."""
        return (field for field in super().__iter__() if field[0] not in _NOT_SHOWN)

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Leave out fields that the Hub added, because `auth_state` contains secrets."""
        return iter([("kind", self.kind), ("name", self.name), ("admin", self.admin)])

    @cached_property
    def scope_set(self) -> ScopeSet:
        """The scopes of the token, ready to be compared with those that a route requires."""
        return ScopeSet(self.scopes, kind=self.kind, name=self.name, groups=self.groups)

    def public(self) -> dict[str, Any]:
        """Return what may be shown to the caller: the Hub's model without `session_id` and `token_id`."""
        return self.model_dump(mode="json")


class TokenReply(BaseModel):
    """The Hub's reply to a code (RFC 6749 section 5.1). `expires_in` in seconds."""

    access_token: SecretStr = Field(min_length=1)
    expires_in: Annotated[int, Field(ge=0, le=_CENTURY)] | None = None
    scope: Annotated[tuple[str, ...], BeforeValidator(_scope_words)] = ()


class IssuedToken(BaseModel):
    """The Hub's reply to `POST /users/:name/tokens`, and to `POST /services/:name/shell-tokens`.

    `expires_in` is in seconds. The second of them alone has it.
    """

    token: SecretStr = Field(min_length=1)
    id: str = Field(min_length=1)
    user: str = Field(min_length=1)
    scopes: Names = ()
    expires_in: Annotated[int, Field(ge=0, le=_CENTURY)] | None = None
