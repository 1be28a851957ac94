"""An attacker's list: a link to us that ends at a place of the attacker's."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from service.testing.callers import NAVIGATION
from tests.support.hub import RealHub
from tests.support.session import Session

ELSEWHERE = [
    *(
        "//evil.example",
        "///evil.example",
        "////evil.example/services/fastapi/",
        "https://evil.example/services/fastapi/",
    ),
    *("https:evil.example", "http:///evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example"),
    *(r"\\evil.example", r"/\evil.example", r"\/evil.example", r"/services/fastapi\..\..\hub", "/services/fastapi/\\"),
    *("/%2fevil.example", "/%5cevil.example", "%2f%2fevil.example", "/services/fastapi/%2e%2e/%2e%2e/user/other/"),
    *("/services/fastapi/../../user/other/", "/services/fastapi/..%2f..%2fuser%2fother", "/services/x"),
    *("/services/fastapi//evil.example", "/services/fastapi/%2f%2fevil.example", "/services/fastapi@evil.example/"),
    *("/services/fastapi.evil.example/", "/services/fastapi2/", "/services/FASTAPI/", "/hub/logout", "/user/other/x"),
    *(
        "\t//evil.example",
        " //evil.example",
        "/\t/evil.example",
        "/services/fastapi/\r\nX-Injected: 1",
        "/services/\x00",
    ),
    *("/services/fastapi/\N{FULLWIDTH SOLIDUS}x", "https://127.0.0.1@evil.example/services/fastapi/"),
]


@pytest.fixture(scope="module")
async def signed_in(hub: RealHub) -> AsyncIterator[Session]:
    """A browser of the victim's, signed in."""
    async with hub.session("testuser") as victim:
        await victim.visit(f"{hub.service_url}me")
        yield victim


@pytest.mark.parametrize("address", ELSEWHERE, ids=ascii)
async def test_next_elsewhere(hub: RealHub, signed_in: Session, address: str) -> None:
    """`/login?next=` with an address of the attacker's, in every spelling → our start page."""
    reply = await signed_in.visit(f"{hub.service_url}login?next={quote(address, safe='')}", follow=False)

    assert (reply.status_code, reply.headers["Location"]) == (302, hub.service_path)
    assert "X-Injected" not in reply.headers


@pytest.mark.parametrize(
    "address", ["//evil.example", r"/\evil.example", "/services/fastapi/%2e%2e/%2e%2e/user/other/"]
)
async def test_next_elsewhere_by_way_of_the_hub(hub: RealHub, address: str) -> None:
    """The same by way of the Hub and the callback, where the address has travelled in the state."""
    async with hub.session("testuser") as victim:
        page = await victim.visit(f"{hub.service_url}login?next={quote(address, safe='')}")

        assert (page.status_code, str(page.url)) == (200, hub.service_url)


@pytest.mark.parametrize("target", ["//evil.example/", "/evil.example/", "/%2fevil.example", r"/\\evil.example"])
async def test_a_path_that_is_a_host_elsewhere(hub: RealHub, target: str) -> None:
    """A path below ours that begins like a host, with a token to be dropped → 404, and no redirect at all."""
    token = await hub.user_token("testuser")

    reply = await hub.ask("GET", f"{target}?token={token.value}", headers=NAVIGATION)

    assert reply.status_code == 404
    assert "Location" not in reply.headers
