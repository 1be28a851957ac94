"""What an application decides about signing in: who is kept out, who is sent to the Hub, which pages are shown, where.

It is decided once, when the application is built, and is the same for every request.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

from service.auth.pages import SignInPages

if TYPE_CHECKING:
    from service.auth.guard import Entitlement, SignInVeto, Veto
    from service.hub.models import Identity

SignInPolicy = Literal["navigation", "always", "never"]
"""Which requests are sent to the Hub to sign in: a browser opening a page, all GET and HEAD requests, or none."""

Answer = Callable[[HTTPConnection, Exception], Awaitable[Response | None]]
"""Answers one of our own errors. None where the answer has been sent already, as on a WebSocket."""


_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")  # no dot segments: browsers resolve them


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where signing in and out happens, below the service's prefix. `auth` is where a proxy asks (`forward`)."""

    login: str = "/login"
    callback: str = "/oauth_callback"
    logout: str = "/logout"
    token: str = "/token"  # noqa: S105 - a path
    auth: str = "/auth"

    def __post_init__(self) -> None:
        """Raise ValueError for a path at which nothing could be served."""
        chosen = [*asdict(self).values(), self.link, self.shell]
        for path in chosen:
            if not _PATH.fullmatch(path):
                raise ValueError(f"paths: {path!r} must begin with a slash, as in /login, and be of plain letters")
            if chosen.count(path) > 1:
                raise ValueError(f"paths: {path!r} is chosen twice; {self.link} and {self.shell} are taken, too")

    @property
    def all(self) -> frozenset[str]:
        """All paths at which people and programs sign in and out."""
        return frozenset({self.login, self.callback, self.logout, self.token, self.link, self.shell})

    @property
    def link(self) -> str:
        """Where a reader is asked whether to sign in by a link with a token."""
        return f"{self.login}/token"

    @property
    def shell(self) -> str:
        """Where a reader is asked whether to sign in a command at a shell."""
        return f"{self.login}/shell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The decisions. `answer` is None where `service.auth.refusals` answers errors of signing in.

    `forward`: whether proxies may ask who is calling (`service.auth.forward`). The whole origin then belongs to the
    application behind the proxy, so people may come back to any of its addresses. `anonymous`: who every caller is,
    where nobody signs in (SERVICE_SIGN_IN=none); None everywhere else.
    """

    vetoes: "Sequence[Veto]"
    sign_in_vetoes: "Sequence[SignInVeto]"
    entitlements: "Sequence[Entitlement]"
    sign_in: SignInPolicy
    pages: SignInPages
    answer: Answer | None
    forward: bool
    paths: Paths = field(default_factory=Paths)
    anonymous: "Identity | None" = None

    @property
    def served_paths(self) -> frozenset[str]:
        """The paths that our routes have."""
        return self.paths.all | ({self.paths.auth} if self.forward else set())
