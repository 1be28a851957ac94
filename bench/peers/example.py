"""The way of JupyterHub's FastAPI example: a new client and a question to the Hub for every request."""

import os
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, FastAPI, HTTPException, Security
from fastapi.security import OAuth2AuthorizationCodeBearer
from fastapi.security.api_key import APIKeyQuery

from bench.peers import serve

by_parameter = APIKeyQuery(name="token", auto_error=False)
by_header = OAuth2AuthorizationCodeBearer(authorizationUrl="authorize", tokenUrl="get_token", auto_error=False)
router = APIRouter(prefix=os.environ["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/"))


async def current_user(
    parameter: Annotated[str | None, Security(by_parameter)], header: Annotated[str | None, Security(by_header)]
) -> dict[str, Any]:
    """Return the Hub's model of the caller."""
    token = parameter or header
    if token is None:
        raise HTTPException(401)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=os.environ["JUPYTERHUB_API_URL"], headers=headers) as client:
        reply = await client.get("/user")
    if reply.is_error:
        raise HTTPException(401)
    user: dict[str, Any] = reply.json()
    if not set(user["scopes"]) & {
        "access:services",
        f"access:services!service={os.environ['JUPYTERHUB_SERVICE_NAME']}",
    }:
        raise HTTPException(403)
    return user


@router.get("/me")
async def me(user: Annotated[dict[str, Any], Security(current_user)]) -> dict[str, Any]:
    """Say who calls."""
    return user


if __name__ == "__main__":
    app = FastAPI()
    app.include_router(router)
    serve(app)
