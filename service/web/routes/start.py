"""The service's own routes: the start page, `/me`, and `/debug` for administrators."""

import platform
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from service import __version__
from service.application import opened
from service.auth.fetch_metadata import is_browser
from service.auth.guard import CurrentUserUnvetoed, HubAdmin
from service.auth.identification import caller_or_none
from service.hub.models import Identity
from service.logs import mask_address
from service.resources import resources_of
from service.settings import Settings
from service.web import pages

router = APIRouter(tags=["who am I"])
callers = APIRouter(tags=["who am I"])  # only where callers are known

_MASK = "[secret]"
# Only these headers are shown as they are. Any other header may contain a credential.
_PLAIN_HEADERS = {
    "accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-length", "content-type",
    "forwarded", "host", "origin", "pragma", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user",
    "upgrade-insecure-requests", "user-agent", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port",
    "x-forwarded-proto", "x-forwarded-scheme", "x-real-ip", "x-request-id", "x-scheme",
}  # fmt: skip
_ADDRESS_HEADERS = {"referer"}
_SHOWN_SETTINGS = (
    "prefix", "public_host", "client_id", "redirect_uri", "hub_url", "access_scopes", "allow_token_in_url",
    "allow_websocket_cookie", "cookie_host_prefix", "password_grant", "shell_sign_in", "token_lifetime",
    "token_lifetime_max", "docs_sign_in", "frame_origins", "allow_origins", "allow_credentials", "cache_ttl",
    "stale_grace", "cache_size", "workers", "apps", "routers",
)  # fmt: skip


class Start(BaseModel):
    """What the service is. `user` is null for an unknown caller."""

    service: str
    version: str
    user: str | None
    links: dict[str, str]


class DebugInfo(BaseModel):
    """How the service is configured and doing, without secrets and internal addresses.

    Each application adds its part under its name.
    """

    model_config = ConfigDict(extra="allow")

    configuration: dict[str, Any]
    versions: dict[str, str]
    cache: dict[str, int]
    hub: dict[str, str]
    request_headers: dict[str, str]


@router.get("/", response_model=Start, summary="What this is")
async def get_start(request: Request, identity: Annotated[Identity | None, Depends(caller_or_none)]) -> Response:
    """Show what this service is and, if known, who is calling. Everybody may ask."""
    settings = resources_of(request).settings
    if is_browser(request):
        # The scope for this service, rather than the one for all services.
        access_scope = next(iter(sorted(settings.access_scopes, key=lambda scope: "!" not in scope)), "")
        return await pages.render_unguarded(request, "home.html", identity=identity, access_scope=access_scope)
    me = ("me",) if settings.has_sign_in else ()
    names = (*me, "docs", "openapi.json", *(("login", "logout") if settings.has_hub else ()))
    links = {name: f"{settings.prefix}{name}" for name in names}
    user = identity.name if identity else None
    return JSONResponse(Start(service=request.app.title, version=__version__, user=user, links=links).model_dump())


@callers.get("/me", response_model=Identity, summary="Who you are")
async def get_me(request: Request, identity: CurrentUserUnvetoed) -> Identity | Response:
    """Show what the Hub says about the caller, user or service, without what identifies the token."""
    if not is_browser(request):
        return identity
    return await pages.render_unguarded(request, "me.html", identity=identity, facts=identity.public())


@callers.get("/debug", summary="How the service is doing, for administrators of the Hub")
async def get_debug_info(request: Request, _admin: HubAdmin) -> DebugInfo:
    """Show the configuration, the state, and the headers that reached the service. Every secret is masked."""
    context = resources_of(request)
    settings = context.settings
    health = await context.readiness.check()
    cache = context.auth.cache
    return DebugInfo(
        configuration=_configuration(settings),
        versions={"service": __version__, "python": platform.python_version()}
        | {name: version(name) for name in ("fastapi", "starlette", "uvicorn", "httpx", "pydantic")},
        cache={"entries": len(cache), **cache.stats.as_dict()},
        hub={"version": health.hub_version, "problem": health.problem},
        request_headers={name: _shown(name, value) for name, value in request.headers.items()},
        **{
            each.application.name: part
            for each in request.scope["state"]["configured"]
            if (part := each.application.debug(opened(request, each.application.name), each.settings))
        },
    )


def _configuration(settings: Settings) -> dict[str, Any]:
    return {"name": settings.service_name} | {name: getattr(settings, name) for name in _SHOWN_SETTINGS}


def _shown(name: str, value: str) -> str:
    if name in _PLAIN_HEADERS:
        return value
    return mask_address(value) if name in _ADDRESS_HEADERS else _MASK
