"""Our cookies: their names, flags and lifetimes. The names are HubOAuth's (`jupyterhub/services/auth.py`)."""

import re
from collections.abc import Iterable
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie
from itertools import accumulate, islice
from typing import Any

from starlette.responses import Response
from starlette.types import Scope

from service.hub.oauth import ATTEMPT_LIFETIME
from service.hub.shell_codes import REQUEST_LIFETIME
from service.settings import Settings

SESSION_ID_COOKIE = "jupyterhub-session-id"  # the Hub's own
XSRF_COOKIE = "_xsrf"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_NOT_IN_PATHS = re.compile(r"[#;?\\^|]")  # they end a path, of a cookie or a URL, or not all browsers write them alike
_PATH = re.compile(r"/[A-Za-z0-9!$%&'()*+./:=@_~-]*")  # no character that could end an attribute of a cookie
_NAME = re.compile(r"(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*")  # a host name, but not an IP address
# At most so many paths and domains are cleared, which takes about 6 kB of headers, and never more than 8 kB, as with
# long names. Proxies accept 16 kB.
_MAX_PATHS = 12
_MAX_DOMAINS = 4
_MAX_CLEARED = 8 * 1024  # bytes
# Options of JUPYTERHUB_COOKIE_OPTIONS that an operator may decide; path, lifetime and HttpOnly are ours.
_OPTIONS = {"domain", "secure", "samesite"}  # and `partitioned`


def problem_with_names(settings: Settings) -> str:
    """Say why nobody could sign in under the names that the Hub has for us; an empty string if people can."""
    if not _TOKEN.fullmatch(settings.client_id):
        return (
            "JUPYTERHUB_CLIENT_ID: it names our cookies, so it must be of ASCII letters, digits and . _ -: give the"
            " service a name or an oauth_client_id of these at the Hub"
        )
    if not settings.redirect_uri.isascii() or _NOT_IN_PATHS.search(settings.registered_prefix):
        return (
            "JUPYTERHUB_SERVICE_PREFIX: the Hub cannot send people back to it, or they would come back without our"
            " cookies: give the service a name of ASCII characters at the Hub, without # ; ? \\ ^ |"
        )
    return ""


def auth_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie with the sealed Hub token."""
    return f"__Host-{settings.client_id}" if settings.cookie_host_prefix else settings.client_id


def state_cookie_base(settings: Settings) -> str:
    """Return the name, or the beginning of the names, of the cookies with unfinished sign-ins."""
    return f"{auth_cookie_name(settings)}-oauth-state"


def come_without_the_hubs(settings: Settings) -> bool:
    """Whether pages of other sites may frame ours with our cookies: the Hub's own are SameSite=Lax, and do not come."""
    return str(_options(settings).get("samesite", "")).lower() == "none"


def auth_cookie(settings: Settings, sealed: str, *, secure: bool, max_age: int | None) -> str:
    """Return the Set-Cookie value of a session. `max_age` is in seconds; None means until the browser closes."""
    return _set_cookie(settings, auth_cookie_name(settings), sealed, secure=secure, max_age=max_age)


def state_cookie(settings: Settings, name: str, sealed: str, *, secure: bool) -> str:
    """Return the Set-Cookie value of an unfinished sign-in. It lives as long as a sign-in may take."""
    return _set_cookie(settings, name, sealed, secure=secure, max_age=int(ATTEMPT_LIFETIME.total_seconds()))


