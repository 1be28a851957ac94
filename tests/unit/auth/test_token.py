"""`POST token` with an authorization code: Swagger UI's half of its sign-in (RFC 6749 section 4.1.3, RFC 7636)."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from service.pkce import pkce_challenge
from service.testing import OUTAGES
from tests.unit.conftest import ORIGIN, PREFIX, SESSION_ID, Serve, Service

SERVICE: Mapping[str, Any] = {}
VERIFIER = "v" * 43
SAME_SESSION = {"Cookie": f"jupyterhub-session-id={SESSION_ID}"}
SAME_ORIGIN = {"Origin": ORIGIN} | SAME_SESSION


async def exchanged(
    service: Service, changed: Mapping[str, str | None] | None = None, *, headers: Mapping[str, str] = SAME_ORIGIN
) -> httpx.Response:
    """Send what Swagger UI sends, with fields changed, or left out if they are None."""
    form = {
        "grant_type": "authorization_code",
        "code": service.hub.grant("testuser", challenge=pkce_challenge(VERIFIER), session_id=SESSION_ID),
        "code_verifier": VERIFIER,
        "client_id": "service-fastapi",
        "redirect_uri": service.settings.redirect_uri,
    } | dict(changed or {})
    data = {name: value for name, value in form.items() if value is not None}
    return await service.api(headers=dict(headers)).post("token", data=data)


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Return status and code of an OAuth error, and check its form."""
    body = reply.json()
    assert set(body) == {"error", "error_description"}
    assert reply.headers["Content-Type"] == "application/json"
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    return reply.status_code, body["error"]


async def test_good(service: Service) -> None:
    """A code and its verifier, sent from our own page, give a token that works."""
    reply = await exchanged(service)
    body = reply.json()

    assert reply.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 1209600)
    assert "access:services!service=fastapi" in body["scope"].split(" ")
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    assert "set-cookie" not in reply.headers
    assert (await service.api(body["access_token"]).get("me")).json()["name"] == "testuser"


@pytest.mark.parametrize("left_out", ["client_id", "redirect_uri"])
async def test_what_we_know_ourselves_may_be_left_out(service: Service, left_out: str) -> None:
    """There is one client and one redirect URI, so a request may leave them out."""
    assert (await exchanged(service, {left_out: None})).status_code == 200


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"code_verifier": None}, (400, "invalid_request"), id="no verifier"),
        pytest.param({"code_verifier": "v" * 42}, (400, "invalid_request"), id="verifier too short"),
        pytest.param({"code_verifier": "v" * 129}, (400, "invalid_request"), id="verifier too long"),
        pytest.param({"code_verifier": "v" * 42 + "+"}, (400, "invalid_request"), id="verifier malformed"),
        pytest.param({"code_verifier": "v" * 43 + "\n"}, (400, "invalid_request"), id="verifier and a line end"),
        pytest.param({"code": None}, (400, "invalid_request"), id="no code"),
        pytest.param({"client_id": "service-other"}, (400, "invalid_client"), id="another client"),
        pytest.param({"redirect_uri": "https://evil.test/"}, (400, "invalid_grant"), id="another redirect URI"),
        pytest.param({"grant_type": None}, (400, "invalid_request"), id="no grant type"),
        pytest.param({"grant_type": "password"}, (400, "unsupported_grant_type"), id="password, which is off"),
        pytest.param({"grant_type": "client_credentials"}, (400, "unsupported_grant_type"), id="another grant type"),
    ],
)
async def test_what_the_hub_is_not_asked(
    service: Service, changed: dict[str, str | None], expected: tuple[int, str]
) -> None:
    """An invalid request gets an OAuth error, and the Hub is not asked."""
    before = len(service.hub.requests)

    assert refusal(await exchanged(service, changed)) == expected
    assert len(service.hub.requests) == before


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"code": "wrong"}, id="unknown code"),
        pytest.param({"code_verifier": "w" * 43}, id="wrong verifier"),
    ],
)
async def test_what_the_hub_refuses(service: Service, changed: dict[str, str]) -> None:
    """A code that the Hub does not take is an `invalid_grant`, whatever is wrong with it."""
    assert refusal(await exchanged(service, changed)) == (400, "invalid_grant")


async def test_a_code_works_once(service: Service) -> None:
    """A code works once. A second request with it gets no token."""
    code = service.hub.grant("testuser", challenge=pkce_challenge(VERIFIER), session_id=SESSION_ID)

    assert (await exchanged(service, {"code": code})).status_code == 200
    assert refusal(await exchanged(service, {"code": code})) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("public_host", "origin", "status"),
    [
        ("", ORIGIN, 200),
        ("", None, 403),
        ("", "null", 403),
        ("", "", 403),
        ("", "http://evil.test", 403),
        ("", "http://[", 403),
        ("https://hub.example.org", "https://hub.example.org", 200),
        ("https://hub.example.org", None, 403),
        ("https://hub.example.org", "https://evil.test", 403),
        ("https://hub.example.org", "http://hub.example.org", 403),
    ],
)
async def test_from_our_own_pages_only(serve: Serve, public_host: str, origin: str | None, status: int) -> None:
    """The Origin must be there and be ours, so that a stolen code is of no use elsewhere."""
    service = await serve(public_host=public_host)
    reply = await exchanged(service, headers=SAME_SESSION if origin is None else SAME_SESSION | {"Origin": origin})

    assert reply.status_code == status
    assert status == 200 or refusal(reply) == (403, "invalid_request")
    assert status == 200 or service.hub.requests == []


