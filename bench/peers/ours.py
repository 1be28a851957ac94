"""Our service; `open` is `me` without authentication."""

from fastapi import APIRouter, Request, Response

from bench.peers import serve
from service.__main__ import uvicorn_options
from service.app import create_app
from service.auth.fetch_metadata import is_browser
from service.auth.guard import CurrentUser
from service.hub.models import Identity
from service.settings import load_settings
from service.web import pages

router = APIRouter()
# What the Hub says of the tokens that `bench.speed` makes.
identity = Identity.model_validate(
    {
        "kind": "user",
        "name": "testuser",
        "admin": False,
        "groups": [],
        "scopes": ["access:services", "read:users:groups!user=testuser", "read:users:name!user=testuser"],
        "user_info": None,
        "session_id": None,
        "token_id": "a1",
    }
)


@router.get("/open", response_model=Identity)
async def open_me(request: Request) -> Identity | Response:
    """Answer as `/me` does, always with the same Identity."""
    if not is_browser(request):
        return identity
    return await pages.render_unguarded(request, "me.html", identity=identity, facts=identity.public())


@router.get("/items/{item}")
async def read(item: int, _user: CurrentUser, limit: int = 10) -> dict[str, int]:
    """Answer whom the Hub knows."""
    return {"item": item, "limit": limit}


if __name__ == "__main__":
    settings = load_settings()
    serve(create_app(settings, routers=[router]), **uvicorn_options(settings))
