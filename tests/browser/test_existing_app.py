"""examples/existing_app under a real Hub: an application of somebody's own, with nine lines more."""

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Place, place_of
from tests.browser.swagger import Swagger
from tests.browser.test_pages import expect_structure
from tests.browser.test_strangers import LOOK_INTO_WINDOW
from tests.browser.test_strangers import NOTEBOOK as NOTEBOOK_PAGE
from tests.conftest import MakeHub
from tests.support.axe import problems_of
from tests.support.browser import Browser
from tests.support.node import REPOSITORY
from tests.support.shop import FOLDER
from tests.support.tls_front import DOMAIN

if TYPE_CHECKING:
    from tests.conftest import Browse

FILES = REPOSITORY / "service" / "web" / "static" / "swagger-ui"
# The Hub says at which port.
SERVE = (
    f"port=${{JUPYTERHUB_SERVICE_URL##*:}}; exec {sys.executable} -m uvicorn after:app --app-dir {FOLDER} "
    "--log-level warning --port ${port%%/*}"
)

NOTEBOOK = """
import json, os, urllib.request
token = os.environ["JUPYTERHUB_API_TOKEN"]
request = urllib.request.Request("{url}items/chair", headers={{"Authorization": f"Bearer {{token}}"}})
json.load(urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(request))
"""
FETCH = """async ([url, mode]) => (await fetch(url, {mode, credentials: "include"})).status"""


@pytest.fixture(scope="module")
def stock(make_shared_hub: MakeHub) -> Iterator[Place]:
    """A Hub that starts the application by uvicorn, which looks twice a second whether sign-ins last."""
    environment = {"SERVICE_RECHECK_INTERVAL": "0.5"}
    hub = make_shared_hub(
        register={"command": ["sh", "-c", SERVE], "environment": environment, "allow_token_in_url": True}
    )
    yield place_of(hub)
    hub.close()


async def signed_in(stock: Place, browse: "Browse") -> Page:
    """Return its page in a browser that has just signed in."""
    return await signed_in_by(await browse(stock.origin), stock)


async def signed_in_by(browser: Browser, stock: Place) -> Page:
    """Return its page in this browser, which has just signed in."""
    page = await browser.page()
    await page.goto(stock.service_url)
    await browser.sign_in(page)
    await page.wait_for_url(stock.service_url)
    return page


async def test_in_and_out(stock: Place, browse: "Browse") -> None:
    """A page leads to the Hub's login and back; what it has open ends when somebody signs out in another tab."""
    page = await signed_in(stock, browse)
    await expect(page.get_by_text("4 chairs").first).to_be_visible()
    other = await page.context.new_page()
    report = await other.goto(f"{stock.service_url}reports/today")
    assert report is not None
    assert (report.status, await report.json()) == (200, {"today": "quiet"})

    await other.goto(f"{stock.service_url}logout")
    await expect(other.get_by_text("You are signed in as testuser")).to_be_visible()
    await other.get_by_role("button", name="Sign out").click()
    await other.wait_for_url(f"{stock.hub_url}**")

    await expect(page.get_by_text("closed: invalid_token")).to_be_visible()
    await page.goto(stock.service_url)
    await expect(page.get_by_label("Username")).to_be_visible()


async def test_another_users_notebook(stock: Place, browse: "Browse") -> None:
    """Another user's notebook, of the same origin, opens an answer in a window, and does not see what is in it."""
    browser = await browse(stock.origin)
    await signed_in_by(browser, stock)
    notebook = await browser.stranger(NOTEBOOK_PAGE.format(origin=stock.origin))
    async with notebook.expect_popup() as opening:
        await notebook.evaluate(LOOK_INTO_WINDOW, f"{stock.service_url}items/chair")
    await expect((await opening.value).get_by_text('{"chair":4}')).to_be_visible()
    seen = await notebook.evaluate("search()")

    assert "chair" not in seen


