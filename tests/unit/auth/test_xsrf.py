"""When a request with our cookie needs the XSRF token, and where the token may be."""

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Form, Request

from service.auth.errors import OriginError, XsrfError
from service.auth.fetch_metadata import judge
from service.auth.guard import CurrentUser
from service.auth.xsrf import check_origin, check_xsrf, needs_check, xsrf_token
from tests.support.session import Session
from tests.unit.conftest import ORIGIN, PREFIX, Service, settings_of

router = APIRouter()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@router.api_route("/thing", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def thing(user: CurrentUser) -> str:
    """Answer who asks, whatever the method."""
    return user.name


@router.post("/echo")
async def echo(request: Request, _user: CurrentUser) -> str:
    """Read the body after the XSRF check did."""
    return (await request.body()).decode()


@router.post("/declared")
async def declared(_user: CurrentUser, a: Annotated[str, Form()]) -> str:
    """Read a form that FastAPI has read before the XSRF check did."""
    return a


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}
THING = f"{ORIGIN}{PREFIX}thing"

# The columns: Sec-Fetch-Mode and Sec-Fetch-Site, as a browser sends them.
KINDS = {
    "absent": ("", ""),
    "navigate": ("navigate", "cross-site"),
    "cors": ("cors", "same-origin"),
    "same-origin": ("same-origin", "same-origin"),
    "no-cors, same origin": ("no-cors", "same-origin"),
    "no-cors, same site": ("no-cors", "same-site"),
    "no-cors, cross site": ("no-cors", "cross-site"),
    "websocket": ("websocket", "same-origin"),  # no browser sends it without opening a WebSocket
}
FREE = {"absent", "navigate", "no-cors, same origin"}
MATRIX = [
    pytest.param(method, *KINDS[kind], method in {"GET", "HEAD", "OPTIONS"} and kind in FREE, id=f"{method} {kind}")
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
    for kind in KINDS
]


def fetched(mode: str, site: str) -> dict[str, str]:
    """Return the headers of a request of that kind."""
    return {name: value for name, value in (("Sec-Fetch-Mode", mode), ("Sec-Fetch-Site", site)) if value}


@pytest.mark.parametrize(("method", "mode", "site", "is_free"), MATRIX)
def test_matrix(method: str, mode: str, site: str, is_free: bool) -> None:  # noqa: FBT001
    """Reading by navigation, by an old browser, or as an asset of our own page needs no XSRF token; all else does."""
    assert needs_check(method, judge(mode=mode, site=site)) is not is_free


@pytest.fixture(scope="module")
async def browser(service: Service) -> Session:
    """Somebody's browser, signed in."""
    return await service.signed_in()


