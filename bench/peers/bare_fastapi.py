"""FastAPI alone, with a route as people write them and nobody to guard it: what a guard is measured against."""

import os
from typing import Annotated

from fastapi import Depends, FastAPI

from bench.peers import nobody, serve

app = FastAPI()
prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]


@app.get(f"{prefix}items/{{item}}")
async def read(item: int, limit: int = 10) -> dict[str, int]:
    """Answer whoever asks."""
    return {"item": item, "limit": limit}


@app.get(f"{prefix}depends/{{item}}")
async def depends(item: int, _user: Annotated[str, Depends(nobody)], limit: int = 10) -> dict[str, int]:
    """Answer whoever asks, and call a dependency."""
    return {"item": item, "limit": limit}


if __name__ == "__main__":
    serve(app)
