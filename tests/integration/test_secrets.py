"""Secrets stay secret: canaries go through every route and every error of a running service, and are looked for after.

The service runs by itself, so that its log is its own; what stands in the other log, Hub and proxy have written.
"""

import base64
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.hub.sealing import Sealer
from service.testing.callers import NAVIGATION
from tests.support.external import ExternalService
from tests.support.gate import HubGate
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.local_http import local_client
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.session import Session
from tests.support.witness import Witness, found, lines

PASSWORD = "canary-password-of-everybody"
SUBPROTOCOL = "v1.token.websocket.jupyter.org."
ROUTES = (
    "", "me", "debug", "docs", "openapi.json", "login", "logout", "oauth_callback", "health/live", "health/ready",
    "static/style.css", "static/nothing", "nothing", "fails", "answers-nonsense", "orders", "token",
)  # fmt: skip


@dataclass
class Play:
    """A Hub, a gate before it, the service behind that, and who watches."""

    hub: RealHub
    gate: HubGate
    witness: Witness
    api_token: str
    good: Token
    bad: Token
    client: httpx.AsyncClient
    service_log: str = ""
    hub_log: str = ""
    codes: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def somebody(self, user: str) -> AsyncIterator[Session]:
        """Give a browser signed in to the Hub."""
        async with self.hub.session() as browser:
            browser.client.event_hooks["response"] = [self.witness.hear]
            await browser.sign_in(user, password=PASSWORD)
            self.witness.secrets[f"session id {len(self.codes)}"] = browser.cookie("jupyterhub-session-id") or ""
            yield browser

    async def ask(self, method: str, where: str, headers: Mapping[str, str], **options: object) -> httpx.Response:
        """Ask the service as a script, and as a browser; return what the script was told."""
        await self.client.request(method, where, headers={**headers, **NAVIGATION}, **options)  # type: ignore[arg-type]
        return await self.client.request(method, where, headers=dict(headers), **options)  # type: ignore[arg-type]

    async def is_well(self) -> bool:
        """Say whether the service has found the Hub again: of a token that it cannot know from before."""
        token = await self.hub.user_token("other")
        return (await self.ask("GET", "me", token.bearer)).status_code == httpx.codes.OK

    async def knock(self, routes: Sequence[str]) -> None:
        """Come to routes with credentials of every kind, good and bad."""
        good, bad = self.good.value, self.bad.value
        basic = base64.b64encode(f"testuser:{PASSWORD}".encode()).decode()
        ways: list[tuple[str, dict[str, str]]] = [
            ("", self.good.bearer | {"X-Api-Key": bad, "Referer": f"https://x/?token={good}", "Cookie": f"a={bad}"}),
            ("", {"Authorization": f"token {bad}"}),
            ("", {"Authorization": f"Bearer {good} {bad}"}),
            ("", {"Authorization": f"Basic {basic}"}),
            ("", {"Cookie": f"service-fastapi={good}; _xsrf={bad}"}),
            (f"?token={good}", {}),
            (f"?token={bad}&token={good}&%74oken={good}", {}),
        ]
        for route in routes:
            for query, headers in ways:
                await self.ask("GET", f"{route}{query}", headers)
            await self.ask("POST", f"{route}?token={bad}", {})
        for query in (f"code={bad}&state={good}", f"code={bad}&state=hub.{good}", f"code={bad}", "error=access_denied"):
            await self.ask("GET", f"oauth_callback?{query}", {})
        await self.ask("GET", f"login?next={self.hub.service_path}me%3Ftoken%3D{good}", {})

    async def sign_in(
        self, browser: Session, *, spoil: Callable[[], AbstractContextManager[None]] | None = None
    ) -> None:
        """Sign in by cookie, in a browser known to the Hub; `spoil` the way back."""
        begun = await browser.visit(f"{self.witness.home}me", follow=False)
        back = await browser.visit(begun.headers["Location"], follow=False)
        self.codes.append(back.url.join(back.headers["Location"]).params["code"])
        with spoil() if spoil else contextlib.nullcontext():
            await browser.visit(back.headers["Location"], follow=False)


