"""An application of FastAPI's on which a `service.auth.Hub` is installed, with nothing else of ours."""

from typing import Annotated

from fastapi import Depends, FastAPI

from bench.peers import serve
from service.auth import Hub, Identity

hub = Hub.from_env()
app = FastAPI(lifespan=hub.lifespan)
hub.install(app)


@app.get("/items/{item}")
async def read(item: int, _user: Annotated[Identity, Depends(hub.user)], limit: int = 10) -> dict[str, int]:
    """Answer whom the Hub knows."""
    return {"item": item, "limit": limit}


if __name__ == "__main__":
    serve(app)
