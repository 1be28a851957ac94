"""Pages of named origins may show ours in a frame, and nothing can be changed in it."""

import httpx
import pytest

from service.app import create_app
from service.errors import ConfigurationError
from service.testing.callers import NAVIGATION
from tests.unit.conftest import AUTH_COOKIE, ORIGIN, SESSION_ID, Serve, Service, settings_of

PORTAL = "https://portal.example.org"
FRAME = NAVIGATION | {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-site"}


@pytest.fixture
async def framed(serve: Serve) -> Service:
    """A service whose pages a portal may frame."""
    return await serve(frame_origins=(PORTAL,))


async def shown(service: Service, where: str, headers: dict[str, str], *, signed_in: bool = True) -> httpx.Response:
    """Open a page, signed in by cookie or not."""
    token = service.hub.issue("testuser", session_id=SESSION_ID)
    cookie = {"Cookie": f"{AUTH_COOKIE}={service.sealed(token)}; jupyterhub-session-id={SESSION_ID}"}
    return await service.api(headers=headers | (cookie if signed_in else {})).get(where)


@pytest.mark.parametrize("where", ["", "me", "docs"])
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
    reply = await framed.api(headers=FRAME | {"Cookie": cookie, "Origin": ORIGIN}).post("logout")

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


async def test_the_origin_of_all_notebooks_by_its_address(serve: Serve) -> None:
    """If no address of ours is configured, the one that the browser asked for frames nothing."""
    page = await shown(await serve(frame_origins=(ORIGIN,)), "me", FRAME)

    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("hub_host", ["", "https://hub.example.org"])
def test_the_origin_of_all_notebooks(hub_host: str) -> None:
    """It is refused at the start: any user's notebook could look into our pages."""
    here = "https://hub.example.org"
    with pytest.raises(ConfigurationError, match="SERVICE_FRAME_ORIGINS"):
        create_app(settings_of(public_host=here, hub_host=hub_host, frame_origins=(here,)))


def test_the_hubs_origin_with_subdomains() -> None:
    """It may frame our pages there, as notebooks have hosts of their own."""
    there = {"public_host": "https://fastapi.hub.example.org", "hub_host": "https://hub.example.org"}

    app = create_app(settings_of(**there, frame_origins=("https://hub.example.org",)))

    assert app.hub.policy.sign_in == "navigation"
