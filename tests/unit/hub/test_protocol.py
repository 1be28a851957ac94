"""The calls about tokens: what is sent to the Hub, and what each reply means."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from service.errors import ServiceError, ThrottledError
from service.hub import protocol
from service.hub.call import Call, HubReply
from service.hub.errors import (
    HubRefusedServiceError,
    HubUnavailableError,
    InvalidTokenError,
    NameRefusedError,
    RevokeRefusedError,
    TokenRequestError,
)
from service.hub.models import IssuedToken
from service.hub.oauth import Client
from service.hub.protocol import Credentials, Wish


def reply(status: int, body: Any = None, **more: Any) -> HubReply:  # noqa: ANN401
    """Return a reply with a JSON body."""
    return HubReply(status, json.dumps(body).encode(), **more)


def refusal(status: int, message: str | None = None) -> HubReply:
    """Return an error as the Hub sends it: jupyterhub/apihandlers/base.py, write_error."""
    return reply(status, {"status": status, "message": message})


OAUTH = Client("i", "r", "/authorize", SecretStr("s"))
IDENTIFY, IDENTIFY_SELF, VERSION = protocol.identify("abc"), protocol.identify_self(), protocol.version()
EXCHANGE, DEMANDS_VERIFIER = protocol.exchange(OAUTH, "c", verifier="v"), protocol.demands_verifier(OAUTH, "c")
REVOKE = protocol.revoke("abc", name="a/b", token_id="..")


WISH = Wish(scopes=("x", "y"), expires_in=60, note="n")


def issue(username: str = "a", *, address: str = "") -> Call[IssuedToken]:
    """Ask for a token with a password."""
    credentials = Credentials(username=username, password=SecretStr("p"), address=address)
    return protocol.issue(WISH, credentials, name=username)


ISSUE = issue()
ISSUE_MORE = protocol.issue_more(WISH, name="a b", token="abc")
HTML_403 = HubReply(403, b"<!doctype html><title>403 Forbidden</title>")
READERS: dict[str, Callable[[HubReply], object]] = {
    "identity": IDENTIFY.read,
    "own identity": IDENTIFY_SELF.read,
    "exchange": EXCHANGE.read,
    "demands a verifier": DEMANDS_VERIFIER.read,
    "issued": ISSUE.read,
    "issued with a token": ISSUE_MORE.read,
    "revoked": REVOKE.read,
    "version": VERSION.read,
}
NONSENSE = {
    "500": refusal(500, "Internal Server Error"),
    "502 HTML": HubReply(502, b"<html>Bad Gateway</html>"),
    "503 empty": HubReply(503),
    "429": HubReply(429, b"<html>Too Many Requests</html>"),
    "a proxy's 403": HTML_403,
    "a gateway's 403": reply(403, {"message": "Forbidden"}),
    "a 403 of another status": reply(403, {"status": 500, "message": None}),
    "a 403 in a list": reply(403, [{"status": 403}]),
    "401 HTML": HubReply(401, b"<html>"),
    "404 HTML": HubReply(404, b"<html>"),
    "a redirect": HubReply(302, b""),
    "a captive portal": HubReply(200, b"<title>Welcome to the Wi-Fi</title>"),
    "empty": HubReply(200),
    "half an answer": HubReply(200, b'{"kind": "user", "na'),
    "a list": reply(200, ["testuser"]),
    "a number": reply(200, 17),
    "a string": reply(200, "testuser"),
    "null": reply(200, None),
    "an empty object": reply(200, {}),
    "an empty object, created": reply(201, {}),
    "not UTF-8": HubReply(200, b'{"name": "\xff"}'),
    "UTF-16": HubReply(200, '{"name": "testuser"}'.encode("utf-16")),
    "a lone surrogate": HubReply(200, b'{"name": "\\ud800", "version": "\\ud800"}'),
    "a deep list": HubReply(200, b"[" * 100_000),
    "a deep refusal": HubReply(403, b'{"status":' * 100_000),
    "a number without end": HubReply(200, b"9" * 5_000),
    "400 with a list for an error": reply(400, {"error": ["invalid_grant"]}),
    "400 with an object for an error": reply(400, {"error": {}}),
    "400 HTML": HubReply(400, b"<html>"),
    "418": HubReply(418),
    "an unknown status": HubReply(799),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_an_outage(nonsense: HubReply, read: Callable[[HubReply], object]) -> None:
    """A reply that is not the Hub's says nothing about the caller. It is HubUnavailableError, never a refusal."""
    with pytest.raises(HubUnavailableError) as caught:
        read(nonsense)

    assert caught.value.detail == HubUnavailableError.default


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
HUB_FIELDS = [
    *("name", "kind", "admin", "groups", "scopes", "session_id", "token_id", "error", "status", "message", "version"),
    *("access_token", "expires_in", "scope", "token_type", "token"),
]
HUB_OBJECTS = st.dictionaries(
    st.sampled_from(HUB_FIELDS),
    JSON_VALUES | st.sampled_from([400, 401, 403, 404, "invalid_grant", "user", "service", ["a"]]),
    max_size=4,
)


