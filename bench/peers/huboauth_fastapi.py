"""FastAPI, and JupyterHub's `HubOAuth` in the way it offers to other frameworks: `user_for_token(sync=False)`."""

import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader
from jupyterhub.services.auth import HubOAuth
from jupyterhub.utils import url_path_join

from bench.peers import serve

prefix = os.environ["JUPYTERHUB_SERVICE_PREFIX"]
auth = HubOAuth(cache_max_age=int(os.environ.get("HUB_CACHE_TTL", "300")))
app = FastAPI()
authorization = APIKeyHeader(name="Authorization", auto_error=False)


async def current_user(header: Annotated[str | None, Depends(authorization)]) -> dict[str, Any]:
    """Return the Hub's model of the caller."""
    scheme, _, token = (header or "").partition(" ")
    user = await auth.user_for_token(token, sync=False) if scheme.lower() in {"bearer", "token"} else None
    if user is None:
        raise HTTPException(401)
    if not auth.check_scopes(auth.access_scopes, user):
        raise HTTPException(403)
    return dict(user)


@app.get(url_path_join(prefix, "me"))
async def me(user: Annotated[dict[str, Any], Depends(current_user)]):  # type: ignore[no-untyped-def] # noqa: ANN201
    """Say who calls, as most would write it."""
    return user


@app.get(url_path_join(prefix, "declared"))
async def declared(user: Annotated[dict[str, Any], Depends(current_user)]) -> dict[str, Any]:
    """Say who calls, and declare it, which lets pydantic write the JSON."""
    return user


@app.get(url_path_join(prefix, "items/{item}"))
async def read(item: int, _user: Annotated[dict[str, Any], Depends(current_user)], limit: int = 10) -> dict[str, int]:
    """Answer whom the Hub knows."""
    return {"item": item, "limit": limit}


if __name__ == "__main__":
    serve(app)
