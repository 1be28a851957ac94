"""The link that a command at a shell shows: who is asked by it, what they are told, and what their answer takes."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from service.hub.shell_codes import ShellRequest, ShellSealer
from tests.support.session import Form, Session, forms, sign_out_form
from tests.support.shell import OPENED, Command, approved, asked, code_on
from tests.unit.auth.test_guard_vetoes import Application
from tests.unit.conftest import API_TOKEN, AUTH_COOKIE, ORIGIN, PREFIX, SESSION_ID, Serve, Service

SERVICE: Mapping[str, Any] = {"shell_sign_in": True}
PAGE = f"{PREFIX}login/shell"
SHELL_COOKIE = "service-fastapi-shell"
NARROW = "access:services!service=fastapi"
CHROME = {"User-Agent": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"}


def scopes_in(location: str) -> set[str]:
    """Return the scopes that an address of the Hub's authorize page asks for."""
    return set(parse_qs(urlsplit(location).query)["scope"][0].split())


async def test_off_where_nothing_is_said(serve: Serve) -> None:
    """By default there is no such page."""
    service = await serve()
    browser = await service.signed_in()

    assert (await asked(browser, Command())).status_code == 404
    assert (await browser.visit("login/shell", headers=OPENED)).status_code == 404


async def test_the_question(service: Service) -> None:
    """The page says as whom, for how long, with which rights and on what machine, and warns of links from others."""
    service.hub.add_user("testuser", scopes=["access:services", "custom:notes:read", "admin:users"])
    page = await asked(await service.signed_in(), Command())

    assert (page.status_code, str(page.url)) == (200, f"{ORIGIN}{PAGE}")
    for text in ("testuser", "ada@laptop", "24 hours", NARROW, "custom:notes:read", "Nobody has checked it"):
        assert text in page.text
    assert "admin:users" not in page.text
    assert "If somebody sent you the link to this page" in page.text
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


async def test_the_answer_leads_to_the_hub(service: Service) -> None:
    """Who says yes is sent to the Hub for a code with the scopes that the page has shown, and no others."""
    service.hub.add_user("testuser", scopes=["access:services", "custom:notes:read"])
    browser = await service.signed_in()
    before = browser.cookies()
    begun = await browser.submit(await asked(browser, Command()), follow=False)
    tokens = service.hub.tokens_of("testuser")
    shown = await browser.visit(service.authorized(begun))

    assert scopes_in(begun.headers["Location"]) == {NARROW, "custom:notes:read"}
    assert code_on(shown).startswith("shell.")
    assert "Give it to nobody" in shown.text
    assert browser.cookies() == before, "the session is as it was, and nothing else is left"
    assert service.hub.tokens_of("testuser") == tokens, "no token until the command asks for it"


async def test_fewer_scopes(service: Service) -> None:
    """A command may ask for fewer scopes; access comes along."""
    service.hub.add_user("testuser", scopes=["access:services", "custom:notes:read", "custom:notes:write"])
    browser = await service.signed_in()
    page = await asked(browser, Command(scope="custom:notes:read"))
    begun = await browser.submit(page, follow=False)

    assert "custom:notes:write" not in page.text
    assert scopes_in(begun.headers["Location"]) == {NARROW, "custom:notes:read"}


@pytest.mark.parametrize("scope", ["admin:users", "inherit", "tokens", "custom:no:such", "custom:notes:read tokens"])
async def test_more_than_the_user_has(service: Service, scope: str) -> None:
    """A scope that the user's own session does not have is refused, whatever the user may do at the Hub."""
    service.hub.add_user("testuser", scopes=["access:services", "custom:notes:read", "admin:users", "tokens"])
    page = await asked(await service.signed_in(), Command(scope=scope))

    assert (page.status_code, forms(page)) == (403, [])


async def test_somebody_without_access(serve: Serve) -> None:
    """Who may not use the service (any more) is not asked."""
    service = await serve(shell_sign_in=True, cache_ttl=0.001)
    browser = await service.signed_in()
    service.hub.rescope(service.token_of(browser), ["custom:notes:read"])
    page = await asked(browser, Command())

    assert (page.status_code, forms(page)) == (403, [])


