"""What a browser sees: server-rendered pages from our own templates and files, at home beside the Hub's."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.requests import HTTPConnection

from service import __version__
from service.auth.context import context_of
from service.auth.cookies import is_secure
from service.auth.identification import here, page_token
from service.auth.state import state_of
from service.hub.models import Identity
from service.hub.oauth import safe_next

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Swagger UI styles its elements inline.
_DOCS_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


class Assets(StaticFiles):
    """Our style sheet, scripts and Swagger UI, and what applications bring (`folders`).

    Nothing in them is secret, so browsers may keep them for an hour.
    """

    def __init__(self, folders: Iterable[Path | None] = ()) -> None:
        super().__init__(directory=Path(__file__).parent / "static")
        self.all_directories += [folder for folder in folders if folder is not None]

    def file_response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - passed on
        """As StaticFiles, with a lifetime."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=3600"
        return response


def home(conn: HTTPConnection, identity: Identity | None) -> Response:
    """The start page."""
    return render(conn, "home.html", identity=identity)


def oneself(conn: HTTPConnection, identity: Identity) -> Response:
    """Who the Hub says one is."""
    return render(conn, "me.html", identity=identity, facts=identity.public())


def sign_out(conn: HTTPConnection, identity: Identity | None, *, xsrf: str) -> Response:
    """The question before signing out; `identity` is None where the Hub cannot say who is signed in."""
    return render(conn, "logout.html", identity=identity, xsrf=xsrf)


def sign_in_as(conn: HTTPConnection, name: str, *, identity: Identity | None, sealed: str, next_url: str) -> Response:
    """The question before signing in as `name` by a link; `identity` is signed in now, if anybody is."""
    return render(
        conn,
        "sign_in_as.html",
        identity=identity,
        name=name,
        sealed=sealed,
        next_url=next_url,
        headers={"Cross-Origin-Opener-Policy": "same-origin"},
    )


def signed_out(conn: HTTPConnection) -> Response:
    """There is nobody to sign out."""
    return render(conn, "logout.html", identity=None)


def docs(conn: HTTPConnection, identity: Identity | None) -> Response:
    """Swagger UI."""
    context = context_of(conn)
    config = {
        "url": f"{context.settings.prefix}openapi.json",
        "oauth2RedirectUrl": context.oauth.redirect_uri,
        "clientId": context.oauth.client_id,
    }
    return render(conn, "docs.html", identity=identity, config=config, policy=_DOCS_POLICY)


def docs_for_entra(conn: HTTPConnection, identity: Identity | None, *, scopes: list[str]) -> Response:
    """Swagger UI, which signs in at Entra ID where it has a client there, and asks it for `scopes`."""
    settings = context_of(conn).settings
    is_client = bool(settings.entra_openapi_client_id)
    config = {
        "url": f"{settings.prefix}{'docs/entra/' if is_client else ''}openapi.json",
        "oauth2RedirectUrl": f"{settings.public_host}{settings.prefix}docs/entra/callback",
        "clientId": settings.entra_openapi_client_id,
        "scopes": scopes,
    }
    policy = _DOCS_POLICY.replace("connect-src 'self'", f"connect-src 'self' {settings.entra_authority}")
    return render(conn, "docs.html", identity=identity, config=config, policy=policy)


def swagger_callback(conn: HTTPConnection) -> Response:
    """Swagger UI's popup, back from the Hub: hands the code to the window that opened it."""
    # `service.web.middleware.gateway` would cut the window off from the page that opened it.
    return render(conn, "swagger_callback.html", identity=None, headers={"Cross-Origin-Opener-Policy": "unsafe-none"})


def error(
    conn: HTTPConnection,
    problem: Mapping[str, Any],
    *,
    headers: Mapping[str, str],
    sign_in: bool,
    renew: bool,
    retry: bool,
    form: Mapping[str, str],
) -> Response:
    """An error, with the way on: signing in, signing in anew, trying again, sending a form again."""
    return render(
        conn,
        "error.html",
        identity=state_of(conn).identity,
        problem=problem,
        sign_in=sign_in,
        renew=renew,
        again=_again(conn) if retry else None,
        form=form,
        status_code=problem["status"],
        headers=headers,
    )


def _here(conn: HTTPConnection) -> str:
    """The address of this page as a link back to it: without a token that came in it."""
    return safe_next(here(conn), prefix=context_of(conn).settings.prefix)


def _again(conn: HTTPConnection) -> str:
    """A link back to this page; empty, which means the same, where the address holds a code: no page tells one."""
    address, prefix = _here(conn), context_of(conn).settings.prefix
    return "" if address.startswith(f"{prefix}oauth_callback?") else address


def _next(conn: HTTPConnection) -> str:
    """Where to go after signing in from this page: back to it, unless it is about signing in or out itself."""
    address, prefix = _here(conn), context_of(conn).settings.prefix
    page = address.removeprefix(prefix).partition("?")[0]
    return prefix if page in {"login", "login/token", "logout", "oauth_callback"} else address


def _origin(conn: HTTPConnection) -> str:
    """Where the browser believes us to be, for examples to copy."""
    scheme = "https" if is_secure(conn.scope, context_of(conn).settings) else "http"
    return f"{scheme}://{conn.headers.get('host', '')}"


def environment(folders: Iterable[Path | None] = ()) -> jinja2.Environment:
    """Return what finds our templates, and those of applications in `folders`."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([Path(__file__).parent / "templates", *filter(None, folders)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(
    conn: HTTPConnection,
    template: str,
    *,
    policy: str = _POLICY,
    status_code: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,  # noqa: ANN401 - a template takes anything
) -> Response:
    """Return a page made from one of our templates; `values` are what the template asks for beyond what all have.

    With an `identity` it holds the XSRF token of the session, and a button that signs out.
    """
    settings = context_of(conn).settings
    values.setdefault("xsrf", page_token(conn) if values.get("identity") else "")
    if settings.hub_host:
        # Signing out leads on to the Hub, which lives on a host of its own.
        policy = policy.replace("form-action 'self'", f"form-action 'self' {settings.hub_host}")
    templates: jinja2.Environment = conn.scope["state"]["templates"]
    body = templates.get_template(template).render(
        prefix=settings.prefix,
        hub_url=settings.hub_url if settings.has_hub else "",
        origin=settings.public_origin or _origin(conn),
        title=conn.app.title,
        version=__version__,
        login_url=f"{settings.prefix}login?next={quote(_next(conn), safe='')}",
        # Their pages are for people signed in by cookie.
        links=[link for each in conn.scope["state"]["configured"] for link in each.application.navigation]
        if settings.has_hub
        else [],
        **values,
    )
    return HTMLResponse(
        body,
        status_code=status_code,
        headers={"Content-Security-Policy": policy, **(headers or {})},
    )
