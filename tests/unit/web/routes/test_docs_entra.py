"""Swagger UI and the OpenAPI document for tokens of Entra ID, with and without a Hub."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

pytest.importorskip("fastapi_azure_auth", reason="no fastapi-azure-auth installed: pip install '.[entra]'")

from service.settings import Settings
from service.testing import Service, make_settings, open_service

TENANT, CLIENT, SWAGGER = (f"{digit * 8}-bbbb-4bbb-8bbb-{digit * 12}" for digit in "123")
ENTRA: dict[str, Any] = {
    "entra_tenant_id": TENANT,
    "entra_client_id": CLIENT,
    "entra_authority": "https://login.example.org",
    "public_host": "https://hub.example.org",
}


@pytest.fixture
async def both() -> AsyncIterator[Service]:
    """A service with a Hub, and with a client for Swagger UI at Entra ID."""
    async with open_service(settings=make_settings(**ENTRA, entra_openapi_client_id=SWAGGER)) as service:
        yield service


async def test_the_page_signs_in_at_entra(both: Service) -> None:
    """The page has its own client, an absolute redirect URI and the scope. Its policy allows requests to Entra ID."""
    page = await both.anonymous().get("docs/entra")
    for told in (SWAGGER, "https://hub.example.org/services/fastapi/docs/entra/callback", f"api://{CLIENT}/user_imp"):
        assert told in page.text
    assert "connect-src 'self' https://login.example.org;" in page.headers["Content-Security-Policy"]
    callback = await both.anonymous().get("docs/entra/callback")
    assert callback.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"


async def test_its_document_knows_entras_ways_to_sign_in_alone(both: Service) -> None:
    """Its document has the ways to sign in at Entra ID, and the other document those at the Hub."""
    entra = (await both.anonymous().get("docs/entra/openapi.json")).json()
    hub = (await both.anonymous().get("openapi.json")).json()
    flow = entra["components"]["securitySchemes"]["EntraID"]["flows"]["authorizationCode"]
    assert flow["authorizationUrl"] == f"https://login.example.org/{TENANT}/oauth2/v2.0/authorize"
    assert flow["tokenUrl"] == f"https://login.example.org/{TENANT}/oauth2/v2.0/token"
    assert entra["paths"]["/me"]["get"]["security"] == [
        {"EntraToken": []},
        {"EntraID": [f"api://{CLIENT}/user_impersonation"]},
    ]
    assert list(hub["components"]["securitySchemes"]) == ["JupyterHub", "HubToken"]
    assert {name: [*path] for name, path in entra["paths"].items()} == {n: [*p] for n, p in hub["paths"].items()}


@pytest.mark.parametrize("where", ["docs/entra", "docs/entra/openapi.json", "docs/entra/callback"])
async def test_without_a_client_there_is_none(where: str) -> None:
    """Without a client, or without Entra ID, these pages do not exist."""
    for told in (ENTRA, {}):
        async with open_service(settings=make_settings(**told)) as service:
            assert (await service.anonymous().get(where)).status_code == 404


@pytest.mark.parametrize("client", [SWAGGER, ""])
async def test_without_a_hub_it_is_the_page_at_docs(client: str) -> None:
    """Without a Hub, `/docs` is the page for Entra ID. Without a client it takes tokens."""
    settings = Settings(**ENTRA, entra_openapi_client_id=client)
    async with open_service(settings=settings) as service:
        page = await service.anonymous().get("docs")
        document = (await service.anonymous().get("openapi.json")).json()
    assert ("docs/entra/openapi.json" in page.text) is bool(client)
    assert list(document["components"]["securitySchemes"]) == ["EntraToken", *(["EntraID"] if client else [])]
    assert "JupyterHub" not in str(document["paths"])
    assert "/token" not in document["paths"]
