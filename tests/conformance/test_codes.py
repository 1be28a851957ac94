"""A stolen authorization code is worth nothing, on Hubs that look at its PKCE verifier and on those that do not."""

import sys
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from service.hub.throttle import FAILED_CODES_PER_ADDRESS
from service.pkce import pkce_challenge
from tests.conftest import MakeHub
from tests.support.hub import RealHub
from tests.support.node import REPOSITORY
from tests.support.session import Session
from tests.support.shell import Command, asked, code_on

SESSION_ID = "jupyterhub-session-id"
VERIFIER = "v" * 43
HUBS = ("6.1", "5.5")
KNOW_PKCE = {"6.1": True, "5.5": False}
FAR = "127.0.0.2"  # the address of somebody whose codes are no good


@dataclass(frozen=True)
class Place:
    """A Hub of one version, with our service."""

    version: str
    hub: RealHub

    async def code(self, browser: Session, *, challenge: str | None) -> str:
        """Sign somebody in as Swagger UI does, up to the code; without a challenge, as a thief can have them do it."""
        asked = {
            "response_type": "code",
            "client_id": "service-fastapi",
            "redirect_uri": f"{self.hub.service_path}oauth_callback",
            "state": "c3dhZ2dlcg==",
        }
        if challenge:
            asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
        page = await browser.visit("hub/api/oauth2/authorize", params=asked, follow=False)
        return parse_qs(urlsplit(page.headers["Location"]).query)["code"][0]

    async def exchange(
        self, code: str, *, session_id: str | None, verifier: str = VERIFIER, address: str = ""
    ) -> httpx.Response:
        """Post a code to the token endpoint as from our own pages, with a session cookie of the Hub or without one."""
        headers = {"Origin": f"http://127.0.0.1:{self.hub.ports.public}"}
        if session_id is not None:
            headers["Cookie"] = f"{SESSION_ID}={session_id}"
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        async with self.hub.session(address=address) as browser:
            return await browser.client.post(f"{self.hub.service_url}token", data=form, headers=headers)


@pytest.fixture(scope="module", params=HUBS)
def place(request: pytest.FixtureRequest, make_shared_hub: MakeHub) -> Place:
    """Each version in turn."""
    version: str = request.param
    python = REPOSITORY / ".venv" / f"hub-{version}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no JupyterHub {version}: ./script/test conformance installs it")
    # The Hub's environment has no FastAPI.
    register = {"command": [sys.executable, "-m", "service"], "shell_sign_in": True}
    return Place(version, make_shared_hub(register=register, gated=True, python=str(python)))


async def test_it_is_that_version(place: Place) -> None:
    """The Hub of these tests is of the version that they are about."""
    assert (await place.hub.ask("GET", "health/ready")).json()["hub_version"].startswith(place.version)


@pytest.mark.parametrize("challenge", [pkce_challenge("w" * 43), None], ids=["a challenge", "no challenge"])
@pytest.mark.parametrize("session", ["the thief's own", "none"])
async def test_a_stolen_code(place: Place, challenge: str | None, session: str) -> None:
    """Somebody's code, sent from another session at the Hub or from none, gives no token, whatever the verifier."""
    async with place.hub.session("testuser") as victim, place.hub.session("other") as thief:
        code = await place.code(victim, challenge=challenge)
        session_id = thief.cookie(SESSION_ID) if session != "none" else None

        reply = await place.exchange(code, session_id=session_id)

    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("challenge", [pkce_challenge("w" * 43), None], ids=["a challenge", "no challenge"])
@pytest.mark.parametrize("session", ["the thief's own", "none"])
async def test_a_stolen_code_at_the_callback(place: Place, challenge: str | None, session: str) -> None:
    """Somebody's code, with the state of a sign-in that the thief has begun, makes no session either."""
    thief_of = "other" if session != "none" else None
    async with place.hub.session("testuser") as victim, place.hub.session(thief_of) as thief:
        code = await place.code(victim, challenge=challenge)
        begun = await thief.visit(f"{place.hub.service_url}me", follow=False)
        state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
        callback = f"{place.hub.service_url}oauth_callback?{httpx.QueryParams(state=state, code=code)}"

        reply = await thief.visit(callback, follow=False)

        assert (thief.cookie(SESSION_ID) is None) is (session == "none")
        assert (reply.status_code, thief.cookie("service-fastapi")) == (400, None)


