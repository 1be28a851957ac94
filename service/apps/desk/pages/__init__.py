"""The support desk in a browser: pages below `/desk/ui`, made here, that work without JavaScript.

Kept apart from the API, whose addresses mean one thing whoever asks. A page offers what its reader may do and no more;
what a form sends is judged by the same permissions and the same room as a request to the API.
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
    """Lead to what people work with."""
    return RedirectResponse(f"{base(request)}tickets", status_code=303)
