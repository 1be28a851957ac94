"""The browser's way of signing in: authorize URL, state, PKCE, and where to go afterwards. Nothing here does I/O.

An attempt to sign in lives in two sealed values that must meet again in one browser: the `state` in the URL holds
where to go and the PKCE challenge, the state cookie holds the PKCE verifier. No memory is needed, so an attempt begun
at one worker ends at another; the cookie is cleared when it is used, and the Hub takes each code once.
Sources: RFC 6749 section 4.1, RFC 7636 (PKCE), `jupyterhub/services/auth.py`.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import unquote, unquote_plus, urlencode

from pydantic import SecretStr

from service.hub.sealing import Sealer, encode

# As long as HubOAuth's states live: time to type a password and find the second factor.
ATTEMPT_LIFETIME = timedelta(minutes=10)
_OURS = "hub."  # begins every state of ours; Swagger UI's own states never contain a dot
_MAX_NEXT = 2000  # characters; the state rides in URLs, doubly encoded on the Hub's login page
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
    """A sign-in just begun: send the browser to `url`, with the cookie `cookie_name` holding `cookie_value`."""

    url: str
    cookie_name: str
    cookie_value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """A sign-in that came back with our state, before its cookie is looked at."""

    next_url: str
    cookie_name: str
    challenge: str


def pkce_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return encode(hashlib.sha256(verifier.encode()).digest())


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
) -> Attempt:
    """Begin a sign-in that will return to `next_url` (checked by `safe_next` before).

    `cookies_present`: names of the cookies the browser sent, so that a second tab gets a cookie of its own.
    Without `scopes` the Hub grants all that the client may have.
    """
    verifier = secrets.token_urlsafe(32)
    challenge = pkce_challenge(verifier)
    taken = cookie_base in cookies_present
    cookie_name = f"{cookie_base}-{secrets.token_hex(4)}" if taken else cookie_base
    content = json.dumps([next_url, cookie_name, challenge], separators=(",", ":"))
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
    """Whether a state was made by `begin`, judged by its form; any other belongs to Swagger UI."""
    return state.startswith(_OURS)


def read_state(state: str, *, sealer: Sealer) -> Returned | None:
    """Open a state of ours; None if it is forged, too old, or from before our API token changed."""
    content = sealer.open(state.removeprefix(_OURS))
    try:
        return Returned(*json.loads(content)) if content else None
    except (ValueError, TypeError):  # sealed by us, but the verifier from the cookie
        return None


def verifier_for(returned: Returned, *, cookies: Iterable[tuple[str, str]], sealer: Sealer) -> str | None:
    """Return the PKCE verifier from the attempt's own cookie; None unless it is the one this state was made with.

    `cookies` are names and values. Of several by that name, some of them planted, one alone can fit the state.
    """
    found = (sealer.open(value) for name, value in cookies if name == returned.cookie_name)
    fits = (each for each in found if each and hmac.compare_digest(pkce_challenge(each), returned.challenge))
    return next(fits, None)


def safe_next(address: str | None, *, prefix: str) -> str:
    """Return `address` if it is a place below `prefix` on our own origin, else `prefix`.

    `address` is a path with an optional query, percent-encoded, as a browser sends it. A token in its query is dropped.
    """
    if not address or len(address) > _MAX_NEXT or _FORBIDDEN.search(address) or not address.isascii():
        return prefix
    path, _, query = address.partition("#")[0].partition("?")
    # Browsers resolve dot segments, also percent-encoded ones, before they ask: /services/x/../../user/eve/
    if not path.startswith(prefix) or _ELSEWHERE.search(unquote(path)):
        return prefix
    query = without_token(query)
    return path + (f"?{query}" if query else "")


def without_token(query: str) -> str:
    """Return a query string without its `token` parameters, all others untouched."""
    pairs = query.split("&")
    return "&".join(pair for pair in pairs if unquote_plus(pair.partition("=")[0]) != "token")
