"""What the answers of the fake Hub have in common."""

from collections.abc import Mapping
from typing import Any

import httpx

from service.testing.fake_hub.state import Token

Reply = tuple[int, Mapping[str, Any]]


def refusal(status: int, message: str | None = None) -> Reply:
    """Return an error in the form of the Hub: jupyterhub/apihandlers/base.py, write_error."""
    return status, {"status": status, "message": message}


def token_model(token: Token, *, note: str = "", expires_at: str | None = None) -> dict[str, Any]:
    """Return a token in the form of the Hub: jupyterhub/apihandlers/base.py, token_model."""
    return {
        "user": token.owner.name,
        "id": token.id,
        "kind": "api_token",
        "roles": [],
        "scopes": sorted(token.scopes),
        "created": token.created.isoformat().replace("+00:00", "Z"),
        "last_activity": None,
        "expires_at": expires_at,
        "note": note,
        "session_id": token.session_id,
        "oauth_client": "JupyterHub",
    }


def json_of(request: httpx.Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request; an empty one if there is no body."""
    return dict(httpx.Response(200, content=request.content or b"{}").json())


def base(scope: str) -> str:
    """Return a scope without its filter."""
    return scope.partition("!")[0]
