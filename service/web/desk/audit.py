"""The audit: who changed what, when."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.desk.policy import Permission
from service.desk.values import AuditEntry, Page
from service.hub.models import Identity
from service.web.desk.access import OpenDesk
from service.web.desk.lists import AuditList, linked
from service.web.desk.openapi import LIST
from service.web.security import require

router = APIRouter()

Asked = Annotated[AuditList, Query()]
Reader = Annotated[Identity, require(Permission.AUDIT_READ)]


@router.get("/audit", summary="Read who changed what", responses=LIST)
async def find(_: Reader, request: Request, response: Response, desk: OpenDesk, query: Asked) -> Page[AuditEntry]:
    """List changes, the latest first. What was deleted is told of here for good."""
    return linked(request, response, await desk.audit.find(query), query=query)
