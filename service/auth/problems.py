"""Errors as problem details (RFC 9457), as OAuth errors, and as the end of a WebSocket."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER

from service.auth.context import context_of
from service.errors import ServiceError
from service.hub.errors import TokenRequestError

_log = logging.getLogger("service")

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 section 5.1


class Problem(BaseModel):
    """An error as RFC 9457 has it; branch on `code`, which is stable."""

    type: str = "about:blank"
    title: str = Field(examples=["Forbidden"])
    status: int = Field(examples=[403])
    code: str = Field(examples=["insufficient_scope"])
    detail: str = Field(examples=["This token lacks the scope access:services!service=fastapi."])
    scopes: list[str] | None = Field(None, description="The scopes that are missing, with `insufficient_scope`.")
    errors: list[Any] | None = Field(None, description="What is wrong where, with `invalid_request`.")


class OAuthError(BaseModel):
    """An error of the token endpoint (RFC 6749 section 5.2)."""

    error: str = Field(examples=["invalid_grant"])
    error_description: str


def problem_of(error: ServiceError) -> Problem:
    """Return what a client is told of an error."""
    return Problem(
        title=responses.get(error.status, "Error"),
        status=error.status,
        code=error.code,
        detail=error.detail,
        **error.members(),
    )


def close_message(problem: Problem) -> dict[str, Any]:
    """Return the message that closes an open WebSocket: with a registered code, and the problem's `code` as reason."""
    is_temporary = problem.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    code = WS_1013_TRY_AGAIN_LATER if is_temporary else WS_1008_POLICY_VIOLATION
    return {"type": "websocket.close", "code": code, "reason": problem.code}


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a problem as the answer to an API client."""
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers=dict(headers or {}),
        media_type="application/problem+json",
    )


def oauth_error(conn: HTTPConnection, error: ServiceError) -> JSONResponse:
    """Answer an error of the token endpoint in OAuth's own form (RFC 6749 section 5.2)."""
    count_and_log(conn, error)
    if isinstance(error, TokenRequestError):
        name = error.error
    else:
        name = "server_error" if error.retry_after is None else "temporarily_unavailable"
    body = OAuthError(error=name, error_description=error.detail)
    return JSONResponse(body.model_dump(), status_code=error.status, headers=NO_STORE | error.headers())


def count_and_log(conn: HTTPConnection, error: ServiceError) -> None:
    """Count an error that a client is told of. Log it if the operator must act."""
    context_of(conn).count_problem(error.code)
    if line := error.for_operator():
        _log.log(*line)
