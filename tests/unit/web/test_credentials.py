"""Where a credential may be in a request, which one counts, and which is none."""

import time
from datetime import timedelta

import pytest

from service.errors import InvalidTokenError
from service.hub.sealing import Sealer
from service.web.credentials import (
    Credential,
    Source,
    find_cookie_credential,
    find_credential,
    hub_session_id,
    seal_session,
)
from tests.unit.web.conftest import AUTH_COOKIE, settings_of

SECRET = "s" * 32
SEALER = Sealer(SECRET, purpose="session cookie")
SEALED = SEALER.seal("from-cookie", lifetime=timedelta(hours=1))
PROTOCOL = "v1.token.websocket.jupyter.org"

Headers = list[tuple[str, str]]


def found(
    headers: Headers, *, query: str = "", kind: str = "http", in_url: bool = False, host_prefix: bool = False
) -> Credential | None:
    """Look for the credential of a request."""
    scope = {
        "type": kind,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    settings = settings_of(allow_token_in_url=in_url, cookie_host_prefix=host_prefix)
    return find_credential(scope, settings=settings, session_sealer=SEALER)


def signed(value: str) -> Headers:
    """Return an Authorization header."""
    return [("Authorization", value)]


COOKIE = [("Cookie", f"{AUTH_COOKIE}={SEALED}")]
OFFERED = [("Sec-WebSocket-Protocol", f"v1.kernel.websocket.jupyter.org, {PROTOCOL}, {PROTOCOL}.from-protocol")]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(value, id=value)
        for value in ("Bearer abc", "bearer abc", "BEARER abc", "token abc", "Token abc", "tOkEn   abc", " Bearer abc ")
    ],
)
def test_both_schemes_in_any_case(value: str) -> None:
    """`Authorization: Bearer` and the Hub's customary `token` carry a Hub token, however they are written."""
    assert found(signed(value)) == Credential("abc", Source.HEADER)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(signed(""), id="empty"),
        pytest.param(signed("Bearer"), id="scheme alone"),
        pytest.param(signed("Bearer "), id="scheme and a space"),
        pytest.param(signed("abc"), id="token alone"),
        pytest.param(signed("Bearerabc"), id="no space"),
        pytest.param(signed("Basic dGVzdHVzZXI6cGFzc3dk"), id="Basic"),
        pytest.param(signed("Bearer a b"), id="two words"),
        pytest.param(signed("Bearer a, Bearer b"), id="joined by a proxy"),
        pytest.param([*signed("Bearer a"), *signed("Bearer b")], id="two headers"),
        pytest.param([*signed("Bearer a"), *signed("")], id="two headers, one empty"),
        pytest.param(signed("Bearer " + "a" * 9000), id="endless"),
    ],
)
@pytest.mark.parametrize("more", [[], COOKIE], ids=["alone", "with a good cookie"])
def test_a_header_that_is_no_token_is_refused(headers: Headers, more: Headers) -> None:
    """An Authorization header that carries no Hub token is final: neither the URL nor the cookie is looked at."""
    with pytest.raises(InvalidTokenError):
        found(headers + more, query="token=from-url", in_url=True)


@pytest.mark.parametrize(
    ("query", "token"),
    [
        ("token=abc", "abc"),
        ("a=1&token=abc&b=2", "abc"),
        ("%74oken=abc", "abc"),
        ("token=a%62c", "abc"),
        ("token=abc&token=def", "abc"),
        ("token=", None),
        ("token", None),
        ("mytoken=abc", None),
        ("TOKEN=abc", None),
        ("", None),
    ],
)
def test_token_in_url(query: str, token: str | None) -> None:
    """`?token=` counts where it is turned on, by name and percent-encoded or not; where it is off it is not read."""
    expected = Credential(token, Source.URL) if token else None

    assert found([], query=query, in_url=True) == expected
    assert found([], query=query) is None


@pytest.mark.parametrize(
    ("headers", "query", "kind", "expected"),
    [
        pytest.param([], "", "http", None, id="nothing"),
        pytest.param(signed("Bearer x") + COOKIE, "token=y", "http", ("x", Source.HEADER), id="header first"),
        pytest.param(COOKIE, "token=y", "http", ("y", Source.URL), id="URL before cookie"),
        pytest.param(COOKIE, "token=", "http", ("from-cookie", Source.COOKIE), id="empty URL token is none"),
        pytest.param(COOKIE, "", "http", ("from-cookie", Source.COOKIE), id="cookie"),
        pytest.param(OFFERED, "token=y", "websocket", ("y", Source.URL), id="URL before subprotocol"),
        pytest.param(signed("token x") + OFFERED, "", "websocket", ("x", Source.HEADER), id="header on a WebSocket"),
        pytest.param(
            OFFERED + COOKIE, "", "websocket", ("from-protocol", Source.SUBPROTOCOL), id="subprotocol before cookie"
        ),
        pytest.param(OFFERED, "", "http", None, id="no subprotocols over HTTP"),
        pytest.param(
            [("Sec-WebSocket-Protocol", f"{PROTOCOL}, {PROTOCOL}.")], "", "websocket", None, id="subprotocol, no token"
        ),
    ],
)
def test_order(headers: Headers, query: str, kind: str, expected: tuple[str, Source] | None) -> None:
    """The first counts of: header, URL, WebSocket subprotocol, cookie."""
    assert found(headers, query=query, kind=kind, in_url=True) == (Credential(*expected) if expected else None)


