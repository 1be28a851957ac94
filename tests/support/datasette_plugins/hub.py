"""A plugin for Datasette, such as sites have that sign people in at a proxy; and what tells a test what arrived."""

import json
from typing import Any
from urllib.parse import unquote

from datasette import Request, Response, hookimpl


@hookimpl
def actor_from_request(request: Request) -> dict[str, object] | None:
    """Whoever the proxy says it is."""
    name = request.headers.get("remote-user")
    if not name:
        return None
    groups = [unquote(group) for group in request.headers.get("remote-groups", "").split(",") if group]
    return {"id": unquote(name), "groups": groups}


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Add a page that shows which headers arrived, each as it came."""
    return [(r"^/-/headers$", _headers)]


async def _headers(scope: dict[str, Any], request: Request) -> Response:
    size = len(await request.post_body()) if request.method == "POST" else 0
    seen = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Response.json({"method": request.method, "headers": seen, "size": size})


@hookimpl
def skip_csrf(scope: dict[str, Any]) -> bool:
    """Let a script post there without Datasette's own token, so that what keeps others out is the proxy alone."""
    return bool(scope["path"] == "/-/headers")


@hookimpl
def asgi_wrapper() -> Any:  # noqa: ANN401 - Datasette's own type for it
    """Add a WebSocket that says who opened it, and everything back."""

    def wrap(app: Any) -> Any:  # noqa: ANN401
        async def wrapped(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
            if scope["type"] != "websocket":
                await app(scope, receive, send)
                return
            await receive()
            await send({"type": "websocket.accept"})
            headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
            await send({"type": "websocket.send", "text": json.dumps(headers)})
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})

        return wrapped

    return wrap
