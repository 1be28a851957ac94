"""The audit: who changed what, when."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.values import AuditEntry, Page
from service.apps.desk.http.access import OpenDesk
from service.apps.desk.http.lists import AuditList, linked
from service.apps.desk.http.openapi import LIST
from service.auth.guard import require
from service.hub.models import Identity

router = APIRouter()

Asked = Annotated[AuditList, Query()]
Reader = Annotated[Identity, require(Permission.AUDIT_READ)]


@router.get("/audit", summary="Read who changed what", responses=LIST)
async def find(_: Reader, request: Request, response: Response, desk: OpenDesk, query: Asked) -> Page[AuditEntry]:
    """List changes, the latest first. Entries about deleted things stay."""
    return linked(request, response, await desk.audit.find(query), query=query)
