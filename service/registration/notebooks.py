"""What notebook servers are told about the service: its address, for `service.client`."""

import importlib
from collections.abc import Callable
from urllib.parse import urlsplit

from service.addresses import is_loopback

_ANY_ADDRESS = {"", "0.0.0.0", "::", "*"}  # noqa: S104 (compared, not listened at)


def address_of(*, name: str, origin: str) -> Callable[[object], str]:
    """Return the value for `Spawner.environment`: a callable that the Hub calls with the spawner.

    `origin` is that of the service for browsers; empty if it is not known. Then it is that of the Hub's proxy. The Hub
    calls this when a notebook server starts, so its command line counts, too.

    A loopback address is told to servers that the Hub starts as processes beside it. On another machine somebody else
    could listen there, and would get the token of the notebook. `public_host` of `register()` is for these.
    """

    def address(spawner: object) -> str:
        """Return the address; an empty text if it is not known."""
        hub = importlib.import_module("jupyterhub.app").JupyterHub
        if not hub.initialized():
            return ""
        bound = urlsplit(hub.instance().bind_url)
        host = bound.hostname or ""
        base_url = hub.instance().base_url.rstrip("/")
        is_beside = isinstance(spawner, importlib.import_module("jupyterhub.spawner").LocalProcessSpawner)
        if not origin and not is_beside and (host in _ANY_ADDRESS or is_loopback(host)):
            return ""
        netloc = bound.netloc if host not in _ANY_ADDRESS else f"127.0.0.1:{bound.port or ''}".rstrip(":")
        return f"{origin or f'{bound.scheme}://{netloc}'}{base_url}/services/{name}/"

    return address