async def signing_in(service: Service, browser: Session, headers: Mapping[str, str] | None = None) -> int:
    """Open the link without a session, sign in at the Hub's page, and return the status of the page after that."""
    page = await browser.visit(Command().link, follow=False, headers=OPENED)
    begun = await browser.visit(page.headers["Location"], follow=False, headers=OPENED)
    assert begun.headers["Location"].startswith(service.settings.hub_url)
    back = await browser.visit(service.authorized(begun), follow=False)
    assert (back.status_code, back.headers["Location"]) == (302, PAGE)
    return (await browser.visit(PAGE, headers=headers or {})).status_code


async def test_who_has_to_sign_in_first(service: Service) -> None:
    """After a form of the Hub's, the question comes where browsers cut off windows; elsewhere the link is opened again.

    The Hub's page is then of the same origin as notebooks, one of which could have opened ours in a window.
    """
    assert await signing_in(service, service.browser(), CHROME) == 200

    browser = service.browser()
    assert await signing_in(service, browser) == 400
    assert "You are signed in now" in (await browser.visit(PAGE)).text
    assert forms(await browser.visit(PAGE)) == []
    assert (await asked(browser, Command())).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="a page of another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a page of a sibling domain"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="a notebook's page"),
        pytest.param({"Sec-Fetch-Site": "cross-site"} | CHROME, id="a page of another site, windows cut off"),
        pytest.param(OPENED | {"Sec-Fetch-Dest": "iframe"}, id="a frame"),
        pytest.param(OPENED | {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, id="a script"),
        pytest.param(OPENED | {"Sec-Fetch-Dest": "object"}, id="an object"),
        pytest.param(OPENED | {"Service-Worker-Navigation-Preload": "true"}, id="a service worker's preload"),
        pytest.param({"Sec-Fetch-Mode": "", "Sec-Fetch-Site": "", "Sec-Fetch-Dest": ""}, id="plain http"),
    ],
)
async def test_no_page_brings_the_question_about(service: Service, headers: dict[str, str]) -> None:
    """A link, window, frame or script of a page has nobody asked, and leaves no cookie behind."""
    browser = await service.signed_in()
    page = await browser.visit(Command().link, headers=headers)

    assert (page.status_code, forms(page)) == (400, [])
    assert browser.cookie(SHELL_COOKIE) is None


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="a window of a notebook's, where it is not cut off"),
        pytest.param(OPENED | {"Sec-Fetch-Dest": "iframe"}, id="a frame"),
        pytest.param(CHROME | {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"}, id="a script"),
        pytest.param(CHROME | {"Service-Worker-Navigation-Preload": "true"}, id="a service worker's preload"),
    ],
)
async def test_no_page_reads_the_question(service: Service, headers: dict[str, str]) -> None:
    """While a question waits for its reader, no other page gets the values that its form sends."""
    browser = await service.signed_in()
    form = forms(await asked(browser, Command()))[0]
    page = await browser.visit(PAGE, headers=headers)

    assert (page.status_code, forms(page)) == (400, [])
    assert form.values["request"] not in page.text


WRONG: dict[str, dict[str, str]] = {
    "no challenge": {"challenge": ""},
    "a challenge that is none": {"challenge": "x" * 42},
    "a challenge with markup": {"challenge": "<" * 43},
    "no time at all": {"lifetime": "0"},
    "a time that is none": {"lifetime": "soon"},
    "very many scopes": {"scope": " ".join(["custom:notes:read"] * 60)},
    "scopes with control characters": {"scope": "custom:notes:read\n"},
}


@pytest.mark.parametrize("wanted", WRONG.values(), ids=WRONG.keys())
async def test_a_link_that_no_command_shows(service: Service, wanted: dict[str, str]) -> None:
    """It is refused before anybody is asked."""
    page = await asked(await service.signed_in(), Command(**wanted))

    assert (page.status_code, "not the whole link" in page.text) == (400, True)


