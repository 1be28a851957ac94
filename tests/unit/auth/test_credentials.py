"""Where a credential may be in a request, which one counts, and what is not a credential."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from service.auth.credentials import (
    Credential,
    Source,
    find_cookie_credential,
    find_credential,
    hub_session_id,
    seal_session,
    session_of,
)
from service.auth.errors import CookieConflictError, HeadersTooLargeError
from service.hub.errors import InvalidTokenError
from service.hub.sealing import Sealer
from tests.unit.conftest import AUTH_COOKIE, settings_of

SECRET = "s" * 32
SEALER = Sealer(SECRET, purpose="session cookie")
SEALED = SEALER.seal("from-cookie", lifetime=timedelta(hours=1))
PROTOCOL = "v1.token.websocket.jupyter.org"

Headers = list[tuple[str, str]]


def found(
    headers: Headers,
    *,
    query: str = "",
    kind: str = "http",
    in_url: bool = False,
    host_prefix: bool = False,
    cookie_options: Mapping[str, Any] | None = None,
) -> Credential | None:
    """Look for the credential of a request."""
    scope = {
        "type": kind,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    settings = settings_of(
        allow_token_in_url=in_url, cookie_host_prefix=host_prefix, cookie_options=cookie_options or {}
    )
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
        pytest.param(signed("Bearer"), id="scheme alone"),
        pytest.param(signed("Bearer "), id="scheme and a space"),
        pytest.param(signed("Bearer a b"), id="two words"),
        pytest.param(signed("Bearer a, Bearer b"), id="joined by a proxy"),
        pytest.param([*signed("Bearer a"), *signed("Bearer b")], id="two headers"),
        pytest.param([*signed("Bearer a"), *signed("")], id="two headers, one empty"),
        pytest.param(signed("Bearer " + "a" * 9000), id="endless"),
    ],
)
@pytest.mark.parametrize("more", [[], COOKIE], ids=["alone", "with a good cookie"])
def test_a_header_that_is_no_token_is_refused(headers: Headers, more: Headers) -> None:
    """A header of our scheme that carries no token is wrong: neither the URL nor the cookie is looked at here."""
    with pytest.raises(InvalidTokenError):
        found(headers + more, query="token=from-url", in_url=True)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(signed(""), id="empty"),
        pytest.param(signed("abc"), id="token alone"),
        pytest.param(signed("Bearerabc"), id="no space"),
        pytest.param(signed("Basic dGVzdHVzZXI6cGFzc3dk"), id="Basic"),
        pytest.param(signed("Basic a, Bearer b"), id="joined by a proxy"),
        pytest.param([*signed("Basic a"), *signed("Negotiate b")], id="two headers"),
        pytest.param(signed("Negotiate " + "a" * 9000), id="long, as with Kerberos"),
    ],
)
def test_a_header_of_another_scheme_is_ignored(headers: Headers) -> None:
    """It is meant for somebody else, so the address and the cookie count."""
    assert found(headers) is None
    assert found(headers + COOKIE) == Credential("from-cookie", Source.COOKIE)
    assert found(headers, query="token=from-url", in_url=True) == Credential("from-url", Source.URL)


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
    """If it is turned on, `?token=` counts, percent-encoded or not. If it is off, it is not read."""
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
    """The first of these counts: header, URL, WebSocket subprotocol, cookie."""
    assert found(headers, query=query, kind=kind, in_url=True) == (Credential(*expected) if expected else None)


@pytest.mark.parametrize(
    ("cookie", "token"),
    [
        pytest.param(f"a=1; {AUTH_COOKIE}={SEALED}; b=2", "from-cookie", id="among others"),
        pytest.param(f'{AUTH_COOKIE}="{SEALED}"', "from-cookie", id="quoted"),
        pytest.param(f"{AUTH_COOKIE}={SEALED}; {AUTH_COOKIE}={SEALED}", "from-cookie", id="twice the same"),
        pytest.param(f"{AUTH_COOKIE}={SEALED}x", None, id="changed"),
        pytest.param(f"{AUTH_COOKIE}={SEALED[:-1]}", None, id="cut"),
        pytest.param(f"{AUTH_COOKIE}=from-cookie", None, id="not sealed"),
        pytest.param(f"{AUTH_COOKIE}=", None, id="empty"),
        pytest.param(f"__Host-{AUTH_COOKIE}={SEALED}", None, id="another name"),
        pytest.param(AUTH_COOKIE, None, id="no value"),
    ],
)
def test_only_what_we_sealed_counts(cookie: str, token: str | None) -> None:
    """A cookie counts only if it has our name and our seal."""
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
    """A value that was sealed for another purpose, with another secret or too long ago is no credential."""
    sealed = sealer.seal("abc", lifetime=timedelta(hours=1))

    assert found([("Cookie", f"{AUTH_COOKIE}={sealed}")]) is None


def test_host_prefixed_cookie() -> None:
    """With `__Host-` cookies turned on, no cookie without the prefix counts: a sibling domain could have set it."""
    ours = [("Cookie", f"__Host-{AUTH_COOKIE}={SEALED}")]

    assert found(ours, host_prefix=True) == Credential("from-cookie", Source.COOKIE)
    assert found(COOKIE, host_prefix=True) is None


def in_session(session_id: str, *, token: str = "from-cookie") -> str:
    """Return our cookie, made in a session at the Hub."""
    sealed = seal_session(SEALER, token, session_id=session_id, lifetime=timedelta(hours=1))
    return f"{AUTH_COOKIE}={sealed}"


def sealed_at(seconds: float, session: str) -> str:
    """Return our cookie, made in a session at some time (seconds since the epoch)."""
    sealed = SEALER.seal(f"from-cookie {session} {seconds:.6f}", lifetime=timedelta(hours=1))
    return f"{AUTH_COOKIE}={sealed}"


def test_session_id_comes_with_a_cookie_alone() -> None:
    """The Hub's session id belongs to our cookie alone. A token in a header has none."""
    cookie = ("Cookie", "jupyterhub-session-id=abc")

    assert found([cookie, ("Cookie", in_session("abc"))]) == Credential("from-cookie", Source.COOKIE, session_id="abc")
    assert found([cookie, *signed("Bearer x")]) == Credential("x", Source.HEADER)


