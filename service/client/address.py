"""Finds the service and the token: in a notebook from its environment, elsewhere from the caller, or from `login`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from service.client import kept
from service.client.errors import ClientError
from service.service_url import variable_for

_ONE_WORD = re.compile(r"[\x21-\x7e]+")  # what can stand in a header behind `Bearer`
_PLACE = re.compile(r"[\w.:\[\]-]+")  # host and port; browsers read a backslash as a slash, httpx does not


class AddressUnknownError(ClientError):
    """The address or the token is neither given nor in the environment, nor kept. The message says what to do."""


@dataclass(frozen=True)
class Address:
    """Where the service is, with a slash at the end, and the token to send there."""

    url: str
    token: str = field(repr=False)


def find(url: str | None, token: str | None, *, service: str, environment: Mapping[str, str]) -> Address:
    """Return the address of `service`, and the token for it.

    The token of the environment (`JUPYTERHUB_API_TOKEN`) is sent to no address but that of the environment, and to
    other services of the same Hub. An address from elsewhere could be a stranger's. So could one of the same origin, as
    the servers of all users may have it.

    Elsewhere than in a notebook, a sign-in that `python -P -m service login` has kept is taken. Its token is sent to
    the address alone at which it was given.

    Raises:
        KeptError: the file with the sign-ins cannot be used.
        AddressUnknownError: one of them is not to be found or cannot be used, or `url` is not one of HTTP.
    """
    own = _own_url(service, environment)
    found = with_slash(url) if url else own
    if token is None and own is None and (signed_in := kept.find(environment, found, service=service)) is not None:
        found, token = signed_in.url, "" if signed_in.is_over else signed_in.token
    if found is None:
        raise AddressUnknownError(
            f'Where is the service? Give its address, such as Client("https://hub.example.org/services/{service}/"),'
            f" or set {variable_for(service)}, or sign in: python -P -m service login"
        )
    if token is None and own is not None and found.startswith(_services_beside(own)):
        token = environment.get("JUPYTERHUB_API_TOKEN")
    token = (token or "").strip()  # a file that holds one mostly has a line end
    if not token:
        raise AddressUnknownError(
            f"No token for {found}. Give one: Client(..., token=...). The Hub's page /hub/token makes tokens. Or sign"
            f" in: python -P -m service login {found}"
        )
    if not is_token(token):  # httpx would quote it in its error
        raise AddressUnknownError("The token is none of the Hub: it must be one word of ASCII characters.")
    return Address(found, token)


def is_token(text: str) -> bool:
    """Whether a text can be a token: one word of ASCII characters, which does nothing to a header or a terminal."""
    return _ONE_WORD.fullmatch(text) is not None


def with_slash(url: str) -> str:
    """Return an address of HTTP with a slash at its end, without query and fragment.

    Raises:
        AddressUnknownError: it is none, or has a user name, which httpx would send in place of the token.
    """
    try:
        parts = urlsplit(url)
        is_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, is_place = urlsplit(""), False
    if "@" in parts.netloc:
        raise AddressUnknownError("An address must not hold a user name or a password: the token says who you are.")
    is_place = is_place and _PLACE.fullmatch(parts.netloc) is not None and parts.path.isprintable()
    if parts.scheme not in {"http", "https"} or not is_place or _leads_up(parts.path):
        raise AddressUnknownError(f"{url!r} is no address: it must begin with http:// or https://, and have no `..`.")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}/"


def route(url: str, path: str) -> str:
    """Return the address of a route of the service at `url`. `path` is relative to it, or an address below it.

    Raises:
        ValueError: it leads elsewhere, where the token must not go.
    """
    relative = path.removeprefix(url).lstrip("/")
    if urlsplit(relative).scheme or _leads_up(re.split("[?#]", relative)[0]):
        raise ValueError(f"{path!r} is no path below {url}.")
    return f"{url}{relative}"


def _leads_up(path: str) -> bool:
    return not {".", ".."}.isdisjoint(unquote(path).replace("\\", "/").split("/"))


def _own_url(service: str, environment: Mapping[str, str]) -> str | None:
    """Return what the environment of a notebook says about the service's address."""
    if given := environment.get(variable_for(service)):
        return with_slash(given)
    # Where the Hub's `public_url` is set, it tells notebooks the address of its own pages, such as https://hub/base/hub/.
    if hub := environment.get("JUPYTERHUB_PUBLIC_HUB_URL"):
        return f"{with_slash(hub).removesuffix('/').removesuffix('/hub')}/services/{service}/"
    return None


def _services_beside(own: str) -> str:
    """Return what the addresses of all services of this Hub begin with; `own` where it does not look like one."""
    folder, slash, name = own.removesuffix("/").rpartition("/services/")
    return f"{folder}{slash}" if slash and "/" not in name else own