async def test_ones_own_code(place: Place) -> None:
    """In its own session a code gives a token, once."""
    async with place.hub.session("testuser") as browser:
        code = await place.code(browser, challenge=pkce_challenge(VERIFIER))
        session_id = browser.cookie(SESSION_ID)

        given, again = [await place.exchange(code, session_id=session_id) for _ in range(2)]

    me = await place.hub.ask("GET", "me", headers={"Authorization": f"Bearer {given.json()['access_token']}"})
    assert (given.status_code, me.json()["name"]) == (200, "testuser")
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_code_for_a_shell(place: Place) -> None:
    """Both versions make a token for a command at a shell, once, and delete it when it asks for that."""
    command = Command()
    async with place.hub.session("testuser") as browser:
        browser.url = httpx.URL(place.hub.service_url)
        form = command.form(code_on(await browser.submit(await asked(browser, command))))

    given, again = [await place.hub.ask("POST", "token", data=form) for _ in range(2)]
    signed = {"Authorization": f"Bearer {given.json()['access_token']}"}
    assert (await place.hub.ask("GET", "me", headers=signed)).json()["name"] == "testuser"
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await place.hub.ask("POST", "logout", headers=signed)).status_code == 204
    assert (await place.hub.ask("GET", "me", headers=signed)).status_code == 401


async def test_where_no_session_cookie_comes(place: Place) -> None:
    """Where the Hub is on another host its cookie does not reach us: only a Hub that looks at the verifier will do."""
    async with place.hub.session("testuser") as browser:
        code = await place.code(browser, challenge=pkce_challenge(VERIFIER))

        reply = await place.exchange(code, session_id=None)

    assert reply.status_code == (200 if KNOW_PKCE[place.version] else 400)


async def test_a_thief_signs_nobody_out(place: Place) -> None:
    """What becomes of a stolen code touches no token that its owner has."""
    async with place.hub.session("testuser") as victim, place.hub.session("other") as thief:
        (await victim.visit(f"{place.hub.service_url}me")).raise_for_status()
        code = await place.code(victim, challenge=None)
        await place.exchange(code, session_id=thief.cookie(SESSION_ID))
        tokens = (await place.hub.api("GET", "/users/testuser/tokens")).json()["api_tokens"]
        page = await victim.visit(f"{place.hub.service_url}me", follow=False)

    assert page.status_code == 200
    assert tokens


async def test_sign_in_and_out(place: Place) -> None:
    """The browser's own way works: in by cookie, and out at the Hub."""
    async with place.hub.session("testuser") as browser:
        page = await browser.visit(f"{place.hub.service_url}me")
        assert (page.status_code, str(page.url)) == (200, f"{place.hub.service_url}me")
        await browser.sign_out()
        assert (await browser.visit(f"{place.hub.service_url}me", follow=False)).status_code == 302


async def test_junk_codes(place: Place) -> None:
    """Of two hundred junk codes from one address the Hub hears of sixty, at the token endpoint and the callback."""
    with place.hub.gate.recording() as asked:
        statuses = [
            (await place.exchange(f"junk-{number}", session_id="x", address=FAR)).status_code for number in range(100)
        ]
        async with place.hub.session(address=FAR) as browser:
            for number in range(100):
                begun = await browser.visit(f"{place.hub.service_url}me", follow=False)
                state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
                callback = f"{place.hub.service_url}oauth_callback?{httpx.QueryParams(state=state, code=str(number))}"
                statuses.append((await browser.visit(callback, follow=False)).status_code)

    assert set(statuses[:FAILED_CODES_PER_ADDRESS]) == {400}
    assert set(statuses[FAILED_CODES_PER_ADDRESS:]) == {429}
    assert len([request for request in asked if "oauth2/token" in request.path]) <= FAILED_CODES_PER_ADDRESS
