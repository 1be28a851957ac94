"""The pages that signing in and out needs: what an application may bring of its own, and the plain ones."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from fastapi.openapi.docs import get_swagger_ui_oauth2_redirect_html
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from service.auth.identification import is_about_signing_in, link_to_here
from service.auth.opener_policy import opener_policy
from service.auth.state import state_of
from service.hub.models import Identity
from service.hub.shell_codes import ShellRequest

if TYPE_CHECKING:
    from service.auth.problems import Problem


class SignInPages(Protocol):
    """The pages. `service.web.pages` has those of our own service, `PlainPages` those of all other applications."""

    def sign_in_as(
        self, conn: HTTPConnection, name: str, *, identity: Identity | None, sealed: str, next_url: str
    ) -> Response:
        """Return the question before signing in as `name` by a link: a form that posts `sealed` as `link`."""

    def sign_in_shell(
        self,
        conn: HTTPConnection,
        identity: Identity,
        *,
        wanted: ShellRequest,
        scopes: Sequence[str],
        sealed: str,
        xsrf: str,
    ) -> Response:
        """Return the question before signing in a command at a shell: a form that posts `_xsrf`, and `request`.

        `request` is `sealed`. The page says who `identity` is, what is `wanted` with which `scopes`, and warns of links
        from others.
        """

    def shell_code(self, conn: HTTPConnection, name: str, *, machine: str, code: str) -> Response:
        """Return the page with the `code` that the user `name` pastes into the command on `machine`."""

    def sign_out(self, conn: HTTPConnection, identity: Identity | None, *, xsrf: str) -> Response:
        """Return the question before signing out: a form that posts `_xsrf` to `logout`.

        `identity` is None where the Hub cannot say who is signed in.
        """

    def signed_out(self, conn: HTTPConnection) -> Response:
        """Return a page that says that nobody is signed in."""

    def swagger_callback(self, conn: HTTPConnection) -> Response:
        """Return what Swagger UI's window shows when it comes back from the Hub."""


def pages_of(conn: HTTPConnection) -> SignInPages:
    """The application's pages."""
    return state_of(conn).policy.pages


