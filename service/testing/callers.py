"""Those who call: with a token, as a script does, or with a cookie, as a browser does. Both are httpx clients."""

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

NAVIGATION = {  # what Chromium sends for an address typed or a link followed (W3C Fetch Metadata)
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}
SCRIPT = {  # what it sends for a fetch() of a page of the same origin
    "Accept": "*/*",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-origin",
}
HANDSHAKE = {"Sec-Fetch-Dest": "websocket", "Sec-Fetch-Mode": "websocket", "Sec-Fetch-Site": "same-origin"}


class _Client(httpx.AsyncClient):
    """Reaches one service, in this process; paths are relative to its prefix, unless they begin with it."""

    def __init__(self, service: "Service", **options: Any) -> None:  # noqa: ANN401
        super().__init__(transport=httpx.ASGITransport(service.app), base_url=service.url, **options)
        self.service = service

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:  # noqa: ANN401
        """See httpx; a path out of a Location header is meant as it stands there."""
        is_whole = str(url).startswith(self.service.settings.prefix)
        return super().build_request(method, self.base_url.join(url) if is_whole else url, **options)

    def websocket(
        self,
        where: str,
        *,
        subprotocols: Sequence[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> AbstractAsyncContextManager[WebSocket]:
        """Open a WebSocket, for an `async with`; `options` are those of a request.

        Raises:
            httpx.HTTPStatusError: the handshake is refused; `response` has the answer.

        """
        return connect(self.service.app, self.build_request("GET", where, **options), subprotocols=subprotocols)


class Caller(_Client):
    """A script: every request carries its `token`, if it has one."""

    def __init__(
        self,
        service: "Service",
        *,
        name: str = "",
        token: str = "",
        scopes: Collection[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> None:
        """Call `service`; `options` are those of httpx. `Service.user` and its like make callers."""
        signed = {"Authorization": f"Bearer {token}"} if token else {}
        options["headers"] = signed | dict(options.get("headers", ()))
        super().__init__(service, **options)
        self.name, self.token, self.scopes = name, token, frozenset(scopes)

    def browser(self) -> "Browser":
        """Return a browser of theirs, signed in at the Hub and here: in a session, and with a token, of its own."""
        browser = Browser(self.service)
        if self.token:
            session_id = uuid4().hex
            token = self.service.hub.issue(self.name, scopes=self.scopes, session_id=session_id)
            browser.sign_in(token, session_id=session_id)
        return browser

    def revoke(self) -> None:
        """Revoke the token at the Hub. Where answers are cached (`make_settings`: not), it is good for a while yet."""
        self.service.hub.revoke(self.token)


class Browser(_Client):
    """A browser: a request is one of a script in our own pages, unless it is a `visit`.

    It carries the cookies and, as our pages do, the XSRF token in a header; `headers={"X-XSRFToken": ""}` is without.
    A WebSocket has it in the address; `?_xsrf=` is without.
    """

    async def visit(self, where: str, *, follow: bool = False, **options: Any) -> httpx.Response:  # noqa: ANN401
        """Open a page, as by its address or a link; who is not signed in is sent to the Hub, with 302."""
        options["headers"] = NAVIGATION | dict(options.get("headers", ()))
        return await self.get(where, follow_redirects=follow, **options)

    def websocket(
        self,
        where: str,
        *,
        subprotocols: Sequence[str] = (),
        **options: Any,  # noqa: ANN401
    ) -> AbstractAsyncContextManager[WebSocket]:
        """Open a WebSocket as a page of ours does; otherwise as `Caller.websocket`."""
        headers = HANDSHAKE | {"Origin": self._origin} | dict(options.pop("headers", ()))
        asked = httpx.URL(where).params.merge(options.pop("params", None))
        params = httpx.QueryParams({"_xsrf": self._xsrf}).merge(asked)
        return super().websocket(where, subprotocols=subprotocols, headers=headers, params=params, **options)

    def sign_in(self, token: str, *, session_id: str) -> None:
        """Hold the cookies that a sign-in leaves behind: the Hub's session, the sealed token, its XSRF token."""
        settings = self.service.settings
        key = derive_key(settings.api_token.get_secret_value(), purpose="xsrf token")
        self.hold(SESSION_ID_COOKIE, session_id, path="/")
        self.hold(auth_cookie_name(settings), sealed_cookie(settings, token, session_id=session_id))
        self.hold(XSRF_COOKIE, xsrf_token(key, token=token, session_id=session_id))

    def sign_out_at_hub(self) -> None:
        """Sign out on the Hub's own page: it deletes the session's tokens and its cookie; ours stays, and is void."""
        session_id = self.cookies.get(SESSION_ID_COOKIE)
        if session_id:
            self.service.hub.end_session(session_id)
            self.cookies.delete(SESSION_ID_COOKIE)

    def hold(self, name: str, value: str, *, path: str | None = None) -> None:
        """Put a cookie into the jar; for the service's prefix where no path is given."""
        self.cookies.set(name, value, domain=self.base_url.host, path=path or self.service.settings.prefix)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:  # noqa: ANN401
        """See httpx; adds what a browser does."""
        headers = httpx.Headers(SCRIPT)
        if method not in {"GET", "HEAD"}:
            headers["Origin"] = self._origin
        headers.update(options.pop("headers", None))
        if headers["Sec-Fetch-Mode"] == SCRIPT["Sec-Fetch-Mode"]:  # no page can set a header on the others
            headers.setdefault("X-XSRFToken", self._xsrf)
        return super().build_request(method, url, headers=headers, **options)

    @property
    def _xsrf(self) -> str:
        return self.cookies.get(XSRF_COOKIE, path=self.service.settings.prefix) or ""

    @property
    def _origin(self) -> str:
        return f"{self.base_url.scheme}://{self.base_url.netloc.decode()}"


def sealed_cookie(settings: Settings, token: str, *, session_id: str) -> str:
    """Return what our session cookie holds for a token, given in a session at the Hub."""
    sealer = Sealer(settings.api_token.get_secret_value(), purpose="session cookie")
    return seal_session(sealer, token, session_id=session_id, lifetime=timedelta(hours=1))
