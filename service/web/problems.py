"""Errors into answers: the one place that knows status, body and headers.

To an API client `application/problem+json` (RFC 9457) with our stable `code`; to a browser a page, or the way to the
Hub where signing in would help; to a WebSocket a refused handshake.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.requests import HTTPConnection
from starlette.routing import Match
from starlette.websockets import WebSocket, WebSocketState

from service.auth.errors import (
    CookieConflictError,
    NotSignedInError,
    OutdatedTokenError,
    SignInError,
)
from service.auth.fetch_metadata import is_browser
from service.auth.forms import refused_form
from service.auth.identification import SignedInByUrl
from service.auth.problems import Problem, closing, note, problem_of, problem_response
from service.auth.refusals import clear_conflict, redirect_of
from service.errors import ServiceError
from service.hub.errors import (
    InvalidTokenError,
)
from service.resources import resources_of
from service.web import pages
from service.web.middleware.bodies import RefusedBody

_log = logging.getLogger("service")

# RFC 9110's names, where Python 3.11 and 3.13 differ: a code is stable.
_CODES = {413: "content_too_large", 414: "uri_too_long", 416: "range_not_satisfiable", 422: "unprocessable_content"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # those that routes are made for
# A location of ours in a request: a field name or an index; all else may be the caller's own text.
_FIELD = re.compile(r"\w{1,64}", re.ASCII)
# pydantic's messages of these types repeat the input.
_ECHOING = {"union_tag_invalid": "Input has an unknown tag", "extra_forbidden": "Extra inputs are not permitted"}


async def answer_error(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer one of our own errors."""
    if isinstance(error, SignedInByUrl):
        return await redirect_of(conn, error)
    error = cast("ServiceError", error)
    note(conn, error)
    problem = problem_of(error)
    if (redirect := await redirect_of(conn, error)) is not None:
        return redirect
    could_sign_in = isinstance(error, NotSignedInError | InvalidTokenError | SignInError)
    sign_in = could_sign_in and resources_of(conn).settings.has_hub
    clear_conflict(conn, error)
    renew = isinstance(error, OutdatedTokenError | CookieConflictError)
    return await _answer(conn, problem, headers=error.headers(), sign_in=sign_in, renew=renew)


async def answer_refused_body(conn: HTTPConnection, refused: Exception) -> Response | None:
    """Answer a request whose body was not to be read."""
    return await answer_error(conn, cast("RefusedBody", refused).reason)


async def answer_http_exception(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer what the framework raises: no such route, wrong method, body too large."""
    error = cast("HTTPException", error)
    status = _known(error.status_code)
    given: object = error.detail  # a router may give FastAPI's HTTPException anything
    said, errors = (given, None) if isinstance(given, str) else ("", [given])
    problem = Problem(
        title=status.phrase,
        status=status,
        code=_CODES.get(status, status.name.lower()),
        detail=status.description if said in {"", status.phrase} else said,
        errors=errors,
    )
    headers = dict(error.headers or {})
    if "Allow" in headers:  # the framework's own has the methods of one route alone
        headers["Allow"] = ", ".join(_methods_here(conn)) or headers["Allow"]
    return await _answer(conn, problem, headers=headers)


async def answer_invalid(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer a request that does not have the declared form, without repeating what it contains."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    errors = [_without_input(item) for item in cast("RequestValidationError", error).errors()]
    problem = Problem(
        title=status.phrase,
        status=status,
        code="invalid_request",
        detail="The request does not have the expected form; errors says where.",
        errors=errors,
    )
    return await _answer(conn, problem)


async def answer_unexpected(conn: HTTPConnection, _error: Exception) -> Response | None:
    """Answer a failure of our own, which `service.web.middleware.gateway` logs under the same reference."""
    reference = conn.scope["state"].setdefault("reference", secrets.token_hex(4))
    return await _answer(conn, _unexpected(reference))


def unexpected(reference: str) -> JSONResponse:
    """Answer a failure of our own where no page can be made; `reference` finds it in the log."""
    return problem_response(_unexpected(reference), {})


def elsewhere() -> JSONResponse:
    """Answer a request for a path that is not below our prefix."""
    status = HTTPStatus.NOT_FOUND
    return problem_response(
        Problem(title=status.phrase, status=status, code="not_found", detail="This service is elsewhere."), {}
    )


def too_large() -> JSONResponse:
    """Answer a request whose body is beyond the route's limit."""
    return _too_long(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request's body is larger than this route takes.")


def too_long() -> JSONResponse:
    """Answer a request whose address is beyond our limit."""
    return _too_long(HTTPStatus.REQUEST_URI_TOO_LONG, "The request's address is longer than this service takes.")


def _methods_here(conn: HTTPConnection) -> list[str]:
    """Every method that this path has (RFC 9110 section 10.2.1)."""
    tried = [(method, {**conn.scope, "method": method}) for method in _METHODS]
    return [method for method, scope in tried if any(r.matches(scope)[0] is Match.FULL for r in conn.app.routes)]


def _too_long(status: HTTPStatus, detail: str) -> JSONResponse:
    return problem_response(Problem(title=status.phrase, status=status, code=_CODES[status], detail=detail), {})


def _known(status: int) -> HTTPStatus:
    """A status without a registered name stands for its class (RFC 9110 section 15)."""
    try:
        return HTTPStatus(status)
    except ValueError:
        return HTTPStatus.BAD_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.INTERNAL_SERVER_ERROR


async def _answer(
    conn: HTTPConnection,
    problem: Problem,
    *,
    headers: Mapping[str, str] | None = None,
    sign_in: bool = False,
    renew: bool = False,
) -> Response | None:
    headers = dict(headers or {})
    if isinstance(conn, WebSocket):
        await _refuse(conn, problem, headers)
        return None
    if is_browser(conn):
        retry = conn.scope.get("method") in {"GET", "HEAD"}
        form = await refused_form(conn)
        return pages.error(
            conn, problem.model_dump(), headers=headers, sign_in=sign_in, renew=renew, retry=retry, form=form
        )
    return problem_response(problem, headers)


async def _refuse(websocket: WebSocket, problem: Problem, headers: Mapping[str, str]) -> None:
    if websocket.application_state is WebSocketState.CONNECTED:
        await websocket.send(closing(problem))
    elif "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(problem_response(problem, headers))
    else:  # the server knows no other refusal than a bare 403
        await websocket.close()


def _unexpected(reference: str) -> Problem:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = f"The service failed. Whoever runs it finds the reason in its log under {reference}."
    return Problem(title=status.phrase, status=status, code="unexpected", detail=detail)


def _without_input(item: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(item["type"])
    declared = item["loc"][:-1] if kind == "extra_forbidden" else item["loc"]
    location = [part for part in declared if isinstance(part, int) or _FIELD.fullmatch(str(part))]
    return {"type": kind, "loc": location, "msg": _ECHOING.get(kind, item["msg"])}
