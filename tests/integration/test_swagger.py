"""What Swagger UI does over HTTP: from its page's configuration to a token that works."""

import base64
import contextlib
import hashlib
import html
import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.integration.conftest import PUBLIC
from tests.support.hub import RealHub
from tests.support.hub_api import Token
from tests.support.session import Session
from tests.support.tls_front import TlsFront

COOKIE = "service-fastapi"


@dataclass
class Swagger:
    """Swagger UI as it runs in the page of one browser."""

    browser: Session
    home: str
    page: httpx.Response
    document: dict[str, Any]

    @classmethod
    async def open(cls, browser: Session, home: str) -> "Swagger":
        """Open the page below `home` and load what it loads."""
        page = (await browser.visit(f"{home}docs")).raise_for_status()
        document = (await browser.fetch("GET", f"{home}openapi.json")).raise_for_status().json()
        return cls(browser, home, page, document)

    @property
    def config(self) -> dict[str, str]:
        """What the page's script is told."""
        found = re.search(r'data-config="([^"]*)"', self.page.text)
        assert found
        config: dict[str, str] = json.loads(html.unescape(found[1]))
        return config

    @property
    def flow(self) -> dict[str, str]:
        """Where to authorize and where to get the token."""
        flow: dict[str, str] = self.document["components"]["securitySchemes"]["JupyterHub"]["flows"][
            "authorizationCode"
        ]
        return flow

    async def authorize(self, verifier: str) -> httpx.Response:
        """Do what the button does: open the popup; return where the Hub leads it."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.config["clientId"],
            "redirect_uri": self.config["oauth2RedirectUrl"],
            "state": base64.b64encode(b"Thu Jan 01 2026 00:00:00 GMT+0000").decode(),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return await self.browser.visit(self.flow["authorizationUrl"], params=asked)

    async def exchange(self, code: str, verifier: str, /, **changed: str | None) -> httpx.Response:
        """Do what it does with the code; some fields changed or, by None, left out."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.config["clientId"],
            "redirect_uri": self.config["oauth2RedirectUrl"],
            "code_verifier": verifier,
        } | changed
        sent = {name: value for name, value in form.items() if value is not None}
        return await self.browser.fetch("POST", self.flow["tokenUrl"], data=sent)


@contextlib.asynccontextmanager
async def swagger(hub: RealHub) -> AsyncIterator[Swagger]:
    """Open it in the browser of somebody signed in to the Hub."""
    async with hub.session("testuser") as browser:
        yield await Swagger.open(browser, hub.service_url)


async def completes(ui: Swagger) -> None:
    """Go all the way from the button to a token that works."""
    verifier = secrets.token_urlsafe(32)
    popup = await ui.authorize(verifier)
    assert popup.status_code == 200
    assert "oauth2-redirect.js" in popup.text
    assert str(popup.url).partition("?")[0] == str(ui.page.url.join(ui.config["oauth2RedirectUrl"]))
    assert popup.url.params["code"] not in popup.text

    given = await ui.exchange(popup.url.params["code"], verifier)

    assert given.status_code == 200, given.text
    assert given.headers["Cache-Control"] == "no-store"
    assert given.json()["token_type"] == "Bearer"
    assert given.json()["expires_in"] > 0
    token = Token(given.json()["access_token"])
    me = await ui.browser.fetch("GET", f"{ui.home}me", headers=token.bearer)
    assert (me.status_code, me.json()["name"]) == (200, "testuser")


async def test_signs_in_with_a_relative_redirect_uri(hub: RealHub) -> None:
    """Without PUBLIC_HOST: wherever the browser sees the Hub, it sees us."""
    async with swagger(hub) as ui:
        assert ui.config["oauth2RedirectUrl"] == f"{hub.service_path}oauth_callback"
        await completes(ui)


async def test_signs_in_under_an_encoded_base_url(varied_hub: RealHub) -> None:
    """The redirect URI is the Hub's own, letter by letter."""
    async with swagger(varied_hub) as ui:
        assert ui.config["oauth2RedirectUrl"] == "/@/space%20word/services/fastapi/oauth_callback"
        await completes(ui)


