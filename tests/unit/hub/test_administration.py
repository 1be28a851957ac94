"""The calls in the service's own name: what is sent, and what each reply means."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from service.errors import ServiceError
from service.hub import administration
from service.hub.administration import Registration
from service.hub.call import Call, HubReply
from service.hub.errors import (
    GroupsManagedError,
    HubRefusedServiceError,
    HubUnavailableError,
    HubUserMissingError,
    InvitationRefusedError,
)
from tests.unit.hub.test_protocol import NONSENSE, refusal, reply

GROUP = {"kind": "group", "name": "desk-admin", "users": ["ada", "bob"], "properties": {}}
CALLS: dict[str, tuple[Call[Any], tuple[str, str, object]]] = {
    "registration": (administration.registration("a/b"), ("GET", "services/a%2Fb", None)),
    "members": (administration.group_members("desk-admin"), ("GET", "groups/desk-admin", None)),
    "add": (
        administration.add_to_group("desk-admin", "ada"),
        ("POST", "groups/desk-admin/users", {"users": ["ada"]}),
    ),
    "remove": (
        administration.remove_from_group("desk-admin", "ada"),
        ("DELETE", "groups/desk-admin/users", {"users": ["ada"]}),
    ),
    "has user": (administration.has_user("a/b"), ("GET", "users/a%2Fb/tokens", None)),
    "created": (administration.create_user("ada"), ("POST", "users", {"usernames": ["ada"]})),
    "invitation": (administration.invite("a/b"), ("POST", "users/a%2Fb/invitation", None)),
    "token": (
        administration.token_created("..", "a1/../a2"),
        ("GET", "users/%2E%2E/tokens/a1%2F..%2Fa2", None),
    ),
}
READERS = {kind: call.read for kind, (call, _) in CALLS.items()}


@pytest.mark.parametrize(("call", "expected"), CALLS.values(), ids=CALLS)
def test_requests(call: Call[Any], expected: tuple[str, str, object]) -> None:
    """Each call goes to one endpoint, signed with the service's token; a name cannot lead to another endpoint."""
    assert (call.method, call.path, call.json) == expected
    assert call.as_service


ANSWERS: dict[str, tuple[str, HubReply, object]] = {
    "registered": (
        "registration",
        reply(200, {"name": "fastapi", "prefix": "/services/fastapi/", "info": {"oauth_redirect_uri": "/x"}}),
        Registration(prefix="/services/fastapi/", info={"oauth_redirect_uri": "/x"}),
    ),
    "not allowed to know": ("registration", refusal(403, "Action is not authorized"), None),
    "no such service": ("registration", refusal(404), None),
    "members": ("members", reply(200, GROUP), {"ada", "bob"}),
    "nobody": ("members", reply(200, {**GROUP, "users": []}), set()),
    "a user": ("has user", reply(200, {"api_tokens": []}), True),
    "no user": ("has user", refusal(404, "No such user: eve"), False),
    "made": ("created", reply(201, [{"name": "eve"}]), None),
    "there already": ("created", refusal(409, "All 1 users already exist"), None),
    "a token": (
        "token",
        reply(200, {"created": "2026-01-01T12:00:00.000001Z"}),
        datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC),
    ),
    "an invitation": (
        "invitation",
        reply(201, {"key": "x", "expires_at": "2026-01-01T12:00:00+00:00"}),
        administration.Invitation(key=SecretStr("x"), expires_at=datetime(2026, 1, 1, 12, tzinfo=UTC)),
    ),
    "no token": ("token", refusal(404, "No such token a1 for user ada"), None),
}


@pytest.mark.parametrize(("kind", "answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answers(kind: str, answer: HubReply, expected: object) -> None:
    """Each reply gives its result."""
    assert READERS[kind](answer) == expected


REFUSALS: dict[str, tuple[str, HubReply, type[ServiceError]]] = {
    "no such user": ("members", refusal(400, "No such user: eve"), HubUserMissingError),
    "groups are managed": ("members", refusal(400, "Group management via API is disabled"), GroupsManagedError),
    "no such group": ("members", refusal(404, "No such group: desk-admin"), HubRefusedServiceError),
    "another's group": (
        "members",
        refusal(404, "No access to resources or resources not found"),
        HubRefusedServiceError,
    ),
    "no scope for groups": ("members", refusal(403, "Action is not authorized"), HubRefusedServiceError),
    "no scope for tokens": ("token", refusal(403, "Action is not authorized"), HubRefusedServiceError),
    "no scope to look for users": ("has user", refusal(403, "Action is not authorized"), HubRefusedServiceError),
    "not found for another reason": ("has user", refusal(404, "No access"), HubRefusedServiceError),
    "no scope for users": ("created", refusal(403, "Action is not authorized"), HubUserMissingError),
    "no such name": ("created", refusal(400, "Invalid username: a/b"), HubUserMissingError),
    "an invitation of a Hub that makes none": ("invitation", refusal(404, "Not Found"), InvitationRefusedError),
    "no scope for invitations": ("invitation", refusal(403, "Action is not authorized"), InvitationRefusedError),
    "somebody who has a password": ("invitation", refusal(409, "This user has a password"), InvitationRefusedError),
    "an invitation without an end": ("invitation", reply(201, {"key": "x"}), HubUnavailableError),
    "a group without members": ("members", reply(200, {"kind": "group", "name": "x"}), HubUnavailableError),
    "a token without an age": ("token", reply(200, {"id": "a1"}), HubUnavailableError),
    "a token of an age without zone": ("token", reply(200, {"created": "2026-01-01T12:00:00"}), HubUnavailableError),
}


@pytest.mark.parametrize(("kind", "answer", "error"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(kind: str, answer: HubReply, error: type[ServiceError]) -> None:
    """A refusal is about the person, about the service, or about neither."""
    with pytest.raises(error):
        READERS[kind](answer)


# That a user was made is looked up, whatever the answer says.
# A service without a path or a note is one all the same.
MEANINGFUL = {("created", "an empty object, created"), ("registration", "an empty object")}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in READERS for name in NONSENSE if (kind, name) not in MEANINGFUL]
)
def test_nonsense_is_an_outage(kind: str, name: str) -> None:
    """A reply that is not the Hub's says neither who is in a group nor how old a token is."""
    with pytest.raises(HubUnavailableError):
        READERS[kind](NONSENSE[name])
