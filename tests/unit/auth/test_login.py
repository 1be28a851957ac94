"""Signing in by browser: to the Hub, back to the one callback, and on to the page that was wanted."""

import base64

import httpx
import pytest

from tests.support.session import Session
from tests.unit.conftest import (
    AUTH_COOKIE,
    ORIGIN,
    PREFIX,
    STATE_COOKIE,
    Serve,
    Service,
)

CALLBACK = f"{PREFIX}oauth_callback"


def at(reply: httpx.Response) -> tuple[int, str]:
    """Return status and target of a redirect."""
    return reply.status_code, reply.headers.get("Location", "")


def state_cookies(browser: Session) -> set[str]:
    """Return the names of the sign-ins under way in a browser."""
    return {name for name, _path in browser.cookies() if name.startswith(STATE_COOKIE)}


async def test_a_prefix_that_the_hub_does_not_encode(serve: Serve) -> None:
    """The Hub compares the redirect URI as it has written it. Browsers send the path encoded, and cookies with it."""
    service = await serve(service_prefix="/services/my service/")
    browser = service.browser()

    visit = await browser.visit("me", follow=False)
    assert httpx.URL(visit.headers["Location"]).params["redirect_uri"] == "/services/my service/oauth_callback"
    back = await browser.visit(service.authorized(visit), follow=False)
    assert at(back) == (302, "/services/my%20service/me")
    assert (await browser.visit("me")).status_code == 200


async def test_story(service: Service) -> None:
    """A page visited without a credential leads to the Hub, back to us, and to the page; then one is signed in."""
    browser = service.browser()

    # The visit
    visit = await browser.visit("me?a=1&b=%2F", follow=False)
    asked = dict(httpx.URL(visit.headers["Location"]).params)
    assert visit.status_code == 302
    assert visit.headers["Location"].startswith("/hub/api/oauth2/authorize?")
    assert {name: asked[name] for name in asked if name not in {"state", "code_challenge"}} == {
        "client_id": "service-fastapi",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "code_challenge_method": "S256",
    }
    assert state_cookies(browser) == {STATE_COOKIE}

    # At the Hub, and back
    back = await browser.visit(service.authorized(visit), follow=False)
    assert at(back) == (302, f"{PREFIX}me?a=1&b=%2F")
    assert state_cookies(browser) == set()
    exchange = service.hub.requests[-2]
    assert (exchange.method, exchange.url.path) == ("POST", "/hub/api/oauth2/token")
    assert "authorization" not in exchange.headers

    # Signed in
    page = await browser.visit("me")
    assert (page.status_code, "<h1>testuser</h1>" in page.text) == (200, True)


async def test_signed_in_already(service: Service) -> None:
    """A reader who is signed in is not sent to the Hub again."""
    browser = await service.signed_in()

    assert at(await browser.visit(f"login?next={PREFIX}docs", follow=False)) == (302, f"{PREFIX}docs")
    assert at(await browser.visit("login", follow=False)) == (302, PREFIX)


async def test_the_cookie_does_not_tell_the_token(service: Service) -> None:
    """The session cookie is sealed: however it is decoded, the Hub's token is not in it."""
    browser = await service.signed_in()
    cookie = browser.cookie(AUTH_COOKIE) or ""
    token = service.token_of(browser).encode()
    whole = [cookie[start:][: (len(cookie) - start) // 4 * 4] for start in range(4)]

    assert len(token) == 32
    assert not any(token[:8] in each for each in (cookie.encode(), *map(base64.urlsafe_b64decode, whole)))
    assert service.sealed(token.decode())[:16] != service.sealed(token.decode())[:16]


async def test_the_cookie_lives_no_longer_than_the_token(service: Service) -> None:
    """The cookie's Max-Age is the `expires_in` that the Hub gave with the token."""
    browser = service.browser()
    begun = await browser.visit("login", follow=False)
    back = await browser.visit(service.authorized(begun), follow=False)
    (cookie,) = [each for each in back.headers.get_list("set-cookie") if each.startswith(f"{AUTH_COOKIE}=")]

    assert "; Max-Age=1209600; " in cookie


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (f"{PREFIX}me", f"{PREFIX}me"),
        (f"{PREFIX}me?a=1&b=x%20y", f"{PREFIX}me?a=1&b=x%20y"),
        (f"{PREFIX}me?token=abc&a=1", f"{PREFIX}me?a=1"),
        (f"{PREFIX}me?%74oken=abc", f"{PREFIX}me"),
        (f"{PREFIX}me#there", f"{PREFIX}me"),
        ("", PREFIX),
        ("me", PREFIX),
        ("/", PREFIX),
        ("/hub/home", PREFIX),
        ("/services/fastapi", PREFIX),
        ("/services/fastapi-2/me", PREFIX),
        ("/services/fastapi/../other/", PREFIX),
        ("/services/fastapi/%2e%2e/other/", PREFIX),
        ("/services/fastapi/%2E./other/", PREFIX),
        ("/services/fastapi/..%2fother/", PREFIX),
        ("/services/fastapi/..;/other/", f"{PREFIX}..;/other/"),
        ("//evil.test", PREFIX),
        ("///evil.test", PREFIX),
        ("/\\evil.test", PREFIX),
        ("\\\\evil.test", PREFIX),
        ("/services/fastapi//evil.test", PREFIX),
        ("/services/fastapi/\\evil.test", PREFIX),
        ("/services/fastapi/%5c%5cevil.test", PREFIX),
        ("https://evil.test/services/fastapi/me", PREFIX),
        (f"{ORIGIN}{PREFIX}me", PREFIX),
        ("javascript:alert(1)", PREFIX),
        (f"\t{PREFIX}me", PREFIX),
        (f"{PREFIX}me\r\nSet-Cookie: a=b", PREFIX),
        (f"{PREFIX}me%0d%0aSet-Cookie: a=b", PREFIX),
        (f"{PREFIX}m\u00e9", PREFIX),
        (f"{PREFIX}{'x' * 2000}", PREFIX),
    ],
)
async def test_next_stays_with_us(service: Service, asked: str, expected: str) -> None:
    """Whatever `next` is, a sign-in leads to an address below our prefix."""
    newcomer, known = service.browser(), await service.signed_in()
    begun = await newcomer.visit("login", params={"next": asked}, follow=False)
    back = await newcomer.visit(service.authorized(begun), follow=False)
    straight = await known.visit("login", params={"next": asked}, follow=False)

    assert (at(back), at(straight)) == ((302, expected), (302, expected))


