"""A person with a browser, as far as HTTP can tell: cookies, redirects, forms, and the headers that say who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Any, Self

import httpx

from service.testing.callers import NAVIGATION, SCRIPT
from tests.support.hub_config import PASSWORD
from tests.support.local_http import local_client


@dataclass
class Form:
    """A form of a page: where it goes, and the values it starts with."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.in_header: list[Form] = []
        self.below: list[Form] = []
        self._found = self.below

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "header":
            self._found = self.in_header
        elif tag == "form":
            self._found.append(Form(values.get("action", ""), values.get("method", "get").upper()))
        elif tag == "input" and self._found and "name" in values:
            if values.get("type") in {"checkbox", "radio"} and "checked" not in values:
                return  # a browser does not send it
            self._found[-1].values[values["name"]] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "header":
            self._found = self.below


def forms(page: httpx.Response) -> list[Form]:
    """Return the forms of a page, in order, but those in its header."""
    return _parsed(page).below


def sign_out_form(page: httpx.Response) -> Form:
    """Return the form in the header of a page of ours. Raises IndexError where there is none."""
    return _parsed(page).in_header[0]


def _parsed(page: httpx.Response) -> _Forms:
    parser = _Forms()
    parser.feed(page.text)
    return parser


class Session:
    """A cookie jar and a client that behaves as a browser does; paths are resolved against the Hub's public URL."""

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Start without cookies; `transport` reaches the host of `url` where it has no address of its own."""
        self.url = httpx.URL(url)
        self.client = local_client(transport=transport)

    async def __aenter__(self) -> Self:
        """Open the client."""
        await self.client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the client."""
        await self.client.__aexit__(kind, error, trace)

    async def visit(self, where: str, *, follow: bool = True, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Go to an address and follow where it leads; `reply.history` has the way."""
        return await self._send("GET", where, NAVIGATION, follow=follow, **options)

    async def fetch(self, method: str, where: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Ask as a script in a page of the same origin does; without following redirects."""
        return await self._send(method, where, SCRIPT, follow=False, **options)

    async def submit(
        self, page: httpx.Response, form: Form | None = None, *, follow: bool = True, **values: str
    ) -> httpx.Response:
        """Send a form of a page (its first, unless another is given) with some values filled in."""
        chosen = form or forms(page)[0]
        filled = chosen.values | values
        where = str(page.url.join(chosen.action))
        if chosen.method == "GET":
            return await self._send("GET", where, NAVIGATION, follow=follow, params=filled)
        return await self._send("POST", where, NAVIGATION, follow=follow, data=filled)

    async def sign_in(self, user: str, *, password: str = PASSWORD, at: httpx.Response | None = None) -> httpx.Response:
        """Fill in the Hub's login form, at `at` if that is where a visit ended; return where it leads."""
        # With somewhere to go: left to itself the Hub would go on to spawn a notebook server.
        page = at or await self.visit("hub/login", params={"next": f"{self.url.raw_path.decode()}hub/home"})
        return await self.submit(page, username=user, password=password)

    async def sign_out(self) -> httpx.Response:
        """Sign out of the Hub, on its own page."""
        return await self.visit("hub/logout")

    def cookies(self) -> dict[tuple[str, str], str]:
        """Return the cookies held: value by (name, path)."""
        return {(cookie.name, cookie.path): cookie.value or "" for cookie in self.client.cookies.jar}

    def cookie(self, name: str, *, path: str | None = None) -> str | None:
        """Return a cookie's value: the first by that name, or the one of that path."""
        found = (value for (each, at), value in self.cookies().items() if each == name and path in (None, at))
        return next(found, None)

    def signing(self, path: str) -> dict[str, str]:
        """Return the headers by which a script of the page at `path` is known now, for whoever may send them on."""
        held = [f"{name}={value}" for (name, at), value in self.cookies().items() if path.startswith(at)]
        return {"Cookie": "; ".join(held), "X-XSRFToken": self.cookie("_xsrf", path=path) or ""}

    async def _send(
        self,
        method: str,
        where: str,
        kind: Mapping[str, str],
        *,
        follow: bool,
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        url = self.url.join(where)
        headers = dict(kind)
        if method not in ("GET", "HEAD"):
            headers["Origin"] = f"{url.scheme}://{url.netloc.decode()}"
        headers |= options.pop("headers", {})
        return await self.client.request(method, url, headers=headers, follow_redirects=follow, **options)