async def test_its_pages(stock: Place, browse: "Browse") -> None:
    """The pages that it has from us are sound and break nothing of WCAG 2.2 AA: questions, answers and refusals."""
    page = await signed_in(stock, browse)
    stranger = await (await browse(stock.origin)).page()
    token = (await stock.hub.user_token("other")).value
    found = []
    for reader, where, heading in (
        (stranger, f"?token={token}", "Sign in as other?"),
        (stranger, "logout", "Sign out"),
        (page, f"?token={token}", "Sign in as other?"),
        (page, "logout", "Sign out"),
        (page, "oauth_callback?error=access_denied", "Bad Request"),
    ):
        await reader.goto(stock.service_url + where)
        await expect(reader.get_by_role("heading", name=heading)).to_be_visible()
        found += [f"{where.partition('=')[0]}: {line}" for line in await problems_of(reader)]
        await expect_structure(reader)

    assert not found, "\n".join(found)
    assert token not in stock.hub.log_text(), "uvicorn is started as docs/adopt.md says"


async def test_what_is_mounted(stock: Place, browse: "Browse") -> None:
    """The mounted application takes tokens where notebooks share the origin: no cookie opens it, and a token does."""
    page = await signed_in(stock, browse)
    shown = await page.goto(f"{stock.service_url}dashboard/chart")
    token = await stock.hub.user_token("testuser")
    async with httpx.AsyncClient(trust_env=False) as client:
        chart = await client.get(f"{stock.service_url}dashboard/chart", headers=token.bearer)
        stranger = await client.get(f"{stock.service_url}dashboard/chart")

    assert shown is not None
    assert shown.status == 403
    assert (chart.status_code, chart.headers["Content-Type"]) == (200, "image/svg+xml")
    assert (stranger.status_code, stranger.headers["WWW-Authenticate"]) == (401, 'Bearer realm="JupyterHub"')


async def test_its_own_swagger_ui(stock: Place, browse: "Browse") -> None:
    """FastAPI's own page of documentation signs in at the Hub, and then asks with a token."""
    browser = await browse(stock.origin, "https://cdn.jsdelivr.net", "https://fastapi.tiangolo.com")
    page = await browser.page()

    async def from_here(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if (FILES / name).exists():
            await route.fulfill(path=FILES / name)
        else:
            await route.fulfill(status=404)

    await page.context.route(re.compile("^https://"), from_here)
    swagger = await Swagger.open(page, stock.service_url)
    await swagger.sign_in(browser.sign_in)
    operation = swagger.operation("/items/{name}")
    await operation.locator(".opblock-summary-control").first.click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_placeholder("name").fill("chair")
    async with page.expect_response(lambda response: response.url.endswith("items/chair")) as arriving:
        await operation.get_by_role("button", name="Execute").click()
    response = await arriving.value

    assert (response.status, await response.json()) == (200, {"chair": 4})
    assert "authorization" in await response.request.all_headers()


async def test_a_notebook(stock: Place) -> None:
    """A notebook that the Hub spawned calls it with the token that its server has."""
    async with stock.hub.notebook("other") as notebook:
        shown = await notebook.run(NOTEBOOK.format(url=stock.service_url))

    assert shown == "{'chair': 4}"


async def test_what_is_mounted_on_a_host_of_its_own(make_hub: MakeHub, browse: "Browse") -> None:
    """Under a Hub with subdomains a cookie opens what is mounted, for its own pages and for nobody else's."""
    subdomains = f"c.JupyterHub.subdomain_host = c.JupyterHub.bind_url.rstrip('/').replace('127.0.0.1', '{DOMAIN}')"
    hub = make_hub(config=subdomains, register={"command": ["sh", "-c", SERVE]})
    hub_origin = f"http://{DOMAIN}:{hub.ports.public}"
    origin = f"http://fastapi--service.{DOMAIN}:{hub.ports.public}"
    chart = f"{origin}{hub.service_path}dashboard/chart"
    browser = await browse(origin, hub_origin)
    page = await browser.page()
    await page.goto(chart)
    await browser.sign_in(page)
    await page.wait_for_url(chart)
    await expect(page.locator("svg")).to_be_attached()

    await page.goto(f"{origin}{hub.service_path}")
    assert await page.evaluate(FETCH, [chart, "cors"]) == 200
    await page.goto(f"{hub_origin}/hub/home")
    async with page.expect_response(chart) as arriving:
        assert await page.evaluate(FETCH, [chart, "no-cors"]) == 0  # opaque
    assert (await arriving.value).status == 403  # without the cookie it would be 401
