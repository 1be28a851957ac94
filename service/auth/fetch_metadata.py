"""What a request is for: a page that somebody opens, a part of a page, or a script that reads the answer.

Browsers say it in headers that no script can set (https://www.w3.org/TR/fetch-metadata/). What Chromium sends was
measured; `tests/browser/test_service_workers.py` shows it.
"""

from enum import Enum, auto

from starlette.requests import HTTPConnection

from service.auth.state import find_state


class Purpose(Enum):
    """What becomes of the answer."""

    PAGE = auto()
    """A window shows it."""
    PART = auto()
    """A page of our origin embeds it, such as an image."""
    FRAME = auto()
    """A frame shows it. Where SERVICE_FRAME_ORIGINS names no origin, this counts as SCRIPT."""
    SCRIPT = auto()
    """A script may read it, or it goes into a file or an object."""
    UNKNOWN = auto()
    """The client is no browser, or an old one, or the page came by plain http."""


_NAVIGATIONS = {"": Purpose.PAGE, "document": Purpose.PAGE, "iframe": Purpose.FRAME}


def purpose_of(conn: HTTPConnection) -> Purpose:
    """Return what this request is for."""
    mode = site = dest = ""
    is_preload = False
    for name, value in conn.scope["headers"]:  # in one pass: this runs on every request
        if name == b"sec-fetch-mode":
            mode = value.decode("latin-1")
        elif name == b"sec-fetch-site":
            site = value.decode("latin-1")
        elif name == b"sec-fetch-dest":
            dest = value.decode("latin-1")
        elif name == b"service-worker-navigation-preload":
            is_preload = True
    return judge(mode=mode, site=site, dest=dest, is_preload=is_preload)


def judge(*, mode: str, site: str = "", dest: str = "", is_preload: bool = False) -> Purpose:
    """Decide by `Sec-Fetch-Mode`, `Sec-Fetch-Site` and `Sec-Fetch-Dest` (empty where absent).

    In a navigation, somebody opens a page only if the destination is a document. A service worker that fetches the
    page of a navigation sends "empty", and so does `<a download>`. Frames and `<object>` send their own names; only
    frames can show a page of ours, and only on pages of named origins. A preload for a service worker sends "document",
    but the worker reads the answer.
    `is_preload`: whether the request has the header Service-Worker-Navigation-Preload; the worker chooses its value.

    Images and the like on pages of our origin need no XSRF token, as in JupyterHub. A script's fetch() in mode no-cors
    needs one: its destination is "empty". JupyterHub does not tell the two apart.
    """
    if not mode:
        return Purpose.UNKNOWN
    if mode == "navigate":
        if is_preload:
            return Purpose.SCRIPT
        return _NAVIGATIONS.get(dest, Purpose.SCRIPT)
    is_part = mode == "no-cors" and site == "same-origin" and dest != "empty"
    return Purpose.PART if is_part else Purpose.SCRIPT


def may_be_page(conn: HTTPConnection) -> bool:
    """Whether the answer will be shown as a page, or the client does not say: only then may it hold an XSRF token."""
    return purpose_of(conn) in {Purpose.PAGE, Purpose.UNKNOWN}


def may_be_framed(conn: HTTPConnection) -> bool:
    """Whether pages of some origins may show ours in a frame."""
    state = find_state(conn.scope)
    return state is not None and bool(state.context.settings.frame_origins)


def is_browser(conn: HTTPConnection) -> bool:
    """Whether a page is wanted: somebody opens one, or a client that does not say so accepts text/html."""
    purpose = purpose_of(conn)
    if purpose is not Purpose.UNKNOWN:
        return purpose is Purpose.PAGE or (purpose is Purpose.FRAME and may_be_framed(conn))
    return any(name == b"accept" and b"text/html" in value for name, value in conn.scope["headers"])
