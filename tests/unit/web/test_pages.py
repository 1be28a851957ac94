"""The pages that browsers see."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.unit.conftest import ORIGIN, PREFIX, Serve, Service

SERVICE: Mapping[str, Any] = {}
PAGES = ["", "me", "docs", "logout", "nope", "oauth_callback?state=swagger"]


class Outline(HTMLParser):
    """The elements of a page that matter for accessibility."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a kind."""
        return [attrs for each, attrs in self.tags if each == tag]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("signed_in", [True, False], ids=["signed in", "nobody"])
async def test_every_page(service: Service, page: str, signed_in: bool) -> None:  # noqa: FBT001
    """Every page has a language, a title and one main part, names its images, and loads nothing from other origins."""
    browser = await service.signed_in() if signed_in else service.browser()
    reply = await browser.visit(page, follow=False)
    if reply.status_code == 302:
        pytest.fail("not a page") if signed_in or page != "me" else None
        return
    outline = Outline(reply.text)

    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert [each.get("lang") for each in outline.all("html")] == ["en"]
    assert len(outline.all("title")) == len(outline.all("main")) == 1
    assert {"viewport"} <= {each.get("name") for each in outline.all("meta")}
    assert [each for each in outline.all("img") if "alt" not in each] == []
    assert outline.all("style") == []
    assert [attrs for _, attrs in outline.tags if "style" in attrs] == []
    linked = [each.get("href") or each.get("src") or "" for tag in ("link", "script") for each in outline.all(tag)]
    assert [link for link in linked if not link.startswith(f"{PREFIX}static/")] == []
    policy = reply.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'; base-uri 'none'" in policy


async def test_who_is_signed_in(service: Service) -> None:
    """Every page shows who is signed in and a button to sign out, or a link to sign in that leads back."""
    browser = await service.signed_in()
    known, unknown = await browser.visit(""), await service.browser().visit("docs?a=1")

    assert f'<a href="{PREFIX}me">testuser</a>' in known.text
    assert f'<form method="post" action="{PREFIX}logout">' in known.text
    assert "Sign out</button>" in known.text
    assert f'href="{PREFIX}login?next=%2Fservices%2Ffastapi%2Fdocs%3Fa%3D1">Sign in' in unknown.text


@pytest.mark.parametrize("page", ["logout", "login?next=x", "oauth_callback?state=hub.x&code=the-code"])
async def test_signing_in_leads_to_no_page_about_signing_in(service: Service, page: str) -> None:
    """Signing in from a page about signing in or out leads to the start page."""
    reply = await service.browser().visit(page, follow=False)

    assert reply.status_code == 302 or f'href="{PREFIX}login?next=%2Fservices%2Ffastapi%2F">' in reply.text
    assert "the-code" not in reply.text


async def test_names_are_shown_as_text(service: Service) -> None:
    """Names from the Hub are shown as text, and never run as HTML."""
    service.hub.add_user("<img src=x onerror=alert(1)>", groups=("<script>alert(2)</script>",))
    browser = await service.signed_in("<img src=x onerror=alert(1)>")
    page = await browser.visit("me")

    assert "<h1>&lt;img src=x onerror=alert(1)&gt;</h1>" in page.text
    assert re.findall(r"<img src=x|<script>", page.text) == []


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        ({}, {}, ORIGIN),
        ({}, {"X-Forwarded-Proto": "https,http"}, "https://jupyter.example.org"),
        ({"public_host": "https://hub.example.org"}, {"Host": "10.0.0.1"}, "https://hub.example.org"),
    ],
)
async def test_examples_can_be_copied(
    serve: Serve, settings: dict[str, Any], headers: dict[str, str], expected: str
) -> None:
    """The examples for notebook and shell have the origin that the browser used, and no token."""
    page = await (await serve(**settings)).browser().visit("", headers=headers)

    assert f'curl -H "Authorization: Bearer $TOKEN" {expected}{PREFIX}me' in page.text
    assert f'requests.get("{expected}{PREFIX}me"' in page.text


@pytest.mark.parametrize(
    ("settings", "hub"),
    [
        ({}, "/hub/"),
        ({"base_url": "/jupyter/"}, "/jupyter/hub/"),
        ({"public_host": "https://hub.example.org"}, "https://hub.example.org/hub/"),
        ({"hub_host": "https://hub.example.org"}, "https://hub.example.org/hub/"),
    ],
)
async def test_the_way_to_the_hub(serve: Serve, settings: dict[str, Any], hub: str) -> None:
    """Links to the Hub lead to the Hub."""
    page = await (await serve(**settings)).browser().visit("")

    assert (f'href="{hub}home"' in page.text, f'href="{hub}token"' in page.text) == (True, True)
