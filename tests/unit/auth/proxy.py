"""A proxy that asks a service in memory, as nginx does."""

from collections.abc import Mapping
from typing import Any

import httpx

from tests.unit.conftest import Service

ORIGIN = "https://data.example.org"
HUB = "https://hub.example.org"
SIBLING = "https://other.example.org"
COOKIE = "__Host-service-fastapi"
OPEN: Mapping[str, Any] = {
    "public_host": ORIGIN,
    "hub_host": HUB,
    "service_prefix": "/_hub/",
    "cookie_host_prefix": True,
    "forward_auth": True,
}
SCOPES = ("access:services!service=fastapi", "custom:data:read")


async def ask(
    service: Service,
    query: str = "",
    *,
    token: str = "",
    cookie: str = "",
    **options: Any,  # noqa: ANN401 (headers, more)
) -> httpx.Response:
    """Ask about a request as nginx does: a GET of /db/table?a=1 by default. `token` is sent in our cookie."""
    about = {"Host": "data.example.org", "X-Original-Method": "GET", "X-Original-URI": "/db/table?a=1"}
    cookies = [each for each in (f"{COOKIE}={service.sealed(token, session_id='')}" if token else "", cookie) if each]
    headers = {**about, **({"Cookie": "; ".join(cookies)} if cookies else {}), **options.pop("headers", {})}
    sent = [(name, value) for name, value in headers.items() if value is not None]
    async with service.api(headers={}) as http:
        return await http.get(f"auth{query}", headers=[*sent, *options.pop("more", [])])
