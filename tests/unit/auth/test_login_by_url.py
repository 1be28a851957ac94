"""`?token=` where it is turned on: it disappears from the address, and its reader is asked before it signs them in."""

import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from service.auth.guard import CurrentUser
from service.hub.sealing import Sealer
from service.testing import OUTAGES
from tests.support.session import Session, forms
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, ORIGIN, PREFIX, Serve, Service

QUESTION = f"{PREFIX}login/token"
LINK_COOKIE = "service-fastapi-link"
TYPED = {"Sec-Fetch-Site": "none"}  # what a browser says of an address that was typed, or opened by another program

router = APIRouter()


@router.get("/files/{path:path}")
async def files(path: str, user: CurrentUser) -> str:
    """Any address below our prefix."""
    return f"{user.name} {path}"


SERVICE: Mapping[str, Any] = {"allow_token_in_url": True, "app": {"routers": [router]}}


async def test_a_script_gets_its_answer(service: Service) -> None:
    """To a script the token is a credential like any other: the answer comes at once, and no cookie with it."""
    reply = await service.api().get("me", params={"token": service.hub.issue("testuser")})

    assert (reply.status_code, reply.json()["name"]) == (200, "testuser")
    assert "set-cookie" not in reply.headers


def at(reply: httpx.Response) -> tuple[int, str]:
    """Return status and target of a redirect."""
    return reply.status_code, reply.headers.get("Location", "")


async def asked(service: Service, browser: Session, token: str, page: str = "me") -> httpx.Response:
    """Open a page by a link with a token, as from a mail, and return the question that is put."""
    reply = await browser.visit(f"{page}?token={token}", follow=False, headers=TYPED)
    assert at(reply) == (303, QUESTION)
    question = await browser.visit(QUESTION, headers=TYPED)
    assert question.status_code == 200
    assert service.token_of(browser) != token
    return question


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("token={token}", ""),
        ("a=1&token={token}&b=x%20y", "?a=1&b=x%20y"),
        ("%74oken={token}", ""),
        ("token={token}&token=another", ""),
        ("token={token}&empty=&mytoken=1", "?empty=&mytoken=1"),
    ],
)
async def test_a_page_is_opened_without_it(service: Service, query: str, rest: str) -> None:
    """A reader who says yes comes to the same address without the token, signed in until the browser closes."""
    browser = service.browser()
    token = service.hub.issue("testuser")
    opened = await browser.visit(f"me?{query.format(token=token)}", follow=False, headers=TYPED)
    question = await browser.visit(opened.headers["Location"], headers=TYPED)
    reply = await browser.submit(question, follow=False)

    assert at(opened) == (303, QUESTION)
    assert opened.headers["Referrer-Policy"] == "strict-origin"
    assert "Sign in as testuser?" in question.text
    assert token not in f"{opened.headers}{question.headers}{question.text}{reply.headers}"
    assert at(reply) == (303, f"{PREFIX}me{rest}")
    (cookie,) = [each for each in reply.headers.get_list("set-cookie") if each.startswith(f"{AUTH_COOKIE}=")]
    assert "Max-Age" not in cookie
    assert service.token_of(browser) == token
    assert browser.cookie(LINK_COOKIE) is None
    assert (await browser.visit("me")).status_code == 200


async def test_no_link_signs_in_by_itself(service: Service) -> None:
    """Opening the link signs nobody in. A reader who says no gets the page as without the token."""
    browser = service.browser()
    question = await asked(service, browser, service.hub.issue("testuser"), "docs")

    assert browser.cookie(AUTH_COOKIE) is None
    assert f'href="{PREFIX}docs">Continue without signing in' in question.text
    assert "testuser" not in (await browser.visit("docs")).text


async def test_the_cookie_of_the_question(service: Service) -> None:
    """The question's cookie is HttpOnly, has our path, and lives for five minutes."""
    reply = await service.browser().visit(f"me?token={service.hub.issue('testuser')}", follow=False, headers=TYPED)
    (cookie,) = reply.headers.get_list("set-cookie")

    assert cookie.startswith(f"{LINK_COOKIE}=")
    assert cookie.partition("; ")[2].split("; ") == ["HttpOnly", "Max-Age=300", f"Path={PREFIX}", "SameSite=Lax"]


