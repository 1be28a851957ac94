"""The pages that signing in and out needs. Whoever builds an application says how they look."""

from typing import Protocol

from starlette.requests import HTTPConnection
from starlette.responses import Response

from service.hub.models import Identity


class SignInPages(Protocol):
    """`service.web.pages` is one."""

    def sign_in_as(
        self, conn: HTTPConnection, name: str, *, identity: Identity | None, sealed: str, next_url: str
    ) -> Response:
        """Return the question before signing in as `name` by a link: a form that posts `sealed` as `link`."""

    def sign_out(self, conn: HTTPConnection, identity: Identity | None, *, xsrf: str) -> Response:
        """Return the question before signing out: a form that posts `_xsrf` to `logout`.

        `identity` is None where the Hub cannot say who is signed in.
        """

    def signed_out(self, conn: HTTPConnection) -> Response:
        """Return a page that says that there is nobody to sign out."""

    def swagger_callback(self, conn: HTTPConnection) -> Response:
        """Return what Swagger UI's window shows when it comes back from the Hub."""


def pages_of(conn: HTTPConnection) -> SignInPages:
    """The application's pages."""
    pages: SignInPages = conn.scope["state"]["pages"]
    return pages
