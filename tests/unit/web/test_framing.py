"""Pages of named origins may show ours in a frame, and nothing can be changed in it."""

from typing import Any

import httpx
import pytest

from service.app import create_app
from service.auth.hub import Hub
from service.errors import ConfigurationError
from service.testing.callers import NAVIGATION
from tests.unit.conftest import AUTH_COOKIE, SESSION_ID, Serve, Service, settings_of

PORTAL = "https://portal.example.org"
OWN_HOST: dict[str, Any] = {"public_host": "https://fastapi.hub.example.org", "hub_host": "https://hub.example.org"}
FRAME = NAVIGATION | {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-site"}


@pytest.fixture
async def framed(serve: Serve) -> Service:
    """A service whose pages a portal may frame."""
    return await serve(frame_origins=(PORTAL,), **OWN_HOST)


async def shown(service: Service, where: str, headers: dict[str, str], *, signed_in: bool = True) -> httpx.Response:
    """Open a page, signed in by cookie or not."""
    token = service.hub.issue("testuser", session_id=SESSION_ID)
    cookie = {"Cookie": f"{AUTH_COOKIE}={service.sealed(token)}; jupyterhub-session-id={SESSION_ID}"}
    return await service.api(headers=headers | (cookie if signed_in else {})).get(where)


@pytest.mark.parametrize("where", ["", "me"])
async def test_a_page_in_a_frame(framed: Service, where: str) -> None:
    """The page names the origins that may show it, and has neither the XSRF token nor sets its cookie."""
    page = await shown(framed, where, FRAME)

    assert page.status_code == 200
    assert f"frame-ancestors {PORTAL};" in page.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in page.headers
    assert "testuser" in page.text
    assert "xsrf-token" not in page.text
    assert "set-cookie" not in page.headers


async def test_a_page_in_a_window(framed: Service) -> None:
    """It has the token, and may be framed by nobody, even if the browser has kept it."""
    page = await shown(framed, "me", NAVIGATION)

    assert "xsrf-token" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("dest", ["object", "embed", "frame", "empty"])
async def test_no_other_element(framed: Service, dest: str) -> None:
    """A script could read what these load, or nobody uses them."""
    page = await shown(framed, "me", FRAME | {"Sec-Fetch-Dest": dest})

    assert (page.status_code, page.json()["code"]) == (403, "xsrf")
    assert page.headers["X-Frame-Options"] == "DENY"


async def test_nothing_is_changed_in_a_frame(framed: Service) -> None:
    """A form that is sent in a frame needs the XSRF token as everywhere."""
    token = framed.hub.issue("testuser", session_id=SESSION_ID)
    cookie = f"{AUTH_COOKIE}={framed.sealed(token)}; jupyterhub-session-id={SESSION_ID}"
    reply = await framed.api(headers=FRAME | {"Cookie": cookie, "Origin": OWN_HOST["public_host"]}).post("logout")

    assert reply.status_code == 403


async def test_somebody_who_is_not_signed_in(framed: Service) -> None:
    """The Hub's pages appear in no frame, so the reader gets a page whose links open in a window of their own."""
    page = await shown(framed, "me", FRAME, signed_in=False)

    assert page.status_code == 401
    assert '<base target="_blank">' in page.text
    assert f'href="{framed.settings.prefix}login"' in page.text


async def test_without_the_setting(serve: Serve) -> None:
    """Nobody frames our pages, and a frame is treated as a script."""
    page = await shown(await serve(), "me", FRAME)

    assert (page.status_code, page.json()["code"]) == (403, "xsrf")
    assert page.headers["X-Frame-Options"] == "DENY"


async def test_swagger_ui(framed: Service) -> None:
    """It appears in no frame: by two clicks its reader gets a token there, and sends a request with it."""
    page = await shown(framed, "docs", FRAME)

    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("origin", ["https://hub.example.org", PORTAL], ids=["the Hub's", "a portal's"])
@pytest.mark.parametrize(
    "hosts",
    [
        {},
        {"public_host": "https://hub.example.org"},
        {"public_host": "https://hub.example.org", "hub_host": "https://hub.example.org"},
        {"public_host": "https://services.hub.example.org", "hub_host": "https://hub.example.org"},
    ],
    ids=["unknown", "the Hub's", "the same", "that of all services"],
)
def test_an_origin_of_all_notebooks(hosts: dict[str, str], origin: str) -> None:
    """Nobody may frame our pages then: a notebook could open the portal, and read what is in its frame."""
    with pytest.raises(ConfigurationError, match="SERVICE_FRAME_ORIGINS"):
        create_app(settings_of(**hosts, frame_origins=(origin,)))


async def test_an_application_with_a_hub_installed() -> None:
    """It does not start either: frames would be answered without the XSRF token."""
    hub = Hub(settings_of(frame_origins=(PORTAL,)))
    with pytest.raises(ConfigurationError, match="SERVICE_FRAME_ORIGINS"):
        async with hub.open():
            pass


def test_the_hubs_origin_with_subdomains() -> None:
    """It may frame our pages there, as notebooks have hosts of their own."""
    app = create_app(settings_of(**OWN_HOST, frame_origins=("https://hub.example.org",)))

    assert app.hub.policy.sign_in == "navigation"
