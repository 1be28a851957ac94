"""Signing in with a browser: authorize URL, state, PKCE, and where to go afterwards. Nothing here does I/O.

A sign-in in progress is kept in two sealed values, which must come back from the same browser. The `state` in the URL
contains the destination and the PKCE challenge; the state cookie contains the PKCE verifier. The service keeps nothing
in memory, so another worker can finish the sign-in. The cookie is cleared when it is used, and the Hub accepts each
code only once.
Sources: RFC 6749 section 4.1, RFC 7636 (PKCE), `jupyterhub/services/auth.py`.
"""

import hmac
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import unquote, unquote_plus, urlencode

from pydantic import SecretStr

from service.hub.sealing import Sealer
from service.pkce import pkce_challenge

# The same as for HubOAuth: enough time to type a password and find the second factor.
ATTEMPT_LIFETIME = timedelta(minutes=10)
_OURS = "hub."  # every state of ours begins like this; Swagger UI's own states never contain a dot
_MAX_NEXT = 2000  # characters; the state is part of URLs, and encoded twice on the Hub's login page
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
_ELSEWHERE = re.compile(r"[\x00-\x1f\x7f\\]|//|(?:^|/)\.\.?(?:/|$)")  # in a decoded path
_CODE_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


@dataclass(frozen=True, slots=True)
class Client:
    """The service as an OAuth client of the Hub. Its secret is the service's API token."""

    client_id: str
    redirect_uri: str
    authorize_url: str
    client_secret: SecretStr


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has just begun. Send the browser to `url`, and set the cookie `cookie_name` to `cookie_value`."""

    url: str
    cookie_name: str
    cookie_value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """A sign-in that came back with a state of ours. Its cookie is not checked yet.

    `approval`: what was approved, in a sign-in that was made for a shell (`service.auth.shell`).
    """

    next_url: str
    cookie_name: str
    challenge: str
    approval: str = ""


def is_code_verifier(text: str) -> bool:
    """Whether `text` has the form of a PKCE verifier (RFC 7636 section 4.1)."""
    return _CODE_VERIFIER.fullmatch(text) is not None


def begin(
    client: Client,
    *,
    sealer: Sealer,
    next_url: str,
    cookie_base: str,
    cookies_present: Sequence[str] = (),
    scopes: Sequence[str] = (),
    approval: str = "",
) -> Attempt:
    """Begin a sign-in that returns to `next_url`, which `safe_next` must have checked.

    `cookies_present`: the names of the cookies that the browser sent, so that a second tab gets a cookie of its own.
    Without `scopes` the Hub grants all scopes that the client may have. `approval` comes back with the state.
    """
    verifier = secrets.token_urlsafe(32)
    challenge = pkce_challenge(verifier)
    taken = cookie_base in cookies_present
    cookie_name = f"{cookie_base}-{secrets.token_hex(4)}" if taken else cookie_base
    content = json.dumps([next_url, cookie_name, challenge, *([approval] if approval else [])], separators=(",", ":"))
    query = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "response_type": "code",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": _OURS + sealer.seal(content, lifetime=ATTEMPT_LIFETIME),
    }
    if scopes:
        query["scope"] = " ".join(scopes)
    return Attempt(
        url=f"{client.authorize_url}?{urlencode(query)}",
        cookie_name=cookie_name,
        cookie_value=sealer.seal(verifier, lifetime=ATTEMPT_LIFETIME),
    )


def is_ours(state: str) -> bool:
    """Whether a state has the form of those that `begin` makes. All others belong to Swagger UI."""
    return state.startswith(_OURS)


def read_state(state: str, *, sealer: Sealer) -> Returned | None:
    """Open a state of ours. Returns None if it is forged, has expired, or was made with an earlier API token."""
    content = sealer.open(state.removeprefix(_OURS))
    try:
        return Returned(*json.loads(content)) if content else None
    except (ValueError, TypeError):  # we have sealed it, but it is the verifier from the cookie
        return None


def verifier_for(returned: Returned, *, cookies: Iterable[tuple[str, str]], sealer: Sealer) -> str | None:
    """Return the PKCE verifier that belongs to this state, from the cookie of the attempt; None if there is none.

    `cookies` are pairs of name and value. An attacker may have set others with the same name, but only one fits.
    """
    found = (sealer.open(value) for name, value in cookies if name == returned.cookie_name)
    fits = (each for each in found if each and hmac.compare_digest(pkce_challenge(each), returned.challenge))
    return next(fits, None)


def safe_next(address: str | None, *, prefix: str) -> str:
    """Return `address` if it is a path below `prefix` on our own origin, otherwise `prefix`.

    `address` is a path with an optional query, percent-encoded as a browser sends it. Tokens in the query are removed.
    """
    if not address or len(address) > _MAX_NEXT or _FORBIDDEN.search(address) or not address.isascii():
        return prefix
    path, _, query = address.partition("#")[0].partition("?")
    # Browsers resolve dot segments, percent-encoded ones too, before they send a request: /services/x/../../user/eve/
    if not path.startswith(prefix) or _ELSEWHERE.search(unquote(path)):
        return prefix
    query = without_token(query)
    return path + (f"?{query}" if query else "")


def without_token(query: str) -> str:
    """Return a query string without its `token` parameters. All others stay as they are."""
    pairs = query.split("&")
    return "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]) != "token")
