"""All routes of the support desk: the API, and the pages below `/desk/ui`."""

from fastapi import APIRouter

from service.apps.desk import pages
from service.apps.desk.http import accounts, audit, comments, employees, invitations, status, tickets

router = APIRouter(prefix="/desk", tags=["support desk"])
for each in (status, tickets, comments, employees, accounts, invitations, audit, pages):
    router.include_router(each.router)
router.add_api_route("", pages.begin, include_in_schema=False)
