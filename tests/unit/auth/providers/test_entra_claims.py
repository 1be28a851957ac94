"""Who holds a token of Entra ID, and which scopes its claims give them by ENTRA_GRANTS."""

import base64
from typing import Any

import pytest

from service.auth.errors import InsufficientScopeError
from service.auth.providers.entra_claims import grants_of, header_of, identity_of
from service.hub.errors import InvalidTokenError
from service.hub.models import Identity
from service.testing import make_settings

GRANTS = {"Jobs.Run": ("custom:jobs:run",), "Admins": ("custom:x",)}
USER = {"iss": "i", "oid": "o", "scp": "user_impersonation", "preferred_username": "Alice@contoso.example"}
PROGRAM = {"iss": "i", "oid": "o", "azp": "client", "idtyp": "app", "roles": ["Jobs.Run"]}
ACCESS = "access:services!service=fastapi"


def encoded(text: str) -> str:
    """Return the text as the first part of a JWT."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("token", "is_jwt"),
    [
        (encoded('{"kid": "x"}') + ".e30.x", True),
        (encoded("{}") + ".", True),
        (encoded(' {"alg": "none"}') + ".a.b.c.d", True),
        ("0123456789abcdef0123456789abcdef", False),
        ("a.b.c", False),
        (encoded("[]") + ".e30.x", False),
        (encoded('{"x": ' + "[" * 3000) + ".e30.x", False),
        (encoded("{}"), False),
        ("", False),
        (".", False),
        ("ä.ö", False),
    ],
)
def test_a_token_is_known_by_its_shape(token: str, is_jwt: bool) -> None:  # noqa: FBT001
    """A token whose first part is a JSON object is a JWT. The Hub's tokens and junk are not."""
    assert (header_of(token) is not None) is is_jwt


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        pytest.param(USER, [ACCESS, "custom:deidentify:use"], id="a user"),
        pytest.param(
            USER | {"roles": ["Admins", "Other", 17]}, [ACCESS, "custom:deidentify:use", "custom:x"], id="role"
        ),
        pytest.param(USER | {"roles": "Admins"}, [ACCESS, "custom:deidentify:use"], id="roles that are none"),
        pytest.param(PROGRAM, [ACCESS, "custom:jobs:run"], id="a program"),
    ],
)
def test_the_table_says_what_they_may(claims: dict[str, Any], scopes: list[str]) -> None:
    """ENTRA_SCOPE gives the scopes of the Hub's users, and app roles those in ENTRA_GRANTS. Each gives access."""
    settings = make_settings(apps=("deidentify",), entra_grants=GRANTS)
    assert list(identity_of(claims, settings=settings, grants=grants_of(settings)).scopes) == scopes


def test_the_table_can_be_changed() -> None:
    """An entry for ENTRA_SCOPE in ENTRA_GRANTS replaces its default scopes."""
    settings = make_settings(apps=("deidentify",), entra_grants={"user_impersonation": ()})
    assert identity_of(USER, settings=settings, grants=grants_of(settings)).scopes == (ACCESS,)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(USER | {"scp": "user_impersonation2"}, id="another scope"),
        pytest.param(USER | {"scp": ""}, id="no scope"),
        pytest.param(USER | {"scp": "x", "roles": ["Admins"]}, id="a role, which its client may not use"),
        pytest.param(USER | {"scp": ["user_impersonation"]}, id="a list"),
        pytest.param(PROGRAM | {"roles": ["Other"]}, id="another role"),
        pytest.param(PROGRAM | {"roles": None}, id="no role"),
        pytest.param(PROGRAM | {"idtyp": "user"}, id="no program"),
        pytest.param({name: PROGRAM[name] for name in ("iss", "idtyp", "roles")}, id="a program without a name"),
    ],
)
def test_who_has_nothing_of_the_table_is_not_let_in(claims: dict[str, Any]) -> None:
    """A token without anything in the table is refused, and the error names the missing scope."""
    settings = make_settings(entra_grants=GRANTS)
    with pytest.raises(InsufficientScopeError) as caught:
        identity_of(claims, settings=settings, grants=grants_of(settings))
    assert caught.value.missing == ("user_impersonation",)


@pytest.mark.parametrize("name", [None, "", "admin", 17, "a@b\n", "x" * 250 + "@contoso.example"])
def test_a_name_that_is_none_is_refused(name: object) -> None:
    """A user's name needs an @, without which it could be a name of the Hub's. Malformed names are refused, too."""
    settings = make_settings()
    with pytest.raises(InvalidTokenError):
        identity_of(USER | {"preferred_username": name}, settings=settings, grants=grants_of(settings))


def test_verified_claims_are_for_routes() -> None:
    """A route may look at all claims, such as the display name. `/me`, `repr()` and other dumps do not show them."""
    claims = USER | {"name": "Alice Canary", "email": "alice.canary@contoso.example", "roles": ["Admins"]}
    settings = make_settings()
    identity = identity_of(claims, settings=settings, grants=grants_of(settings))

    assert (identity.claims["name"], identity.claims["roles"]) == ("Alice Canary", ["Admins"])
    assert "Canary" not in f"{identity.public()} {identity!r} {identity} {identity.model_dump_json()}"


def test_the_hubs_callers_have_no_claims() -> None:
    """What the Hub says of somebody is never taken for a claim."""
    assert (
        Identity.model_validate({"name": "alice", "claims": {"roles": ["x"]}, "_claims": {"roles": ["x"]}}).claims == {}
    )
