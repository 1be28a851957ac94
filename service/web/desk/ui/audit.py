"""The page of the audit."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.web.desk.access import OpenDesk
from service.web.desk.audit import Asked, Reader
from service.web.desk.ui.layout import listing, page

router = APIRouter(prefix="/audit")


@router.get("")
async def find(user: Reader, request: Request, desk: OpenDesk, query: Asked) -> Response:
    """Who changed what, the latest first, and what narrows it."""
    found = await desk.audit.find(query)
    listed = listing(request, query, found, path="audit")
    return page(request, user, "audit.html", entries=found.items, **listed)
