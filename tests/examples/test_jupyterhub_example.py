"""JupyterHub's FastAPI service example: what its reader does, in their order, with the shipped configuration.

`jupyterhub --ip=127.0.0.1` in the folder, a look at the service, a token for a password by curl, who am I, the browser.
"""

import json

import httpx
import pytest

from tests.support.hub_config import PASSWORD
from tests.support.local_http import local_client
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.session import Session
from tests.support.shipped_hub import ShippedHub

README = REPOSITORY / "README.md"


async def test_1_the_service_answers_at_once(shipped: ShippedHub) -> None:
    """`GET /` and the API's documentation are there for everybody."""
    async with local_client() as client:
        start = await client.get(shipped.service)
        docs = await client.get(f"{shipped.service}docs", headers={"Accept": "text/html"})
        api = await client.get(f"{shipped.service}openapi.json")

    assert start.json()["user"] is None
    assert "swagger-ui" in docs.text
    assert f"{httpx.URL(shipped.service).path}" == f"{api.json()['servers'][0]['url']}/"


async def test_2_the_old_way_to_a_token_is_gone(shipped: ShippedHub) -> None:
    """The example's third command fails at every Hub of today, and the page for those who move says what to do."""
    old = "hub/api/authorizations/token"
    async with local_client() as client:
        reply = await client.post(shipped.url + old, json={"username": "testuser", "password": PASSWORD})

    assert reply.status_code == 404
    assert f"POST /{old}" in (REPOSITORY / "docs/migrate.md").read_text()


def token_line() -> str:
    """Return the line of the README that gets a token."""
    (code,) = (block.code for block in blocks(README, "sh") if block.code.startswith("TOKEN="))
    return code.partition("\ncurl ")[0]


@pytest.mark.parametrize("scheme", ["Bearer", "token"])
def test_3_a_token_by_curl_says_who_i_am(shipped: ShippedHub, scheme: str) -> None:
    """The README's command gives a token, which is good in both schemes."""
    me = f'curl -fsS -H "Authorization: {scheme} $TOKEN" {shipped.service}me'

    model = json.loads(shipped.shell(f"{token_line()}\n{me}"))

    assert (model["name"], model["kind"], model["admin"]) == ("testuser", "user", False)


def test_4_the_same_token_does_what_its_owner_may(shipped: ShippedHub) -> None:
    """It opens the applications, and the next block of the README works with it."""
    note = next(block.code for block in blocks(README, "sh") if "--data-binary @examples/note.json" in block.code)

    masked = json.loads(shipped.shell(f"{token_line()}\n{note}"))

    assert "[NAME]" in masked["text"]


def test_5_a_token_in_the_address(shipped: ShippedHub) -> None:
    """The example took one there, and the shipped configuration turns it on."""
    model = json.loads(shipped.shell(f'{token_line()}\ncurl -fsS "{shipped.service}me?token=$TOKEN"'))

    assert model["name"] == "testuser"


def test_6_all_fields_of_the_example(shipped: ShippedHub) -> None:
    """`scope=inherit` gives a token that shows what the example's `/me` showed: servers and activity, too."""
    wide = token_line().replace("-d password=passwd", "-d password=passwd -d scope=inherit")

    model = json.loads(shipped.shell(f'{wide}\ncurl -fsS -H "Authorization: Bearer $TOKEN" {shipped.service}me'))

    assert {"name", "admin", "groups", "server", "pending", "created", "last_activity", "servers"} <= set(model)


async def test_7_in_a_browser(shipped: ShippedHub) -> None:
    """Signing in at the Hub leads back, and the browser is known from then on."""
    async with Session(shipped.url) as browser:
        await browser.sign_in("testuser")
        page = await browser.visit("services/fastapi/me")
        again = await browser.visit("services/fastapi/me")

    assert (page.status_code, page.url.path) == (200, "/services/fastapi/me")
    assert "testuser" in page.text
    assert again.history == []


async def test_8_debug_is_for_administrators(shipped: ShippedHub) -> None:
    """The example showed its environment to everybody."""
    form = {"grant_type": "password", "password": PASSWORD}
    statuses = {}
    async with local_client() as client:
        for name in ("testuser", "admin"):
            token = (await client.post(f"{shipped.service}token", data=form | {"username": name})).json()
            headers = {"Authorization": f"Bearer {token['access_token']}"}
            statuses[name] = (await client.get(f"{shipped.service}debug", headers=headers)).status_code

    assert statuses == {"testuser": 403, "admin": 200}
