"""Renders the pages that browsers see, from our templates and those of the applications."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.requests import HTTPConnection

from service import __version__
from service.application import Link
from service.auth.context import context_of
from service.auth.cookies import is_secure
from service.auth.guard import Guard, entitled_to
from service.auth.identification import is_about_signing_in, link_to_here, page_token
from service.auth.state import state_of
from service.errors import ServiceError
from service.hub.models import Identity
from service.hub.shell_codes import ShellRequest

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_ACCESS = Guard()


class Assets(StaticFiles):
    """The files below `static/`: our own, and those in the `folders` of applications.

    Nothing in them is secret, so browsers may cache them, and pages of any origin may load them: the page with the code
    for a shell may have an origin of its own. After a minute a browser asks whether they have changed: a new version's
    page must not meet the old one's script.
    """

    def __init__(self, folders: Iterable[Path | None] = ()) -> None:
        super().__init__(directory=Path(__file__).parent / "static")
        self.all_directories += [folder for folder in folders if folder is not None]

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - passed on
        """As in StaticFiles, with a lifetime for the browser's cache."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=60"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response


# What `service.auth.pages` asks for


def sign_out(conn: HTTPConnection, identity: Identity | None, *, xsrf: str) -> Response:
    """Return the page that asks before signing out. `identity` is None if the Hub cannot say who is signed in."""
    return render(conn, "logout.html", identity=identity, xsrf=xsrf)


def sign_in_as(conn: HTTPConnection, name: str, *, identity: Identity | None, sealed: str, next_url: str) -> Response:
    """Return the page that asks before signing in as `name` by a link. `identity` is who is signed in now."""
    return render(
        conn,
        "sign_in_as.html",
        identity=identity,
        name=name,
        sealed=sealed,
        next_url=next_url,
        headers={"Cross-Origin-Opener-Policy": "same-origin"},
    )


def sign_in_shell(
    conn: HTTPConnection, identity: Identity, *, wanted: ShellRequest, scopes: Sequence[str], sealed: str, xsrf: str
) -> Response:
    """Return the page that asks whether to sign in a command at a shell."""
    return render(conn, "shell.html", identity=identity, wanted=wanted, scopes=scopes, sealed=sealed, xsrf=xsrf)


def shell_code(conn: HTTPConnection, name: str, *, machine: str, code: str) -> Response:
    """Return the page with the code for a command at a shell."""
    return render(conn, "shell_code.html", identity=None, name=name, machine=machine, code=code)


def signed_out(conn: HTTPConnection) -> Response:
    """Return the sign-out page for somebody who is not signed in."""
    return render(conn, "logout.html", identity=None)


def swagger_callback(conn: HTTPConnection) -> Response:
    """Return the page of Swagger UI's popup. It passes the code from the Hub to the window that opened it."""
    # The default policy of `service.web.middleware.gateway` would cut the popup off from that window.
    return render(conn, "swagger_callback.html", identity=None, headers={"Cross-Origin-Opener-Policy": "unsafe-none"})


# Rendering


def environment(folders: Iterable[Path | None] = ()) -> jinja2.Environment:
    """Return the Jinja environment for our templates and those in the `folders` of applications."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([Path(__file__).parent / "templates", *filter(None, folders)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def render_unguarded(conn: HTTPConnection, template: str, **values: Any) -> Response:  # noqa: ANN401 - as `render`
    """As `render`, for a page whose route has not asked the vetoes. The navigation depends on what they say."""
    if state_of(conn).identity is not None:
        with suppress(ServiceError):
            await _ACCESS(conn)
    return render(conn, template, **values)


def render(
    conn: HTTPConnection,
    template: str,
    *,
    policy: str = POLICY,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,  # noqa: ANN401 - a template takes anything
) -> Response:
    """Return a page made from a template. `values` are variables of this template; the others are the same for all.

    With an `identity` in `values`, the page contains the XSRF token of the session and a button to sign out. Where
    nobody signs in, the page shows no identity, and says so.
    """
    settings = context_of(conn).settings
    if not settings.has_sign_in:
        values["identity"] = None
    values.setdefault("xsrf", page_token(conn) if values.get("identity") else "")
    if settings.hub_host:
        # The form that signs out redirects to the Hub, which is on a host of its own.
        policy = policy.replace("form-action 'self'", f"form-action 'self' {settings.hub_host}")
    templates: jinja2.Environment = conn.scope["state"]["templates"]
    body = templates.get_template(template).render(
        prefix=settings.prefix,
        hub_url=settings.hub_url if settings.has_hub else "",
        origin=settings.public_origin or _origin(conn),
        title=conn.app.title,
        version=__version__,
        login_url=f"{settings.prefix}login?next={quote(_next(conn), safe='')}",
        has_sign_in=settings.has_sign_in,
        # With Entra ID alone nobody could open them: they are for people signed in by cookie.
        links=_links(conn) if settings.has_hub or not settings.has_sign_in else (),
        **values,
    )
    return HTMLResponse(
        body,
        status_code=status_code,
        headers={"Content-Security-Policy": policy, **(headers or {})},
    )


def _links(conn: HTTPConnection) -> Sequence[Link]:
    """Return the entries of the navigation that the reader of this page may open."""
    state = state_of(conn)
    links = [link for each in conn.scope["state"]["configured"] for link in each.application.navigation]
    identity = state.identity or state.policy.anonymous
    if identity is None:
        return [link for link in links if not link.scopes]
    is_admitted = state.is_admitted or not state.policy.vetoes
    if not (is_admitted and state.context.auth.covers(identity)):
        return ()
    # A page whose scope a new token would carry is open, too: it signs its reader in again.
    entitled = entitled_to(identity, conn)
    return [
        link
        for link in links
        if not link.scopes or identity.scope_set.covers_any(link.scopes) or entitled.intersection(link.scopes)
    ]


def _next(conn: HTTPConnection) -> str:
    """Return the page to open after signing in from this one: this one, unless it is about signing in or out."""
    return context_of(conn).settings.prefix if is_about_signing_in(conn) else link_to_here(conn)


def _origin(conn: HTTPConnection) -> str:
    """Return our origin as the browser sees it, for the examples on the start page."""
    scheme = "https" if is_secure(conn.scope, context_of(conn).settings) else "http"
    return f"{scheme}://{conn.headers.get('host', '')}"
