"""An attacker's list: get into somebody's browser as oneself, into their session, or send them elsewhere.

The attacker is a user of the same Hub, `other`; the victim is `testuser`. What scripts of the attacker's pages try is
in tests/browser/test_strangers.py.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.hub import RealHub
from tests.support.session import Session

COOKIE = "service-fastapi"
STATE_COOKIE = "service-fastapi-oauth-state"
SESSION_ID = "jupyterhub-session-id"
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}  # what a browser says of a link on a page of another site


@dataclass(frozen=True)
class Attempt:
    """A sign-in that has come back from the Hub and was not finished: the callback's address and its two halves."""

    link: str
    code: str
    state: str


async def begun(hub: RealHub, browser: Session, page: str = "me") -> Attempt:
    """Begin a sign-in in a browser, and stop before the last step."""
    way = await browser.visit(f"{hub.service_url}{page}", follow=False)
    back = await browser.visit(way.headers["Location"], follow=False)
    link = str(back.url.join(back.headers["Location"]))
    query = parse_qs(urlsplit(link).query)
    return Attempt(link, query["code"][0], query["state"][0])


def callback(hub: RealHub, **query: str) -> str:
    """An address of the callback."""
    return f"{hub.service_url}oauth_callback?{httpx.QueryParams(query)}"


def plant(browser: Session, name: str, value: str, *, path: str) -> None:
    """Put a cookie into a browser, as a page of the same origin can."""
    browser.client.cookies.set(name, value, domain=browser.url.host, path=path)


async def reader(hub: RealHub, browser: Session) -> str:
    """Return who reads /me in a browser, by the cookies it has now; empty for nobody."""
    token = browser.cookie("_xsrf", path=hub.service_path) or ""
    reply = await browser.fetch("GET", f"{hub.service_url}me", headers={"X-XSRFToken": token})
    return str(reply.json()["name"]) if reply.status_code == 200 else ""


# Login CSRF: the victim works in the attacker's session without noticing


async def test_own_code_and_own_state_cookie(hub: RealHub) -> None:
    """A link that ends the attacker's sign-in, and their state cookie planted too → not signed in: another session."""
    async with hub.session("other") as attacker, hub.session("testuser") as victim:
        attempt = await begun(hub, attacker)
        plant(victim, STATE_COOKIE, attacker.cookie(STATE_COOKIE) or "", path=hub.service_path)

        reply = await victim.visit(attempt.link, follow=False, headers=CROSS_SITE)

        assert reply.status_code == 400
        assert "session has changed" in reply.text
        assert victim.cookie(COOKIE) is None


@pytest.mark.parametrize("site", ["cross-site", "same-origin"], ids=["another site", "another notebook"])
async def test_own_token_in_a_link(hub: RealHub, site: str) -> None:
    """A link with the attacker's token on a page → the page without it, and no cookie is set."""
    token = await hub.user_token("other")
    async with hub.session("testuser") as victim:
        headers = {"Sec-Fetch-Site": site}
        reply = await victim.visit(f"{hub.service_url}me?token={token.value}", follow=False, headers=headers)

        assert (reply.status_code, reply.headers["Location"]) == (303, f"{hub.service_path}me")
        assert "Set-Cookie" not in reply.headers
        page = await victim.visit(reply.headers["Location"])
        assert await reader(hub, victim) == "testuser", page.text


async def test_own_token_in_a_mail(hub: RealHub) -> None:
    """A link with the attacker's token in a mail → the page asks, and who does not say yes is who they are."""
    token = await hub.user_token("other")
    async with hub.session("testuser") as victim:
        question = await victim.visit(f"{hub.service_url}me?token={token.value}", headers={"Sec-Fetch-Site": "none"})

        assert "Sign in as other?" in question.text
        assert victim.cookie(COOKIE) is None
        await victim.visit(f"{hub.service_url}me")
        assert await reader(hub, victim) == "testuser"