@given(
    st.sampled_from(list(READERS.values())),
    st.sampled_from([100, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503, 999]),
    st.binary(max_size=30) | (JSON_VALUES | HUB_OBJECTS).map(lambda value: json.dumps(value).encode()),
    st.text(max_size=8) | st.sampled_from(["9" * 5000, "-1", "1.5", "٣", "Wed, 21 Oct 2026 07:28:00 GMT"]),
)
@settings(max_examples=150)
def test_every_reply_is_a_result_or_one_of_our_errors(
    read: Callable[[HubReply], object], status: int, body: bytes, retry_after: str
) -> None:
    """Every status, body or header gives a result or a ServiceError."""
    with contextlib.suppress(ServiceError):
        read(HubReply(status, body, retry_after))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("", 5), ("17", 17), ("0", 0), ("86400", 300), ("9" * 5000, 5), ("soon", 5), ("-1", 5), ("1.5", 5), ("٣", 5)],
)
def test_the_hubs_retry_after(header: str, seconds: int) -> None:
    """Retry-After in seconds is passed on, up to five minutes. A date or nonsense counts as five seconds."""
    with pytest.raises(HubUnavailableError) as caught:
        IDENTIFY.read(HubReply(503, b"", header))

    assert caught.value.retry_after == seconds


def test_identify_is_signed_with_the_token_itself() -> None:
    """The token signs its own request, so the service needs no rights."""
    assert (IDENTIFY.method, IDENTIFY.path, IDENTIFY.token, IDENTIFY.as_service) == ("GET", "user", "abc", False)


def test_an_identity_is_read() -> None:
    """The Hub answers 200 with a name."""
    identity = IDENTIFY.read(reply(200, {"kind": "user", "name": "testuser", "scopes": ["a"]}))

    assert (identity.kind, identity.name, identity.scopes) == ("user", "testuser", ("a",))


def test_only_the_hubs_own_403_means_that_a_token_is_unknown() -> None:
    """For a wrong, expired or revoked token the Hub sends `{"status": 403, …}`, and no other status."""
    with pytest.raises(InvalidTokenError):
        IDENTIFY.read(refusal(403))
    for status in (400, 401, 404):
        with pytest.raises(HubUnavailableError):
            IDENTIFY.read(refusal(status))


def test_a_refusal_of_our_own_token_is_the_operators_business() -> None:
    """The Hub's 403 to the service is HubRefusedServiceError, whose reason names the variable."""
    with pytest.raises(HubRefusedServiceError) as caught:
        IDENTIFY_SELF.read(refusal(403))

    assert "JUPYTERHUB_API_TOKEN" in caught.value.reason


