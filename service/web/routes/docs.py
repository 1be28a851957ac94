"""The OpenAPI document and Swagger UI, once for signing in through the Hub and once for Entra ID.

Swagger UI takes one client and one redirect URI, so each way to sign in has a page of its own.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import HTTPConnection

from service.auth.context import context_of
from service.auth.guard import SCHEME, Guard
from service.auth.identification import caller_or_none
from service.auth.problems import Problem
from service.hub.models import Identity
from service.settings import Settings
from service.web import pages
from service.web.problem_examples import add_examples

TOKEN_SCHEME = "HubToken"  # noqa: S105 - a name; it may have letters, digits and `.-_` (OpenAPI 3.1 section 4.8.7)
ENTRA_SCHEME = "EntraID"
ENTRA_TOKEN_SCHEME = "EntraToken"  # noqa: S105 - likewise
_SWAGGER_UI = Path(pages.__file__).parent / "static" / "swagger-ui" / "swagger-ui-bundle.js"
# Swagger UI has inline styles.
_POLICY = pages.POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_PROBLEMS = {
    401: "The credential is missing or invalid",
    403: "The caller is not allowed to do this",
    429: "Too many unknown tokens from this address, or too many bodies at once",
    503: "The Hub cannot be reached, or there is no room for the body",
}
_PROBLEMS_WITHOUT_SIGN_IN = {403: "A page of another site asks", 421: "The service does not go by this host name"}
_BODY_PROBLEMS = {400: "The body cannot be read", 408: "The body comes too slowly", 413: "The body is too large"}
_ROOM_PROBLEMS = (429, 503)  # in `_PROBLEMS`; a route without a guard may answer these as well, if it takes a body
_INVALID = {422: "The request is invalid"}

Visitor = Annotated[Identity | None, Depends(caller_or_none)]

_ACCESS = Guard()


async def _reader(conn: HTTPConnection) -> None:
    """Let in who may use the service, where SERVICE_DOCS_SIGN_IN is on, and otherwise everybody."""
    if context_of(conn).settings.docs_sign_in:
        await _ACCESS(conn)


router = APIRouter(include_in_schema=False)
# The page that Entra ID sends Swagger UI's popup back to is not among these: it shows nothing.
_for_readers = [Depends(_reader)]


@router.get("/docs", dependencies=_for_readers)
async def docs(request: Request, identity: Visitor) -> Response:
    """Swagger UI."""
    context = context_of(request)
    settings = context.settings
    if _has_entra_alone(settings):
        return await _swagger_for_entra(request, identity, settings)
    config = {"url": f"{settings.prefix}openapi.json"}
    if settings.has_sign_in:
        config |= {"oauth2RedirectUrl": context.oauth.redirect_uri, "clientId": context.oauth.client_id}
    return await _page(request, identity, config, policy=_POLICY)


@router.get("/openapi.json", dependencies=_for_readers)
async def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    settings = context_of(request).settings
    make = document_for_entra if _has_entra_alone(settings) else document
    return JSONResponse(make(request.app, settings))


@router.get("/docs/entra", dependencies=_for_readers)
async def entra_docs(request: Request, identity: Visitor) -> Response:
    """Swagger UI, with Entra ID's way to sign in."""
    return await _swagger_for_entra(request, identity, _entra_settings(request))


@router.get("/docs/entra/openapi.json", dependencies=_for_readers)
async def entra_openapi(request: Request) -> Response:
    """The OpenAPI document, with Entra ID's ways to sign in."""
    return JSONResponse(document_for_entra(request.app, _entra_settings(request)))


@router.get("/docs/entra/callback")
async def entra_callback(request: Request) -> Response:
    """The redirect URI of Swagger UI's client at Entra ID."""
    _entra_settings(request)
    return pages.swagger_callback(request)


async def _swagger_for_entra(request: Request, identity: Identity | None, settings: Settings) -> Response:
    """Return Swagger UI. It signs in at Entra ID if ENTRA_OPENAPI_CLIENT_ID is set, and otherwise takes a token."""
    is_client = bool(settings.entra_openapi_client_id)
    config = {
        "url": f"{settings.prefix}{'docs/entra/' if is_client else ''}openapi.json",
        "oauth2RedirectUrl": f"{settings.public_host}{settings.prefix}docs/entra/callback",
        "clientId": settings.entra_openapi_client_id,
        "scopes": _entra_scopes(settings),
    }
    policy = _POLICY.replace("connect-src 'self'", f"connect-src 'self' {settings.entra_authority}")
    return await _page(request, identity, config, policy=policy)


async def _page(request: Request, identity: Identity | None, config: Mapping[str, object], *, policy: str) -> Response:
    """Return the page with Swagger UI. In a checkout its files may be missing: then the page says how to get them."""
    values = {"config": config, "is_complete": _SWAGGER_UI.is_file()}
    page = await pages.render_unguarded(request, "docs.html", identity=identity, policy=policy, **values)
    page.headers["X-Frame-Options"] = "DENY"  # whatever SERVICE_FRAME_ORIGINS says: see `service.web.framing`
    return page


def _has_entra_alone(settings: Settings) -> bool:
    return bool(settings.entra_tenant_id) and not settings.has_hub