async def test_the_question_stands_alone(service: Service) -> None:
    """The page with the question cannot be framed, cached or accessed by another window, and has no own script."""
    question = await asked(service, service.browser(), service.hub.issue("testuser"))

    assert question.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert question.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in question.headers["Content-Security-Policy"]
    assert question.headers["Cache-Control"] == "no-store"
    assert question.text.count("<script") == 1, "theme.js, which all pages have"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="a page of another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a page of a sibling domain"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="a page of our origin, such as a notebook's"),
        pytest.param({"Sec-Fetch-Mode": "", "Sec-Fetch-Site": "", "Sec-Fetch-Dest": ""}, id="plain http"),
    ],
)
async def test_nobody_is_asked_for_another_page(service: Service, headers: dict[str, str]) -> None:
    """If the reader has not opened the link themselves, the page is shown without a session and without a question."""
    browser = service.browser()
    reply = await browser.visit(f"docs?token={service.hub.issue('testuser')}", follow=False, headers=headers)

    assert at(reply) == (303, f"{PREFIX}docs")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("dest", ["iframe", "empty"], ids=["a frame", "a service worker"])
async def test_nobody_is_asked_for_a_script(service: Service, dest: str) -> None:
    """A frame and a worker count as scripts: the token in the address is their credential, and no cookie is set."""
    browser, headers = service.browser(), TYPED | {"Sec-Fetch-Dest": dest}
    reply = await browser.visit(f"me?token={service.hub.issue('testuser')}", follow=False, headers=headers)

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="a window that a notebook's page opens"),
        pytest.param({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, id="a script"),
        pytest.param(TYPED | {"Sec-Fetch-Dest": "iframe"}, id="a frame"),
    ],
)
async def test_no_page_opens_the_question(service: Service, headers: dict[str, str]) -> None:
    """While a question waits for its reader, no other page can fetch the value that its form sends."""
    browser = service.browser()
    await asked(service, browser, service.hub.issue("testuser"))
    reply = await browser.visit(QUESTION, headers=headers)

    assert (reply.status_code, "token_link" in reply.text) == (400, True)
    assert (browser.cookie(LINK_COOKIE) or "") not in reply.text


async def answered(browser: Session, link: str, *, headers: Mapping[str, str] | None = None) -> tuple[int, bool]:
    """Send the form of the question; return the status, and whether somebody is signed in then."""
    sent = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    sent |= {"Sec-Fetch-Dest": "document", "Accept": "text/html"} | dict(headers or {})
    reply = await browser.client.post(f"{ORIGIN}{QUESTION}", data={"link": link}, headers=sent)
    return reply.status_code, browser.cookie(AUTH_COOKIE) is not None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, 403, id="of another site"),
        pytest.param({"Origin": "null"}, 403, id="of nobody"),
        pytest.param({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "*/*"}, 400, id="a script's"),
    ],
)
async def test_the_answer_is_the_pages_own(service: Service, headers: dict[str, str], status: int) -> None:
    """Only the form on our own page signs somebody in. Others do not, even with the right value."""
    browser = service.browser()
    question = await asked(service, browser, service.hub.issue("testuser"))
    link = forms(question)[0].values["link"]

    assert await answered(browser, link, headers=headers) == (status, False)
    assert await answered(browser, link) == (303, True)


async def test_an_answer_without_the_question(service: Service) -> None:
    """A form without the question's value, or with that of another question, signs nobody in."""
    browser, eve = service.browser(), service.browser(session_id="e" * 32)
    service.hub.add_user("eve")
    first = forms(await asked(service, browser, service.hub.issue("testuser")))[0].values["link"]
    await asked(service, browser, service.hub.issue("testuser"))
    theirs = forms(await asked(service, eve, service.hub.issue("eve")))[0].values["link"]

    for link in ("", "x", "\u00e4", first, theirs):
        assert await answered(browser, link) == (400, False)