async def knock_everywhere(play: Play) -> None:
    """Every route; while all is well, while the Hub is down, and while it repeats what it is told."""
    await play.knock(ROUTES)
    with play.gate.down():
        await play.knock(["", "me", "docs", "health/ready", "logout"])
    await eventually(play.is_well)
    with play.gate.answering(500, f'{{"status": 500, "message": "{play.good.value}"}}', media_type="application/json"):
        await play.ask("GET", "me", play.good.bearer)
    for scope in ("read:users!user", "access:services!service=fastapi", "inherit"):
        token = await play.hub.user_token("testuser", scopes=[scope])
        play.witness.secrets[f"token for {scope}"] = token.value
        await play.ask("GET", "me", token.bearer)
        await play.ask("POST", "logout", token.bearer)


async def sign_in_and_out(play: Play) -> None:
    """Cookies, in every way that a sign-in can end."""
    async with play.somebody("testuser") as browser:
        await play.sign_in(browser, spoil=play.gate.down)
        await play.sign_in(browser, spoil=lambda: play.gate.answering(400, '{"error": "invalid_grant"}'))
        await play.sign_in(browser, spoil=lambda: play.gate.answering(401, f'{{"error": "{play.api_token}"}}'))
        await play.sign_in(browser)
        await browser.visit(f"{play.witness.home}oauth_callback?code={play.codes[-1]}&state=hub.x", follow=False)
        for where in ("", "me", "docs", "logout", "debug"):
            await browser.visit(f"{play.witness.home}{where}", follow=False)
            await browser.fetch("GET", f"{play.witness.home}{where}")
        await browser.fetch("POST", f"{play.witness.home}logout", data={"_xsrf": play.bad.value})
        await browser.submit(await browser.visit(f"{play.witness.home}logout"), follow=False)


async def ask_for_tokens(play: Play) -> None:
    """The token endpoint: codes and passwords, right and wrong; and bodies that are none."""
    verifier = play.witness.secrets["verifier"]
    form = {"grant_type": "password", "username": "testuser", "password": PASSWORD}
    for changed in ({}, {"password": play.bad.value}, {"username": "x"}, {"scope": "x"}, {"expires_in": "x"}):
        await play.client.post("token", data=form | changed)
    with play.gate.down():
        await play.client.post("token", data=form)
    async with play.somebody("other") as browser:
        begun = await browser.visit(f"{play.witness.home}login", follow=False)
        back = await browser.visit(begun.headers["Location"], follow=False)
        code = back.url.join(back.headers["Location"]).params["code"]
        play.codes.append(code)
        exchange = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        await browser.fetch("POST", f"{play.witness.home}token", data=exchange)
        await browser.fetch("POST", f"{play.witness.home}token", data=exchange | {"client_id": code})
    for body in ({"json": {"password": PASSWORD}}, {"content": PASSWORD}, {"files": {"password": PASSWORD.encode()}}):
        await play.client.post("token", **body)
        await play.ask("POST", "orders", play.good.bearer, **body)
    await play.ask("POST", "orders", play.good.bearer, json={"amount": PASSWORD, PASSWORD: PASSWORD})


async def talk(play: Play) -> None:
    """WebSockets: refused, and accepted by a route that fails."""
    url = play.witness.home.replace("http", "ws", 1) + "talk"
    for token in (play.good.value, play.bad.value):
        for query, subprotocols in ((f"?token={token}", None), ("", [f"{SUBPROTOCOL}{token}"])):
            with contextlib.suppress(InvalidStatus, ConnectionClosed):
                async with connect(url + query, subprotocols=subprotocols, proxy=None) as socket:  # type: ignore[arg-type]
                    await socket.recv()


def told(hub: RealHub, gate: HubGate, api_token: str) -> dict[str, str]:
    """Return what somebody who starts the service by hand says to it."""
    return {
        "JUPYTERHUB_API_TOKEN": api_token,
        "JUPYTERHUB_API_URL": f"{gate.url}/hub/api",
        "JUPYTERHUB_SERVICE_NAME": "fastapi",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{hub.ports.service}",
        "JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1",
        "SERVICE_PASSWORD_GRANT": "1",
        "SERVICE_ROUTERS": "tests.support.mistakes:router",
        "HUB_CACHE_TTL": "0.001",
    }