class PlainPages:
    """Pages without a template, a style sheet or a script of their own, for applications that bring none."""

    def sign_in_as(
        self, conn: HTTPConnection, name: str, *, identity: Identity | None, sealed: str, next_url: str
    ) -> Response:
        """Ask before signing in by a link."""
        state = state_of(conn)
        action = _address(conn, state.policy.paths.link)
        stay = f"Stay signed in as {escape(identity.name)}" if identity else "Go on without it"
        body = (
            f"<p>The link that you opened contains a token of <strong>{escape(name)}</strong>. If you sign in with it,"
            f" everything you do here is done as {escape(name)}. If somebody else sent you this link, do not sign in"
            f' with it.</p><form method="post" action="{action}"><input type="hidden" name="link"'
            f' value="{escape(sealed)}"><button>Sign in as {escape(name)}</button></form>'
            f'<p><a href="{escape(next_url)}">{stay}</a></p>'
        )
        return page(conn, f"Sign in as {name}?", body, headers={"Cross-Origin-Opener-Policy": "same-origin"})

    def sign_in_shell(
        self,
        conn: HTTPConnection,
        identity: Identity,
        *,
        wanted: ShellRequest,
        scopes: Sequence[str],
        sealed: str,
        xsrf: str,
    ) -> Response:
        """Ask before signing in a command at a shell."""
        action = _address(conn, state_of(conn).policy.paths.shell)
        rights = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in scopes)
        body = (
            "<p><strong>Have you just run this command yourself?</strong> If somebody sent you the link to this page,"
            " whoever it was, say no: they would get your rights here.</p><p>The command would act as"
            f" <strong>{escape(identity.name)}</strong> for {wanted.duration}, also after you have signed out here. It"
            f" says that it runs on <code>{escape(wanted.machine or 'an unnamed machine')}</code>, which nobody has"
            f' checked. Its rights:</p><ul>{rights}</ul><form method="post" action="{action}">'
            f'<input type="hidden" name="_xsrf" value="{escape(xsrf)}">'
            f'<input type="hidden" name="request" value="{escape(sealed)}"><button>Yes, show the code for it</button>'
            f'</form><p><a href="{_address(conn, "/")}">No</a></p>'
        )
        return page(conn, "Sign in a command at a shell?", body)

    def shell_code(self, conn: HTTPConnection, name: str, *, machine: str, code: str) -> Response:
        """Show the code for a command at a shell."""
        body = (
            f"<p>Paste it into the command that you have run on <code>{escape(machine or 'your machine')}</code>. It is"
            f" good once, for five minutes.</p><pre><code>{escape(code)}</code></pre><p><strong>Give it to nobody."
            f"</strong> Whoever sent you here and asks for it wants to act here as {escape(name)}.</p>"
        )
        return page(conn, "Paste this code", body)

    def sign_out(self, conn: HTTPConnection, identity: Identity | None, *, xsrf: str) -> Response:
        """Ask before signing out."""
        action = _address(conn, state_of(conn).policy.paths.logout)
        name = f" as <strong>{escape(identity.name)}</strong>" if identity else ""
        body = (
            f"<p>You are signed in{name}. Signing out ends your session here and at the Hub; your notebook servers keep"
            f' running.</p><form method="post" action="{action}"><input type="hidden" name="_xsrf"'
            f' value="{escape(xsrf)}"><button>Sign out</button></form>'
            f'<p><a href="{_address(conn, "/")}">Stay signed in</a></p>'
        )
        return page(conn, "Sign out", body)

    def signed_out(self, conn: HTTPConnection) -> Response:
        """Say that nobody is signed in."""
        return page(conn, "Sign out", f"<p>You are not signed in.</p><p>{_sign_in_link(conn)}</p>")

    def swagger_callback(self, conn: HTTPConnection) -> Response:
        """Hand the code to the window that Swagger UI is in. FastAPI's own page, with a policy for its script."""
        html = bytes(get_swagger_ui_oauth2_redirect_html().body).decode()
        [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
        policy = f"default-src 'none'; script-src {_hash_of(script)}; frame-ancestors 'none'; base-uri 'none'"
        headers = _headers(conn, policy=policy) | {"Cross-Origin-Opener-Policy": "unsafe-none"}
        return HTMLResponse(html, headers=headers)


def problem_page(conn: HTTPConnection, problem: "Problem", *, sign_in: bool, headers: Mapping[str, str]) -> Response:
    """Return an error as a page. `sign_in`: whether it offers to sign in."""
    link = f"<p>{_sign_in_link(conn, again=problem.status == 403)}</p>" if sign_in else ""  # noqa: PLR2004 - a status
    body = f"<p>{escape(problem.detail)}</p>{link}<p>{problem.status} {escape(problem.code)}</p>"
    return page(conn, problem.title, body, status=problem.status, headers=headers)


_STYLE = (
    ":root{color-scheme:light dark}body{background:canvas;color:canvastext;font:1rem/1.5 system-ui,sans-serif;"
    "max-width:40rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.4rem 1rem}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}"
)


def page(
    conn: HTTPConnection, heading: str, body: str, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """Return a page; `body` is HTML. It loads nothing, cannot be framed, and no other page may look into it."""
    hub_host = state_of(conn).context.settings.hub_host  # signing out redirects there
    policy = (
        f"default-src 'none'; style-src {_hash_of(_STYLE)}; form-action 'self' {hub_host}; frame-ancestors 'none';"
        " base-uri 'none'"
    )
    title = getattr(conn.scope.get("app"), "title", "")
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(f'{heading} · {title}' if title else heading)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(heading)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(html, status_code=status, headers={**_headers(conn, policy=policy), **(headers or {})})


def _headers(conn: HTTPConnection, *, policy: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": opener_policy(conn.scope).decode(),
        "Referrer-Policy": "strict-origin",  # with "no-referrer" the Origin header of our forms would be null
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _hash_of(text: str) -> str:
    """A source expression for inline text (CSP3 section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _address(conn: HTTPConnection, path: str) -> str:
    return escape(state_of(conn).context.settings.prefix + path.removeprefix("/"))


def _sign_in_link(conn: HTTPConnection, *, again: bool = False) -> str:
    address = _address(conn, state_of(conn).policy.paths.login)
    back = "" if is_about_signing_in(conn) else f"?next={quote(link_to_here(conn), safe='')}"
    query = f"{back}{'&' if back else '?'}again=true" if again else back
    return f'<a href="{address}{escape(query)}">Sign in with JupyterHub</a>'