async def test_signs_in_behind_tls(varied_hub: RealHub, front: TlsFront) -> None:
    """With PUBLIC_HOST, one configuration serves Swagger UI and the sign-in by cookie, behind a proxy that ends TLS."""
    home = f"{front.origin}/@/space%20word/services/{PUBLIC}/"
    with front.before(varied_hub.url):
        async with varied_hub.session("testuser", front=front) as browser:
            ui = await Swagger.open(browser, home)
            assert ui.config["oauth2RedirectUrl"] == f"{home}oauth_callback"
            assert ui.flow["tokenUrl"] == f"{home}token"
            await completes(ui)

            page = await browser.visit(f"{home}me?tab=1")

            assert (page.status_code, str(page.url)) == (200, f"{home}me?tab=1")
            ours = [cookie for cookie in browser.client.cookies.jar if "/services/" in (cookie.path or "")]
            assert {cookie.name for cookie in ours} == {f"service-{PUBLIC}", "_xsrf"}
            assert all(cookie.secure for cookie in ours)
            (callback,) = (step for step in page.history if step.url.path.endswith("/oauth_callback"))
            assert str(callback.url).startswith(f"{home}oauth_callback?")


async def test_needs_no_token_where_a_cookie_signs(hub: RealHub) -> None:
    """For somebody signed in by cookie "Try it out" works at once: its requests carry the XSRF token."""
    async with hub.session("testuser") as browser:
        await browser.visit(f"{hub.service_url}login")
        ui = await Swagger.open(browser, hub.service_url)
        xsrf = browser.cookie("_xsrf", path=hub.service_path)

        reply = await browser.fetch("GET", f"{ui.home}me", headers={"X-XSRFToken": xsrf or ""})

    assert (reply.status_code, reply.json()["name"]) == (200, "testuser")


async def test_loads_nothing_from_elsewhere(hub: RealHub) -> None:
    """Every file of the page is ours, and is there."""
    async with swagger(hub) as ui:
        loaded = re.findall(r'(?:src|href)="([^"]+\.(?:js|css|svg))"', ui.page.text)

        replies = [await ui.browser.fetch("GET", where) for where in loaded]

    assert len(loaded) >= 4
    assert all(where.startswith(f"{hub.service_path}static/") for where in loaded)
    assert [reply.status_code for reply in replies] == [200] * len(loaded)


REFUSED: dict[str, tuple[dict[str, str | None], tuple[int, str]]] = {
    "without a verifier": ({"code_verifier": None}, (400, "invalid_request")),
    "with another verifier": ({"code_verifier": "w" * 43}, (400, "invalid_grant")),
    "without a code": ({"code": None}, (400, "invalid_request")),
    "with an unknown code": ({"code": "guess"}, (400, "invalid_grant")),
    "for another client": ({"client_id": "service-other"}, (400, "invalid_client")),
    "from another redirect": ({"redirect_uri": "https://evil.example/"}, (400, "invalid_grant")),
    "by another grant": ({"grant_type": "client_credentials"}, (400, "unsupported_grant_type")),
}


@pytest.mark.parametrize(("changed", "expected"), REFUSED.values(), ids=REFUSED.keys())
async def test_refuses_to_exchange(hub: RealHub, changed: dict[str, str | None], expected: tuple[int, str]) -> None:
    """A code is exchanged for whoever began the sign-in, and nobody else; the answer is OAuth's."""
    async with swagger(hub) as ui:
        verifier = secrets.token_urlsafe(32)
        code = (await ui.authorize(verifier)).url.params["code"]

        reply = await ui.exchange(code, verifier, **changed)

    assert (reply.status_code, reply.json()["error"]) == expected
    assert reply.headers["Cache-Control"] == "no-store"
    assert code not in reply.text


@pytest.mark.parametrize("origin", ["", "null", "https://evil.example", "http://127.0.0.1"], ids=str)
async def test_exchanges_for_our_own_pages_only(hub: RealHub, origin: str) -> None:
    """Another site's request gets nothing, and does not use up the code."""
    async with swagger(hub) as ui:
        verifier = secrets.token_urlsafe(32)
        code = (await ui.authorize(verifier)).url.params["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}

        with hub.gate.recording() as asked:
            refused = await ui.browser.fetch("POST", ui.flow["tokenUrl"], data=form, headers={"Origin": origin})
        given = await ui.exchange(code, verifier)
        again = await ui.exchange(code, verifier)

    assert (refused.status_code, refused.json()["error"]) == (403, "invalid_request")
    assert asked == []
    assert given.status_code == 200
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