async def test_a_question_planted_in_another_browser(service: Service) -> None:
    """An attacker's own cookie and form sign nobody in if they are planted in a victim's browser."""
    service.hub.add_user("eve")
    eve, victim = service.browser(session_id="e" * 32), service.browser()
    theirs = forms(await asked(service, eve, service.hub.issue("eve")))[0].values["link"]
    service.keep(victim, LINK_COOKIE, theirs)
    service.keep(victim, "jupyterhub-session-id", "e" * 32)

    assert await answered(victim, theirs) == (400, False)


async def test_a_token_that_has_become_void(serve: Serve) -> None:
    """A token that is revoked while the question waits signs nobody in, and leads to no endless redirects."""
    service = await serve(allow_token_in_url=True, cache_ttl=0.001, stale_grace=0)
    browser = service.browser()
    token = service.hub.issue("testuser")
    link = forms(await asked(service, browser, token))[0].values["link"]
    service.hub.revoke(token)

    assert await answered(browser, link) == (400, False)
    assert (await browser.visit(QUESTION, follow=False, headers=TYPED)).status_code == 400


async def test_an_address_too_long_for_a_cookie(service: Service) -> None:
    """If the page's address does not fit into a cookie, there is no question: the page is shown without a session."""
    reply = await service.browser().visit(
        f"docs?a={'x' * 4000}&token={service.hub.issue('testuser')}", follow=False, headers=TYPED
    )

    assert at(reply) == (303, f"{PREFIX}docs?a={'x' * 4000}")
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("page", ["", "login", "logout", "docs", "files/a%2Fb", "oauth_callback"])
async def test_every_page_drops_it(service: Service, page: str) -> None:
    """Whatever page is opened with a good token in its address, neither the answer nor a link in it has the token."""
    token = service.hub.issue("testuser")
    reply = await service.browser().visit(f"{page}?token={token}", follow=False)

    assert token not in reply.text + reply.headers.get("Location", "")
    assert page == "oauth_callback" or (reply.status_code, reply.headers["Location"]) == (303, f"{PREFIX}{page}")


@pytest.mark.parametrize("outage", [None, "error_500"])
@pytest.mark.parametrize("page", ["", "me", "login", "logout", "docs"])
async def test_no_answer_repeats_one_that_did_not_help(serve: Serve, page: str, outage: str | None) -> None:
    """A token that is wrong, or that the Hub cannot be asked about, is in no link and no redirect either."""
    service = await serve(allow_token_in_url=True)
    service.hub.outage = OUTAGES[outage] if outage else None
    reply = await service.browser().visit(f"{page}?token=canary&a=1", follow=False)

    assert "canary" not in reply.text + reply.headers.get("Location", "")


@pytest.mark.parametrize("page", ["", "me", "login", "logout", "docs"])
async def test_where_it_is_off_it_is_neither_read_nor_repeated(serve: Serve, page: str) -> None:
    """By default a token in an address is ignored: the Hub is not asked about it, and no answer repeats it."""
    service = await serve()
    token = service.hub.issue("testuser")
    page_, script = (
        await service.browser().visit(f"{page}?token={token}", follow=False),
        await service.api().get(page, params={"token": token}),
    )

    assert service.hub.requests == []
    assert token not in page_.text + page_.headers.get("Location", "") + script.text
    assert page != "me" or (page_.status_code, script.status_code) == (302, 401)


async def test_what_is_not_a_page_keeps_its_address(service: Service) -> None:
    """A form that is sent with a token in its address is not redirected: what was typed would be lost."""
    browser = service.browser()
    token = service.hub.issue("testuser")
    reply = await browser.client.post(
        f"{ORIGIN}{PREFIX}logout", params={"token": token}, headers={"Sec-Fetch-Mode": "navigate"}
    )

    assert reply.status_code == 204