def link_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that keeps the token of a link while its reader is asked whether to sign in."""
    return f"{auth_cookie_name(settings)}-link"


def link_cookie(settings: Settings, sealed: str, *, secure: bool, max_age: timedelta) -> str:
    """Return the Set-Cookie value with the token of a link."""
    max_seconds = int(max_age.total_seconds())
    return _set_cookie(settings, link_cookie_name(settings), sealed, secure=secure, max_age=max_seconds)


def shell_cookie_name(settings: Settings) -> str:
    """Return the name of the cookie that keeps what a command asks for, while its user signs in and decides."""
    return f"{auth_cookie_name(settings)}-shell"


def shell_cookie(settings: Settings, sealed: str, *, secure: bool) -> str:
    """Return the Set-Cookie value with what a command asks for."""
    max_age = int(REQUEST_LIFETIME.total_seconds())
    return _set_cookie(settings, shell_cookie_name(settings), sealed, secure=secure, max_age=max_age)


def xsrf_cookie(settings: Settings, token: str, *, secure: bool) -> str:
    """Return the Set-Cookie value with the XSRF token, for clients that keep cookies but run no pages.

    JupyterHub's tests are such clients. Scripts cannot read the cookie, unlike that of HubOAuth: on an origin that all
    users share, scripts of another user's notebook could read it, too. Our own pages contain the token instead.
    """
    return _set_cookie(settings, XSRF_COOKIE, token, secure=secure, max_age=None)


def cleared(settings: Settings, names: Iterable[str]) -> list[str]:
    """Return Set-Cookie values that remove cookies of ours."""
    return [_set_cookie(settings, name, "", secure=False, max_age=0) for name in names]


def cleared_wherever(settings: Settings, name: str, *, path: str, host: str) -> list[str]:
    """Return Set-Cookie values that remove a cookie of ours, for every path and domain that it may have been set for.

    `path` is the request's, as it was sent, and `host` its Host header. A partitioned cookie that is not ours, or one
    that is set again at once, stays.
    """
    ends = (end for end in range(1, len(path) + 1) if "/" in {path[end - 1], path[end : end + 1] or "/"})
    paths = [path[:end] for end in islice(ends, _MAX_PATHS) if _PATH.fullmatch(path[:end])]
    places = [(at, domain) for domain in ("", *_domains(host)[: _MAX_DOMAINS - 1]) for at in paths]
    texts = [_set_cookie(settings, name, "", secure=False, max_age=0, place=place) for place in places]
    sizes = accumulate(len(text) + len("Set-Cookie: \r\n") for text in texts)
    short = [text for text, size in zip(texts, sizes, strict=True) if size <= _MAX_CLEARED]
    return list(dict.fromkeys([*short, *cleared(settings, [name])]))  # a `__Host-` cookie has one place


def _domains(host: str) -> list[str]:
    """Return the domains of cookies that `host` receives: its own, and its parents without the top level."""
    name = host.lower().partition(":")[0]
    labels = name.split(".") if _NAME.fullmatch(name) else []
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def state_cookies_among(settings: Settings, names: Iterable[str]) -> list[str]:
    """Return those of `names` that are cookies of unfinished sign-ins, as `service.hub.oauth.begin` names them.

    All others are left out. The names are written into Set-Cookie headers, and another page may have set a cookie with
    a name that cannot be written.
    """
    ours = re.compile(re.escape(state_cookie_base(settings)) + "(?:-[0-9a-f]{8})?")
    return [name for name in names if ours.fullmatch(name)]


def is_secure(scope: Scope, settings: Settings) -> bool:
    """Whether the browser uses https. A client that lies about it spoils only its own cookie."""
    if settings.public_origin:
        return settings.public_origin.startswith("https:")
    for name, value in scope["headers"]:
        if name == b"x-forwarded-proto":
            # Each proxy appends its own value; the first proxy saw the browser.
            return bool(value.split(b",")[0].strip() == b"https")
    return scope.get("scheme") in {"https", "wss"}


def add_cookies(response: Response, cookies: Iterable[str]) -> None:
    """Add Set-Cookie values to an answer."""
    for cookie in cookies:
        response.headers.append("set-cookie", cookie)


def _options(settings: Settings) -> dict[str, Any]:
    """Return what the operator has set, by names in small letters."""
    return {option.lower(): value for option, value in settings.cookie_options.items() if value is not None}


def _set_cookie(
    settings: Settings,
    name: str,
    value: str,
    *,
    secure: bool,
    max_age: int | None,
    place: tuple[str, str] | None = None,
) -> str:
    """Return a Set-Cookie value; `place` is another path and domain than ours, outside of any partition."""
    host_prefixed = name.startswith("__Host-")
    options = _options(settings)
    partitioned = bool(options.get("partitioned")) and place is None
    morsel: Morsel[str] = SimpleCookie({name: value})[name]
    morsel["path"] = settings.prefix
    morsel["samesite"] = "Lax"
    morsel["httponly"] = True
    morsel["secure"] = secure
    if max_age is not None:
        morsel["max-age"] = str(max_age)
    morsel.update({option: setting for option, setting in options.items() if option in _OPTIONS})
    if place is not None:
        morsel["path"], morsel["domain"] = place
    # Otherwise browsers ignore the whole Set-Cookie.
    if partitioned or str(morsel["samesite"]).lower() == "none":
        morsel["secure"] = True
    if host_prefixed:  # otherwise the browser drops it (RFC 6265bis section 4.1.3.2)
        morsel["path"], morsel["domain"] = "/", ""
        morsel["secure"] = True
    text = morsel.OutputString()
    return f"{text}; Partitioned" if partitioned else text  # a Morsel knows it only from Python 3.14 on
