"""Where the service is looked at: as it comes, behind TLS under a name of its own, and below an odd base URL."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.conftest import LOG_TAIL
from tests.support.browser import Browser
from tests.support.browser import browse as open_browser
from tests.support.hub import RealHub
from tests.support.tls_front import TlsFront

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

    from tests.conftest import Browse

ODD_BASE_URL = "/@/space%20word/"
Cookies = dict[tuple[str, str], dict[str, object]]


@dataclass(frozen=True)
class Place:
    """A Hub with our service, under the origin at which browsers find it."""

    hub: RealHub
    origin: str

    @property
    def hub_url(self) -> str:
        """The Hub's own pages are below this."""
        return f"{self.origin}{self.hub.options.base_url}hub/"

    @property
    def service_url(self) -> str:
        """Our pages are below this."""
        return self.origin + self.hub.service_path


def place_of(hub: RealHub) -> Place:
    """Return a Hub without anything before it."""
    return Place(hub, f"http://127.0.0.1:{hub.ports.public}")


@pytest.fixture(scope="session", params=["plain", "public_host behind TLS", "percent-encoded base_url"])
def place(request: pytest.FixtureRequest, hub: RealHub) -> Iterator[Place]:
    """Each place in turn; nothing but `public_host` and `base_url` is configured differently."""
    if request.param == "plain":
        yield place_of(hub)
    elif request.param == "percent-encoded base_url":
        with RealHub(base_url=ODD_BASE_URL) as other:
            yield place_of(other)
    else:
        front = TlsFront()
        with RealHub(register={"public_host": front.origin}) as other, front.before(other.url):
            yield Place(other, front.origin)


@pytest.fixture(scope="session", name="plain")
def _plain(hub: RealHub) -> Place:
    """The shared Hub alone, for what does not depend on the place."""
    return place_of(hub)


@pytest.fixture(scope="session")
async def cookies_of_testuser(plain: Place, chromium: "Chromium") -> Cookies:
    """What a browser holds once testuser has signed in; no test may sign this session out."""
    async with open_browser(chromium, plain.origin) as browser:
        page = await browser.page()
        await page.goto(f"{plain.service_url}me")
        await browser.sign_in(page)
        await page.wait_for_url(f"{plain.service_url}me")
        return await browser.cookies()


@pytest.fixture
async def signed_in(plain: Place, cookies_of_testuser: Cookies, browse: "Browse") -> Browser:
    """A browser of testuser's, signed in to the shared Hub and to us."""
    browser: Browser = await browse(plain.origin)
    await browser.hold(cookies_of_testuser)
    return browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a failed test the log of its place."""
    report = yield
    found = getattr(item, "funcargs", {}).get("place")
    if report.failed and isinstance(found, Place):
        report.sections.append((f"log of the Hub at {found.hub.url}", found.hub.log_text()[-LOG_TAIL:]))
    return report
