"""What pages of other origins can send and read, with and without ALLOW_ORIGINS."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, WebSocket
from fastapi.responses import PlainTextResponse

from service.auth.guard import CurrentUser
from tests.unit.conftest import ORIGIN, PREFIX, Serve, Service, connect

FRIEND = "https://app.example.org"
STRANGER = "https://evil.example"
# Origins that resemble an allowed one, as a comparison by prefix, suffix or pattern would have it.
STRANGERS = [
    STRANGER, "null", "", "*", "http://app.example.org", "https://app.example.org:8443", "https://app.example.org.evil.example",
    "https://evil-app.example.org", "https://appxexample.org", "https://app.example.org/", "https://APP.example.org",
    "https://app.example.org, https://evil.example", "https://user@app.example.org",
]  # fmt: skip
LONG = f"{PREFIX}{'x' * 17_000}"

router = APIRouter()
changes: list[str] = []


@router.post("/change")
async def change(user: CurrentUser) -> str:
    """Record the caller of a change."""
    changes.append(user.name)
    return user.name


@router.websocket("/ws")
async def greet(websocket: WebSocket, user: CurrentUser) -> None:
    """Return the name of the caller."""
    await websocket.accept()
    await websocket.send_text(user.name)


@router.get("/picture")
async def picture() -> PlainTextResponse:
    """Return a response that caches may keep, with a Vary header."""
    return PlainTextResponse("", headers={"Cache-Control": "public", "Vary": "Accept"})


@router.get("/fail")
async def fail() -> None:
    """Raise an unexpected error."""
    raise RuntimeError


WITH_ROUTES: Mapping[str, Any] = {"app": {"routers": [router]}}
SERVICE: Mapping[str, Any] = {**WITH_ROUTES, "allow_origins": (FRIEND, "http://localhost:3000")}


def allowed(reply: httpx.Response) -> dict[str, str]:
    """Return the CORS headers of a response."""
    prefix = "access-control-"
    return {name.removeprefix(prefix): value for name, value in reply.headers.items() if name.startswith(prefix)}


async def ask(service: Service, method: str, where: str, origin: str | None, **headers: str) -> httpx.Response:
    """Send a request from a page of an origin, or without one."""
    sent = {"Origin": origin} if origin is not None else {}
    async with service.api() as api:
        return await api.request(method, where, headers=sent | headers)


async def preflight(service: Service, origin: str, where: str = "me", **asked: str) -> httpx.Response:
    """Send the preflight for a POST with a token, or for what `asked` says."""
    wanted = {"Method": "POST", "Headers": "authorization", **asked}
    return await ask(
        service, "OPTIONS", where, origin, **{f"Access-Control-Request-{name}": value for name, value in wanted.items()}
    )


@pytest.mark.parametrize("where", ["me", "logout", "login", "oauth_callback", "nowhere", "/elsewhere"])
async def test_preflight_of_a_friend(service: Service, where: str) -> None:
    """A preflight from an allowed origin is answered for any path, without a sign-in or a redirect."""
    reply = await preflight(service, FRIEND, where, Headers="authorization,content-type,if-match,if-none-match")

    assert reply.status_code == 200
    assert allowed(reply) == {
        "allow-origin": FRIEND,
        "allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
        "allow-headers": "Accept, Accept-Language, Authorization, Content-Language, Content-Type, If-Match, "
        "If-None-Match, X-Request-ID",
        "max-age": "600",
    }
    assert "Origin" in reply.headers["Vary"].split(", ")
    assert not {"location", "www-authenticate", "set-cookie"} & set(reply.headers)


@pytest.mark.parametrize("origin", STRANGERS)
async def test_preflight_of_a_stranger(service: Service, origin: str) -> None:
    """Only origins that are listed literally are allowed. Others are not repeated in the response."""
    reply = await preflight(service, origin)

    assert (reply.status_code, reply.text) == (400, "Disallowed CORS origin")
    assert "allow-origin" not in allowed(reply)
    assert "allow-credentials" not in allowed(reply)
    assert "Origin" in reply.headers["Vary"].split(", ")


@pytest.mark.parametrize(
    ("wanted", "flaw"),
    [
        ({"Method": "TRACE"}, "method"),
        ({"Headers": "authorization,x-evil"}, "headers"),
        ({"Headers": "x-xsrftoken"}, "headers"),
        ({"Headers": "cookie"}, "headers"),
        ({"Private-Network": "true"}, "private-network"),
    ],
    ids=str,
)
async def test_preflight_for_too_much(service: Service, wanted: dict[str, str], flaw: str) -> None:
    """An allowed origin cannot use other methods or headers, or reach a private network."""
    reply = await preflight(service, FRIEND, **wanted)

    assert (reply.status_code, reply.text) == (400, f"Disallowed CORS {flaw}")
    assert "allow-private-network" not in allowed(reply)


async def test_private_network(serve: Serve) -> None:
    """ALLOW_PRIVATE_NETWORK allows it, but only for allowed origins."""
    service = await serve(allow_origins=(FRIEND,), allow_private_network=True)
    asked = {"Private-Network": "true"}

    friend, stranger = await preflight(service, FRIEND, **asked), await preflight(service, STRANGER, **asked)
    usual = await preflight(service, FRIEND)

    assert (friend.status_code, allowed(friend)["allow-private-network"]) == (200, "true")
    assert (stranger.status_code, "allow-origin" in allowed(stranger)) == (400, False)
    assert (usual.status_code, "allow-private-network" in allowed(usual)) == (200, False)


CASES = [
    pytest.param("GET", "me", {}, 401, id="not signed in"),
    pytest.param("GET", "me", {"Authorization": "Bearer wrong"}, 401, id="wrong token"),
    pytest.param("GET", "health/live", {}, 200, id="open to all"),
    pytest.param("HEAD", "health/live", {}, 200, id="HEAD"),
    pytest.param("GET", "nowhere", {}, 404, id="nowhere"),
    pytest.param("GET", "/elsewhere", {}, 404, id="outside the prefix"),
    pytest.param("DELETE", "me", {}, 405, id="wrong method"),
    pytest.param("OPTIONS", "me", {}, 405, id="OPTIONS that is no preflight"),
    pytest.param("POST", "token", {"Content-Length": "99999999"}, 413, id="too large"),
    pytest.param("GET", LONG, {}, 414, id="too long"),
    pytest.param("POST", "token", {}, 400, id="OAuth error"),
    pytest.param("GET", "fail", {}, 500, id="unexpected"),
]


@pytest.mark.parametrize(("method", "where", "headers", "status"), CASES)
@pytest.mark.parametrize("origin", [FRIEND, STRANGER, None], ids=["friend", "stranger", "no page"])
async def test_answers(
    service: Service, method: str, where: str, headers: dict[str, str], status: int, origin: str | None
) -> None:
    """A friend may read every answer, errors too, with the headers that say how to go on; a stranger none.

    All differ by origin, also where none was sent, so that no cache gives one the other's.
    """
    reply = await ask(service, method, where, origin, **headers)

    assert reply.status_code == status
    assert allowed(reply).get("allow-origin") == (FRIEND if origin == FRIEND else None)
    assert "allow-credentials" not in allowed(reply)
    assert reply.headers["Vary"].split(", ").count("Origin") == 1
    if origin == FRIEND:
        exposed = set(allowed(reply)["expose-headers"].split(", "))
        assert exposed >= {"ETag", "Link", "Location", "Retry-After", "WWW-Authenticate", "X-Request-ID"}


async def test_what_an_answer_differs_by_already(service: Service) -> None:
    """The Vary header of a route is kept."""
    assert (await ask(service, "GET", "picture", FRIEND)).headers["Vary"] == "Accept, Origin"
    assert (await ask(service, "GET", "picture", None)).headers["Vary"] == "Accept, Origin"


async def test_any_origin(serve: Serve) -> None:
    """With `*` every page may read. The response names no origin, and is the same for all."""
    service = await serve(allow_origins=("*",))
    bearer = {"Authorization": f"Bearer {service.hub.issue('testuser')}"}

    for origin in (FRIEND, STRANGER, "null"):
        reply = await ask(service, "GET", "me", origin, Cookie="a=b", **bearer)
        assert (reply.status_code, allowed(reply)["allow-origin"]) == (200, "*")
        assert "allow-credentials" not in allowed(reply)
        asked = await preflight(service, origin)
        assert (asked.status_code, allowed(asked)["allow-origin"]) == (200, "*")


async def test_off(serve: Serve) -> None:
    """Without ALLOW_ORIGINS no response has CORS headers, whatever the other settings are."""
    service = await serve(allow_credentials=True, allow_private_network=True)

    for reply in (await ask(service, "GET", "me", FRIEND), await preflight(service, FRIEND)):
        assert reply.status_code in {401, 405}
        assert allowed(reply) == {}
        assert "vary" not in reply.headers


async def test_a_script_is_not_sent_to_the_hub(service: Service) -> None:
    """A script of another origin gets a 401 that it can read. Only pages are redirected to the Hub."""
    fetched = await ask(service, "GET", "me", FRIEND, **{"Sec-Fetch-Mode": "cors", "Accept": "text/html"})
    opened = await ask(service, "GET", "me", None, **{"Sec-Fetch-Mode": "navigate", "Accept": "text/html"})

    assert (fetched.status_code, fetched.json()["code"]) == (401, "not_signed_in")
    assert allowed(fetched)["allow-origin"] == FRIEND
    assert opened.status_code == 302


# An attacker's page in the victim's browser, which is signed in

SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
KINDS = {
    "same site": {**SCRIPT, "Sec-Fetch-Site": "same-site"},  # another port, so that cookies come along
    "another site": {**SCRIPT, "Sec-Fetch-Site": "cross-site"},
    "plain http": {},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("origin", [FRIEND, STRANGER, "null"])
@pytest.mark.parametrize(
    ("method", "where"), [("GET", "me"), ("POST", "change"), ("POST", "logout")], ids=["read", "write", "sign out"]
)
async def test_a_cookie_from_another_origin(service: Service, kind: str, origin: str, method: str, where: str) -> None:
    """A cookie from another origin is refused, even with its XSRF token, which a page on another port may have read."""
    browser = await service.signed_in()
    changes.clear()
    url = f"{ORIGIN}{PREFIX}{where}?_xsrf={browser.cookie('_xsrf')}"

    reply = await browser.client.request(method, url, headers={"Origin": origin, **KINDS[kind]})

    assert (reply.status_code, reply.json()["code"]) == (403, "origin")
    assert changes == []
    assert "allow-credentials" not in allowed(reply)
    assert (await browser.visit("me")).status_code == 200


async def test_a_cookie_from_another_origin_without_cors(serve: Serve) -> None:
    """It is also refused if no origin is allowed: a page could act without reading the response."""
    service = await serve(**WITH_ROUTES, allow_credentials=True)
    browser = await service.signed_in()
    url = f"{ORIGIN}{PREFIX}change?_xsrf={browser.cookie('_xsrf')}"

    replies = [await browser.client.post(url, headers={"Origin": origin}) for origin in (FRIEND, "null", ORIGIN)]

    assert [reply.status_code for reply in replies] == [403, 403, 200]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cookie_with_allow_credentials(serve: Serve, kind: str) -> None:
    """With ALLOW_CREDENTIALS, a cookie from an allowed origin counts with its XSRF token, also for GET."""
    service = await serve(**WITH_ROUTES, allow_origins=(FRIEND,), allow_credentials=True)
    browser = await service.signed_in()
    xsrf = {"X-XSRFToken": browser.cookie("_xsrf") or ""}
    statuses = {}
    for method, where in (("GET", "me"), ("POST", "change")):
        for origin in (FRIEND, STRANGER):
            for token in ({}, xsrf):
                reply = await browser.client.request(
                    method, f"{ORIGIN}{PREFIX}{where}", headers={"Origin": origin, **KINDS[kind], **token}
                )
                statuses[method, origin, bool(token)] = (reply.status_code, allowed(reply).get("allow-origin"))

    assert statuses == {
        ("GET", FRIEND, False): (403, FRIEND),
        ("GET", FRIEND, True): (200, FRIEND),
        ("GET", STRANGER, False): (403, None),
        ("GET", STRANGER, True): (403, None),
        ("POST", FRIEND, False): (403, FRIEND),
        ("POST", FRIEND, True): (200, FRIEND),
        ("POST", STRANGER, False): (403, None),
        ("POST", STRANGER, True): (403, None),
    }
    asked = await preflight(service, FRIEND, Headers="x-xsrftoken")
    assert (asked.status_code, allowed(asked)["allow-credentials"]) == (200, "true")


@pytest.mark.parametrize("public_host", ["", ORIGIN], ids=["by Host", "by PUBLIC_HOST"])
@pytest.mark.parametrize("site", ["same-origin", ""], ids=["https", "plain http"])
async def test_our_own_pages(serve: Serve, public_host: str, site: str) -> None:
    """Cookies of our own pages work as usual if other origins are allowed."""
    service = await serve(**WITH_ROUTES, allow_origins=(FRIEND,), public_host=public_host)
    browser = await service.signed_in()
    headers = {"Origin": ORIGIN, "X-XSRFToken": browser.cookie("_xsrf") or "", "Sec-Fetch-Site": site}

    reply = await browser.client.post(f"{ORIGIN}{PREFIX}change", headers=headers)

    assert (reply.status_code, reply.json()) == (200, "testuser")


async def test_our_own_pages_behind_a_proxy_with_another_name(serve: Serve) -> None:
    """If neither Host nor PUBLIC_HOST is our public name, Sec-Fetch-Site of the browser counts."""
    service = await serve(**WITH_ROUTES, allow_origins=(FRIEND,))
    browser = await service.signed_in()
    headers = {"Origin": "https://public.example", "X-XSRFToken": browser.cookie("_xsrf") or ""}
    url = f"{ORIGIN}{PREFIX}change"

    theirs = await browser.client.post(url, headers={**headers, "Sec-Fetch-Site": "cross-site"})
    ours = await browser.client.post(url, headers={**headers, "Sec-Fetch-Site": "same-origin"})

    assert (theirs.status_code, ours.status_code) == (403, 200)


@pytest.mark.parametrize("allow_credentials", [False, True])
async def test_a_websocket_with_a_cookie(serve: Serve, allow_credentials: bool) -> None:  # noqa: FBT001
    """Only our own pages can open a WebSocket by cookie. CORS settings do not change that."""
    service = await serve(**WITH_ROUTES, allow_origins=(FRIEND,), allow_credentials=allow_credentials)
    browser = await service.signed_in()
    held = "; ".join(f"{name}={value}" for (name, _path), value in browser.cookies().items())

    where = f"ws?_xsrf={browser.cookie('_xsrf', path=PREFIX)}"
    ours = await connect(service, where, headers={"Cookie": held, "Origin": ORIGIN})
    theirs = await connect(service, where, headers={"Cookie": held, "Origin": FRIEND})

    assert (ours.status, ours.text) == (101, "testuser")
    assert (theirs.status, json.loads(theirs.text)["code"]) == (403, "origin")
