"""The ways in which a Hub can be reached, each with what it then tells a service: signing in and out works in all.

Hosts of the modes that have any exist here alone: the transport knows where they are.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from tests.conftest import MakeHub
from tests.support import tls_front
from tests.support.hub import RealHub
from tests.support.ports import free_ports
from tests.support.session import Session
from tests.support.tls_front import TlsFront

NAME: Final = "fastapi"
STRICT: Final = "strict"  # has cookies of the strictest kind
DOMAIN: Final = "jupyter.test"  # reserved for testing (RFC 2606)
COOKIE: Final = "service-fastapi"
SESSION_ID: Final = "jupyterhub-session-id"
CORS = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}


class Resolving(httpx.AsyncHTTPTransport):
    """Finds `DOMAIN`, all hosts below it, and the host of `tls_front` on this machine, and no others."""

    def __init__(self) -> None:
        """Trust the certificate of `tls_front`."""
        self._context = ssl.create_default_context()
        tls_front.authority().configure_trust(self._context)
        super().__init__(verify=self._context, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to its port on the loopback interface; its Host header is made already."""
        host = request.url.host
        if host not in {"127.0.0.1", tls_front.HOST} and not f".{host}".endswith(f".{DOMAIN}"):
            raise httpx.ConnectError(f"{host} is nowhere", request=request)
        address = request.url.copy_with(host="127.0.0.1")
        extensions = {**request.extensions, "sni_hostname": host}
        sent = httpx.Request(
            request.method, address, headers=request.headers, stream=request.stream, extensions=extensions
        )
        return await super().handle_async_request(sent)


@dataclass(frozen=True)
class Mode:
    """A Hub, and where browsers find it and its service."""

    hub: RealHub
    hub_origin: str
    origin: str
    settings: dict[str, Any]

    def home(self, name: str = NAME) -> str:
        """Where a service is found."""
        return f"{self.origin.replace(NAME, name)}/services/{name}/"

    @asynccontextmanager
    async def browser(self, user: str | None = None) -> AsyncIterator[Session]:
        """Give a browser, signed in to the Hub or not."""
        async with Session(f"{self.hub_origin}/", transport=Resolving()) as session:
            if user is not None:
                await session.sign_in(user)
            yield session


@pytest.fixture(scope="module")
def plain(hub: RealHub) -> Mode:
    """As it comes."""
    origin = f"http://127.0.0.1:{hub.ports.public}"
    expected = {"hub_url": "/hub/", "redirect_uri": "/services/fastapi/oauth_callback", "public_host": ""}
    return Mode(hub, origin, origin, expected)


@pytest.fixture(scope="module")
def public_url(make_shared_hub: MakeHub) -> Iterator[Mode]:
    """With `JupyterHub.public_url`: TLS ends before the Hub, which knows where people see it."""
    front = TlsFront()
    environment = {
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "1",
        "JUPYTERHUB_COOKIE_OPTIONS": '{"samesite": "Strict", "partitioned": true}',
    }
    other = {"name": STRICT, "url": f"http://127.0.0.1:{free_ports(1)[0]}", "environment": environment}
    config = f"c.JupyterHub.public_url = '{front.origin}/'; from service.registration import register"
    hub = make_shared_hub(config=f"{config}; register(c, **{other!r})")
    expected = {
        "hub_url": f"{front.origin}/hub/",
        "redirect_uri": "/services/fastapi/oauth_callback",
        "public_host": "",
    }
    with front.before(hub.url):
        yield Mode(hub, front.origin, front.origin, expected)
    hub.close()


@pytest.fixture(scope="module")
def subdomains(make_shared_hub: MakeHub) -> Iterator[Mode]:
    """With `JupyterHub.subdomain_host`: Hub, users and services each have a host of their own."""
    hub = make_shared_hub(
        config=f"c.JupyterHub.subdomain_host = c.JupyterHub.bind_url.rstrip('/').replace('127.0.0.1', '{DOMAIN}')"
    )
    port = hub.ports.public
    hub_origin, origin = f"http://{DOMAIN}:{port}", f"http://{NAME}--service.{DOMAIN}:{port}"
    expected = {
        "hub_url": f"{hub_origin}/hub/",
        "redirect_uri": f"{origin}/services/fastapi/oauth_callback",
        "public_host": "",
    }
    yield Mode(hub, hub_origin, origin, expected)
    hub.close()