@pytest.mark.parametrize("path", ["me", "", "..", "/"], ids=["a longer path", "our path", "a shorter path", "the root"])
async def test_own_session_cookie_is_tossed(hub: RealHub, path: str) -> None:
    """The attacker's own session cookie, good as it is, planted beside the victim's → neither counts."""
    where = {"me": f"{hub.service_path}me", "": hub.service_path.rstrip("/"), "..": "/services/", "/": "/"}[path]
    async with hub.session("other") as attacker, hub.session("testuser") as victim:
        await attacker.visit(f"{hub.service_url}me")
        await victim.visit(f"{hub.service_url}me")
        planted = f"{COOKIE}={attacker.cookie(COOKIE)}"
        own = "; ".join(f"{name}={value}" for (name, at), value in victim.cookies().items() if at in hub.service_path)
        # Browsers send the cookie of the longer path first.
        cookies = f"{planted}; {own}" if len(where) > len(hub.service_path) else f"{own}; {planted}"
        token = victim.cookie("_xsrf", path=hub.service_path) or ""

    reply = await hub.ask("GET", "me", headers={"Cookie": cookies, "X-XSRFToken": token})

    assert (reply.status_code, reply.json()["code"]) == (400, "cookie_conflict")


@pytest.mark.parametrize("order", [1, -1], ids=["planted last", "planted first"])
@pytest.mark.parametrize("holds", [SESSION_ID, f"{SESSION_ID} and {COOKIE}"], ids=str)
async def test_own_session_planted_with_the_hubs(hub: RealHub, holds: str, order: int) -> None:
    """The attacker's cookie and Hub session planted together, in whatever order they come → nobody is the attacker."""
    async with hub.session("other") as attacker, hub.session("testuser") as victim:
        for browser in (attacker, victim):
            (await browser.visit(f"{hub.service_url}me")).raise_for_status()
        own, planted = (
            [f"{name}={browser.cookie(name)}" for name in (SESSION_ID, COOKIE) if browser is attacker or name in holds]
            for browser in (victim, attacker)
        )
        token = attacker.cookie("_xsrf", path=hub.service_path) or ""

    headers = {"Cookie": "; ".join([*own, *planted][::order]), "X-XSRFToken": token}
    reply = await hub.ask("GET", "me", headers=headers)

    assert (reply.status_code, reply.json()["code"]) == (400, "cookie_conflict")


async def test_cookies_that_cannot_be_cleared(hub: RealHub) -> None:
    """Cookies of ours planted at other paths, again and again → a page says what to do; no redirect without an end."""
    async with hub.session("other") as attacker, hub.session("testuser") as victim:
        await attacker.visit(f"{hub.service_url}me")
        await victim.visit(f"{hub.service_url}me")
        for _ in range(3):
            plant(victim, COOKIE, attacker.cookie(COOKIE) or "", path="/")
            plant(victim, COOKIE, victim.cookie(COOKIE, path=hub.service_path) or "own", path=hub.service_path)
            page = await victim.visit(f"{hub.service_url}me")
            assert (page.status_code, len(page.history)) == (400, 0)
            assert "delete this site" in page.text

        assert victim.cookie(SESSION_ID) is not None
        (await victim.visit(f"{hub.service_url}me")).raise_for_status()
        assert await reader(hub, victim) == "testuser"


async def test_session_fixation(hub: RealHub) -> None:
    """The attacker's Hub session planted on our path before the victim signs in → noticed, and of no use after."""
    async with hub.session("other") as attacker, hub.session("testuser") as victim:
        await attacker.visit(f"{hub.service_url}me")
        fixed = attacker.cookie(SESSION_ID) or ""
        plant(victim, SESSION_ID, fixed, path=f"{hub.service_path}me")
        plant(victim, COOKIE, attacker.cookie(COOKIE) or "", path=f"{hub.service_path}me")

        await victim.visit(f"{hub.service_url}")
        await victim.visit(f"{hub.service_url}login")
        held = f"{SESSION_ID}={fixed}; {COOKIE}={victim.cookie(COOKIE, path=hub.service_path)}"
        assert await reader(hub, victim) == ""
        # What the victim holds now opens nothing in the attacker's session.
        stolen = await hub.ask("GET", "me", headers={"Cookie": held})
        assert stolen.status_code == 401
        assert "cookie_conflict" in (await victim.visit(f"{hub.service_url}me")).text


