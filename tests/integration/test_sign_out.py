"""Signing out, by cookie and by token, and that nothing of it can be used afterwards."""

import pytest

from tests.support.hub import RealHub
from tests.support.session import Session, forms

ACCESS = "access:services!service=fastapi"
COOKIE = "service-fastapi"


def copy_of(browser: Session) -> Session:
    """Return a browser with the same cookies, as a thief of them has it."""
    thief = Session(str(browser.url))
    for cookie in browser.client.cookies.jar:
        thief.client.cookies.jar.set_cookie(cookie)
    return thief


async def test_by_cookie(hub: RealHub) -> None:
    """The session ends here and at the Hub, and its cookies open nothing any more."""
    async with hub.session("testuser") as browser:
        await browser.visit(f"{hub.service_url}me")
        xsrf = {"X-XSRFToken": browser.cookie("_xsrf", path=hub.service_path) or ""}
        async with copy_of(browser) as thief:
            (await thief.fetch("GET", f"{hub.service_url}me", headers=xsrf)).raise_for_status()

            question = await browser.visit(f"{hub.service_url}logout")
            end = await browser.submit(question)

            assert [step.status_code for step in end.history[:2]] == [303, 302]
            assert end.url.path == "/hub/login"
            assert not [name for name, path in browser.cookies() if path == hub.service_path]
            home = await browser.visit("hub/home")
            assert home.url.path == "/hub/login", "signed out of the Hub too"

            told = await thief.fetch("GET", f"{hub.service_url}me", headers=xsrf)
            shown = await thief.visit(f"{hub.service_url}me", follow=False)
            assert (told.status_code, told.json()["code"]) == (401, "invalid_token")
            assert shown.status_code == 302


async def test_at_the_hub(varied_hub: RealHub) -> None:
    """Who signs out at the Hub is signed out here."""
    async with varied_hub.session("testuser") as browser:
        (await browser.visit(f"{varied_hub.service_url}me")).raise_for_status()

        await browser.sign_out()
        reply = await browser.visit(f"{varied_hub.service_url}me", follow=False)

    assert reply.status_code == 302
    assert reply.headers["Location"].startswith("/@/space%20word/hub/api/oauth2/authorize?")


async def test_at_the_hub_after_a_restart_of_the_browser(hub: RealHub) -> None:
    """A closed browser forgets the Hub's session cookie: then the Hub signs in without a password, and out for good."""
    me = f"{hub.service_url}me"
    async with hub.session("testuser") as browser:
        (await browser.visit(me)).raise_for_status()
        browser.client.cookies.jar.clear_session_cookies()
        again = await browser.visit(me)
        assert (again.status_code, str(again.url), len(again.history)) == (200, me, 3), "by way of the Hub"

        browser.client.cookies.jar.clear_session_cookies()
        home = await browser.visit("hub/home")
        assert (home.url.path, browser.cookie(COOKIE) is not None) == ("/hub/home", True)
        await browser.sign_out()
        nobody = await browser.visit(me)

    assert nobody.url.path == "/hub/login"
    assert "testuser" not in nobody.text


async def test_a_thief_without_the_hubs_session(hub: RealHub) -> None:
    """A copy of our cookie alone opens no page, gives no XSRF token, and answers no script."""
    async with hub.session("testuser") as browser:
        await browser.visit(f"{hub.service_url}me")
        xsrf = {"X-XSRFToken": browser.cookie("_xsrf", path=hub.service_path) or ""}
        alone = {"Cookie": f"{COOKIE}={browser.cookie(COOKIE)}"}
    async with hub.session() as thief:
        shown = await thief.visit(f"{hub.service_url}me", follow=False, headers=alone)
        told = await thief.fetch("GET", f"{hub.service_url}me", headers={**alone, **xsrf})

    assert (shown.status_code, thief.cookie("_xsrf", path=hub.service_path)) == (302, None)
    assert (told.status_code, told.json()["code"]) == (401, "not_signed_in")


async def test_and_in_as_somebody_else(varied_hub: RealHub) -> None:
    """Who signs in to the Hub as somebody else in the same browser is that person here too."""
    me = f"{varied_hub.service_url}me"
    async with varied_hub.session("testuser") as browser:
        await browser.visit(me)
        await browser.sign_out()
        await browser.sign_in("other")

        page = await browser.visit(me)

    assert (page.status_code, str(page.url)) == (200, me)
    assert "other" in page.text
    assert "testuser" not in page.text


@pytest.mark.parametrize("value", [None, "x"], ids=["missing", "wrong"])
async def test_needs_the_xsrf_token(hub: RealHub, value: str | None) -> None:
    """No other page can sign anybody out: without the form's own value nothing happens."""
    async with hub.session("testuser") as browser:
        await browser.visit(f"{hub.service_url}me")
        (form,) = forms(await browser.visit(f"{hub.service_url}logout"))
        sent = {"_xsrf": value} if value else {}

        refused = await browser.fetch("POST", form.action, data=sent)
        by_link = await browser.visit(f"{hub.service_url}logout", follow=False)
        after = await browser.visit(f"{hub.service_url}me", follow=False)

    assert (refused.status_code, refused.json()["code"]) == (403, "xsrf")
    assert [by_link.status_code, after.status_code] == [200, 200]


async def test_by_token(hub: RealHub) -> None:
    """A token deletes itself at the Hub, and is forgotten here at once."""
    token = await hub.user_token("testuser")
    (await hub.ask("GET", "me", token=token)).raise_for_status()

    gone = await hub.ask("POST", "logout", token=token)
    after = await hub.ask("GET", "me", token=token)

    assert (gone.status_code, gone.content) == (204, b"")
    assert (after.status_code, after.json()["code"]) == (401, "invalid_token")
    assert (await hub.api("GET", "/user", token=token)).status_code == 403
    assert (await hub.ask("POST", "logout", token=token)).status_code == 401


async def test_a_narrow_token_may_not(hub: RealHub) -> None:
    """A token that may not delete tokens is told so, and goes on working."""
    token = await hub.user_token("testuser", scopes=[ACCESS])

    refused = await hub.ask("POST", "logout", token=token)

    assert (refused.status_code, refused.json()["code"]) == (403, "revoke_refused")
    assert (await hub.ask("GET", "me", token=token)).status_code == 200


async def test_a_service_may_not(hub: RealHub) -> None:
    """A service's token is its operator's to change."""
    refused = await hub.ask("POST", "logout", token=hub.service_token("reporter"))

    assert (refused.status_code, refused.json()["code"]) == (403, "revoke_refused")


async def test_nobody_signs_out(hub: RealHub) -> None:
    """Without a credential there is nothing to end; nor is there for a token that is gone."""
    assert (await hub.ask("POST", "logout")).status_code == 401
    assert (await hub.ask("POST", "logout", token=await hub.expired_token())).status_code == 401
