"""Signing in with a browser, from the first redirect to the verifier that proves that it is the same browser."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from service.hub.oauth import (
    ATTEMPT_LIFETIME,
    Attempt,
    Client,
    begin,
    is_code_verifier,
    is_ours,
    read_state,
    verifier_for,
)
from service.hub.sealing import Sealer
from service.pkce import pkce_challenge

CLIENT = Client("service-fastapi", "/services/fastapi/oauth_callback", "/hub/api/oauth2/authorize", SecretStr("x"))
COOKIE = "service-fastapi-oauth-state"
NEXT = "/services/fastapi/me?a=1&b=%2F"


class Clock:
    """Seconds since the epoch, set by the test."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def sealer(secret: str = "api-token", *, purpose: str = "oauth state", clock: Clock | None = None) -> Sealer:
    """Return the sealer that every worker makes from the same API token."""
    return Sealer(secret, purpose=purpose, now=clock or Clock())


def attempt(*, sealed_by: Sealer | None = None, present: list[str] | None = None, next_url: str = NEXT) -> Attempt:
    """Begin a sign-in."""
    return begin(
        CLIENT, sealer=sealed_by or sealer(), next_url=next_url, cookie_base=COOKIE, cookies_present=present or []
    )


def query_of(begun: Attempt) -> dict[str, str]:
    """Return the query that the Hub's authorize page gets."""
    return {name: value for name, [value] in parse_qs(urlsplit(begun.url).query, strict_parsing=True).items()}


def test_a_sign_in_from_beginning_to_end() -> None:
    """The browser goes to the Hub with state and challenge, and returns with the state. Its cookie has the verifier."""
    begun = attempt()
    asked = query_of(begun)

    assert begun.url.startswith("/hub/api/oauth2/authorize?")
    assert asked.pop("state").startswith("hub.")
    challenge = asked.pop("code_challenge")
    assert asked == {
        "client_id": "service-fastapi",
        "redirect_uri": "/services/fastapi/oauth_callback",
        "response_type": "code",
        "code_challenge_method": "S256",
    }

    returned = read_state(query_of(begun)["state"], sealer=sealer())

    assert returned is not None
    assert (returned.next_url, returned.cookie_name) == (NEXT, COOKIE)
    verifier = verifier_for(returned, cookies=[("other", "x"), (COOKIE, begun.cookie_value)], sealer=sealer())
    assert verifier is not None
    assert is_code_verifier(verifier)
    assert pkce_challenge(verifier) == challenge


def test_without_scopes_the_hub_grants_all_that_the_client_may_have() -> None:
    """Scopes are requested only if they are named, separated by spaces (RFC 6749 section 3.3)."""
    scopes = ["custom:x:read", "access:services!service=x"]
    narrow = begin(CLIENT, sealer=sealer(), next_url=NEXT, cookie_base=COOKIE, scopes=scopes)

    assert "scope" not in query_of(attempt())
    assert query_of(narrow)["scope"] == "custom:x:read access:services!service=x"


def test_the_url_shows_no_secret() -> None:
    """The URL shows neither the verifier nor the destination. The attempt's repr does not show the cookie."""
    begun = attempt(next_url="/services/fastapi/private-matter")
    verifier = sealer().open(begun.cookie_value)

    assert verifier is not None
    assert verifier not in begun.url
    assert "private-matter" not in begun.url
    assert begun.cookie_value not in repr(begun)


def test_two_tabs_sign_in_side_by_side() -> None:
    """A second attempt gets a cookie of its own, so each tab's state finds its own verifier."""
    first = attempt()
    second = attempt(present=[first.cookie_name])
    third = attempt(present=[first.cookie_name, second.cookie_name])
    cookies = {begun.cookie_name: begun.cookie_value for begun in (first, second, third)}

    assert len(cookies) == 3
    assert all(name.startswith(COOKIE) for name in cookies)
    for begun in (first, second, third):
        returned = read_state(query_of(begun)["state"], sealer=sealer())
        assert returned is not None
        verifier = verifier_for(returned, cookies=cookies.items(), sealer=sealer())
        assert verifier is not None
        assert pkce_challenge(verifier) == query_of(begun)["code_challenge"]


