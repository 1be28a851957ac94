"""People of Entra ID in a browser: at the Hub that is shipped, and in Swagger UI with a client of its own."""

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import APIResponse, Page, expect

from tests.browser.swagger import Swagger
from tests.integration.test_scripts import free_hub_port
from tests.support.entra import (
    ADMINS,
    ALICE,
    HUB_CLIENT,
    HUB_SECRET,
    SWAGGER_CLIENT,
    EntraIssuer,
)
from tests.support.hub_config import python_module
from tests.support.local_http import local_client
from tests.support.node import REPOSITORY
from tests.support.polling import BUSY
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

if TYPE_CHECKING:
    from tests.conftest import Browse

pytest.importorskip("jupyterhub", reason="no JupyterHub installed: pip install '.[hub]'")
pytest.importorskip("oauthenticator", reason="no oauthenticator installed: pip install '.[hub]'")
pytest.importorskip("fastapi_azure_auth", reason="no fastapi-azure-auth installed: pip install '.[entra]'")

BOB = "bob@contoso.example"


@dataclass(frozen=True)
class Place:
    """A Hub whose people are Entra ID's."""

    issuer: EntraIssuer
    origin: str
    log: Path

    @property
    def service_url(self) -> str:
        """Where the service is."""
        return f"{self.origin}/services/fastapi/"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The Hub that is shipped, with HUB_AUTHENTICATOR=entra; Alice is in the group that administers the desk."""
    directory = tmp_path_factory.mktemp("entra")
    port = free_hub_port()
    origin = f"http://127.0.0.1:{port}"
    with EntraIssuer() as issuer:
        issuer.groups = {ALICE: [ADMINS, "66666666-ffff-4fff-8fff-666666666666"]}
        issuer.redirect_uris = {
            HUB_CLIENT: [f"{origin}/hub/oauth_callback"],
            SWAGGER_CLIENT: [f"{origin}/services/fastapi/docs/entra/callback"],
        }
        environment = {
            "HUB_AUTHENTICATOR": "entra",
            "HUB_PORT": str(port),
            "HUB_STATE": str(directory / "state"),
            "PUBLIC_HOST": origin,
            "ENTRA_HUB_CLIENT_ID": HUB_CLIENT,
            "ENTRA_HUB_CLIENT_SECRET": HUB_SECRET,
            "ENTRA_GROUPS": f'{{"{ADMINS}": "desk-admin"}}',
            "ENTRA_OPENAPI_CLIENT_ID": SWAGGER_CLIENT,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        }
        log = directory / "log"
        log.touch()
        hub = KeptProcess(
            [*python_module("jupyterhub"), "-f", str(REPOSITORY / "jupyterhub_config.py")],
            env=clean_environment(**environment, **issuer.service_environment()),
            cwd=directory,
            log=log,
        )
        try:
            wait_until_log_says(hub, log, "JupyterHub is now running", start=0, timeout=BUSY)
            yield Place(issuer, origin, log)
        finally:
            hub.close()


async def fetched(page: Page, url: str) -> APIResponse:
    """Ask as a script of the service's own pages does."""
    [xsrf] = [
        cookie["value"]
        for cookie in await page.context.cookies(url)
        if cookie["name"] == "_xsrf" and cookie["path"] == "/services/fastapi/"
    ]
    return await page.request.get(url, headers={"X-XSRFToken": xsrf.strip('"'), "Accept": "application/json"})


async def sign_in(page: Page, user: str) -> None:
    """Say at Entra ID who one is."""
    await page.get_by_label("User").fill(user)
    await page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(("user", "groups"), [(ALICE, ["desk-admin"]), (BOB, [])])
async def test_signing_in_at_the_hub(place: Place, browse: "Browse", user: str, groups: list[str]) -> None:
    """The Hub sends people to Entra ID; the service knows them by their name there, and their groups' rights."""
    browser = await browse(place.origin, place.issuer.url)
    page = await browser.page()
    await page.goto(f"{place.service_url}login?next=/services/fastapi/me")
    await (
        page.get_by_role("button", name="Sign in with Entra ID")
        .or_(page.get_by_role("link", name="Sign in with Entra ID"))
        .click()
    )
    await sign_in(page, user.upper())

    await page.wait_for_url(f"{place.service_url}me")
    await expect(page.get_by_role("heading", name=user)).to_be_visible()
    me = await (await fetched(page, f"{place.service_url}me")).json()
    assert (me["name"], me["groups"], me["admin"]) == (user, groups, False)
    assert (await fetched(page, f"{place.service_url}desk/accounts")).status == (200 if groups else 403)
    assert browser.foreign == []


async def test_swagger_signs_in_at_entra(place: Place, browse: "Browse") -> None:
    """At docs/entra, Authorize opens Entra ID's page; Try it out then carries its token, got by PKCE, no secret."""
    browser = await browse(place.origin, place.issuer.url)
    swagger = await Swagger.open(await browser.page(), place.service_url, page_of="docs/entra")

    await swagger.sign_in(lambda window: sign_in(window, BOB))
    me = await swagger.execute("/me")

    assert (me.status, (await me.json())["name"]) == (200, BOB)
    assert (browser.foreign, browser.errors) == ([], [])


async def test_both_ways_give_one_name(place: Place) -> None:
    """A program outside the Hub sends Entra ID's token to the service that people reach through the Hub."""
    async with local_client() as client:
        reply = await client.get(f"{place.service_url}me", headers=bearer(place.issuer.access_token(BOB)))
        assert (reply.status_code, reply.json()["name"]) == (200, BOB)
        hub = await client.get(f"{place.origin}/hub/api/user", headers=bearer(place.issuer.access_token(BOB)))
        assert hub.status_code == httpx.codes.FORBIDDEN
    assert HUB_SECRET not in place.log.read_text()
    assert not re.search(r"\beyJ[\w-]{8}", place.log.read_text()), "a part of a JWT"


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
