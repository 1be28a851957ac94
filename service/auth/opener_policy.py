"""Cross-Origin-Opener-Policy: keeps a page that opens one of our pages in a window from accessing that window.

The notebooks of all users have our origin, so such a page may be another user's. `noopener-allow-popups` cuts it off in
any case. A browser that does not know this value ignores it, so it gets `same-origin-allow-popups`, which cuts off all
pages except those that send the same. With both values, Swagger UI can access the popup that it opens at the Hub.
Source: https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies; versions by MDN's
browser-compat-data.
"""

import re
from functools import lru_cache

from starlette.types import Scope

_STRICT = b"noopener-allow-popups"
_USUAL = b"same-origin-allow-popups"

# The browsers that know the strict value, with their first version. Edge and Opera name the Chrome they are based on.
_SINCE = (
    (re.compile(rb"Chrome/(\d{1,4})\."), (131,)),
    (re.compile(rb"Version/(\d{1,4})\.(\d{1,4})\S* (?:Mobile/\S+ )?Safari/"), (18, 4)),
)


def opener_policy(scope: Scope) -> bytes:
    """Return the value of the header for the browser that sent this request."""
    for name, value in scope["headers"]:
        if name == b"user-agent":
            return _policy_for(value)
    return _USUAL


def cuts_off(scope: Scope) -> bool:
    """Whether no page can access a window of ours in the browser that sent this request, whatever it sends itself."""
    return opener_policy(scope) == _STRICT


@lru_cache(maxsize=256)  # a few browsers send nearly all requests
def _policy_for(agent: bytes) -> bytes:
    for pattern, since in _SINCE:
        if (match := pattern.search(agent)) and tuple(map(int, match.groups())) >= since:
            return _STRICT
    return _USUAL
