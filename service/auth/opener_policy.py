"""Cross-Origin-Opener-Policy: whether a page that has opened one of our addresses in a window may look into it.

Notebooks of all users share our origin, so the page may be another user's. `noopener-allow-popups` cuts it off,
whatever it says itself. A browser that does not know this value takes it for none, so it gets
`same-origin-allow-popups`, which cuts off all pages but those that send the same. With both, Swagger UI keeps hold of
the window that it opens at the Hub.
Source: https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies; versions by MDN's
browser-compat-data.
"""

import re

from starlette.types import Scope

_STRICT = b"noopener-allow-popups"
_USUAL = b"same-origin-allow-popups"

# What knows the strict value, and since which version. Edge and Opera name the Chrome that they are made of.
_SINCE = (
    (re.compile(rb"Chrome/(\d{1,4})\."), (131,)),
    (re.compile(rb"Version/(\d{1,4})\.(\d{1,4})\S* (?:Mobile/\S+ )?Safari/"), (18, 4)),
)


def opener_policy(scope: Scope) -> bytes:
    """Return the header's value for the browser that sends this request."""
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    for pattern, since in _SINCE:
        if (found := pattern.search(agent)) and tuple(map(int, found.groups())) >= since:
            return _STRICT
    return _USUAL
