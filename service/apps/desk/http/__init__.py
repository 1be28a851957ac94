"""The support desk over HTTP: as JSON, as CSV, and below `/desk/ui` as pages."""

from fastapi import APIRouter

from service.apps.desk import pages
from service.apps.desk.http import accounts, audit, employees, status, tickets

router = APIRouter(prefix="/desk", tags=["support desk"])
for each in (status, tickets, employees, accounts, audit, pages):
    router.include_router(each.router)
router.add_api_route("", pages.begin, include_in_schema=False)
