"""Whether the service has a host of its own, which the pages of users' notebooks do not share."""

from urllib.parse import urlsplit

from service.settings import Settings


def has_own_host(settings: Settings) -> bool:
    """Whether nobody shares our origin: we have a host, and it is not the Hub's.

    By its legacy `subdomain_hook` the Hub gives all services one host, `services.` before its own.
    """
    if not settings.public_origin or not settings.hub_host:
        return False
    ours, hubs = (_hostname(address) for address in (settings.public_origin, settings.hub_host))
    return ours not in {hubs, f"services.{hubs}"}


def _hostname(address: str) -> str:
    return (urlsplit(address).hostname or "").rstrip(".")
