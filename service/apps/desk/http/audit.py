"""The audit: who changed what, when."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.queries import Page
from service.apps.desk.domain.values import AuditEntry
from service.apps.desk.http.access import OpenDesk
from service.apps.desk.http.export import Bom, as_csv
from service.apps.desk.http.lists import AuditList, linked, whole
from service.apps.desk.http.openapi import CSV, LIST
from service.auth.guard import require
from service.hub.models import Identity

router = APIRouter()

Asked = Annotated[AuditList, Query()]
Reader = Annotated[Identity, require(Permission.AUDIT_READ)]


@router.get("/audit", summary="Read who changed what", responses=LIST)
async def list_audit_entries(
    _: Reader, request: Request, response: Response, desk: OpenDesk, query: Asked
) -> Page[AuditEntry]:
    """List changes, the latest first. Entries about deleted things stay."""
    return linked(request, response, await desk.audit.find(query), query=query)


@router.get("/audit.csv", summary="Export the audit", response_class=Response, responses=CSV)
async def export_audit_entries(_: Reader, desk: OpenDesk, query: Asked, bom: Bom) -> Response:
    """Return all entries that match the filters. `before` and `after` are JSON. `limit` and `cursor` are ignored."""
    return await as_csv(desk.audit.export(whole(query)), model=AuditEntry, name="audit.csv", bom=bom)