@pytest.mark.parametrize("case", ["none", "another attempt's", "the state itself", "garbage", "another key's", "empty"])
def test_a_state_is_worthless_without_its_own_cookie(case: str) -> None:
    """A link with somebody else's state and code signs nobody in (login CSRF)."""
    begun = attempt()
    state = query_of(begun)["state"]
    cookies = {
        "none": {},
        "another attempt's": {COOKIE: attempt().cookie_value},
        "the state itself": {COOKIE: state.removeprefix("hub.")},
        "garbage": {COOKIE: "ä%00"},
        "another key's": {COOKIE: attempt(sealed_by=sealer("other")).cookie_value},
        "empty": {COOKIE: ""},
    }[case]

    returned = read_state(state, sealer=sealer())

    assert returned is not None
    assert verifier_for(returned, cookies=cookies.items(), sealer=sealer()) is None


@pytest.mark.parametrize("order", [1, -1], ids=["first", "last"])
def test_the_cookie_that_fits_counts(order: int) -> None:
    """A page that sets cookies with the same name cannot prevent the sign-in, whatever their order."""
    begun = attempt()
    returned = read_state(query_of(begun)["state"], sealer=sealer())
    sent = [(COOKIE, begun.cookie_value), (COOKIE, "planted"), (COOKIE, attempt().cookie_value)][::order]

    assert returned is not None
    assert verifier_for(returned, cookies=sent, sealer=sealer()) == sealer().open(begun.cookie_value)


def test_a_cookie_under_another_name_does_not_count() -> None:
    """The state contains the name of its cookie."""
    begun = attempt()
    returned = read_state(query_of(begun)["state"], sealer=sealer())

    assert returned is not None
    renamed = replace(returned, cookie_name=f"{COOKIE}-12345678")
    assert verifier_for(renamed, cookies=[(COOKIE, begun.cookie_value)], sealer=sealer()) is None


@pytest.mark.parametrize(
    "reader",
    [
        pytest.param(sealer("another-token"), id="our API token has changed"),
        pytest.param(sealer(purpose="session cookie"), id="another purpose"),
    ],
)
def test_a_state_of_another_key_is_refused(reader: Sealer) -> None:
    """A state that does not open was not made here."""
    assert read_state(query_of(attempt())["state"], sealer=reader) is None


def test_the_sealed_verifier_is_not_a_state() -> None:
    """Cookie and state are sealed with the same key. One in place of the other is refused, without an error."""
    assert read_state("hub." + attempt().cookie_value, sealer=sealer()) is None
    for content in ("[]", "[1]", '{"a":1}', "17", "null", '["a","b","c","d","e"]'):
        state = "hub." + sealer().seal(content, lifetime=timedelta(minutes=1))
        assert read_state(state, sealer=sealer()) is None


@given(st.text(max_size=100))
def test_a_forged_state_is_refused(text: str) -> None:
    """Any other text in place of a state gives None."""
    assert read_state(text, sealer=sealer()) is None
    assert read_state(f"hub.{text}", sealer=sealer()) is None


def test_an_attempt_ends_after_ten_minutes() -> None:
    """State and cookie expire together."""
    clock = Clock()
    begun = attempt(sealed_by=sealer(clock=clock))
    state = query_of(begun)["state"]
    returned = read_state(state, sealer=sealer(clock=clock))
    assert returned is not None

    clock.now += ATTEMPT_LIFETIME.total_seconds()

    assert timedelta(minutes=10) == ATTEMPT_LIFETIME
    assert read_state(state, sealer=sealer(clock=clock)) is None
    assert verifier_for(returned, cookies=[(COOKIE, begun.cookie_value)], sealer=sealer(clock=clock)) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (query_of(attempt())["state"], True),
        ("TW9uIEphbiAwNSAyMDI2IDEwOjAwOjAwIEdNVCswMDAw", False),  # Swagger UI: btoa(new Date())
        ("RnJp", False),
        ("", False),
        ("hub", False),
    ],
)
def test_our_states_are_told_from_swaggers(state: str, expected: bool) -> None:  # noqa: FBT001
    """One callback serves both. Swagger UI's state is base64 of a date, which contains no dot."""
    assert is_ours(state) is expected


def test_the_challenge_is_that_of_rfc_7636() -> None:
    """The example of RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert pkce_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a" * 43, True, id="shortest"),
        pytest.param("Az09-._~" * 16, True, id="longest, every kind of character"),
        pytest.param("a" * 42, False, id="too short"),
        pytest.param("a" * 129, False, id="too long"),
        pytest.param("a" * 43 + "\n", False, id="line end"),
        pytest.param("a" * 43 + "+", False, id="another character"),
        pytest.param("é" * 43, False, id="not ASCII"),
        pytest.param("", False, id="none"),
    ],
)
def test_the_form_of_a_verifier(text: str, expected: bool) -> None:  # noqa: FBT001
    """43 to 128 unreserved characters, RFC 7636 section 4.1."""
    assert is_code_verifier(text) is expected
