"""Callers of the service: a script with a token, or a browser with cookies. Both are httpx clients."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from service.auth.cookies import SESSION_ID_COOKIE, XSRF_COOKIE, auth_cookie_name
from service.auth.credentials import seal_session
from service.auth.xsrf import xsrf_token
from service.hub.sealing import Sealer, derive_key
from service.settings import Settings
from service.testing.websockets import WebSocket, connect

if TYPE_CHECKING:
    from service.testing.serving import Service

NAVIGATION = {  # what Chromium sends when a page is opened (W3C Fetch Metadata)
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}
SCRIPT = {  # what it sends for a fetch() from a page of the same origin
    "Accept": "*/*",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}
HANDSHAKE = {"Sec-Fetch-Dest": "websocket", "Sec-Fetch-Mode": "websocket", "Sec-Fetch-Site": "same-origin"}


class _Client(httpx.AsyncClient):
    """A client of one service in this process. Paths are relative to its prefix, unless they start with it."""

    def __init__(self, service: "Service", **options: Any) -> None:  # noqa: ANN401
        super().__init__(transport=httpx.ASGITransport(service.app), base_url=service.url, **options)
        self.service = service

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:  # noqa: ANN401
        """As in httpx. A path that starts with the prefix, such as one of a Location header, is used as it is."""
        is_absolute = str(url).startswith(self.service.settings.prefix)
        return super().build_request(method, self.base_url.join(url) if is_absolute else url, **options)

    def websocket(
        self,
        where: str,
        *,
        subprotocols: Sequence[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> AbstractAsyncContextManager[WebSocket]:
        """Open a WebSocket, as an async context manager. `options` are those of a request.

        Raises:
            httpx.HTTPStatusError: the handshake was refused. The error has the `response`: 500 if the application ended
                without an answer. What it raises before it answers is raised as it is.

        """
        return connect(self.service.app, self.build_request("GET", where, **options), subprotocols=subprotocols)


class Caller(_Client):
    """A script. Every request has its `token`, if it has one."""

    def __init__(
        self,
        service: "Service",
        *,
        name: str = "",
        token: str = "",
        scopes: Collection[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Call `service`. `options` are those of httpx. `Service.user` and the like make callers."""
        credential = {"Authorization": f"Bearer {token}"} if token else {}
        options["headers"] = credential | dict(options.get("headers", ()))
        super().__init__(service, **options)
        self.name, self.token, self.scopes = name, token, frozenset(scopes)

    def browser(self) -> "Browser":
        """Return a browser of this caller. It is signed in at the Hub and here, with its own session and token."""
        browser, session_id = Browser(self.service), uuid4().hex
        browser.set_cookie(SESSION_ID_COOKIE, session_id, path="/")  # without which no sign-in comes to its end
        if self.token:
            token = self.service.hub.issue(self.name, scopes=self.scopes, session_id=session_id)
            browser.sign_in(token, session_id=session_id)
        return browser

    def revoke(self) -> None:
        """Revoke the token at the Hub. With `make_settings` this takes effect at once, because nothing is cached."""
        self.service.hub.revoke(self.token)


class Browser(_Client):
    """A browser. A `visit` opens a page; any other request is one that a script in a page of the service sends.

    Requests have the cookies and, in a header, the XSRF token; `headers={"X-XSRFToken": ""}` leaves it out. A WebSocket
    has the XSRF token in its URL; `?_xsrf=` leaves it out.
    """

    async def visit(self, where: str, *, follow: bool = False, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Open a page. A browser that is not signed in is redirected to the Hub, with 302."""
        options["headers"] = NAVIGATION | dict(options.get("headers", ()))
        return await self.get(where, follow_redirects=follow, **options)

    def websocket(
        self,
        where: str,
        *,
        subprotocols: Sequence[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> AbstractAsyncContextManager[WebSocket]:
        """Open a WebSocket as a page of the service does. See `Caller.websocket`."""
        headers = HANDSHAKE | {"Origin": self._origin} | dict(options.pop("headers", ()))
        given = httpx.URL(where).params.merge(options.pop("params", None))
        params = httpx.QueryParams({"_xsrf": self._xsrf}).merge(given)
        return super().websocket(where, subprotocols=subprotocols, headers=headers, params=params, **options)

    def sign_in(self, token: str, *, session_id: str) -> None:
        """Set the cookies of a sign-in: the Hub's session id, the sealed token, and the XSRF token."""
        settings = self.service.settings
        key = derive_key(settings.api_token.get_secret_value(), purpose="xsrf token")
        self.set_cookie(SESSION_ID_COOKIE, session_id, path="/")
        self.set_cookie(auth_cookie_name(settings), sealed_cookie(settings, token, session_id=session_id))
        self.set_cookie(XSRF_COOKIE, xsrf_token(key, token=token, session_id=session_id))

    def sign_out_at_hub(self) -> None:
        """Sign out at the Hub. It deletes its cookie and the tokens of the session. Our cookie stays but is invalid."""
        session_id = self.cookies.get(SESSION_ID_COOKIE)
        if session_id:
            self.service.hub.end_session(session_id)
            self.cookies.delete(SESSION_ID_COOKIE)

    def set_cookie(self, name: str, value: str, *, path: str | None = None) -> None:
        """Set a cookie. By default its path is the prefix of the service."""
        self.cookies.set(name, value, domain=self.base_url.host, path=path or self.service.settings.prefix)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:  # noqa: ANN401
        """As in httpx, with the headers of a browser."""
        headers = httpx.Headers(SCRIPT)
        if method not in {"GET", "HEAD"}:
            headers["Origin"] = self._origin
        headers.update(options.pop("headers", None))
        if headers["Sec-Fetch-Mode"] == SCRIPT["Sec-Fetch-Mode"]:  # a page cannot set headers of other requests
            headers.setdefault("X-XSRFToken", self._xsrf)
        return super().build_request(method, url, headers=headers, **options)

    @property
    def _xsrf(self) -> str:
        return self.cookies.get(XSRF_COOKIE, path=self.service.settings.prefix) or ""

    @property
    def _origin(self) -> str:
        return f"{self.base_url.scheme}://{self.base_url.netloc.decode()}"


def sealed_cookie(settings: Settings, token: str, *, session_id: str) -> str:
    """Return the value of our session cookie for a token of a session at the Hub."""
    sealer = Sealer(settings.api_token.get_secret_value(), purpose="session cookie")
    return seal_session(sealer, token, session_id=session_id, lifetime=timedelta(hours=1))
