"""Signing out: by cookie here and at the Hub, by token by deleting it."""

from collections.abc import Mapping
from typing import Any

import pytest

from service.hub.cache import AnswerCache
from service.testing import OUTAGES
from tests.support.session import forms, sign_out_form
from tests.unit.conftest import AUTH_COOKIE, ORIGIN, PREFIX, SESSION_ID, STATE_COOKIE, Serve, Service

SERVICE: Mapping[str, Any] = {}


async def test_by_the_form_on_the_page(service: Service) -> None:
    """The page asks; its form clears our cookies and goes on to the Hub's logout, which revokes the tokens."""
    browser = await service.signed_in()
    service.keep(browser, f"{STATE_COOKIE}-1a2b3c4d", "left over")
    page = await browser.visit("logout")
    assert "You are signed in as <strong>testuser</strong>" in page.text
    reply = await browser.submit(page, follow=False)

    assert (reply.status_code, reply.headers["Location"]) == (303, "/hub/logout")
    assert browser.cookies() == {("jupyterhub-session-id", "/"): SESSION_ID}, "that one is the Hub's to clear"


async def test_the_answer_that_was_kept_is_dropped(service: Service) -> None:
    """If the cookie comes back after signing out, the Hub is asked again."""
    browser = await service.signed_in()
    cookie = browser.cookie(AUTH_COOKIE) or ""
    token = service.token_of(browser)
    await browser.fetch("POST", "logout", headers={"X-XSRFToken": browser.cookie("_xsrf") or ""})
    service.hub.revoke(token)
    service.keep(browser, AUTH_COOKIE, cookie)

    assert (await browser.visit("me", follow=False)).status_code == 302


async def test_a_copy_of_the_cookie_is_refused_before_the_hub_knows(service: Service) -> None:
    """Who asks between our sign-out and the Hub's gets nothing, and prolongs nothing."""
    browser = await service.signed_in()
    cookie, xsrf = browser.cookie(AUTH_COOKIE) or "", browser.cookie("_xsrf") or ""
    await browser.fetch("POST", "logout", headers={"X-XSRFToken": xsrf})
    for _ in range(2):
        service.keep(browser, AUTH_COOKIE, cookie)
        told = await browser.fetch("GET", "me", headers={"X-XSRFToken": xsrf})

        assert (told.status_code, told.json()["code"]) == (401, "invalid_token")