def sent(*cookies: str) -> Credential | None:
    """Look for the credential of a request with these cookies."""
    return found([("Cookie", "; ".join(cookies))])


def session(*ids: str) -> str:
    """Return the Hub's session cookies."""
    return "; ".join(f"jupyterhub-session-id={each}" for each in ids)


@pytest.mark.parametrize(
    "others",
    [
        pytest.param(["planted"], id="not sealed"),
        pytest.param([SEALED], id="sealed, in no session"),
        pytest.param(["planted"] * 20, id="many"),
        pytest.param([""], id="empty"),
    ],
)
@pytest.mark.parametrize("order", [1, -1], ids=["ours last", "ours first"])
def test_of_several_cookies_of_our_name_none_counts(others: list[str], order: int) -> None:
    """Of several cookies of our name none counts, in any order: nobody can tell which one a sign-in has set."""
    cookies = [*(f"{AUTH_COOKIE}={each}" for each in others), in_session("abc")][::order]

    with pytest.raises(CookieConflictError):
        sent(*cookies, session("abc"))


@pytest.mark.parametrize("order", [1, -1], ids=["theirs last", "theirs first"])
def test_a_pair_of_cookies_planted_beside_ours(order: int) -> None:
    """A cookie that is planted together with its session of the Hub does not replace the reader's own."""
    own, planted = [in_session("own"), session("own")], [in_session("theirs"), session("theirs")]

    with pytest.raises(CookieConflictError):
        sent(*[*own, *planted][::order])


@pytest.mark.parametrize("order", [1, -1], ids=["theirs last", "theirs first"])
def test_a_pair_planted_beside_the_hubs_session_alone(order: int) -> None:
    """Such a pair does not sign in a reader who has only a session of the Hub, in any order of the cookies."""
    begun = sealed_at(time.time() - 3600, "theirs")

    assert sent(*[session("own"), begun, session("theirs")][::order]) is None


def test_the_sessions_of_several_hubs() -> None:
    """Hubs at `/` and at `/dev/` both set a session cookie. Ours needs the same set as at sign-in, in any order."""
    scope = {"headers": [(b"cookie", session("dev", "dev", "root").encode())]}
    ours = in_session(session_of(scope))

    assert session_of(scope) == "dev;root"
    assert hub_session_id(scope) == "root", "the last, as the Hub reads it"
    for ids in (("dev", "root"), ("root", "dev")):
        assert sent(ours, session(*ids)) == Credential("from-cookie", Source.COOKIE, session_id="dev;root")


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({}, False),
        ({"samesite": "lax"}, False),
        ({"samesite": "none", "secure": True}, True),
        ({"SameSite": "None"}, True),
    ],
    ids=["usual", "lax", "none", "None"],
)
def test_without_the_hubs_session_cookie(options: dict[str, Any], counts: bool) -> None:  # noqa: FBT001 - a table
    """Without the Hub's session cookie ours counts only if frames of other sites get ours, and so not the Hub's."""
    credential = found([("Cookie", in_session("abc"))], cookie_options=options)

    assert (credential is not None) is counts