@pytest.fixture(params=["plain", "public_url", "subdomains"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """One mode after the other."""
    found: Mode = request.getfixturevalue(request.param)
    return found


def xsrf(browser: Session, home: str) -> dict[str, str]:
    """Return the header by which a script of our page shows that it is one."""
    token = browser.cookie("_xsrf", path=httpx.URL(home).raw_path.decode())
    return {"X-XSRFToken": token or ""}


async def test_what_the_service_is_told(mode: Mode) -> None:
    """The addresses that the service makes of its environment are the Hub's own."""
    async with mode.browser("admin") as browser:
        page = await browser.visit(f"{mode.home()}me")
        reply = await browser.fetch("GET", f"{mode.home()}debug", headers=xsrf(browser, mode.home()))

    assert page.status_code == 200
    told = reply.raise_for_status().json()["configuration"]
    assert {name: told[name] for name in mode.settings} == mode.settings


async def test_in_and_out(mode: Mode) -> None:
    """A page leads to the Hub's login and back; the page's form signs out, here and at the Hub."""
    home = mode.home()
    async with mode.browser() as browser:
        form = await browser.visit(f"{home}me?a=1")
        page = await browser.sign_in("testuser", at=form)
        assert (page.status_code, str(page.url), "testuser" in page.text) == (200, f"{home}me?a=1", True)
        lines = [line for step in page.history for line in step.headers.get_list("Set-Cookie")]
        kept = [line for line in lines if line.startswith(COOKIE) and "Max-Age=0" not in line]
        assert {("; Secure" in line) for line in kept} == {home.startswith("https")}

        question = await browser.visit(f"{home}logout")
        left = await browser.submit(question, follow=False)
        assert (left.status_code, str(left.url.join(left.headers["Location"]))) == (
            303,
            f"{mode.hub_origin}/hub/logout",
        )
        await browser.visit(left.headers["Location"])
        assert browser.cookie(COOKIE) is None
        again = await browser.visit(f"{home}me")
        assert "/hub/login" in str(again.url)


async def test_signing_out_at_the_hub(mode: Mode) -> None:
    """Our cookie without the Hub's session opens nothing, nor in another; in the old one, while the answer holds."""
    home = mode.home()
    async with mode.browser("testuser") as browser:
        await browser.visit(f"{home}me")
        path = httpx.URL(home).raw_path.decode()
        kept = {name: browser.cookie(name) or "" for name in (COOKIE, SESSION_ID)}
        kept["_xsrf"] = browser.cookie("_xsrf", path=path) or ""
        await browser.sign_out()
        without = await browser.visit(f"{home}me", follow=False)
    replies = {}
    async with Session(home, transport=Resolving()) as thief:
        for which, session_id in {"old": kept[SESSION_ID], "none": "", "another": "0" * 32}.items():
            cookies = f"{COOKIE}={kept[COOKIE]}" + (f"; {SESSION_ID}={session_id}" if session_id else "")
            headers = {"Cookie": cookies, "X-XSRFToken": kept["_xsrf"]}
            replies[which] = (await thief.visit(f"{home}me", follow=False, headers=headers)).status_code

    assert without.status_code == 302
    assert replies == {"old": 200, "none": 302, "another": 302}


async def test_strict_cookies(public_url: Mode) -> None:
    """`__Host-` cookies and JUPYTERHUB_COOKIE_OPTIONS sign in, and keep out what another host could have set."""
    home = public_url.home(STRICT)
    async with public_url.browser("testuser") as browser:
        page = await browser.visit(f"{home}me")
        assert page.status_code == 200
        lines = [line for step in (*page.history, page) for line in step.headers.get_list("Set-Cookie")]
        ours = [line for line in lines if line.startswith(f"__Host-service-{STRICT}=")]
        attributes = {part.strip() for part in ours[0].split(";")[1:]}
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=Strict", "Partitioned"} <= attributes
        assert not any(part.startswith("Domain") for part in attributes)

        good = browser.cookie(f"__Host-service-{STRICT}") or ""
        names = {f"__Host-service-{STRICT}": 200, f"service-{STRICT}": 302}
        session = f"{SESSION_ID}={browser.cookie(SESSION_ID)}"
    async with Session(home, transport=Resolving()) as other:
        for name, status in names.items():
            reply = await other.visit(f"{home}me", follow=False, headers={"Cookie": f"{name}={good}; {session}"})
            assert reply.status_code == status


# What JupyterHub itself does by cookie without an XSRF token: (Sec-Fetch-Mode, Sec-Fetch-Site), reading, writing
MATRIX = {
    "absent": ({}, 200, 403),
    "navigate": ({"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}, 200, 403),
    "cors": (CORS, 403, 403),
    "same-origin": (CORS | {"Sec-Fetch-Mode": "same-origin"}, 403, 403),
    "an image of ours": (
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"},
        200,
        403,
    ),
    "no-cors from elsewhere": ({"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"}, 403, 403),
    "websocket": ({"Sec-Fetch-Mode": "websocket", "Sec-Fetch-Site": "same-origin"}, 403, 403),
}


@pytest.mark.parametrize(("kind", "reading", "writing"), MATRIX.values(), ids=MATRIX.keys())
async def test_xsrf_matrix(plain: Mode, kind: dict[str, str], reading: int, writing: int) -> None:
    """By cookie without its XSRF token, cell by cell; with it all is allowed."""
    home = plain.home()
    async with plain.browser("testuser") as browser:
        await browser.visit(f"{home}me")
        token = xsrf(browser, home)

        read = await browser.client.get(f"{home}me", headers=kind)
        wrote = await browser.client.post(f"{home}logout", headers=kind)
        allowed = await browser.client.get(f"{home}me", headers=kind | token)

        assert (read.status_code, wrote.status_code, allowed.status_code) == (reading, writing, 200)
        assert (await browser.client.post(f"{home}logout", headers=kind | token)).status_code == 303


CALLBACKS = {
    "nothing": ("", 400),
    "an error": ("error=access_denied", 400),
    "a code without a state": ("code=x", 400),
    "a state of nobody's": ("code=x&state=hub.x", 403),
    "Swagger UI's": ("code=x&state=c3dhZ2dlcg==", 200),
}


@pytest.mark.parametrize(("query", "status"), CALLBACKS.values(), ids=CALLBACKS.keys())
async def test_callback_errors(mode: Mode, query: str, status: int) -> None:
    """A callback that ends no sign-in says so on a page, and leaves no cookie."""
    async with mode.browser("testuser") as browser:
        page = await browser.visit(f"{mode.home()}oauth_callback?{query}", follow=False)

    assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "Set-Cookie" not in page.headers