@pytest.mark.parametrize("headers", [{}, {"X-XSRFToken": "guess"}], ids=["no XSRF token", "a wrong one"])
async def test_not_from_elsewhere(service: Service, headers: dict[str, str]) -> None:
    """Without the session's XSRF token nobody is signed out: another page may have sent the form."""
    browser = await service.signed_in()
    refused = await browser.fetch("POST", "logout", headers=headers)
    form = await browser.client.post(f"{ORIGIN}{PREFIX}logout", headers={"Sec-Fetch-Mode": "navigate"})

    assert (refused.status_code, refused.json()["code"]) == (403, "xsrf")
    assert (form.status_code, form.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert (await browser.visit("me")).status_code == 200


async def test_another_token_does_not_open_the_form(service: Service) -> None:
    """A page of the same origin that brings a token of its own does not get the XSRF token of the reader's cookie."""
    browser = await service.signed_in()
    service.hub.add_user("other")
    own = {"Authorization": f"Bearer {service.hub.issue('other')}"}
    for mode in ("navigate", "cors"):
        page = await browser.client.get(f"{ORIGIN}{PREFIX}logout", headers={"Sec-Fetch-Mode": mode, **own})

        assert (page.status_code, page.headers["Allow"], forms(page)) == (405, "POST", [])
        assert (browser.cookie("_xsrf") or "none") not in page.text


async def test_in_one_click(service: Service) -> None:
    """Every page that knows its reader has a button that signs out: the start page, one's own, the API, a refusal."""
    for path in ("", "me", "docs", "debug"):
        browser = await service.signed_in()
        page = await browser.visit(path)
        reply = await browser.submit(page, sign_out_form(page), follow=False)

        assert (path, reply.status_code, reply.headers["Location"]) == (path, 303, "/hub/logout")
        assert browser.cookie(AUTH_COOKIE) is None


async def test_no_button_for_a_token(service: Service) -> None:
    """A page that was requested with a token in a header has no sign-out button, because there is no session."""
    page = await service.api(service.hub.issue("testuser")).get("me", headers={"Accept": "text/html"})

    assert "testuser" in page.text
    assert "Sign out" not in page.text


@pytest.mark.parametrize("by", ["token", "cookie", "nothing"])
async def test_a_script_is_told_how(service: Service, by: str) -> None:
    """A script that sends GET is told to use POST, with a credential or without one: GET is for people."""
    if by == "cookie":
        browser = await service.signed_in()
        reply = await browser.fetch("GET", "logout", headers={"X-XSRFToken": browser.cookie("_xsrf") or ""})
    else:
        reply = await service.api(service.hub.issue("testuser") if by == "token" else None).get("logout")

    assert (reply.status_code, reply.headers["Allow"]) == (405, "POST")
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json()["code"] == "method_not_allowed"


async def test_a_token_that_is_gone_already_is_forgotten(serve: Serve) -> None:
    """If the Hub refuses to delete a token that is gone already, the cached answer about the token is dropped."""
    service = await serve()
    token = service.hub.issue("testuser")
    caller = service.api(token)
    assert (await caller.get("me")).status_code == 200
    service.hub.revoke(token)
    refused = await caller.post("logout")

    assert (refused.status_code, (await caller.get("me")).status_code) == (403, 401)


async def test_a_link_signs_nobody_out(service: Service) -> None:
    """GET shows a page with the question and changes nothing."""
    browser = await service.signed_in()
    page = await browser.visit("logout")

    assert (page.status_code, [form.method for form in forms(page)]) == (200, ["POST"])
    assert "set-cookie" not in page.headers
    assert (await browser.visit("me")).status_code == 200


async def test_nobody_to_sign_out(service: Service) -> None:
    """A reader who is not signed in is told so on the page, and POST answers 401."""
    page = await service.browser().visit("logout")
    reply = await service.api().post("logout")

    assert (page.status_code, forms(page), "You are not signed in" in page.text) == (200, [], True)
    assert (reply.status_code, reply.json()["code"]) == (401, "not_signed_in")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_while_the_hub_is_down(serve: Serve) -> None:
    """Signing out here works while the Hub is down."""
    service = await serve()
    browser = await service.signed_in()
    service.hub.outage = OUTAGES["down"]
    reply = await browser.fetch("POST", "logout", headers={"X-XSRFToken": browser.cookie("_xsrf") or ""})

    assert (reply.status_code, browser.cookie(AUTH_COOKIE)) == (303, None)


async def test_the_question_while_the_hub_is_down(serve: Serve) -> None:
    """The page asks even while the Hub cannot say who is signed in, and its form works."""
    service = await serve(cache_ttl=1e-6, stale_grace=0)
    browser = await service.signed_in()
    service.hub.outage = OUTAGES["down"]
    page = await browser.visit("logout")
    reply = await browser.submit(page, follow=False)

    assert (page.status_code, "You are signed in." in page.text) == (200, True)
    assert (reply.status_code, browser.cookie(AUTH_COOKIE)) == (303, None)


async def test_to_the_hub_wherever_it_is(serve: Serve) -> None:
    """Signing out leads to the Hub's logout, at PUBLIC_HOST or on the Hub's own host. All pages allow that."""
    public = await serve(public_host="https://hub.example.org")
    apart = await serve(hub_host="https://hub.example.org", base_url="/jupyter/")
    for service, expected in (
        (public, "https://hub.example.org/hub/logout"),
        (apart, "https://hub.example.org/jupyter/hub/logout"),
    ):
        browser = await service.signed_in()
        page = await browser.visit("me")
        reply = await browser.submit(page, sign_out_form(page), follow=False)
        assert (reply.status_code, reply.headers["Location"]) == (303, expected)

    browser = await apart.signed_in()
    for path in ("", "me", "docs", "logout", "debug"):
        page = await browser.visit(path)
        assert "form-action 'self' https://hub.example.org;" in page.headers["Content-Security-Policy"]


async def test_by_token(service: Service) -> None:
    """A token signs out by deleting itself at the Hub, and does not work here from then on."""
    token = service.hub.issue("testuser")
    api = service.api(token)
    assert (await api.get("me")).status_code == 200, "so that an answer is kept"
    reply = await api.post("logout")

    assert (reply.status_code, reply.content) == (204, b"")
    assert (await api.get("me")).status_code == 401
    delete = [each for each in service.hub.requests if each.method == "DELETE"][-1]
    assert delete.headers["Authorization"] == f"token {token}"


@pytest.mark.parametrize("scopes", [["access:services"], []])
async def test_a_token_that_may_not_delete_itself(service: Service, scopes: list[str]) -> None:
    """A token without the scope to delete itself gets 403, and works as before."""
    api = service.api(service.hub.issue("testuser", scopes=scopes))
    before = (await api.get("me")).status_code
    reply = await api.post("logout")

    assert (reply.status_code, reply.json()["code"]) == (403, "revoke_refused")
    assert (await api.get("me")).status_code == before


async def test_a_services_token_is_configuration(service: Service) -> None:
    """A service's token is configuration: signing out with it is refused, and the Hub is not asked to delete it."""
    token = service.hub.add_service("reporter", scopes=["access:services", "tokens"])
    before = sum(request.method == "DELETE" for request in service.hub.requests)
    reply = await service.api(token).post("logout")

    assert (reply.status_code, reply.json()["code"]) == (403, "revoke_refused")
    assert sum(request.method == "DELETE" for request in service.hub.requests) == before


async def test_a_token_that_nobody_knows(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad token gets 401 here, too. Answers about others are not searched for it: strangers could send many."""
    service = await serve()
    monkeypatch.setattr(AnswerCache, "forget", None)
    reply = await service.api("wrong").post("logout")

    assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")


async def test_the_header_decides_which(service: Service) -> None:
    """A token in the header is the one that is deleted. The session of a cookie beside it goes on."""
    browser = await service.signed_in()
    token = service.hub.issue("testuser")
    reply = await browser.fetch("POST", "logout", headers={"Authorization": f"Bearer {token}"})

    assert (reply.status_code, (await browser.visit("me")).status_code) == (204, 200)


async def test_a_copy_beside_a_planted_session(service: Service) -> None:
    """A copy of the cookie is refused after signing out, also if a page has planted a session id of a strange form."""
    browser = service.browser()
    service.keep(browser, "jupyterhub-session-id", "a:b")
    begun = await browser.visit("login", follow=False)
    await browser.visit(service.authorized(begun, session_id=SESSION_ID), follow=False)
    cookie, xsrf = browser.cookie(AUTH_COOKIE) or "", browser.cookie("_xsrf") or ""
    assert (await browser.fetch("POST", "logout", headers={"X-XSRFToken": xsrf})).status_code == 303
    service.keep(browser, AUTH_COOKIE, cookie)

    assert (await browser.fetch("GET", "me", headers={"X-XSRFToken": xsrf})).status_code == 401