def test_where_the_hubs_session_cookie_never_comes() -> None:
    """If the Hub's cookie does not reach our host, ours was made without a session, and counts like that."""
    assert sent(in_session("")) == Credential("from-cookie", Source.COOKIE)


@pytest.mark.parametrize("ids", [("a",), ("a", "b", "c")], ids=["fewer", "more"])
@pytest.mark.parametrize(("age", "is_told"), [(3600, False), (1, True)], ids=["long ago", "just now"])
def test_another_set_of_sessions(ids: tuple[str, ...], *, age: int, is_told: bool) -> None:
    """With other sessions our cookie does not count. Just after a sign-in they are a conflict, not an endless loop."""
    ours = sealed_at(time.time() - age, "a;b")

    if is_told:
        with pytest.raises(CookieConflictError):
            sent(ours, session(*ids))
    else:
        assert sent(ours, session(*ids)) is None


@pytest.mark.parametrize("planted", ["another", ""], ids=["in another session", "in none"])
def test_a_cookie_of_another_session_does_not_count(planted: str) -> None:
    """A cookie that was sealed in another session of the Hub, or in none, does not count."""
    assert sent(in_session(planted), session("abc")) is None


@pytest.mark.parametrize("ids", [[f"{number:032x}" for number in range(20)], ["a b"]], ids=["many", "with a space"])
def test_sessions_that_no_hub_has_set(ids: list[str]) -> None:
    """Too many session cookies, or malformed ones, are a conflict: no cookie of ours can be sealed for them."""
    with pytest.raises(CookieConflictError):
        session_of({"headers": [(b"cookie", session(*ids).encode())]})


def test_the_cookie_can_be_asked_for_by_itself() -> None:
    """Our cookie can be read by itself, even if the request has an Authorization header that is no token."""
    scope = {"type": "http", "headers": [(b"authorization", b"Basic x"), (b"cookie", COOKIE[0][1].encode())]}
    credential = find_cookie_credential(scope, settings=settings_of(), session_sealer=SEALER)

    assert credential == Credential("from-cookie", Source.COOKIE)


def test_a_credential_does_not_tell_itself() -> None:
    """Neither token nor session id is in a credential's repr, so neither is in a log or a traceback."""
    shown = repr(Credential("abcdef", Source.COOKIE, session_id="ghijkl"))

    assert shown == f"Credential(source={Source.COOKIE!r})"


@pytest.mark.parametrize("ids", [("another",), ("abc", "another")], ids=["another", "one more"])
def test_another_session_of_the_hub_where_frames_get_our_cookie(ids: tuple[str, ...]) -> None:
    """Where ours may come without the Hub's session cookie, it still does not count beside another session."""
    ours = sealed_at(time.time() - 3600, "abc")

    assert found([("Cookie", f"{ours}; {session(*ids)}")], cookie_options={"samesite": "none", "secure": True}) is None


@pytest.mark.parametrize(("age", "is_told"), [(59, True), (62, False)], ids=["within a minute", "later"])
def test_a_conflict_is_told_for_a_minute(*, age: int, is_told: bool) -> None:
    """A minute after a sign-in, other sessions of the Hub are no conflict any more, but lead to a new sign-in."""
    ours = sealed_at(time.time() - age, "a;b")

    if is_told:
        with pytest.raises(CookieConflictError):
            sent(ours, session("a"))
    else:
        assert sent(ours, session("a")) is None


@pytest.mark.parametrize(
    ("name", "most"),
    [("Cookie", 16 * 1024), ("Sec-WebSocket-Protocol", 8 * 1024)],
    ids=["cookies", "subprotocols"],
)
def test_headers_that_are_too_long(name: str, most: int) -> None:
    """Cookies of 16 kB are read, and subprotocols of 8 kB, in one header or in several; longer ones are refused."""
    half = "a" * (most // 2)

    assert found([(name, half), (name, half)], kind="websocket") is None
    for headers in ([(name, half), (name, f"{half}a")], [(name, f"{half}{half}a")]):
        with pytest.raises(HeadersTooLargeError):
            found(headers, kind="websocket")


def test_the_sessions_of_many_hubs() -> None:
    """Fifteen Hubs above our path fit, each with a session of 32 characters."""
    ids = [f"{number:032x}" for number in range(15)]

    assert session_of({"headers": [(b"cookie", session(*ids).encode())]}) == ";".join(ids)
