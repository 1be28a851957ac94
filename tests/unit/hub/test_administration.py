"""What is asked of the Hub with the service's own token, and what each of its replies means."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from service.errors import ServiceError
from service.hub import administration
from service.hub.errors import (
    GroupsManagedError,
    HubRefusedServiceError,
    HubUnavailableError,
    HubUserMissingError,
    InvitationRefusedError,
)
from service.hub.protocol import HubReply, HubRequest
from tests.unit.hub.test_protocol import NONSENSE, refusal, reply

SIGNED = {"Authorization": "token secret"}
GROUP = {"kind": "group", "name": "desk-admin", "users": ["ada", "bob"], "properties": {}}
READERS: dict[str, Callable[[HubReply], object]] = {
    "members": administration.read_members,
    "has user": administration.read_has_user,
    "created": administration.read_created,
    "token": administration.read_token_created,
    "invitation": administration.read_invitation,
}

REQUESTS = {
    "members": (administration.group("secret", "desk-admin"), HubRequest("GET", "groups/desk-admin", SIGNED)),
    "add": (
        administration.add("secret", "desk-admin", "ada"),
        HubRequest("POST", "groups/desk-admin/users", SIGNED, json={"users": ["ada"]}),
    ),
    "remove": (
        administration.remove("secret", "desk-admin", "ada"),
        HubRequest("DELETE", "groups/desk-admin/users", SIGNED, json={"users": ["ada"]}),
    ),
    "has user": (administration.user_tokens("secret", "a/b"), HubRequest("GET", "users/a%2Fb/tokens", SIGNED)),
    "create": (
        administration.create_user("secret", "ada"),
        HubRequest("POST", "users", SIGNED, json={"usernames": ["ada"]}),
    ),
    "invite": (administration.invite("secret", "a/b"), HubRequest("POST", "users/a%2Fb/invitation", SIGNED)),
    "token": (
        administration.user_token("secret", "..", "a1/../a2"),
        HubRequest("GET", "users/%2E%2E/tokens/a1%2F..%2Fa2", SIGNED),
    ),
}


@pytest.mark.parametrize(("made", "expected"), REQUESTS.values(), ids=REQUESTS)
def test_requests(made: HubRequest, expected: HubRequest) -> None:
    """Each asks one endpoint, signed with the service's token; names cannot lead elsewhere."""
    assert made == expected


ANSWERS: dict[str, tuple[str, HubReply, object]] = {
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
    """What the Hub's answers say."""
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
    """What the Hub's refusals say: of the person, of us, or nothing."""
    with pytest.raises(error):
        READERS[kind](answer)


# That a user was made is looked up, whatever the answer says.
MEANINGFUL = {("created", "an empty object, created")}


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in READERS for name in NONSENSE if (kind, name) not in MEANINGFUL]
)
def test_nonsense_is_an_outage(kind: str, name: str) -> None:
    """Whatever is no answer of the Hub's says nothing: neither who is in a group nor how old a token is."""
    with pytest.raises(HubUnavailableError):
        READERS[kind](NONSENSE[name])


def test_no_secret_is_shown() -> None:
    """A request does not show the token that signs it."""
    shown: list[Any] = [repr(made) for made, _ in REQUESTS.values()]

    assert [text for text in shown if "secret" in text] == []
