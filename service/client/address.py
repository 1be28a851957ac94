"""Finds the service and the token: in a notebook from its environment, elsewhere from what the caller gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from service.client.errors import ClientError
from service.service_url import variable_for


class AddressUnknownError(ClientError):
    """The address or the token is neither given nor in the environment. The message says what to do."""


@dataclass(frozen=True)
class Address:
    """Where the service is, with a slash at the end, and the token to send there."""

    url: str
    token: str = field(repr=False)


def find(url: str | None, token: str | None, *, service: str, environment: Mapping[str, str]) -> Address:
    """Return the address of `service`, and the token for it.

    The token of the environment (`JUPYTERHUB_API_TOKEN`) is sent to no address but that of the environment: an address
    from elsewhere could be a stranger's.

    Raises:
        AddressUnknownError: one of them is not to be found, or `url` is not one of HTTP.
    """
    own = _own_url(service, environment)
    found = with_slash(url) if url else own
    if found is None:
        raise AddressUnknownError(
            f'Where is the service? Give its address, such as Client("https://hub.example.org/services/{service}/"),'
            f" or set {variable_for(service)}."
        )
    if token is None and own is not None and _origin(found) == _origin(own):
        token = environment.get("JUPYTERHUB_API_TOKEN")
    if not token:
        raise AddressUnknownError(
            f"No token for {found}. Give one: Client(..., token=...). The Hub's page /hub/token makes tokens."
        )
    return Address(found, token)


def with_slash(url: str) -> str:
    """Return an address of HTTP with a slash at its end, without query and fragment.

    Raises:
        AddressUnknownError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AddressUnknownError(f"{url!r} is no address: it must begin with http:// or https://.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"


def _own_url(service: str, environment: Mapping[str, str]) -> str | None:
    """Return what the environment of a notebook says about the service's address."""
    if given := environment.get(variable_for(service)):
        return with_slash(given)
    # Where the Hub's `public_url` is set, it tells notebooks the address of its own pages, such as https://hub/base/hub/.
    if hub := environment.get("JUPYTERHUB_PUBLIC_HUB_URL"):
        return f"{with_slash(hub).removesuffix('/').removesuffix('/hub')}/services/{service}/"
    return None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