@pytest.mark.parametrize(("method", "mode", "site", "is_free"), MATRIX)
async def test_matrix_over_http(
    browser: Session,
    method: str,
    mode: str,
    site: str,
    is_free: bool,  # noqa: FBT001
) -> None:
    """The same holds over HTTP: a request that needs the token and lacks it gets 403 with the code `xsrf`."""
    reply = await browser.client.request(method, THING, headers=fetched(mode, site))

    if is_free:
        assert reply.status_code == 200
    elif mode == "navigate":
        assert (reply.status_code, reply.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    else:
        assert reply.status_code == 403
        assert method == "HEAD" or reply.json()["code"] == "xsrf"


@pytest.mark.parametrize(("method", "mode", "site", "is_free"), MATRIX)
async def test_a_token_in_a_header_needs_no_xsrf_token(
    service: Service,
    method: str,
    mode: str,
    site: str,
    is_free: bool,  # noqa: ARG001, FBT001
) -> None:
    """No browser sends an Authorization header by itself, so a request with one needs no XSRF token."""
    api = service.api(service.hub.issue("testuser"))
    reply = await api.request(method, "thing", headers=fetched(mode, site))

    assert reply.status_code == 200


PLACES: dict[str, Callable[[str | None], dict[str, Any]]] = {
    "header": lambda token: {"headers": {"X-XSRFToken": token}},
    "other header": lambda token: {"headers": {"X-CSRFToken": token}},
    "query": lambda token: {"params": {"_xsrf": token}},
    "form": lambda token: {"data": {"a": "1", "_xsrf": token}},
}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("place", PLACES)
async def test_where_the_token_may_be(browser: Session, method: str, place: str) -> None:
    """The value of the `_xsrf` cookie counts from either header, the query or a form."""
    own = PLACES[place](browser.cookie("_xsrf"))
    wrong = PLACES[place]("x" * 43)

    assert (await browser.client.request(method, THING, **own)).status_code == 200
    assert (await browser.client.request(method, THING, **wrong)).status_code == 403


async def test_a_form_whose_fields_are_declared(browser: Session) -> None:
    """The token counts in a form whose fields a route declares as FastAPI's parameters."""
    for token, status in ((browser.cookie("_xsrf"), 200), ("x" * 43, 403)):
        reply = await browser.client.post(f"{ORIGIN}{PREFIX}declared", data={"a": "1", "_xsrf": token})
        assert reply.status_code == status


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"headers": {"X-XSRFToken": ""}}, id="empty"),
        pytest.param({"headers": {"X-XSRFToken": "käse".encode()}}, id="not ASCII"),
        pytest.param({"params": {"_xsrf": "%ff\ud83d".encode("utf-8", "replace").decode()}}, id="not text"),
        pytest.param({"json": {"_xsrf": "token"}}, id="in JSON"),
        pytest.param({"files": {"_xsrf": b"token"}}, id="in an upload"),
        pytest.param({"content": b"_xsrf=%", "headers": FORM}, id="broken form"),
        pytest.param({"content": b"_xsrf=" + b"%41" * 300_000, "headers": FORM}, id="a long form field"),
    ],
)
async def test_what_is_no_token(browser: Session, given: dict[str, Any]) -> None:
    """Anything else in the token's place is refused like a missing token."""
    reply = await browser.client.post(THING, **given)

    assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")


@pytest.mark.parametrize(
    "spelt", ["_xsrf={}", "a=1&_xsrf={}&b", "_xsrf=&_xsrf={}", "_xsrf={}&_xsrf=x", "x_xsrf=x&_xsrf={}"]
)
@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "encoded"])
async def test_how_a_form_spells_the_token(browser: Session, spelt: str, encoded: bool) -> None:  # noqa: FBT001
    """The first value that is not empty counts, beside any other fields, with its characters encoded or not."""
    token = browser.cookie("_xsrf") or ""
    value = "".join(f"%{ord(character):02X}" for character in token) if encoded else token
    in_form = await browser.client.post(THING, content=spelt.format(value).encode(), headers=FORM)
    in_query = await browser.client.post(f"{THING}?{spelt.format(value)}")

    assert (in_form.status_code, in_query.status_code) == (200, 200)


async def test_a_form_of_many_fields_takes_no_time() -> None:
    """A form of 1 MB without the token is refused in a few milliseconds, so that nobody else has to wait."""
    body = b"%41=%41&" * 125_000
    request = {"type": "http", "method": "POST", "headers": [(b"content-type", FORM["Content-Type"].encode())]}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    scope = {**request, "query_string": body}
    began = time.process_time()
    with pytest.raises(XsrfError):
        await check_xsrf(Request(scope, receive), "expected", settings_of())

    assert time.process_time() - began < 0.1


async def test_the_handler_still_gets_the_form(browser: Session) -> None:
    """The check reads the form, and the handler still gets the body as it came."""
    body = f"_xsrf={browser.cookie('_xsrf')}&a=1".encode()
    reply = await browser.client.post(f"{ORIGIN}{PREFIX}echo", content=body, headers=FORM)

    assert reply.json() == body.decode()


async def test_a_planted_cookie_is_no_token(service: Service) -> None:
    """The expected token is computed, not read from a cookie, so planting both cookie and header does not help."""
    browser = await service.signed_in()
    service.keep(browser, "_xsrf", "planted")
    reply = await browser.client.post(THING, headers={"X-XSRFToken": "planted"})

    assert reply.status_code == 403


