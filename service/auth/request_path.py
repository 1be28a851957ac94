"""The path of a request: as it was sent, and in an address on this host."""

from starlette.types import Scope

from service.addresses import encoded_path
from service.hub.oauth import without_token


def raw_path(scope: Scope) -> str:
    """Return the path as it was sent. Not every server tells it; then it is encoded as browsers do."""
    sent: bytes | None = scope.get("raw_path")
    return sent.decode("latin-1") if sent else encoded_path(scope["path"].replace("%", "%25"))


def other_spelling(path: str) -> str:
    """Return a path without the slashes at its end, or with one if it has none."""
    return path.rstrip("/") if path.endswith("/") else f"{path}/"


def on_this_host(path: str, query: str) -> str:
    """Return an address for a redirect: of the host that was asked, and without a token in the query."""
    query = without_token(query)
    # One slash at the beginning: with two the browser would take what follows for another host.
    return "/" + path.lstrip("/\\") + (f"?{query}" if query else "")