# Code injection: the victim's code in the attacker's hands, or the other way round


async def test_stolen_callback(hub: RealHub) -> None:
    """The victim's callback address, read somewhere before they come to it → no session in the attacker's browser."""
    async with hub.session("testuser") as victim, hub.session("other") as attacker:
        attempt = await begun(hub, victim)
        own = await begun(hub, attacker)

        as_it_is = await attacker.visit(attempt.link, follow=False)
        with_own_state = await attacker.visit(callback(hub, code=attempt.code, state=own.state), follow=False)

        assert as_it_is.status_code in {302, 403}
        assert "api/oauth2/authorize" in as_it_is.headers.get("Location", "api/oauth2/authorize")
        assert with_own_state.status_code == 400
        assert attacker.cookie(COOKIE) is None


@pytest.mark.parametrize("challenge", [True, False], ids=["a challenge", "no challenge"])
async def test_stolen_callback_without_a_session(hub: RealHub, challenge: bool) -> None:  # noqa: FBT001 - a table
    """The victim's code with a state of the attacker's own, who sends no session cookie of the Hub → no session."""
    async with hub.session("testuser") as victim, hub.session() as attacker:
        way = httpx.URL((await victim.visit(f"{hub.service_url}me", follow=False)).headers["Location"])
        if not challenge:  # any page can have a browser ask like that
            way = way.copy_remove_param("code_challenge").copy_remove_param("code_challenge_method")
        back = await victim.visit(str(way), follow=False)
        code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
        begun_here = await attacker.visit(f"{hub.service_url}me", follow=False)
        state = parse_qs(urlsplit(begun_here.headers["Location"]).query)["state"][0]

        reply = await attacker.visit(callback(hub, code=code, state=state), follow=False)

        assert attacker.cookie(SESSION_ID) is None
        assert (reply.status_code, "session cookie must come" in reply.text) == (400, True)
        assert attacker.cookie(COOKIE) is None


async def test_injected_code(hub: RealHub) -> None:
    """The attacker's code with the state of the victim's own sign-in → PKCE tells them apart; nobody is signed in."""
    async with hub.session("testuser") as victim, hub.session("other") as attacker:
        own, foreign = await begun(hub, victim), await begun(hub, attacker)

        reply = await victim.visit(callback(hub, code=foreign.code, state=own.state), follow=False, headers=CROSS_SITE)

        assert reply.status_code == 400
        assert victim.cookie(COOKIE) is None


async def test_stolen_code_at_the_token_endpoint(hub: RealHub) -> None:
    """The victim's code posted to /token with a verifier of one's own, as from our pages → invalid_grant."""
    async with hub.session("testuser") as victim:
        attempt = await begun(hub, victim)
    form = {"grant_type": "authorization_code", "code": attempt.code, "code_verifier": "a" * 43}
    origin = f"http://127.0.0.1:{hub.ports.public}"

    reply = await hub.ask("POST", "token", data=form, headers={"Origin": origin})

    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


# State: replay, swap, cancel


async def test_swapped_states(hub: RealHub) -> None:
    """Code and state of two sign-ins exchanged → neither counts; the third attempt is not harmed."""
    async with hub.session("testuser") as victim:
        first, second = await begun(hub, victim, "me?1"), await begun(hub, victim, "me?2")
        swapped = [
            await victim.visit(callback(hub, code=first.code, state=second.state), follow=False),
            await victim.visit(callback(hub, code=second.code, state=first.state), follow=False),
        ]

        assert [reply.status_code for reply in swapped] == [400, 400]
        assert victim.cookie(COOKIE) is None
        assert str((await victim.visit(f"{hub.service_url}me?3")).url) == f"{hub.service_url}me?3"


