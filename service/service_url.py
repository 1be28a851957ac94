"""Where a service is: the environment variable that tells notebooks, and whether an address is of this machine.

`register()` sets the variable, `service.client` reads it.
"""

from ipaddress import IPv6Address, ip_address


def variable_for(service: str) -> str:
    """Return the variable for the service with this name at the Hub, such as `SERVICE_FASTAPI_URL`."""
    return f"SERVICE_{''.join(letter if letter.isalnum() else '_' for letter in service).upper()}_URL"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host: `localhost`, or an address of the loopback interface."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
