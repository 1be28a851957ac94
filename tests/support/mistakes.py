"""What somebody may build on the service, with the usual mistakes: failures that quote all they were given."""

from typing import Any

from fastapi import APIRouter, Request, WebSocket
from pydantic import BaseModel

from service.auth.guard import CurrentUser

router = APIRouter()


class Order(BaseModel):
    """A body that most bodies are not."""

    amount: int


@router.get("/fails")
async def fails(request: Request) -> None:
    """Fail, with everything about the request in the exception."""
    raise RuntimeError(f"{request.url} {dict(request.headers)}")


@router.get("/answers-nonsense", response_model=Order)
async def answers_nonsense(request: Request, _user: CurrentUser) -> Any:  # noqa: ANN401 (what it ought not to be)
    """Answer what is not an Order, but the request's credential."""
    return {"amount": request.headers.get("authorization")}


@router.post("/orders")
async def order(order: Order, _user: CurrentUser) -> int:
    """Take a body that must have the declared form."""
    return order.amount


@router.websocket("/talk")
async def talk(websocket: WebSocket, user: CurrentUser) -> None:
    """Say who is there, and fail."""
    await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))
    await websocket.send_text(user.name)
    raise RuntimeError(f"{websocket.url} {dict(websocket.headers)}")
