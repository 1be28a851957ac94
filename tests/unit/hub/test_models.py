"""The Hub's models of callers and tokens are read, whatever the Hub omits or adds."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from service.hub.models import Identity, IssuedToken, TokenReply


def identity(**told: Any) -> Identity:  # noqa: ANN401
    """Read an identity from the Hub's JSON."""
    return Identity.model_validate_json(json.dumps({"name": "testuser"} | told))


def test_a_name_is_enough() -> None:
    """A token with few scopes shows little of its owner. Missing fields mean a user without rights."""
    known = identity()

    assert (known.kind, known.name, known.admin, known.groups, known.scopes) == ("user", "testuser", False, (), ())
    assert (known.session_id, known.token_id) == (None, None)


@pytest.mark.parametrize("field", ["kind", "admin", "groups", "scopes", "session_id", "token_id"])
def test_null_counts_as_missing(field: str) -> None:
    """A field that is null has its default value."""
    assert identity(**{field: None}) == identity()


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        pytest.param({"kind": "user", "user_info": None, "groups": ["g"]}, "user", id="an OAuth token"),
        pytest.param({"kind": "service", "admin": False, "scopes": []}, "service", id="a service's"),
        pytest.param(
            {
                "kind": "user",
                "roles": ["user"],
                "created": "2026-01-01T00:00:00Z",
                "pending": None,
                "server": "/user/testuser/",
                "servers": {"": {"ready": True, "user_options": {}}},
                "auth_state": {"x": 1},
            },
            "user",
            id="a full token, with running servers",
        ),
    ],
)
def test_every_kind_of_token_gives_an_identity(told: dict[str, Any], kind: str) -> None:
    """The Hub's own FastAPI example answers these tokens with 500. Unknown fields are kept."""
    known = identity(**told)

    assert known.kind == kind
    assert known.public() == {"admin": False, "groups": [], "scopes": [], "name": "testuser"} | told


@pytest.mark.parametrize(
    "told",
    [
        {"name": ""},
        {"name": None},
        {"name": 17},
        {"name": ["testuser"]},
        {"kind": 1},
        {"admin": "perhaps"},
        {"groups": "g"},
        {"groups": [1]},
        {"scopes": "access:services"},
        {"scopes": {"access:services": True}},
        {"scopes": [None]},
    ],
    ids=str,
)
def test_what_cannot_be_understood_is_refused(told: dict[str, Any]) -> None:
    """A missing name, or rights that could be misread, give no identity."""
    with pytest.raises(ValidationError):
        identity(**told)


def test_what_identifies_the_credential_is_not_shown() -> None:
    """`session_id` and `token_id` are available here, and shown to nobody."""
    known = identity(session_id="canary-1", token_id="canary-2")

    assert (known.session_id, known.token_id) == ("canary-1", "canary-2")
    for shown in (repr(known), str(known), json.dumps(known.public()), known.model_dump_json()):
        assert "canary" not in shown


@pytest.mark.parametrize("deep", [False, True])
def test_a_copy_has_its_own_rights(deep: bool) -> None:  # noqa: FBT001 - a table
    """An application may narrow what a caller may do."""
    caller = Identity(name="alice", scopes=("custom:x",))
    assert caller.scope_set.missing(["custom:x"]) == ()
    narrowed = caller.model_copy(update={"scopes": ()}, deep=deep)

    assert narrowed.scope_set.missing(["custom:x"]) == ("custom:x",)
    assert caller.scope_set.missing(["custom:x"]) == ()


def test_a_dictionary_of_it_can_be_an_answer() -> None:
    """It has what may be shown to the caller, and no other objects, whatever was asked of it before."""
    caller = Identity.model_validate({"name": "alice", "session_id": "s", "token_id": "t", "created": "today"})
    assert caller.scope_set.missing(["custom:x"])

    assert json.loads(json.dumps(dict(caller))) == caller.public()


def test_an_identity_cannot_be_changed() -> None:
    """All requests with one token share it while it is in the cache."""
    with pytest.raises(ValidationError):
        identity().admin = True  # type: ignore[misc]


def test_fields_that_a_hub_adds_replace_no_attribute() -> None:
    """A field of the Hub with the name of an attribute or method here is only data."""
    known = identity(scopes=["a"], scope_set="all", public="x", model_dump=1, __class__="y")

    assert known.scope_set.covers("a")
    assert not known.scope_set.covers("b")
    assert known.public()["scope_set"] == "all"


def test_scopes_are_compared_for_the_tokens_owner() -> None:
    """`scope_set` uses the owner's name, kind and groups."""
    user = identity(scopes=["x!user=testuser", "y!group=g"], groups=["g"])
    service = identity(kind="service", scopes=["x!user=testuser"])

    assert user.scope_set.missing(["x!user", "y!user"]) == ()
    assert service.scope_set.missing(["x!user"]) == ("x!user",)
    assert "scope_set" not in user.public()


@pytest.mark.parametrize(
    ("told", "expires_in", "scope"),
    [
        ({}, None, ()),
        ({"expires_in": 1209600, "token_type": "Bearer", "scope": "a b"}, 1209600, ("a", "b")),
        ({"expires_in": None, "scope": None}, None, ()),
        ({"expires_in": 0, "scope": ""}, 0, ()),
        ({"scope": ["a", "b"], "refresh_token": "x"}, None, ("a", "b")),
    ],
    ids=str,
)
def test_a_token_reply_needs_only_its_token(
    told: dict[str, Any], expires_in: int | None, scope: tuple[str, ...]
) -> None:
    """RFC 6749 section 5.1: everything except the token may be missing, and the scope is one string of words."""
    read = TokenReply.model_validate_json(json.dumps({"access_token": "t"} | told))

    assert (read.access_token.get_secret_value(), read.expires_in, read.scope) == ("t", expires_in, scope)


@pytest.mark.parametrize(
    "told",
    [{"access_token": ""}, {"access_token": None}, {"expires_in": -1}, {"expires_in": 1e18}, {"scope": 1}],
    ids=str,
)
def test_a_token_reply_that_is_nonsense_is_refused(told: dict[str, Any]) -> None:
    """There is no token, or the lifetime is too long for a date."""
    with pytest.raises(ValidationError):
        TokenReply.model_validate_json(json.dumps({"access_token": "t"} | told))


def test_tokens_are_not_shown() -> None:
    """The text of neither model contains the token."""
    reply = TokenReply.model_validate_json('{"access_token": "canary"}')
    issued = IssuedToken.model_validate_json('{"token": "canary", "id": "a7", "user": "ann", "scopes": null}')

    assert "canary" not in f"{reply!r} {reply} {issued!r} {issued} {reply.model_dump_json()} {issued.model_dump_json()}"
    assert issued.token.get_secret_value() == "canary"


@pytest.mark.parametrize("model", [TokenReply, IssuedToken])
def test_a_lifetime_of_a_century_is_the_longest(model: type[TokenReply | IssuedToken]) -> None:
    """It is the longest that SERVICE_TOKEN_LIFETIME_MAX allows, and can still be added to a date."""
    century = 100 * 365 * 24 * 3600
    told = {"access_token": "t", "token": "t", "id": "a7", "user": "ann"}

    assert model.model_validate({**told, "expires_in": century}).expires_in == century
    with pytest.raises(ValidationError):
        model.model_validate({**told, "expires_in": century + 1})
