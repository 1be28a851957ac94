"""Any bytes of a stranger get a proper response."""

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

import anyio
from fastapi import APIRouter, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import HTTPConnection
from starlette.types import Message

from service.auth import cookies
from service.auth.credentials import Source, cookie_pairs, find_credential, hub_session_id
from service.auth.errors import OriginError
from service.auth.guard import CurrentUser
from service.auth.xsrf import check_origin
from service.hub.errors import InvalidTokenError
from service.hub.sealing import Sealer
from tests.unit.conftest import AUTH_COOKIE, ORIGIN, PREFIX, STATE_COOKIE, Service, settings_of

SEALER = Sealer("s" * 32, purpose="session cookie")
router = APIRouter()


@router.api_route("/thing", methods=["GET", "POST", "DELETE"])
async def thing(request: Request, user: CurrentUser) -> str:
    """Read the body, and return the name of the caller."""
    return user.name + str(len(await request.body()))


SERVICE: Mapping[str, Any] = {
    "allow_token_in_url": True,
    "password_grant": True,
    "shell_sign_in": True,
    "app": {"routers": [router]},
}

NAMES = [
    *("authorization", "cookie", "host", "origin", "accept", "content-type", "x-xsrftoken", "x-csrftoken", "referer"),
    *("sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest", "sec-websocket-protocol", "x-forwarded-proto", "range"),
]
# What our parsers look for, to be put together in every wrong way; {sealed} is a cookie that counts.
PIECES = [
    *(
        "Bearer ",
        "token ",
        "basic ",
        "bearer\t",
        "abc",
        "{token}",
        f"{AUTH_COOKIE}=",
        "{sealed}",
        "; ",
        ";",
        ",",
        "=",
        '"',
    ),
    *("jupyterhub-session-id=", "_xsrf=", STATE_COOKIE, f"{STATE_COOKIE}-", "hub.", "v1.token.websocket.jupyter.org."),
    *("text/html", "*/*", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"),
    *(
        "navigate",
        "cors",
        "no-cors",
        "websocket",
        "same-origin",
        "https",
        "http://",
        "null",
        "bytes=0-",
        "%",
        "\\",
        "\x85",
    ),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(st.characters(max_codepoint=255), max_size=5), max_size=6).map(
    "".join
)
HEADERS = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=5)
PATHS = [
    "",
    "me",
    "debug",
    "login",
    "logout",
    "oauth_callback",
    "token",
    "docs",
    "thing",
    "static/style.css",
    "health/live",
]
FIELDS = ["token", "next", "state", "code", "error", "_xsrf", "grant_type", "code_verifier", "expires_in", "username"]
QUERIES = st.lists(st.tuples(st.sampled_from(FIELDS), TEXTS | st.just("password")), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)


def lines(headers: list[tuple[str, str]], **known: str) -> list[tuple[bytes, bytes]]:
    """Return headers as a server passes them on. It refuses line ends and NUL."""
    bare = str.maketrans("", "", "\r\n\0")
    filled = (
        (name, value.replace("{token}", "t").replace("{sealed}", known.get("sealed", ""))) for name, value in headers
    )
    return [(name.encode(), value.translate(bare).encode("latin-1")) for name, value in filled]


async def answer_to(service: Service, **scope: Any) -> list[Message]:  # noqa: ANN401
    """Return the response of the application, as a server would receive it."""
    said: list[Message] = []
    heard: list[Message] = [{"type": "http.request", "body": scope.pop("body")}]

    async def receive() -> Message:
        if not heard:
            await anyio.sleep_forever()  # nobody hangs up
        return heard.pop()

    async def send(message: Message) -> None:
        said.append(message)

    common = {"type": "http", "http_version": "1.1", "scheme": "http", "client": ("192.0.2.1", 9), "server": ("x", 80)}
    await service.app({**common, **scope}, receive, send)
    return said


