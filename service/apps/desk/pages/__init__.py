"""The support desk in a browser: pages below `/desk/ui`, rendered on the server, that work without JavaScript.

They have addresses of their own, so that an address of the API means the same whoever asks. A page offers only what its
reader may do. Forms need the same permissions, and pass the same checks, as requests to the API.
"""

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from starlette.requests import Request

from service.apps.desk.pages import accounts, audit, employees, tickets
from service.apps.desk.pages.layout import base
from service.auth.forms import returns_form

router = APIRouter(prefix="/ui", include_in_schema=False, dependencies=[Depends(returns_form)])
for each in (tickets, employees, accounts, audit):
    router.include_router(each.router)


@router.get("")
async def begin(request: Request) -> Response:
    """Redirect to the tickets."""
    return RedirectResponse(f"{base(request)}tickets", status_code=303)
