"""A router for `bench.bodies`: a route for callers alone, and one that anybody may call."""

from fastapi import APIRouter
from pydantic import BaseModel

from service.auth.guard import CurrentUser

router = APIRouter(prefix="/uploads")


class Text(BaseModel):
    """A body of any length."""

    text: str


@router.post("/guarded")
async def guarded(sent: Text, _user: CurrentUser) -> int:
    """Say how long the text is."""
    return len(sent.text)


@router.post("/open")
async def anybody(sent: Text) -> int:
    """Say how long the text is."""
    return len(sent.text)
