"""The OpenAPI document and Swagger UI, from our own files, signed in through the Hub; and once more through Entra ID.

Swagger UI knows one client and one redirect URI, so that each way to sign in has a page of its own.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response

from service.auth.context import context_of
from service.auth.guard import SCHEME
from service.auth.identification import visitor
from service.auth.problems import Problem
from service.hub.models import Identity
from service.settings import Settings
from service.web import pages

TOKEN_SCHEME = "HubToken"  # noqa: S105 - a name; of letters, digits, and `.-_` alone (OpenAPI 3.1 section 4.8.7)
ENTRA_SCHEME = "EntraID"
ENTRA_TOKEN_SCHEME = "EntraToken"  # noqa: S105 - likewise
_PROBLEMS = {
    401: "No credential, or a bad one",
    403: "Known, but not allowed",
    429: "Too many unknown tokens from this address, or too much sent at once",
    503: "The Hub cannot be asked, or there is no room for the body",
}
_UNREADABLE = {400: "The body cannot be read", 408: "The body comes too slowly", 413: "The body is too large"}
_CROWDED = (429, 503)  # of `_PROBLEMS`: those that a body may end in, whoever sends it
_INVALID = {422: "The request does not have the expected form"}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def docs(request: Request, identity: Annotated[Identity | None, Depends(visitor)]) -> Response:
    """Swagger UI."""
    settings = context_of(request).settings
    if settings.has_hub:
        return pages.docs(request, identity)
    return pages.docs_for_entra(request, identity, scopes=_entra_scopes(settings))


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    settings = context_of(request).settings
    make = document if settings.has_hub else document_for_entra
    return JSONResponse(make(request.app, settings))


@router.get("/docs/entra")
async def entra_docs(request: Request, identity: Annotated[Identity | None, Depends(visitor)]) -> Response:
    """Swagger UI, signed in at Entra ID."""
    return pages.docs_for_entra(request, identity, scopes=_entra_scopes(_entra_settings(request)))


@router.get("/docs/entra/openapi.json")
async def entra_openapi(request: Request) -> Response:
    """The OpenAPI document for those with tokens of Entra ID."""
    return JSONResponse(document_for_entra(request.app, _entra_settings(request)))


@router.get("/docs/entra/callback")
async def entra_callback(request: Request) -> Response:
    """The redirect URI of Swagger UI's client at Entra ID."""
    _entra_settings(request)
    return pages.swagger_callback(request)


def _entra_settings(request: Request) -> Settings:
    settings = context_of(request).settings
    if not settings.entra_openapi_client_id:
        raise HTTPException(404)
    return settings


def _entra_scopes(settings: Settings) -> list[str]:
    return [f"api://{settings.entra_client_id}/{settings.entra_scope}"]


def document_for_entra(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document with Entra ID's ways to sign in: a token, and Swagger UI's client if it has one."""
    schema = deepcopy(document(app, settings))
    schemes: dict[str, dict[str, Any]] = {
        ENTRA_TOKEN_SCHEME: {"type": "http", "scheme": "bearer", "description": "An access token of Entra ID."}
    }
    if settings.entra_openapi_client_id:
        flow = {
            "authorizationUrl": f"{settings.entra_authority}/{settings.entra_tenant_id}/oauth2/v2.0/authorize",
            "tokenUrl": f"{settings.entra_authority}/{settings.entra_tenant_id}/oauth2/v2.0/token",
            "scopes": dict.fromkeys(_entra_scopes(settings), "Call this service in your name"),
        }
        flows = {"authorizationCode": flow}
        schemes[ENTRA_SCHEME] = {"type": "oauth2", "description": "Sign in at Entra ID.", "flows": flows}
    for operation in _guarded(schema):
        operation["security"] = [{name: _entra_scopes(settings) if name == ENTRA_SCHEME else []} for name in schemes]
    schema["components"]["securitySchemes"] = schemes
    return schema


def document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document, made once, with both ways of signing in and the problems they may end in."""
    if app.openapi_schema is None:
        schema = app.openapi()
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        _describe_invalid(schema)
        scopes: set[str] = set()
        for operation in _guarded(schema):
            (needed,) = (entry[SCHEME] for entry in operation["security"] if SCHEME in entry)
            scopes.update(needed)
            operation["security"] = [{SCHEME: needed}, {TOKEN_SCHEME: []}]
            _may_end_in(operation, _PROBLEMS)
        for operation in _operations(schema):
            if "requestBody" in operation:
                _may_end_in(operation, (*_UNREADABLE, *_CROWDED))
        components["responses"] = _referred_to(schema)
        components["securitySchemes"] = _schemes(settings, sorted(scopes))
    return app.openapi_schema or {}


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def _guarded(schema: dict[str, Any]) -> list[dict[str, Any]]:
    operations = _operations(schema)
    return [operation for operation in operations if any(SCHEME in entry for entry in operation.get("security", ()))]


def _describe_invalid(schema: dict[str, Any]) -> None:
    """Invalid requests are answered with a Problem, not with what FastAPI puts into the document."""
    for operation in _operations(schema):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            operation["responses"]["422"] = {"$ref": "#/components/responses/422"}
    for name in ("HTTPValidationError", "ValidationError"):
        if f"/{name}'" not in str(schema):  # or a router has a model of that name
            schema["components"]["schemas"].pop(name, None)


def _may_end_in(operation: dict[str, Any], statuses: Iterable[int]) -> None:
    """Add problems to those that the route itself declares."""
    for status in statuses:
        reference = {"$ref": f"#/components/responses/{status}"}
        operation.setdefault("responses", {}).setdefault(str(status), reference)


def _referred_to(schema: dict[str, Any]) -> dict[str, Any]:
    texts = {**_UNREADABLE, **_PROBLEMS, **_INVALID}
    return {str(status): _problem(text) for status, text in texts.items() if f"/responses/{status}'" in str(schema)}


def _schemes(settings: Settings, scopes: list[str]) -> dict[str, Any]:
    flow = {
        "authorizationUrl": f"{settings.hub_url}api/oauth2/authorize",
        "tokenUrl": f"{settings.public_host}{settings.prefix}token",
        "scopes": dict.fromkeys(scopes, ""),
    }
    return {
        SCHEME: {"type": "oauth2", "description": "Sign in through the Hub.", "flows": {"authorizationCode": flow}},
        TOKEN_SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A token from the Hub's token page, or a notebook's JUPYTERHUB_API_TOKEN.",
        },
    }


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}
