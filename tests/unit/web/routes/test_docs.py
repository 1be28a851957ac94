"""The OpenAPI document and Swagger UI."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from service.auth.guard import CurrentUser, require
from service.hub.models import Identity
from tests.support.node import REPOSITORY
from tests.unit.conftest import PREFIX, Serve, Service

router = APIRouter(prefix="/things", tags=["things"], dependencies=[require("custom:things:read")])


class ValidationError(BaseModel):
    """A model with a name that FastAPI uses, too."""

    fine: bool


@router.get("/{number}")
async def read(number: int, user: CurrentUser) -> str:
    """Require the scope of the router."""
    return f"{user.name} {number}"


@router.post("/{number}", dependencies=[require("custom:things:write")])
async def write(number: int, body: ValidationError) -> ValidationError:
    """Require the scope of the router and another one."""
    assert number
    return body


@router.delete("/{number}", responses={403: {"description": "Not yours"}})
async def delete(
    number: int, user: Annotated[Identity, require("custom:things:admin", "custom:things:write", mode="any")]
) -> str:
    """Require one of several scopes, and declare its own 403."""
    return f"{user.name} {number}"


SERVICE: Mapping[str, Any] = {"app": {"routers": [router]}}


@pytest.fixture(scope="module")
async def document(service: Service) -> dict[str, Any]:
    """Return the OpenAPI document."""
    return dict((await service.api().get("openapi.json")).json())


def references(node: object) -> Iterator[str]:
    """Yield all references in a document."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref")
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


async def test_references(document: dict[str, Any]) -> None:
    """Every reference in the document leads somewhere, and every component is used."""
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        if kind != "securitySchemes"
        for name in named
    }

    assert set(references(document)) == components


async def test_form(document: dict[str, Any]) -> None:
    """Names, operations and responses follow OpenAPI 3.1 (sections 4.8.7, 4.8.10)."""
    operations = [each for path in document["paths"].values() for each in path.values()]
    names = [name for named in document["components"].values() for name in named]
    schemes = set(document["components"]["securitySchemes"])

    assert document["openapi"].startswith("3.1.")
    assert [name for name in names if not re.fullmatch(r"[a-zA-Z0-9._-]+", name)] == []
    assert len({each["operationId"] for each in operations}) == len(operations)
    for operation in operations:
        assert all("description" in each or "$ref" in each for each in operation["responses"].values())
        assert {name for entry in operation.get("security", ()) for name in entry} <= schemes
    for path, methods in document["paths"].items():
        declared = [
            {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
            for operation in methods.values()
        ]
        assert all(names == set(re.findall(r"{(\w+)}", path)) for names in declared)


async def test_our_own_routes(document: dict[str, Any]) -> None:
    """The document lists the routes for API clients, and not those for browsers."""
    assert {(path, method) for path, operations in document["paths"].items() for method in operations} == {
        ("/", "get"),
        ("/me", "get"),
        ("/debug", "get"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/token", "post"),
        ("/logout", "post"),
        ("/things/{number}", "get"),
        ("/things/{number}", "post"),
        ("/things/{number}", "delete"),
    }


@pytest.mark.parametrize(
    ("path", "method", "scopes"),
    [
        ("/", "get", None),
        ("/health/live", "get", None),
        ("/token", "post", None),
        ("/me", "get", set()),
        ("/debug", "get", set()),
        ("/things/{number}", "get", {"custom:things:read"}),
        ("/things/{number}", "post", {"custom:things:read", "custom:things:write"}),
        ("/things/{number}", "delete", {"custom:things:read", "custom:things:admin", "custom:things:write"}),
    ],
)
async def test_what_a_route_asks(document: dict[str, Any], path: str, method: str, scopes: set[str] | None) -> None:
    """The document shows the scopes of `require`, with both ways to sign in."""
    operation = document["paths"][path][method]
    if scopes is None:
        assert "security" not in operation
        return
    oauth, token = operation["security"]

    assert (set(oauth["JupyterHub"]), token) == (scopes, {"HubToken": []})
    assert {"401", "403", "503"} <= set(operation["responses"])
    assert scopes <= set(flow(document)["scopes"])


def flow(document: dict[str, Any]) -> dict[str, Any]:
    """Return the OAuth flow."""
    return dict(document["components"]["securitySchemes"]["JupyterHub"]["flows"]["authorizationCode"])


async def test_errors_are_described_as_they_are(document: dict[str, Any]) -> None:
    """Refusals and invalid requests are described as problems. A route's own description of a status is kept."""
    things = document["paths"]["/things/{number}"]
    responses = document["components"]["responses"]

    assert things["post"]["responses"]["422"] == {"$ref": "#/components/responses/422"}
    assert things["delete"]["responses"]["403"] == {"description": "Not yours"}
    for status in ("401", "403", "422", "503"):
        (content,) = responses[status]["content"].items()
        assert content == ("application/problem+json", {"schema": {"$ref": "#/components/schemas/Problem"}})


async def test_a_problem_is_what_the_document_says(service: Service, document: dict[str, Any]) -> None:
    """A refusal has the fields in the document, and no others."""
    described = document["components"]["schemas"]["Problem"]
    problem = (await service.api(service.hub.issue("testuser")).get("things/1")).json()

    assert set(described["required"]) <= set(problem) <= set(described["properties"])


@pytest.mark.parametrize(
    ("settings", "server", "authorize", "token"),
    [
        ({}, "/services/fastapi", "/hub/api/oauth2/authorize", f"{PREFIX}token"),
        (
            {"service_prefix": "/@/space%20word/services/x/", "base_url": "/@/space%20word/"},
            "/@/space%20word/services/x",
            "/@/space%20word/hub/api/oauth2/authorize",
            "/@/space%20word/services/x/token",
        ),
        ({"service_prefix": "/"}, "/", "/hub/api/oauth2/authorize", "/token"),
        (
            {"public_host": "https://hub.example.org"},
            "/services/fastapi",
            "https://hub.example.org/hub/api/oauth2/authorize",
            f"https://hub.example.org{PREFIX}token",
        ),
    ],
    ids=["plain", "encoded prefix", "root", "PUBLIC_HOST"],
)
async def test_addresses(serve: Serve, settings: dict[str, Any], server: str, authorize: str, token: str) -> None:
    """URLs in the document are as browsers need them, percent-encoded if the prefix is."""
    service = await serve(**settings)
    found = (await service.api().get("openapi.json")).json()

    assert found["servers"] == [{"url": server}]
    assert (flow(found)["authorizationUrl"], flow(found)["tokenUrl"]) == (authorize, token)


async def test_it_is_made_once(service: Service, document: dict[str, Any]) -> None:
    """The document is made once, and is always the same."""
    assert (await service.api().get("openapi.json")).json() == document


@pytest.mark.parametrize("public_host", ["", "https://hub.example.org"])
async def test_swagger_ui(serve: Serve, public_host: str) -> None:
    """The page contains the redirect URI literally as the Hub has it, and the client id, but no secret."""
    service = await serve(public_host=public_host)
    page = await service.browser().visit("docs")
    (config,) = re.findall(r'data-config="([^"]*)"', page.text)

    assert json.loads(unescape(config)) == {
        "url": f"{PREFIX}openapi.json",
        "oauth2RedirectUrl": f"{public_host}{PREFIX}oauth_callback",
        "clientId": "service-fastapi",
    }


async def test_everything_comes_from_us(service: Service) -> None:
    """Swagger UI loads nothing from other origins and runs no inline script. Its policy forbids both."""
    page = await service.browser().visit("docs")
    assets = re.findall(r'(?:src|<link [^>]*href)="([^"]*)"', page.text)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))

    assert len(assets) >= 4
    assert {await status_of(service, page.url.join(asset)) for asset in assets} == {200}
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert re.findall(r"<script(?![^>]*src=)|\son\w+=", page.text) == []


