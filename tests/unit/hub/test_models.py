"""What a Hub says of callers and tokens is understood, whatever it leaves out or adds."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from service.hub.models import Identity, IssuedToken, TokenReply


def identity(**told: Any) -> Identity:  # noqa: ANN401
    """Read an identity from what a Hub tells in JSON."""
    return Identity.model_validate_json(json.dumps({"name": "testuser"} | told))


def test_a_name_is_enough() -> None:
    """A narrow token shows hardly anything of its owner; what is missing is a user without rights."""
    known = identity()

    assert (known.kind, known.name, known.admin, known.groups, known.scopes) == ("user", "testuser", False, (), ())
    assert (known.session_id, known.token_id) == (None, None)


@pytest.mark.parametrize("field", ["kind", "admin", "groups", "scopes", "session_id", "token_id"])
def test_null_is_as_good_as_missing(field: str) -> None:
    """A field that is null has its default."""
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
    """Those that the Hub's own FastAPI example answers with 500; what we do not know is kept."""
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
    """A name that is none, or rights that could be misread, make no identity."""
    with pytest.raises(ValidationError):
        identity(**told)


def test_what_names_the_credential_stays_inside() -> None:
    """`session_id` and `token_id` are known to us and shown to nobody."""
    known = identity(session_id="canary-1", token_id="canary-2")

    assert (known.session_id, known.token_id) == ("canary-1", "canary-2")
    for shown in (repr(known), str(known), json.dumps(known.public()), known.model_dump_json()):
        assert "canary" not in shown


def test_an_identity_cannot_be_changed() -> None:
    """It is shared by all requests of one token while the cache holds it."""
    with pytest.raises(ValidationError):
        identity().admin = True  # type: ignore[misc]


def test_what_a_hub_adds_cannot_take_the_place_of_ours() -> None:
    """A field named like something of ours is data."""
    known = identity(scopes=["a"], held="all", public="x", model_dump=1, __class__="y")

    assert known.held.covers("a")
    assert not known.held.covers("b")
    assert known.public()["held"] == "all"


def test_scopes_are_compared_for_the_tokens_owner() -> None:
    """`held` knows name, kind and groups."""
    user = identity(scopes=["x!user=testuser", "y!group=g"], groups=["g"])
    service = identity(kind="service", scopes=["x!user=testuser"])

    assert user.held.missing(["x!user", "y!user"]) == ()
    assert service.held.missing(["x!user"]) == ("x!user",)
    assert "held" not in user.public()


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
    """RFC 6749 section 5.1: all but the token may be missing, and the scope is one string of words."""
    read = TokenReply.model_validate_json(json.dumps({"access_token": "t"} | told))

    assert (read.access_token.get_secret_value(), read.expires_in, read.scope) == ("t", expires_in, scope)


@pytest.mark.parametrize(
    "told",
    [{"access_token": ""}, {"access_token": None}, {"expires_in": -1}, {"expires_in": 1e18}, {"scope": 1}],
    ids=str,
)
def test_a_token_reply_that_makes_no_sense_is_refused(told: dict[str, Any]) -> None:
    """No token, or a lifetime that no date can hold."""
    with pytest.raises(ValidationError):
        TokenReply.model_validate_json(json.dumps({"access_token": "t"} | told))


def test_tokens_do_not_show() -> None:
    """Neither model's text tells the token."""
    reply = TokenReply.model_validate_json('{"access_token": "canary"}')
    issued = IssuedToken.model_validate_json('{"token": "canary", "scopes": null}')

    assert "canary" not in f"{reply!r} {reply} {issued!r} {issued} {reply.model_dump_json()} {issued.model_dump_json()}"
    assert issued.token.get_secret_value() == "canary"
