"""The stock of a shop: an application as people have them, here with or without a Hub."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.applications import Starlette
from starlette.routing import Route

PAGE = """<!doctype html>
<title>Stock</title>
<h1>Stock</h1>
<pre id="said"></pre>
<script>
  const socket = new WebSocket(new URL("live", location).href.replace("http", "ws"));
  const say = (text) => document.querySelector("#said").insertAdjacentText("beforeend", `${text}\\n`);
  socket.onmessage = (message) => say(message.data);
  socket.onclose = (closed) => say(`closed: ${closed.reason || closed.code}`);
</script>
"""


class OutOfStockError(Exception):
    """There is less than was asked for."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, dict[str, int]]]:
    """Open the stock."""
    app.state.sold = []
    yield {"stock": {"chair": 4, "table": 1}}


app = FastAPI(title="Stock", version="3.2", lifespan=lifespan)


@app.middleware("http")
async def label(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Say who answers."""
    response = await call_next(request)
    response.headers["X-Shop"] = "stock"
    return response


@app.exception_handler(OutOfStockError)
async def out_of_stock(_request: Request, _error: OutOfStockError) -> JSONResponse:
    """Answer in the shop's own words."""
    return JSONResponse({"error": "out of stock"}, status_code=409)


@app.exception_handler(HTTPException)
async def refused(_request: Request, error: HTTPException) -> JSONResponse:
    """Answer as the shop answers all errors; headers are forgotten, as they often are."""
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


class Item:
    """An item that is there, as a dependency."""

    def __init__(self, name: str, request: Request) -> None:
        self.name = name
        self.stock: dict[str, int] = request.state.stock
        if name not in self.stock:
            raise HTTPException(404, "no such item")


@app.get("/", response_class=HTMLResponse)
async def page() -> str:
    """Show what happens."""
    return PAGE


@app.get("/items/{name}")
def item(found: Annotated[Item, Depends()]) -> dict[str, int]:
    """Say how many there are."""
    return {found.name: found.stock[found.name]}


@app.post("/items/{name}/sales", status_code=201)
async def sell(found: Annotated[Item, Depends()], request: Request, later: BackgroundTasks) -> dict[str, int]:
    """Sell one, and note it down afterwards."""
    if not found.stock[found.name]:
        raise OutOfStockError
    found.stock[found.name] -= 1
    later.add_task(request.app.state.sold.append, found.name)
    return {found.name: found.stock[found.name]}


@app.websocket("/live")
async def live(websocket: WebSocket) -> None:
    """Tell how many chairs there are, for as long as anybody listens."""
    await websocket.accept()
    while True:
        await websocket.send_text(f"{websocket.state.stock['chair']} chairs")
        await asyncio.sleep(0.2)


reports = FastAPI(title="Reports")


@reports.get("/today")
async def today() -> dict[str, str]:
    """Report."""
    return {"today": "quiet"}


async def chart(_request: Request) -> Response:
    """Draw something. A Dash or a gradio application would be mounted in the same way."""
    return Response("<svg xmlns='http://www.w3.org/2000/svg'/>", media_type="image/svg+xml")


dashboard = Starlette(routes=[Route("/chart", chart)])

app.mount("/reports", reports)
app.mount("/dashboard", dashboard)
