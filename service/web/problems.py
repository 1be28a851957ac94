"""Turns errors into responses.

An API client gets `application/problem+json` (RFC 9457) with a stable `code`. A browser gets a page, or a redirect to
the Hub if signing in would help. A WebSocket handshake is refused.
"""

import logging
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.requests import HTTPConnection
from starlette.routing import Match
from starlette.websockets import WebSocket, WebSocketState

from service.auth.errors import InsufficientScopeError, OutdatedTokenError
from service.auth.fetch_metadata import Purpose, is_browser, purpose_of
from service.auth.forms import refused_form
from service.auth.identification import SignedInByUrl, caller_or_none, link_to_here
from service.auth.problems import Problem, close_message, count_and_log, problem_of, problem_response
from service.auth.refusals import ANOTHER_SIGN_IN_HELPS, SIGN_IN_HELPS, clear_conflict, redirect_of
from service.auth.state import state_of
from service.errors import ServiceError
from service.resources import resources_of
from service.web import pages
from service.web.middleware.bodies import RefusedBody

_log = logging.getLogger("service")

# The names of RFC 9110. Python's own names for these differ between 3.11 and 3.13, but a code must not change.
_CODES = {413: "content_too_large", 414: "uri_too_long", 416: "range_not_satisfiable", 422: "unprocessable_content"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # the methods that routes use
_WITHOUT_BODY = {204, 205, 304}  # RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5
# A place in a request that we name: a field or an index. Anything else may be text of the caller.
_FIELD = re.compile(r"\w{1,64}", re.ASCII)
# For these types, pydantic's messages quote the input.
_ECHOING = {
    "union_tag_invalid": "Input has an unknown tag",
    "extra_forbidden": "There is a field that is not known here. The API's documentation (/docs) lists those that are.",
}


async def answer_error(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer one of our own errors."""
    if isinstance(error, SignedInByUrl):
        return await redirect_of(conn, error)
    error = cast("ServiceError", error)
    count_and_log(conn, error)
    if (redirect := await redirect_of(conn, error)) is not None:
        return redirect
    sign_in = isinstance(error, SIGN_IN_HELPS) and resources_of(conn).settings.has_hub
    clear_conflict(conn, error)
    renew = isinstance(error, ANOTHER_SIGN_IN_HELPS)
    problem = problem_of(error)
    if isinstance(error, InsufficientScopeError) and is_browser(conn):
        problem = problem.model_copy(update={"detail": _refusal(conn, error)})
    return await _answer(conn, problem, headers=error.headers(), sign_in=sign_in, renew=renew)


def _refusal(conn: HTTPConnection, error: InsufficientScopeError) -> str:
    """Say what a person has no access to, and whom to ask. API clients are told the scopes instead."""
    if isinstance(error, OutdatedTokenError):
        return "You have been given new rights since you signed in. Sign in again to use them."
    if error.missing == resources_of(conn).settings.access_scopes:
        return "You have no access to this service. Ask an administrator of the Hub for it."
    identity = state_of(conn).identity
    refusals = (each.refusal(error, identity) for each in conn.scope["state"]["configured"])
    return next(filter(None, refusals), "You have no access to this page. Ask an administrator of the Hub for it.")


async def answer_refused_body(conn: HTTPConnection, refused: Exception) -> Response | None:
    """Answer a request whose body was refused before it was read."""
    return await answer_error(conn, cast("RefusedBody", refused).reason)


async def answer_http_exception(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer an HTTPException of the framework: no such route, a wrong method, a body that is too large."""
    error = cast("HTTPException", error)
    status = _registered(error.status_code)
    if status in _WITHOUT_BODY and not isinstance(conn, WebSocket):
        return Response(status_code=status, headers=error.headers)
    detail: object = error.detail  # FastAPI's HTTPException takes any value
    text, errors = (detail, None) if isinstance(detail, str) else ("", [detail])
    headers = dict(error.headers or {})
    if "Allow" in headers:  # the framework names the methods of one route only
        headers["Allow"] = ", ".join(_methods_of_path(conn)) or headers["Allow"]
    if text in {"", status.phrase}:
        text = _plain_words(conn, status, allowed=headers.get("Allow", ""))
    await _learn_who_reads(conn)
    return await _answer(conn, _problem(status, text, errors=errors), headers=headers)


def _plain_words(conn: HTTPConnection, status: HTTPStatus, *, allowed: str) -> str:
    """Return what a status means. Python's own words for the two that people meet most are hard to read."""
    if status is HTTPStatus.NOT_FOUND:
        return "There is no page at this address." if is_browser(conn) else "There is nothing at this address."
    if status is HTTPStatus.METHOD_NOT_ALLOWED and allowed and (method := conn.scope.get("method")) in _METHODS:
        return f"This address takes {allowed.replace(', ', ' or ')}, not {method}."
    return status.description


async def _learn_who_reads(conn: HTTPConnection) -> None:
    """Identify the reader of a page about an error that came before any guard, so that it shows who is signed in."""
    if conn.scope.get("method") == "GET" and is_browser(conn):
        with suppress(SignedInByUrl):  # a link signs nobody in at a page that is not there
            await caller_or_none(conn)


async def answer_invalid(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer a request that is invalid, without quoting it."""
    errors = [_without_input(item) for item in cast("RequestValidationError", error).errors()]
    text = "The request is invalid; errors says where."
    if is_browser(conn):
        text = "Something in the address or the form is missing or wrong:"
    await _learn_who_reads(conn)
    return await _answer(conn, _problem(HTTPStatus.UNPROCESSABLE_ENTITY, text, code="invalid_request", errors=errors))


async def answer_unexpected(conn: HTTPConnection, _error: Exception) -> Response | None:
    """Answer an unexpected error. `service.web.middleware.gateway` logs it under the same reference."""
    reference = conn.scope["state"].setdefault("reference", secrets.token_hex(4))
    return await _answer(conn, _unexpected(reference))


def unexpected(reference: str) -> JSONResponse:
    """Return the answer to an unexpected error where no page can be rendered. The log has the same `reference`."""
    return problem_response(_unexpected(reference))


def not_below_prefix() -> JSONResponse:
    """Return the answer to a request whose path is not below our prefix."""
    return problem_response(_problem(HTTPStatus.NOT_FOUND, "This path is not part of the service."))


def body_too_large() -> JSONResponse:
    """Return the answer to a request whose body is larger than the route accepts."""
    text = "The body of the request is larger than this route accepts."
    return problem_response(_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text))


def url_too_long() -> JSONResponse:
    """Return the answer to a request whose URL is too long."""
    text = "The URL of the request is longer than this service accepts."
    return problem_response(_problem(HTTPStatus.REQUEST_URI_TOO_LONG, text))


def _methods_of_path(conn: HTTPConnection) -> list[str]:
    """Return every method that this path supports (RFC 9110 section 10.2.1)."""
    scopes = [(method, {**conn.scope, "method": method}) for method in _METHODS]
    return [method for method, scope in scopes if any(r.matches(scope)[0] is Match.FULL for r in conn.app.routes)]


def _problem(status: HTTPStatus, detail: str, *, code: str = "", errors: list[Any] | None = None) -> Problem:
    code = code or _CODES.get(status, status.name.lower())
    return Problem(title=status.phrase, status=status, code=code, detail=detail, errors=errors)


def _registered(status: int) -> HTTPStatus:
    """Return the status. One that is not registered becomes the general one of its class (RFC 9110 section 15)."""
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
        return await pages.render_unguarded(
            conn,
            "error.html",
            identity=state_of(conn).identity,
            problem=problem.model_dump(),
            sign_in=sign_in,
            renew=renew,
            retry_url=_retry_url(conn),
            form=await refused_form(conn),
            is_framed=purpose_of(conn) is Purpose.FRAME,
            status_code=problem.status,
            headers=headers,
        )
    return problem_response(problem, headers)


def _retry_url(conn: HTTPConnection) -> str | None:
    """Return a link that repeats this request; None if the request would change something.

    The link is empty, which means this page, if the URL contains an authorization code: no page may contain one.
    """
    if conn.scope.get("method") not in {"GET", "HEAD"}:
        return None
    url = link_to_here(conn)
    return "" if url.startswith(f"{resources_of(conn).settings.prefix}oauth_callback?") else url


async def _refuse(websocket: WebSocket, problem: Problem, headers: Mapping[str, str]) -> None:
    if websocket.application_state is WebSocketState.CONNECTED:
        await websocket.send(close_message(problem))
    elif "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(problem_response(problem, headers))
    else:  # the server can only refuse with an empty 403
        await websocket.close()


def _unexpected(reference: str) -> Problem:
    text = f"The service failed. Its operator finds the reason in the log under {reference}."
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, text, code="unexpected")


def _without_input(item: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(item["type"])
    declared = item["loc"][:-1] if kind == "extra_forbidden" else item["loc"]
    location = [part for part in declared if isinstance(part, int) or _FIELD.fullmatch(str(part))]
    return {"type": kind, "loc": location, "msg": _ECHOING.get(kind, item["msg"])}