@pytest.mark.parametrize(
    ("machine", "shown"),
    [
        ("<script>alert(1)</script>", "?script?alert?1???script?"),
        ("your Hub: all is well", "your?Hub??all?is?well"),
        ("\u202emoc.evil\u2066\x00\x1b[31m", "?moc.evil????31m"),
        ("m" * 100, "m" * 64),
        ("", "unnamed"),
    ],
    ids=["markup", "a sentence", "bidi and control characters", "a long one", "none"],
)
async def test_the_machines_name_says_nothing_else(service: Service, machine: str, shown: str) -> None:
    """Whoever makes the link chooses the name, so it has no spaces, and no characters but those of host names."""
    page = await asked(await service.signed_in(), Command(machine=machine))

    assert f"<code>{shown}</code>" in page.text


async def test_a_token_lives_no_longer_than_allowed(serve: Serve) -> None:
    """The page names the time that the token will have, which the operator limits."""
    service = await serve(shell_sign_in=True, token_lifetime_max=7200)
    page = await asked(await service.signed_in(), Command(lifetime="99999999"))

    assert "2 hours" in page.text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "a second"), (60, "60 seconds"), (3601, "61 minutes"), (2592000, "30 days")]
)
def test_durations(seconds: int, text: str) -> None:
    """A lifetime is never shown shorter than it is."""
    assert ShellRequest(challenge="", machine="", lifetime=seconds).duration == text


async def sent(browser: Session, form: Form, headers: Mapping[str, str] | None = None, **changed: str) -> int:
    """Send the form of the question from elsewhere; return the status."""
    said = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    said |= {"Sec-Fetch-Dest": "document", "Accept": "text/html"} | dict(headers or {})
    reply = await browser.client.post(f"{ORIGIN}{PAGE}", data=form.values | changed, headers=said)
    return reply.status_code


async def test_the_answer_is_the_pages_own(service: Service) -> None:
    """A form of another site or another page, without the XSRF token, or with a token for a cookie, does not count."""
    browser = await service.signed_in()
    form = forms(await asked(browser, Command()))[0]
    script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "*/*"}
    token = {"Authorization": f"Bearer {service.hub.issue('testuser')}"}

    assert await sent(browser, form, {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}) == 403
    assert await sent(browser, form, {"Origin": "null"}) == 403
    assert await sent(browser, form, {"Sec-Fetch-Dest": "iframe"}) == 400
    assert await sent(browser, form, script) == 400
    assert await sent(browser, form, token) == 400
    assert await sent(browser, form, _xsrf="") == 403
    assert await sent(browser, form, request="") == 400
    assert await sent(browser, form) == 302


async def test_an_answer_with_anothers_question(service: Service) -> None:
    """Eve's question, planted or sent in her victim's browser, is no good there, even with the victim's XSRF token.

    A notebook's page may find that token, in a browser that does not cut windows off.
    """
    service.hub.add_user("eve")
    victim, eve = await service.signed_in(), await service.signed_in("eve", session_id="e" * 32)
    form = forms(await asked(eve, Command()))[0]
    service.keep(victim, SHELL_COOKIE, eve.cookie(SHELL_COOKIE) or "")

    assert await sent(victim, form) == 403
    assert await sent(victim, form, _xsrf=sign_out_form(await victim.visit("me")).values["_xsrf"]) == 400
    assert await sent(victim, form, _xsrf=victim.cookie("_xsrf") or "", request=eve.cookie(SHELL_COOKIE) or "") == 400
    assert forms(await victim.visit(PAGE)) == [], "a notebook's page opens no question, either"


async def test_two_planted_cookies(service: Service) -> None:
    """Two cookies of one name contradict each other, and nobody is asked, although each is good."""
    browser = await service.signed_in()
    await asked(browser, Command())
    earlier = browser.cookie(SHELL_COOKIE) or ""
    await asked(browser, Command())
    service.keep(browser, SHELL_COOKIE, earlier, path=f"{PREFIX}login")

    assert (await browser.visit(PAGE, headers=OPENED)).status_code == 400