async def test_replay(hub: RealHub) -> None:
    """A callback's address used again, by whom it belongs to or by another → the code is not exchanged twice."""
    async with hub.session("testuser") as victim, hub.session("other") as attacker:
        attempt = await begun(hub, victim)
        cookie = victim.cookie(STATE_COOKIE) or ""
        (await victim.visit(attempt.link)).raise_for_status()
        plant(attacker, STATE_COOKIE, cookie, path=hub.service_path)  # which cannot be had
        with hub.gate.recording() as asked:
            again = await victim.visit(attempt.link, follow=False)
            stolen = await attacker.visit(attempt.link, follow=False)

        assert (again.status_code, again.headers["Location"]) == (302, f"{hub.service_path}me")
        assert (stolen.status_code, attacker.cookie(COOKIE)) == (400, None)
        assert [request.path for request in asked if "oauth2" in request.path] == ["/hub/api/oauth2/token"]


async def test_cancelled_from_elsewhere(hub: RealHub) -> None:
    """A page sends the victim to the callback with an error and a state of the attacker's → their sign-in goes on."""
    async with hub.session("testuser") as victim, hub.session("other") as attacker:
        attempt, own = await begun(hub, victim), await begun(hub, attacker)
        for link in (callback(hub, error="access_denied"), callback(hub, error="access_denied", state=own.state)):
            assert (await victim.visit(link, follow=False, headers=CROSS_SITE)).status_code == 400

        page = await victim.visit(attempt.link)

        assert (page.status_code, str(page.url)) == (200, f"{hub.service_url}me")


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(
            [f"{STATE_COOKIE}-{bad}" for bad in ("a(b", "@", "[1]", "a/b", "{}")], id="that cannot be written"
        ),
        pytest.param([f"{STATE_COOKIE}-{number:08x}" for number in range(40)], id="many"),
    ],
)
async def test_planted_sign_ins(hub: RealHub, names: list[str]) -> None:
    """Cookies named like sign-ins under way, by which ours would fail or grow → the victim is signed in."""
    async with hub.session("testuser") as victim:
        for name in names:
            plant(victim, name, "x", path=hub.service_path)

        page = await victim.visit(f"{hub.service_url}me")

        assert (page.status_code, str(page.url)) == (200, f"{hub.service_url}me")
        assert await reader(hub, victim) == "testuser"


async def test_state_elsewhere(hub: RealHub) -> None:
    """A state made by the attacker to lead elsewhere → there is no making one: it is sealed."""
    async with hub.session("testuser") as victim:
        attempt = await begun(hub, victim)
        for state in ("hub.aHR0cHM6Ly9ldmlsLmV4YW1wbGU", f"{attempt.state}A", f"{attempt.state[:-1]}"):
            reply = await victim.visit(callback(hub, code=attempt.code, state=state), follow=False)

            assert reply.status_code == 403
            assert "Location" not in reply.headers


# Secrets in an address


async def test_referer(hub: RealHub) -> None:
    """A page opened with a code or token in its address → no request that it causes says more than the origin."""
    async with hub.session("testuser") as victim:
        token = await hub.user_token("testuser")
        attempt = await begun(hub, victim)
        pages = [
            callback(hub, code=attempt.code, state="c3dhZ2dlcg=="),  # Swagger UI's own window
            callback(hub, code=attempt.code, state=f"{attempt.state}A"),
            f"{hub.service_url}nowhere?token={token.value}",
            f"{hub.service_url}me?token={token.value}",
        ]
        for address in pages:
            page = await victim.visit(address, follow=False)

            assert page.headers["Referrer-Policy"] == "strict-origin"
            assert attempt.code not in page.text
            assert token.value not in page.text + page.headers.get("Location", "")