async def perform(play: Play) -> None:
    """Play all acts, and name every secret that was in them."""
    hidden = play.witness.secrets
    hidden |= {"API token": play.api_token, "password": PASSWORD, "internal address": f"127.0.0.1:{play.gate.port}"}
    hidden |= {"token": play.good.value, "token that nobody has": play.bad.value, "verifier": secrets.token_urlsafe(32)}
    for act in (knock_everywhere, sign_in_and_out, ask_for_tokens, talk):
        await act(play)
    hidden |= {f"code {number}": code for number, code in enumerate(play.codes)}
    for purpose in ("oauth state", "session cookie"):
        sealer = Sealer(play.api_token, purpose=purpose)
        opened = {name: sealer.open(value) for name, value in play.witness.sealed.items() if name.startswith("cookie")}
        hidden |= {f"inside of {name}": text.partition(" ")[0] for name, text in opened.items() if text}


@pytest.fixture(scope="module")
async def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """All of it, once."""
    api_token = secrets.token_hex(32)
    config = f"c.DummyAuthenticator.password = {PASSWORD!r}"
    hub = RealHub(config=config, register={"managed": False, "api_token": api_token})
    witness = Witness(hub.service_url)
    # The service first: the Hub waits at its start for one that does not run yet.
    with contextlib.ExitStack() as stack:
        gate = stack.enter_context(contextlib.closing(HubGate(port=free_port(), hub_port=hub.ports.hub)))
        service = ExternalService(told(hub, gate, api_token), directory=tmp_path_factory.mktemp("service"))
        stack.enter_context(service)
        stack.enter_context(hub)
        good, bad = await hub.user_token("admin"), Token(secrets.token_hex(16))
        async with local_client(
            base_url=witness.home,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            event_hooks={"response": [witness.hear]},
        ) as client:
            play = Play(hub, gate, witness, api_token, good, bad, client)
            await perform(play)
        play.hub_log = hub.log_text()
    play.service_log = service.log_text()
    return play


async def test_everything_was_played(play: Play) -> None:
    """The service was seen in every mood: what is looked for below was there to be told."""
    assert play.witness.statuses >= {200, 204, 302, 303, 400, 401, 403, 404, 405, 422, 500, 502, 503}
    assert len(play.codes) == 5
    assert {name.partition(",")[0] for name in play.witness.sealed} >= {
        "cookie service-fastapi",
        "cookie service-fastapi-oauth-state",
    }
    assert [name for name in play.witness.secrets if name.startswith("inside of cookie service-fastapi,")]
    assert "Unexpected RuntimeError" in play.service_log
    assert "?[hidden]" in play.service_log


async def test_answers(play: Play) -> None:
    """No secret is in a header or a body, but a token in the one answer that gives it; OpenAPI and debug included."""
    assert found(play.witness.secrets, play.witness.heads + play.witness.bodies) == []


async def test_pages(play: Play) -> None:
    """What is sealed for the way to the Hub and back, or for a cookie, is in no page either."""
    assert found(play.witness.sealed, play.witness.bodies) == []


async def test_cookies(play: Play) -> None:
    """Who decodes our cookies and states reads nothing."""
    assert found(play.witness.secrets, play.witness.decoded()) == []


async def test_log_of_the_service(play: Play) -> None:
    """The service writes no secret down, sealed or not, whatever fails."""
    assert found(play.witness.secrets | play.witness.sealed, lines("service", play.service_log)) == []


async def test_log_of_the_hub(play: Play) -> None:
    """Nor do Hub and proxy, for what the service sends them.

    Of itself the Hub writes down session ids, and our sealed states within the `next` of its login page; those are good
    for nothing without their cookies. Neither is looked for here.
    """
    ours = {name: secret for name, secret in play.witness.secrets.items() if not name.startswith("session id")}
    assert found(ours, lines("Hub", play.hub_log)) == []
