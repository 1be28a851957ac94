"""FastAPI alone, with a route as people write them and nobody to guard it: what a guard is measured against."""

import os

from fastapi import FastAPI

from bench.peers import serve

app = FastAPI()


@app.get(f"{os.environ['JUPYTERHUB_SERVICE_PREFIX']}items/{{item}}")
async def read(item: int, limit: int = 10) -> dict[str, int]:
    """Answer whoever asks."""
    return {"item": item, "limit": limit}


if __name__ == "__main__":
    serve(app)