async def test_the_code_is_shown_where_it_was_asked_for(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """The Hub's answer counts in the browser that has said yes, once, and on a page of its own. No log has the code."""
    caplog.set_level(logging.DEBUG)
    browser, other = await service.signed_in(), await service.signed_in()
    begun = await browser.submit(await asked(browser, Command()), follow=False)
    back = service.authorized(begun)

    assert (await other.visit(back)).status_code == 403
    framed = await browser.visit(back, headers={"Sec-Fetch-Dest": "iframe"})
    assert (framed.status_code, code_on(framed)) == (400, "")
    assert (await browser.visit(back)).status_code == 403, "the cookie of this sign-in is gone"
    code = await approved(service, browser, Command())
    assert code
    assert code not in caplog.text


async def test_a_state_in_the_victims_browser(service: Service) -> None:
    """Eve has said yes in her browser, and has her victim's finish it: the code is for her name, and buys nothing."""
    service.hub.add_user("eve")
    victim, eve = await service.signed_in(), await service.signed_in("eve", session_id="e" * 32)
    command = Command()
    begun = await eve.submit(await asked(eve, command), follow=False)
    for (name, path), value in eve.cookies().items():
        if "oauth-state" in name:
            service.keep(victim, name, value, path=path)
    code = code_on(await victim.visit(service.authorized(begun, user="testuser")))
    reply = await service.api().post("token", data=command.form(code))

    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    assert victim.cookie(AUTH_COOKIE)
    assert SESSION_ID not in reply.text


async def test_who_may_not_sign_in_is_not_asked(serve: Serve) -> None:
    """Whom an application lets begin no new session is not asked whether to sign in a command."""
    application = Application()
    service = await serve(app={"admit_sign_in": [application.admit_sign_in]}, shell_sign_in=True)
    browser = await service.signed_in()
    form = forms(await asked(browser, Command()))[0]
    application.denied.add("testuser")

    assert (await asked(browser, Command())).status_code == 403
    assert await sent(browser, form) == 403


async def test_a_token_does_not_answer(service: Service) -> None:
    """A token in a header answers no question, not even with what the cookie of the link holds."""
    browser = await service.signed_in()
    form = forms(await asked(browser, Command()))[0]
    token = {"Authorization": f"Bearer {service.hub.issue('testuser')}"}

    assert await sent(browser, form, token, request=browser.cookie(SHELL_COOKIE) or "") == 400


async def test_turned_off_meanwhile(serve: Serve) -> None:
    """Where it is turned off, a question that is still open is not answered, and no code is shown."""
    service = await serve(shell_sign_in=True)
    off = await serve(hub=service.hub)
    browser, later = await service.signed_in(), await off.signed_in()
    page = await asked(browser, Command())
    begun = await browser.submit(page, follow=False)
    for (name, path), value in browser.cookies().items():
        off.keep(later, name, value, path=path)

    assert await sent(later, forms(page)[0]) == 404
    assert (await later.visit(service.authorized(begun))).status_code == 404


async def test_a_question_that_waits_too_long(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command asks for is forgotten after a quarter of an hour, in the cookie and on the page."""
    command, sealer = Command(), ShellSealer(API_TOKEN)
    reply = await (await service.signed_in()).visit(command.link, follow=False, headers=OPENED)
    (cookie,) = reply.headers.get_list("set-cookie")
    sealed = cookie.removeprefix(f"{SHELL_COOKIE}=").partition(";")[0]
    now = sealer._requests._now()  # noqa: SLF001 - the clock

    assert "Max-Age=900" in cookie.split("; ")
    for seconds, is_good in ((890, True), (901, False)):
        monkeypatch.setattr(sealer._requests, "_now", lambda at=now + seconds: at)  # noqa: SLF001 - likewise
        assert (sealer.open_request(sealed) is not None) is is_good


@pytest.mark.parametrize(
    "wanted",
    [{"challenge": "x" * 44}, {"lifetime": "9" * 13}, {"scope": " a"}, {"scope": "a  b"}, {"scope": "caf\u00e9"}],
    ids=["a long challenge", "a long time", "a space before", "two spaces", "another alphabet"],
)
async def test_a_link_that_is_nearly_one(service: Service, wanted: dict[str, str]) -> None:
    """A challenge has 43 characters, a time at most twelve digits, and scopes are ASCII with one space between them."""
    page = await asked(await service.signed_in(), Command(**wanted))

    assert (page.status_code, "not the whole link" in page.text) == (400, True)
