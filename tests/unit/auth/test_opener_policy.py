"""Which pages can access a window that they open with one of our pages."""

import pytest

from service.auth.opener_policy import opener_policy
from tests.unit.conftest import Service

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/{} Safari/605.1.15"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/{} Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
STRICT, USUAL = b"noopener-allow-popups", b"same-origin-allow-popups"
AGENTS = [
    (CHROME.format(131), STRICT),
    (CHROME.format(156), STRICT),
    (CHROME.format(156) + " Edg/156.0.0.0", STRICT),
    (CHROME.format(130), USUAL),
    (SAFARI.format("18.4"), STRICT),
    (SAFARI.format("26.0.1"), STRICT),
    (SAFARI.format("18.3"), USUAL),
    (SAFARI.format("17.6"), USUAL),
    (IPHONE.format("18.4"), STRICT),
    (IPHONE.format("18.3.1"), USUAL),
    (FIREFOX, USUAL),
    ("python-httpx/0.28", USUAL),
    ("Chrome/" + "9" * 10_000, USUAL),
    ("", USUAL),
]


@pytest.mark.parametrize(("agent", "policy"), AGENTS, ids=[agent[-40:] for agent, _ in AGENTS])
def test_by_browser(agent: str, policy: bytes) -> None:
    """A browser gets the strictest value that it supports. An unknown browser gets the older value."""
    assert opener_policy({"headers": [(b"user-agent", agent.encode())]}) == policy


async def test_on_every_answer(service: Service) -> None:
    """Pages, errors, files and data have the header. Only Swagger UI's popup, which is empty, can be accessed."""
    browser = await service.signed_in()
    headers = {"User-Agent": CHROME.format(156)}
    paths = ("", "me", "nowhere", "openapi.json", "static/style.css", "health/live", "oauth_callback?code=x")
    replies = [await browser.visit(path, headers=headers) for path in paths]
    popup = await browser.visit("oauth_callback?state=x&code=y", headers=headers)

    assert {reply.headers["Cross-Origin-Opener-Policy"] for reply in replies} == {STRICT.decode()}
    assert popup.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert (browser.cookie("_xsrf") or "none") not in popup.text
    assert "testuser" not in popup.text