async def test_somebody_elses_session_is_replaced_when_they_say_so(service: Service) -> None:
    """A reader who is signed in as somebody else is told so. They stay signed in as that user unless they say yes."""
    service.hub.add_user("other")
    browser = await service.signed_in("other")
    before, token = service.token_of(browser), service.hub.issue("testuser")
    question = await asked(service, browser, token)

    assert "You are signed in as <strong>other</strong> now" in question.text
    assert "Stay signed in as other" in question.text
    assert service.token_of(browser) == before
    assert "<h1>other</h1>" in (await browser.visit("me")).text

    await browser.submit(question, follow=False)

    assert "<h1>testuser</h1>" in (await browser.visit("me")).text


async def test_nobody_is_asked_about_themselves(service: Service) -> None:
    """A link with a token of the user who is signed in leads to the page at once, and keeps the session."""
    browser = await service.signed_in()
    before = service.token_of(browser)
    reply = await browser.visit(f"me?token={service.hub.issue('testuser')}", follow=False, headers=TYPED)

    assert at(reply) == (303, f"{PREFIX}me")
    assert service.token_of(browser) == before


async def test_a_session_that_cannot_be_judged_is_kept(serve: Serve) -> None:
    """While the Hub cannot say whose session it is, its reader is not asked to replace it."""
    service = await serve(allow_token_in_url=True, cache_ttl=300, stale_grace=0)
    token = service.hub.issue("testuser")
    await service.api(token).get("me")  # cached from now on
    browser = service.browser()
    service.keep(browser, AUTH_COOKIE, service.sealed("somebodys"))
    service.hub.outage = OUTAGES["error_500"]
    reply = await browser.visit(f"me?token={token}", follow=False, headers=TYPED)

    assert (at(reply), service.token_of(browser)) == ((303, f"{PREFIX}me"), "somebodys")


async def test_a_session_that_is_over_is_replaced(service: Service) -> None:
    """A session whose token the Hub no longer knows is replaced."""
    browser = service.browser()
    service.keep(browser, AUTH_COOKIE, service.sealed("revoked"))
    token = service.hub.issue("testuser")
    await browser.submit(await asked(service, browser, token), follow=False)

    assert service.token_of(browser) == token


async def test_the_redirect_stays_on_our_host(serve: Serve) -> None:
    """If our prefix is `/`, an address that begins with two slashes does not lead to another host."""
    everything = APIRouter()
    everything.add_api_route("/{path:path}", files)
    service = await serve(allow_token_in_url=True, service_prefix="/", app={"routers": [everything]})
    token = service.hub.issue("testuser")
    reply = await service.browser().visit(f"{ORIGIN}//evil.test/x?token={token}", follow=False)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/evil.test/x")


async def test_two_questions_at_once(service: Service) -> None:
    """Two cookies of the question contradict each other, although each is good: nobody is asked, or signed in."""
    browser = service.browser()
    await asked(service, browser, service.hub.issue("testuser"))
    earlier = browser.cookie(LINK_COOKIE) or ""
    link = forms(await asked(service, browser, service.hub.issue("testuser")))[0].values["link"]
    service.keep(browser, LINK_COOKIE, earlier, path=QUESTION)

    assert (await browser.visit(QUESTION, headers=TYPED)).status_code == 400
    for each in (link, earlier):
        assert await answered(browser, each) == (400, False)


@pytest.mark.parametrize(("hours", "is_good"), [(23.9, True), (24.1, False)])
async def test_a_session_of_a_link_ends_after_a_day(service: Service, *, hours: float, is_good: bool) -> None:
    """Nobody says how long its token lives. A browser that is never closed keeps the cookie, which is void then."""
    browser = service.browser()
    token = service.hub.issue("testuser")
    await browser.submit(await asked(service, browser, token))
    later = Sealer(API_TOKEN, purpose="session cookie", now=lambda: time.time() + hours * 3600)
    opened = later.open(browser.cookie(AUTH_COOKIE) or "")

    assert ((opened or "").partition(" ")[0] == token) is is_good