async def test_two_tabs(service: Service) -> None:
    """Two sign-ins under way do not disturb each other; the second to come back is signed in already, and goes on."""
    browser = service.browser()
    first = await browser.visit("me", follow=False)
    second = await browser.visit("docs?x=1", follow=False)
    third = await browser.visit("debug", follow=False)
    assert len(state_cookies(browser)) == 2, "the page that is open to all began nothing"
    assert second.status_code == 200

    assert at(await browser.visit(service.authorized(third), follow=False)) == (302, f"{PREFIX}debug")
    assert state_cookies(browser) == set()
    assert at(await browser.visit(service.authorized(first), follow=False)) == (302, f"{PREFIX}me")


async def test_ten_tabs_one_after_the_other(service: Service) -> None:
    """However many sign-ins are begun and abandoned, the browser keeps at most eight cookies for them."""
    browser = service.browser()
    begun = []
    for _ in range(10):
        begun.append(await browser.visit("me", follow=False))
        assert len(state_cookies(browser)) <= 8

    back = await browser.visit(service.authorized(begun[-1]), follow=False)

    assert at(back) == (302, f"{PREFIX}me")
    assert state_cookies(browser) == set()


async def test_ten_tabs_at_once(service: Service) -> None:
    """A browser that restores its tabs sends ten requests before the first answer: each tab comes to its page."""
    browser = service.browser()
    begun = [await service.browser().visit(f"me?tab={tab}", follow=False) for tab in range(10)]
    for reply in begun:  # as if all ten answers had set the same cookie
        browser.client.cookies.extract_cookies(reply)
    arrived = []
    for reply in begun:
        back = await browser.visit(service.authorized(reply), follow=False)
        if back.headers["Location"].startswith("/hub/"):
            back = await browser.visit(service.authorized(back), follow=False)
        arrived.append(at(back))

    assert arrived == [(302, f"{PREFIX}me?tab={tab}") for tab in range(10)]


async def test_any_worker_ends_what_another_began(serve: Serve) -> None:
    """A worker can finish a sign-in that another began, because they share the API token. They share nothing else."""
    first = await serve()
    second = await serve(hub=first.hub)
    begun = await (browser := first.browser()).visit("me", follow=False)
    (other := second.browser()).client.cookies.update(browser.client.cookies)
    back = await other.visit(first.authorized(begun), follow=False)
    browser.client.cookies.update(other.client.cookies)

    assert at(back) == (302, f"{PREFIX}me")
    assert [(await each.visit("me")).status_code for each in (browser, other)] == [200, 200]


@pytest.mark.parametrize(
    ("policy", "browser", "script", "post"),
    [("navigation", 302, 401, 401), ("always", 302, 302, 401), ("never", 401, 401, 401)],
)
async def test_policies(serve: Serve, policy: str, browser: int, script: int, post: int) -> None:
    """The policy says which requests are sent to the Hub instead of refused: navigations, all reads, or none."""
    service = await serve(app={"sign_in": policy})
    person = service.browser()

    assert (await person.visit("me", follow=False)).status_code == browser
    assert (await service.api().get("me")).status_code == script
    assert (await service.api().post("logout")).status_code == post
