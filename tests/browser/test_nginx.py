"""Swagger UI signs in through the Hub where nginx, as deploy/nginx has it, stands in front."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.swagger import Swagger
from tests.support.colleague import IDLE, NAME, Colleague
from tests.support.hub import RealHub
from tests.support.nginx import Nginx, program

if TYPE_CHECKING:
    from tests.conftest import Browse

pytestmark = pytest.mark.skipif(program() is None, reason="no nginx installed: apt-get install nginx-light")


REGISTER = """async ([worker, scope]) => {
    try {
        await navigator.serviceWorker.register(`worker.js?${worker}`, {scope});
        return "registered";
    } catch (error) { return error.message; }
}"""


async def test_swagger(browse: "Browse") -> None:
    """By https and with PUBLIC_HOST, Authorize gives a token, as it does without; nothing is blocked or missing."""
    nginx = Nginx("service.conf")
    hub = RealHub(register={"public_host": nginx.origin})
    upstreams = {"hub": f"127.0.0.1:{hub.ports.public}", "service": f"127.0.0.1:{hub.ports.service}"}
    with hub, nginx.before(**upstreams):
        browser = await browse(nginx.origin)
        swagger = await Swagger.open(await browser.page(), nginx.origin + hub.service_path)
        await swagger.sign_in(browser.sign_in)
        me = await swagger.execute("/me")

        assert (me.status, (await me.json())["name"]) == (200, "testuser")
        assert "authorization" in await me.request.all_headers()
        assert (browser.foreign, browser.errors) == ([], [])


async def test_a_notebooks_worker_has_its_own_path_alone(browse: "Browse") -> None:
    """A service worker of another user's server cannot be registered for our pages, whatever that server allows it."""
    nginx = Nginx("service.conf")
    with Colleague(victim="/services/fastapi/") as colleague:
        hub = RealHub(config=colleague.hub_config(), register={"public_host": nginx.origin})
        upstreams = {"hub": f"127.0.0.1:{hub.ports.public}", "service": f"127.0.0.1:{hub.ports.service}"}
        with hub, nginx.before(**upstreams):
            browser = await browse(nginx.origin)
            page = await browser.page()
            await page.goto(f"{nginx.origin}/services/{NAME}/page")
            everywhere, own = [await page.evaluate(REGISTER, [IDLE, scope]) for scope in ("/", f"/services/{NAME}/")]

    assert "max scope allowed" in everywhere
    assert own == "registered"