async def test_public_host_and_not_the_host_header(serve: Serve) -> None:
    """If PUBLIC_HOST is set, the Host header does not count, because a proxy may have changed it."""
    service = await serve(public_host="https://hub.example.org")
    inside = SAME_SESSION | {"Host": "10.0.0.1:10101"}

    assert (await exchanged(service, headers=inside | {"Origin": "https://hub.example.org"})).status_code == 200
    assert (await exchanged(service, headers=inside | {"Origin": "https://10.0.0.1:10101"})).status_code == 403


@pytest.mark.parametrize("outage", OUTAGES)
async def test_the_hub_gives_no_answer(serve: Serve, outage: str) -> None:
    """A Hub that is down, slow or talks nonsense is `temporarily_unavailable`, with the time to wait."""
    service = await serve()
    service.hub.outage = OUTAGES[outage]
    reply = await exchanged(service)

    assert refusal(reply) == (503, "temporarily_unavailable")
    assert reply.headers["Retry-After"] == "5"


async def test_the_hub_refuses_us(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """If our own registration is wrong, the caller gets 502, and the log tells the operator."""
    first = await serve()
    service = await serve(hub=first.hub, api_token="not-the-one-the-hub-knows")

    assert refusal(await exchanged(service)) == (502, "server_error")
    assert "The Hub refuses this service" in caplog.text


async def test_a_code_in_the_address_is_not_read(service: Service) -> None:
    """Fields count only in the body, which is in no log."""
    form = {"grant_type": "authorization_code", "code": "abc", "code_verifier": VERIFIER}
    reply = await service.api(headers=SAME_ORIGIN).post("token", params=form)

    assert refusal(reply) == (400, "invalid_request")


async def test_a_large_body(service: Service) -> None:
    """A token request is small; a large one is not read to its end."""
    reply = await exchanged(service, {"code": "x" * 20_000})

    assert (reply.status_code, reply.json()["code"]) == (413, "content_too_large")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_post_only(service: Service, method: str) -> None:
    """Only POST is allowed, because its body is in no log."""
    reply = await service.api().request(method, "token")

    assert (reply.status_code, reply.headers["Allow"]) == (405, "POST")


async def test_the_form_that_swaggers_window_gets(service: Service) -> None:
    """A callback whose state is not ours is Swagger UI's: its page hands the code on, and nothing is exchanged."""
    before = len(service.hub.requests)
    replies = [
        await service.browser().visit("oauth_callback", params={"state": "V2VkIEF1Zw==", **query})
        for query in ({"code": "the-code"}, {"error": "access_denied"}, {})
    ]

    for reply in replies:
        assert (reply.status_code, reply.headers["Cross-Origin-Opener-Policy"]) == (200, "unsafe-none")
        assert f'"{PREFIX}static/swagger-ui/oauth2-redirect.js"' in reply.text
        assert ("the-code" in reply.text, "set-cookie" in reply.headers) == (False, False)
    assert len(service.hub.requests) == before


# A stolen code


async def stolen(
    service: Service, session_id: str, *, challenge: str | None, verifier: str = VERIFIER
) -> httpx.Response:
    """Send the code of somebody's sign-in, asked for with or without a challenge, from a browser in another session."""
    code = service.hub.grant("testuser", challenge=challenge, session_id=SESSION_ID)
    headers = {"Origin": ORIGIN} | ({"Cookie": f"jupyterhub-session-id={session_id}"} if session_id else {})
    return await exchanged(service, {"code": code, "code_verifier": verifier}, headers=headers)


@pytest.mark.parametrize("session_id", ["e" * 32, ""], ids=["in the thief's session", "in none"])
async def test_without_a_challenge(service: Service, session_id: str) -> None:
    """A stolen code without a challenge, for which any verifier would do, gives no token."""
    reply = await stolen(service, session_id, challenge=None)

    assert refusal(reply) == (400, "invalid_grant")


async def test_in_another_session(service: Service) -> None:
    """A code works only in the session at the Hub in which it was given, even with its verifier."""
    reply = await stolen(service, "e" * 32, challenge=pkce_challenge(VERIFIER))

    assert refusal(reply) == (400, "invalid_grant")


async def test_a_session_cookie_planted_by_the_thief(service: Service) -> None:
    """Of several session cookies the last one counts, as it does for the Hub."""
    code = {"code": service.hub.grant("testuser", session_id="e" * 32)}
    both = f"jupyterhub-session-id={'e' * 32}; jupyterhub-session-id={SESSION_ID}"
    reply = await exchanged(service, code, headers={"Origin": ORIGIN, "Cookie": both})

    assert refusal(reply) == (400, "invalid_grant")


async def test_where_the_hubs_cookie_does_not_reach_us(service: Service) -> None:
    """If the Hub's cookie does not reach us, as from another host, a code works with its verifier only."""
    right = await stolen(service, "", challenge=pkce_challenge(VERIFIER))
    wrong = await stolen(service, "", challenge=pkce_challenge(VERIFIER), verifier="w" * 43)
    unknown = await exchanged(service, {"code": "junk"}, headers={"Origin": ORIGIN})

    assert right.status_code == 200
    assert refusal(wrong) == refusal(unknown) == (400, "invalid_grant")


async def test_junk_costs_the_hub_one_question(service: Service) -> None:
    """A code that the Hub does not know is asked about once, with a session cookie or without."""
    for headers in (SAME_ORIGIN, {"Origin": ORIGIN}):
        before = len(service.hub.requests)
        await exchanged(service, {"code": "junk"}, headers=headers)
        assert len(service.hub.requests) == before + 1