@pytest.mark.parametrize(
    ("cookie", "token"),
    [
        pytest.param(f"a=1; {AUTH_COOKIE}={SEALED}; b=2", "from-cookie", id="among others"),
        pytest.param(f'{AUTH_COOKIE}="{SEALED}"', "from-cookie", id="quoted"),
        pytest.param(f"{AUTH_COOKIE}=planted; {AUTH_COOKIE}={SEALED}", "from-cookie", id="behind a planted one"),
        pytest.param(f"{AUTH_COOKIE}={SEALED}; {AUTH_COOKIE}=planted", "from-cookie", id="before a planted one"),
        pytest.param(f"{AUTH_COOKIE}={SEALED}x", None, id="changed"),
        pytest.param(f"{AUTH_COOKIE}={SEALED[:-1]}", None, id="cut"),
        pytest.param(f"{AUTH_COOKIE}=from-cookie", None, id="not sealed"),
        pytest.param(f"{AUTH_COOKIE}=", None, id="empty"),
        pytest.param(f"__Host-{AUTH_COOKIE}={SEALED}", None, id="another name"),
        pytest.param(AUTH_COOKIE, None, id="no value"),
    ],
)
def test_only_what_we_sealed_counts(cookie: str, token: str | None) -> None:
    """A cookie counts if it is ours by name and by seal, whatever else the browser holds by that name."""
    assert found([("Cookie", cookie)]) == (Credential(token, Source.COOKIE) if token else None)


@pytest.mark.parametrize(
    "sealer",
    [
        pytest.param(Sealer(SECRET, purpose="oauth state"), id="for another purpose"),
        pytest.param(Sealer("t" * 32, purpose="session cookie"), id="by another service"),
        pytest.param(Sealer(SECRET, purpose="session cookie", now=lambda: time.time() - 3601), id="too long ago"),
    ],
)
def test_a_seal_of_another_kind_opens_nothing(sealer: Sealer) -> None:
    """What was sealed for another purpose, with another secret or for another time is no credential."""
    sealed = sealer.seal("abc", lifetime=timedelta(hours=1))

    assert found([("Cookie", f"{AUTH_COOKIE}={sealed}")]) is None


def test_host_prefixed_cookie() -> None:
    """With `__Host-` cookies turned on, no cookie without it counts: a sibling domain could have set that."""
    ours = [("Cookie", f"__Host-{AUTH_COOKIE}={SEALED}")]

    assert found(ours, host_prefix=True) == Credential("from-cookie", Source.COOKIE)
    assert found(COOKIE, host_prefix=True) is None


def in_session(session_id: str, *, token: str = "from-cookie") -> str:
    """Return our cookie, made in a session at the Hub."""
    sealed = seal_session(SEALER, token, session_id=session_id, lifetime=timedelta(hours=1))
    return f"{AUTH_COOKIE}={sealed}"


def test_session_id_comes_with_a_cookie_alone() -> None:
    """The Hub's session id counts beside our cookie; a token in a header stands for itself."""
    session = ("Cookie", "jupyterhub-session-id=abc")

    assert found([session, ("Cookie", in_session("abc"))]) == Credential("from-cookie", Source.COOKIE, session_id="abc")
    assert found([session, *signed("Bearer x")]) == Credential("x", Source.HEADER)


def test_of_two_session_ids_the_last_counts() -> None:
    """Of two session cookies the last counts, as at the Hub: browsers send one planted on a longer path first."""
    cookie = f"jupyterhub-session-id=planted; {in_session('abc')}; jupyterhub-session-id=abc"
    credential = found([("Cookie", cookie)])

    assert credential == Credential("from-cookie", Source.COOKIE, session_id="abc")
    assert hub_session_id({"headers": [(b"cookie", cookie.encode())]}) == "abc"


@pytest.mark.parametrize("planted", ["another", ""], ids=["in another session", "in none"])
def test_a_cookie_of_another_session_does_not_count(planted: str) -> None:
    """A cookie that somebody sealed in a session of their own is passed over, for one made in this session."""
    theirs, ours = in_session(planted, token="of-the-planter"), in_session("abc")
    session = "jupyterhub-session-id=abc"

    assert found([("Cookie", f"{theirs}; {session}")]) is None
    assert found([("Cookie", f"{theirs}; {ours}; {session}")]) == Credential(
        "from-cookie", Source.COOKIE, session_id="abc"
    )


def test_only_a_few_cookies_are_opened() -> None:
    """Of many cookies of our name the first five are looked at, and no more."""
    planted = "; ".join([in_session("another")] * 5)

    assert found([("Cookie", f"{planted}; {in_session('abc')}; jupyterhub-session-id=abc")]) is None


def test_the_cookie_can_be_asked_for_by_itself() -> None:
    """What our cookie holds can be told whatever the header says, even where that is no token."""
    scope = {"type": "http", "headers": [(b"authorization", b"Basic x"), (b"cookie", COOKIE[0][1].encode())]}
    credential = find_cookie_credential(scope, settings=settings_of(), session_sealer=SEALER)

    assert credential == Credential("from-cookie", Source.COOKIE)


def test_a_credential_does_not_tell_itself() -> None:
    """Neither token nor session id is in a credential's repr, so neither is in a log or a traceback."""
    shown = repr(Credential("abcdef", Source.COOKIE, session_id="ghijkl"))

    assert shown == f"Credential(source={Source.COOKIE!r})"
