"""The probes `/health/live` and `/health/ready`."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.application import opened
from service.hub.readiness import Health
from service.resources import resources_of

INSTANCE = "Service-Instance"  # identifies this service; all its workers send the same

router = APIRouter(prefix="/health", tags=["health"])


class Liveness(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ReadinessAnswer(BaseModel):
    """Whether the service can handle requests. `problem` says why not; it is null otherwise."""

    status: Literal["ready", "not ready"]
    hub_version: str | None = None
    problem: str | None = None


@router.get("/live", summary="Is the process alive?")
async def check_liveness(request: Request, response: Response) -> Liveness:
    """Depends on nothing else. Restart the process if this fails, and only then."""
    response.headers[INSTANCE] = resources_of(request).instance
    return Liveness()


@router.get("/ready", summary="Is the service ready?", responses={503: {"model": ReadinessAnswer}})
async def check_readiness(request: Request, response: Response) -> ReadinessAnswer:
    """Check the Hub (at most every two seconds), Entra ID's keys and the applications. Send no requests if it fails."""
    context = resources_of(request)
    health = await context.readiness.check() if context.settings.has_hub else Health()
    entra = context.entra
    problem = health.problem or (entra.keys.problem if entra else None)
    for each in request.scope["state"]["configured"]:
        application = each.application
        problem = problem or await application.problem(opened(request, application.name)) or None
    if problem:
        response.status_code = 503
        return ReadinessAnswer(status="not ready", problem=problem)
    return ReadinessAnswer(status="ready", hub_version=health.hub_version)
