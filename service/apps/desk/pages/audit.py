"""The page of the audit."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.apps.desk.http.access import OpenDesk
from service.apps.desk.http.audit import Asked, Reader
from service.apps.desk.pages.layout import counted, listing, page

router = APIRouter(prefix="/audit")


@router.get("")
async def find(user: Reader, request: Request, desk: OpenDesk, query: Asked) -> Response:
    """Who changed what, the latest first, and what narrows it."""
    found = await desk.audit.find(counted(query))
    listed = listing(request, query, found, path="audit")
    return page(request, user, "audit.html", entries=found.items, **listed)