async def status_of(service: Service, address: httpx.URL) -> int:
    """Return the status of a URL of ours. A URL of another host fails."""
    assert address.host == httpx.URL(service.home).host
    return (await service.api().get(address)).status_code


VISIT = """
import asyncio
from service.testing import open_service

async def main():
    async with open_service() as service:
        print((await service.anonymous().browser().visit("docs")).text)

asyncio.run(main())
"""


def test_a_checkout_without_the_files_of_swagger_ui(tmp_path: Path) -> None:
    """In a fresh clone, where nothing has fetched them, the page says how to get them."""
    shutil.copytree(REPOSITORY / "service", tmp_path / "service", ignore=shutil.ignore_patterns("swagger-ui"))
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-P", "-c", VISIT], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )

    assert "The files of Swagger UI are not installed." in ended.stdout
    assert "<code>python hatch_build.py</code>" in ended.stdout
    assert "static/swagger-ui/" not in ended.stdout


@pytest.mark.parametrize("where", ["docs", "openapi.json"])
async def test_behind_the_sign_in(serve: Serve, where: str) -> None:
    """If the operator wants it, only callers with access see which routes there are."""
    service = await serve(docs_sign_in=True)
    stranger = service.hub.issue("testuser", scopes=[])
    browser = await service.signed_in()

    assert (await service.api().get(where)).status_code == 401
    assert (await service.api(stranger).get(where)).status_code == 403
    assert (await service.api(service.hub.issue("testuser")).get(where)).status_code == 200
    assert (await service.browser().visit(where, follow=False)).status_code == 302
    assert (await browser.visit(where)).status_code == 200


async def test_swagger_ui_reads_the_document_by_cookie(serve: Serve) -> None:
    """Its page has the XSRF token, which it sends along."""
    service = await serve(docs_sign_in=True)
    browser = await service.signed_in()
    page = await browser.visit("docs")
    xsrf = re.search('name="xsrf-token" content="([^"]+)"', page.text)

    assert xsrf is not None
    assert (await browser.fetch("GET", "openapi.json")).status_code == 403
    assert (await browser.fetch("GET", "openapi.json", headers={"X-XSRFToken": xsrf[1]})).status_code == 200
