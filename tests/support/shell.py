"""A command at a shell that is being signed in, and the browser of its user."""

import secrets
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx

from service.pkce import pkce_challenge
from tests.support.session import Session
from tests.unit.conftest import Service

OPENED = {"Sec-Fetch-Site": "none"}  # what a browser says of an address that was typed, or opened by another program


class Command:
    """What the command knows: its verifier, and what it asks for."""

    def __init__(self, **wanted: str) -> None:
        """Make a verifier; `wanted` are the other parameters of the link."""
        self.verifier = secrets.token_urlsafe(32)
        self.wanted = {
            "challenge": pkce_challenge(self.verifier),
            "machine": "ada@laptop",
            "lifetime": "86400",
        } | wanted

    @property
    def link(self) -> str:
        """The link that the command shows, relative to the service's address."""
        return f"login/shell?{urlencode(self.wanted)}"

    def form(self, code: str) -> dict[str, str]:
        """What the command sends for a code."""
        return {"grant_type": "authorization_code", "code": code, "code_verifier": self.verifier}


class _Pre(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self._is_in = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as the base class
        self._is_in = self._is_in or tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self._is_in = self._is_in and tag != "pre"

    def handle_data(self, data: str) -> None:
        self.text += data if self._is_in else ""


def code_on(page: httpx.Response) -> str:
    """Return the code that a page shows; empty where it shows none."""
    parser = _Pre()
    parser.feed(page.text)
    return parser.text


async def asked(browser: Session, command: Command) -> httpx.Response:
    """Open the link of a command, as its user does; return where that leads."""
    return await browser.visit(command.link, headers=OPENED)


async def approved(service: Service, browser: Session, command: Command, *, user: str = "testuser") -> str:
    """Say yes on the page, and return the code that the browser then shows."""
    begun = await browser.submit(await asked(browser, command), follow=False)
    return code_on(await browser.visit(service.authorized(begun, user=user)))