def test_the_code_is_exchanged_with_everything_in_the_body() -> None:
    """RFC 6749 section 4.1.3 and RFC 7636 section 4.5. The Hub accepts no client credentials in a header."""
    form = {
        "grant_type": "authorization_code",
        "code": "c",
        "client_id": "i",
        "client_secret": "s",
        "redirect_uri": "r",
    }
    for call in (EXCHANGE, DEMANDS_VERIFIER):
        assert (call.method, call.path, call.headers, call.json) == ("POST", "oauth2/token", {}, None)
        assert (call.token, call.as_service) == ("", False)

    assert EXCHANGE.form == form | {"code_verifier": "v"}
    assert DEMANDS_VERIFIER.form == form


def test_an_exchanged_code_gives_a_token() -> None:
    """RFC 6749 section 5.1. The scope is one string of words."""
    read = EXCHANGE.read(reply(200, {"access_token": "t", "expires_in": 60, "scope": "a b", "more": 1}))

    assert (read.access_token.get_secret_value(), read.expires_in, read.scope) == ("t", 60, ("a", "b"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(reply(400, {"error": "invalid_grant"}), TokenRequestError, id="bad or used code"),
        pytest.param(reply(400, {"error": "invalid_request"}), TokenRequestError, id="no verifier"),
        pytest.param(reply(401, {"error": "invalid_client"}), HubRefusedServiceError, id="bad secret"),
        pytest.param(refusal(403), HubRefusedServiceError, id="not allowed"),
        pytest.param(reply(400, {"error": "unauthorized_client"}), HubRefusedServiceError, id="grant not ours"),
        pytest.param(reply(400, {"error": "unsupported_grant_type"}), HubRefusedServiceError, id="grant unknown"),
    ],
)
def test_a_refused_exchange_is_the_callers_mistake_or_the_operators(
    answer: HubReply, error: type[ServiceError]
) -> None:
    """A wrong code is the caller's mistake. A wrong client is a mistake in the registration."""
    with pytest.raises(error) as caught:
        EXCHANGE.read(answer)

    assert getattr(caught.value, "error", "invalid_grant") == "invalid_grant"


def test_a_password_is_sent_without_any_other_credential() -> None:
    """With an Authorization header that may make tokens, the Hub would not look at the password."""
    request = issue("a b/../c")

    assert (request.method, request.headers, request.form) == ("POST", {}, None)
    assert (request.token, request.as_service) == ("", False)
    assert request.path == "users/a%20b%2F..%2Fc/tokens"
    auth = {"username": "a b/../c", "password": "p"}
    assert request.json == {"auth": auth, "scopes": ["x", "y"], "expires_in": 60, "note": "n"}


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.0.2.1", {"X-Forwarded-For": "192.0.2.1"}),
        ("2001:db8::1", {"X-Forwarded-For": "2001:db8::1"}),
        ("", {}),
        ("unix:", {}),
        ("192.0.2.1, 127.0.0.1", {}),
        ("192.0.2.1\r\nAuthorization: token x", {}),
    ],
)
def test_the_hub_is_told_whose_password_it_is(address: str, headers: dict[str, str]) -> None:
    """The caller's address is sent along. Otherwise the Hub would count everybody's passwords as the service's."""
    assert issue(address=address).headers == headers


