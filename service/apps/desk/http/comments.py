"""Comments on a ticket."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.apps.desk.domain.queries import Page
from service.apps.desk.domain.values import Comment, CommentNew
from service.apps.desk.http.access import OpenDesk, ThingId, actor
from service.apps.desk.http.lists import CommentList, linked
from service.apps.desk.http.openapi import ADDED, LIST, refusals
from service.apps.desk.http.tickets import Editor, Reader

router = APIRouter()

Asked = Annotated[CommentList, Query()]


@router.get("/tickets/{ticket_id}/comments", summary="List comments", responses=LIST | refusals(404))
async def list_comments(
    _: Reader, request: Request, response: Response, desk: OpenDesk, ticket_id: ThingId, query: Asked
) -> Page[Comment]:
    """List the comments on a ticket, the oldest first unless `sort` says otherwise."""
    return linked(request, response, await desk.comments.find(ticket_id, query), query=query)


@router.post("/tickets/{ticket_id}/comments", summary="Comment on a ticket", status_code=201, responses=ADDED)
async def create_comment(user: Editor, desk: OpenDesk, ticket_id: ThingId, new: CommentNew) -> Comment:
    """Add a comment. It stays as it is, and leaves the ticket's version."""
    return await desk.comments.add(ticket_id, new, by=actor(user))
