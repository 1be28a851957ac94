"""Tickets: what somebody needs help with, who works on it, and its status."""

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from service.apps.desk.domain.policy import Permission
from service.apps.desk.domain.values import Page, Ticket, TicketChange, TicketNew
from service.apps.desk.http.access import OpenDesk, ThingId, actor
from service.apps.desk.http.conditional import ExpectedVersion, created, tagged, unless_known
from service.apps.desk.http.export import as_csv
from service.apps.desk.http.lists import TicketList, linked, whole
from service.apps.desk.http.openapi import CHANGED, CREATED, CSV, DELETED, LIST, ONE_UNLESS_KNOWN, merge_patch
from service.auth.guard import require
from service.hub.models import Identity

router = APIRouter()

Asked = Annotated[TicketList, Query()]
Creator = Annotated[Identity, require(Permission.TICKETS_CREATE)]
Reader = Annotated[Identity, require(Permission.TICKETS_READ)]
Owner = Annotated[Identity, require(Permission.TICKETS_READ_OWN)]
Editor = Annotated[Identity, require(Permission.TICKETS_UPDATE)]
Remover = Annotated[Identity, require(Permission.TICKETS_DELETE)]


@router.get("/tickets", summary="List tickets", responses=LIST)
async def find(_: Reader, request: Request, response: Response, desk: OpenDesk, query: Asked) -> Page[Ticket]:
    """List tickets, the latest first unless `sort` says otherwise."""
    return linked(request, response, await desk.tickets.find(query), query=query)


@router.get("/tickets/mine", summary="List your own tickets", responses=LIST)
async def find_own(user: Owner, request: Request, response: Response, desk: OpenDesk, query: Asked) -> Page[Ticket]:
    """List the tickets that the caller owns. `owner` is ignored."""
    found = await desk.tickets.find(query.model_copy(update={"owner": actor(user)}))
    return linked(request, response, found, query=query)


@router.get("/tickets.csv", summary="Export tickets", response_class=Response, responses=CSV)
async def export(_: Reader, desk: OpenDesk, query: Asked) -> Response:
    """Return all tickets that match the filters. `limit` and `cursor` are ignored."""
    return await as_csv(desk.tickets.export(whole(query)), model=Ticket, name="tickets.csv")


@router.post("/tickets", summary="Create a ticket", status_code=201, responses=CREATED)
async def create(user: Creator, request: Request, response: Response, desk: OpenDesk, new: TicketNew) -> Ticket:
    """Create a ticket. It is `open`, and the caller owns it unless `owner` names another member of the team."""
    ticket = await desk.tickets.create(new, by=actor(user))
    return created(request, response, ticket, key=ticket.id)


@router.get("/tickets/{ticket_id}", summary="Read a ticket", response_model=Ticket, responses=ONE_UNLESS_KNOWN)
async def read(
    _: Reader, request: Request, response: Response, desk: OpenDesk, ticket_id: ThingId
) -> Ticket | Response:
    """Read a ticket."""
    return unless_known(request, response, await desk.tickets.get(ticket_id))


@router.patch(
    "/tickets/{ticket_id}", summary="Change a ticket", responses=CHANGED, openapi_extra=merge_patch("TicketChange")
)
async def change(
    user: Editor,
    response: Response,
    desk: OpenDesk,
    ticket_id: ThingId,
    version: ExpectedVersion,
    patch: Annotated[TicketChange, Body()],
) -> Ticket:
    """Change the fields that the patch names. Each status may only be followed by some of the others."""
    return tagged(response, await desk.tickets.change(ticket_id, patch, version=version, by=actor(user)))


@router.delete("/tickets/{ticket_id}", summary="Delete a ticket", status_code=204, responses=DELETED)
async def delete(user: Remover, desk: OpenDesk, ticket_id: ThingId, version: ExpectedVersion) -> None:
    """Delete a ticket. The audit keeps its content."""
    await desk.tickets.delete(ticket_id, version=version, by=actor(user))