def test_too_many_passwords_at_the_hub() -> None:
    """If the Hub's authenticator does not check a password, that is neither a wrong password nor an outage."""
    with pytest.raises(ThrottledError) as caught:
        ISSUE.read(HubReply(429, json.dumps({"status": 429, "message": "x"}).encode(), "17"))
    assert caught.value.retry_after == 17

    with pytest.raises(HubUnavailableError):
        ISSUE.read(HubReply(429, b"<html>a proxy's", "17"))


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_of_dots_leads_to_no_other_endpoint(name: str) -> None:
    """`users/../tokens` would be another endpoint."""
    assert issue(name).path == f"users/{name.replace('.', '%2E')}/tokens"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(refusal(403), "invalid_grant", id="wrong password or user"),
        pytest.param(refusal(404), "invalid_grant", id="no such user"),
        pytest.param(refusal(400, "Not assigning requested scopes x"), "invalid_scope", id="scope not held"),
        pytest.param(refusal(400), "invalid_scope", id="no message"),
        pytest.param(refusal(400, "expires_in: 99 must not exceed 9"), "invalid_request", id="lifetime"),
    ],
)
def test_a_refused_password_is_an_error_of_oauth(answer: HubReply, error: str) -> None:
    """RFC 6749 section 5.2. The Hub's own text is not repeated."""
    with pytest.raises(TokenRequestError) as caught:
        ISSUE.read(answer)

    assert caught.value.error == error
    assert "99" not in caught.value.detail


def test_a_right_password_under_another_name_is_told_from_a_wrong_one() -> None:
    """The Hub says so in words of its own (jupyterhub/apihandlers/users.py)."""
    with pytest.raises(NameRefusedError):
        ISSUE.read(refusal(403, "User Bob not found or no permissions to generate tokens"))


def test_another_token_is_asked_for_with_a_token_and_no_password() -> None:
    """The call carries the token of the same user."""
    assert (ISSUE_MORE.method, ISSUE_MORE.path, ISSUE_MORE.token) == ("POST", "users/a%20b/tokens", "abc")
    assert ISSUE_MORE.json == {"scopes": ["x", "y"], "expires_in": 60, "note": "n"}


def test_a_token_that_is_gone_meanwhile_is_no_wrong_password() -> None:
    """A 403 to the token that was made a moment ago says nothing about the password."""
    with pytest.raises(HubUnavailableError):
        ISSUE_MORE.read(refusal(403))


def test_an_issued_token_is_read() -> None:
    """The Hub answers 201 with the token and its scopes."""
    read = ISSUE.read(reply(201, {"token": "t", "scopes": ["a"], "id": "a1", "user": "u"}))

    assert (read.token.get_secret_value(), read.scopes) == ("t", ("a",))


def test_a_token_is_deleted_with_itself() -> None:
    """The call is DELETE /users/:name/tokens/:id. Name and id are one segment of the path each."""
    assert (REVOKE.method, REVOKE.path) == ("DELETE", "users/a%2Fb/tokens/%2E%2E")
    assert (REVOKE.token, REVOKE.as_service) == ("abc", False)


def test_deleting_succeeds_with_204_alone() -> None:
    """204 means success. The Hub's 403 and 404 mean that the token may not delete itself."""
    REVOKE.read(HubReply(204))

    for status in (403, 404):
        with pytest.raises(RevokeRefusedError):
            REVOKE.read(refusal(status))


def test_the_version_needs_no_credential() -> None:
    """Anybody may ask for the version."""
    assert (VERSION.method, VERSION.path, VERSION.token, VERSION.as_service) == ("GET", "", "", False)
    assert VERSION.read(reply(200, {"version": "6.1.1"})) == "6.1.1"


def test_no_call_or_reply_shows_its_secrets() -> None:
    """Their `repr` leaves out tokens, headers and bodies."""
    client = Client("", "", "", SecretStr("canary"))
    exchange = protocol.exchange(client, "canary", verifier="canary")
    credentials = Credentials(username="u", password=SecretStr("canary"), address="192.0.2.1")
    issued = protocol.issue(WISH, credentials, name="u")
    shown = repr([protocol.identify("canary"), client, exchange, credentials, issued, HubReply(200, b"canary")])

    assert "canary" not in shown


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_to_delete_that_is_not_the_hub_s(status: int) -> None:
    """A page of a proxy does not say that a token is gone already, so that deleting it is tried again."""
    with pytest.raises(HubUnavailableError):
        REVOKE.read(HubReply(status, b"<html>Forbidden</html>"))