def _entra_settings(request: Request) -> Settings:
    settings = context_of(request).settings
    if not settings.entra_openapi_client_id:
        raise HTTPException(404)
    return settings


def _entra_scopes(settings: Settings) -> list[str]:
    return [f"api://{settings.entra_client_id}/{settings.entra_scope}"]


def _selectable_scopes(settings: Settings) -> dict[str, str]:
    """Return what Swagger UI's form offers: ENTRA_SCOPE, and each name in ENTRA_GRANTS that grants something."""
    granting = {
        f"api://{settings.entra_client_id}/{name}": f"{', '.join(scopes)}. Only if it is a scope, not an app role"
        for name, scopes in settings.entra_grants.items()
        if scopes
    }
    return granting | dict.fromkeys(_entra_scopes(settings), "Call this service in your name")


def document_for_entra(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document with the ways to sign in at Entra ID: a token, or the client for Swagger UI."""
    schema = deepcopy(document(app, settings))
    schemes: dict[str, dict[str, Any]] = {
        ENTRA_TOKEN_SCHEME: {"type": "http", "scheme": "bearer", "description": "An access token of Entra ID."}
    }
    if settings.entra_openapi_client_id:
        flow = {
            "authorizationUrl": f"{settings.entra_authority}/{settings.entra_tenant_id}/oauth2/v2.0/authorize",
            "tokenUrl": f"{settings.entra_authority}/{settings.entra_tenant_id}/oauth2/v2.0/token",
            "scopes": _selectable_scopes(settings),
        }
        flows = {"authorizationCode": flow}
        schemes[ENTRA_SCHEME] = {"type": "oauth2", "description": "Sign in at Entra ID.", "flows": flows}
    for operation in _guarded(schema):
        operation["security"] = [{name: _entra_scopes(settings) if name == ENTRA_SCHEME else []} for name in schemes]
    schema["components"]["securitySchemes"] = schemes
    return schema


def document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """Return the OpenAPI document, with the ways to sign in and the possible problems. It is made once."""
    if app.openapi_schema is None:
        schema = app.openapi()
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
        _name_bodies(schema)
        _describe_invalid(schema)
        problems = _PROBLEMS if settings.has_sign_in else _PROBLEMS_WITHOUT_SIGN_IN
        for operation in _guarded(schema):
            _add_problems(operation, problems)
        for operation in _operations(schema):
            if "requestBody" in operation:
                _add_problems(operation, (*_BODY_PROBLEMS, *_ROOM_PROBLEMS))
        components["responses"] = _used_responses(schema, problems)
        _describe_sign_in(schema, settings)
        add_examples(schema)
    return app.openapi_schema or {}


def _describe_sign_in(schema: dict[str, Any], settings: Settings) -> None:
    """Name the ways to sign in, and say which scopes each route requires; nothing of this where nobody signs in."""
    if not settings.has_sign_in:
        for operation in _guarded(schema):
            del operation["security"]
        schema["components"].pop("securitySchemes", None)
        return
    scopes: set[str] = set()
    for operation in _guarded(schema):
        (needed,) = (entry[SCHEME] for entry in operation["security"] if SCHEME in entry)
        scopes.update(needed)
        operation["security"] = [{SCHEME: needed}, {TOKEN_SCHEME: []}]
    schema["components"]["securitySchemes"] = _schemes(settings, sorted(scopes))


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def _guarded(schema: dict[str, Any]) -> list[dict[str, Any]]:
    operations = _operations(schema)
    return [operation for operation in operations if any(SCHEME in entry for entry in operation.get("security", ()))]


def _name_bodies(schema: dict[str, Any]) -> None:
    """Make a component of a body's own schema, under its title: a generated client names its class after that."""
    schemas = schema["components"]["schemas"]
    for operation in _operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            own = content.get("schema", {})
            title = own.get("title", "")
            if own.get("type") == "object" and title.isidentifier() and schemas.setdefault(title, own) == own:
                content["schema"] = {"$ref": f"#/components/schemas/{title}"}


def _describe_invalid(schema: dict[str, Any]) -> None:
    """Describe the answer to an invalid request as a Problem. FastAPI describes its own, which we do not send."""
    for operation in _operations(schema):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            operation["responses"]["422"] = {"$ref": "#/components/responses/422"}
    for name in ("HTTPValidationError", "ValidationError"):
        if f"/{name}'" not in str(schema):  # a router may have a model of that name
            schema["components"]["schemas"].pop(name, None)


def _add_problems(operation: dict[str, Any], statuses: Iterable[int]) -> None:
    """Add the problems with these statuses, unless the route declares responses of its own for them."""
    for status in statuses:
        reference = {"$ref": f"#/components/responses/{status}"}
        operation.setdefault("responses", {}).setdefault(str(status), reference)


def _used_responses(schema: dict[str, Any], problems: dict[int, str]) -> dict[str, Any]:
    texts = {**_BODY_PROBLEMS, **_PROBLEMS, **problems, **_INVALID}
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
            "description": "A token from the Hub's token page, or JUPYTERHUB_API_TOKEN of a notebook.",
        },
    }


def _problem(description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}