@given(st.sampled_from(["GET", "HEAD", "POST", "DELETE", "OPTIONS"]), st.sampled_from(PATHS), QUERIES, HEADERS, QUERIES)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_request_is_a_failure(
    service: Service, method: str, path: str, query: str, headers: list[tuple[str, str]], form: str
) -> None:
    """Every request gets a complete response with the common headers, and never a 500."""
    body = form.encode("latin-1")
    given_headers = [
        *lines(headers, sealed=service.sealed(service.hub.issue("testuser"))),
        (b"content-length", b"%d" % len(body)),
    ]

    said = await answer_to(
        service,
        method=method,
        path=f"{PREFIX}{path}",
        raw_path=f"{PREFIX}{path}".encode(),
        query_string=query.encode("latin-1"),
        headers=given_headers,
        body=body,
    )

    start, *rest = said
    assert start["status"] < 500
    assert dict(start["headers"])[b"x-content-type-options"] == b"nosniff"
    assert not rest[-1].get("more_body")


@given(HEADERS, QUERIES, st.sampled_from(["http", "websocket"]))
def test_a_credential_is_what_was_sent(headers: list[tuple[str, str]], query: str, kind: str) -> None:
    """A credential that is found was in the request, at the named place. Otherwise there is none, or a refusal."""
    known = settings_of(allow_token_in_url=True)
    sent = lines(headers)
    scope = {"type": kind, "headers": sent, "query_string": query.encode("latin-1")}
    signed = [value for name, value in sent if name == b"authorization"]
    # Another scheme is somebody else's, so what stands elsewhere counts.
    is_ours = [value.split(b" ")[0].strip().lower() in {b"bearer", b"token"} for value in signed]
    try:
        found = find_credential(scope, settings=known, session_sealer=SEALER)
    except InvalidTokenError:
        assert signed
        return

    assert found is None or found.source is not Source.HEADER or any(is_ours)
    assert found is None or found.source is Source.HEADER or not all(is_ours) or not signed
    assert found is None or found.source is not Source.COOKIE, "nothing here was sealed by us"
    assert found is None or found.source is not Source.SUBPROTOCOL or kind == "websocket"
    assert found is None or found.source is not Source.HEADER or found.token.encode("latin-1") in b"".join(signed)


@given(st.lists(TEXTS | st.text(st.characters(max_codepoint=255)), max_size=4))
def test_any_cookie_header(values: list[str]) -> None:
    """Any cookie header is split into names and values, and every cookie can be deleted."""
    scope = {"type": "http", "headers": lines([("cookie", value) for value in values])}
    known = settings_of()

    names = [name for name, _ in cookie_pairs(scope)]
    ours = cookies.state_cookies_among(known, names)
    assert set(ours) <= set(names)
    assert len(cookies.cleared(known, ours)) == len(ours)
    assert isinstance(hub_session_id(scope), str)


@given(st.text(st.characters(max_codepoint=255), max_size=9))
def test_a_planted_sign_in_is_none_of_ours(rest: str) -> None:
    """Of all cookies with the prefix of our state cookies, only those that we made count."""
    for name in cookies.state_cookies_among(settings_of(), [f"{STATE_COOKIE}{rest}"]):
        (text,) = cookies.cleared(settings_of(), [name])
        assert list(SimpleCookie(text)) == [name]


@given(TEXTS, TEXTS, st.sampled_from(["", ORIGIN]))
def test_any_origin(origin: str, host: str, public_host: str) -> None:
    """An Origin header is ours or refused. A missing one, or one without a host, is never ours."""
    conn = HTTPConnection({"type": "http", "headers": lines([("origin", origin), ("host", host)])})
    try:
        check_origin(conn, settings_of(public_host=public_host))
    except OriginError:
        return

    assert conn.headers["origin"].lower() == public_host or (not public_host and conn.headers["host"])
    assert "://" in conn.headers["origin"]