@pytest.mark.parametrize(
    ("user", "session_id"), [("other", "f" * 32), ("testuser", "f" * 32)], ids=["another user", "another session"]
)
async def test_a_token_serves_one_session_alone(service: Service, browser: Session, user: str, session_id: str) -> None:
    """One session's XSRF token does not serve another's, not even for the same user."""
    service.hub.add_user("other")
    another = await service.signed_in(user, session_id=session_id)
    reply = await browser.client.post(THING, headers={"X-XSRFToken": another.cookie("_xsrf") or ""})

    assert (reply.status_code, reply.json()["code"]) == (403, "xsrf")


async def test_pages_bring_the_token_and_other_answers_do_not(service: Service) -> None:
    """Whoever opens a page gets the session's token as a cookie, unless they have it; scripts cannot read it."""
    browser = await service.signed_in()
    own = browser.cookie("_xsrf")
    kept = await browser.visit("me")
    service.keep(browser, "_xsrf", "stale")
    fetched_ = await browser.fetch("GET", "me", params={"_xsrf": own})
    renewed = await browser.visit("me")

    assert "set-cookie" not in kept.headers
    assert "set-cookie" not in fetched_.headers
    assert renewed.headers["set-cookie"] == f"_xsrf={own}; HttpOnly; Path={PREFIX}; SameSite=Lax"


@pytest.mark.parametrize(
    ("origin", "host", "public_host", "is_ours"),
    [
        ("http://hub.example.org", "hub.example.org", "", True),
        ("https://hub.example.org", "hub.example.org", "", True),
        ("https://hub.example.org:8443", "hub.example.org:8443", "", True),
        ("HTTPS://Hub.Example.Org", "hub.example.org", "", True),
        ("https://hub.example.org:8443", "hub.example.org", "", False),
        ("https://evil.example.org", "hub.example.org", "", False),
        ("https://hub.example.org.evil.test", "hub.example.org", "", False),
        ("https://evil@hub.example.org", "hub.example.org", "", False),
        ("hub.example.org", "hub.example.org", "", False),
        ("null", "hub.example.org", "", False),
        ("null", "", "", False),
        ("", "", "", False),
        ("http://[", "hub.example.org", "", False),
        (None, "hub.example.org", "", False),
        ("https://hub.example.org", "127.0.0.1:10101", "https://hub.example.org", True),
        ("http://hub.example.org", "hub.example.org", "https://hub.example.org", False),
        ("https://evil.test", "evil.test", "https://hub.example.org", False),
        (None, "hub.example.org", "https://hub.example.org", False),
    ],
)
def test_origin(origin: str | None, host: str, public_host: str, is_ours: bool) -> None:  # noqa: FBT001
    """A page is ours if its origin is PUBLIC_HOST or, if that is not set, the host of the request."""
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    conn = Request({"type": "http", "headers": headers})
    settings = settings_of(public_host=public_host)

    if is_ours:
        check_origin(conn, settings)
    else:
        with pytest.raises(OriginError):
            check_origin(conn, settings)


async def test_one_cookie_may_not_be_sent_by_hand(service: Service) -> None:
    """A script outside of a browser that has our cookies can read, and cannot change anything."""
    browser = await service.signed_in()
    cookies = httpx.Cookies(browser.client.cookies)

    async with service.api(cookies=cookies) as script:
        assert (await script.get("me")).status_code == 200
        assert (await script.post("thing")).status_code == 403


def test_a_token_is_of_one_sign_in() -> None:
    """Two sign-ins of one browser have different tokens, as have two people whose Hub session does not reach us."""
    keys, signed_in, sessions = (b"k" * 32, b"l" * 32), ("token", "another"), ("", "a" * 32, "b" * 32)
    found = {xsrf_token(key, token=token, session_id=each) for key in keys for token in signed_in for each in sessions}

    assert len(found) == 12
