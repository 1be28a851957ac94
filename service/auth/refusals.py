"""Refuses callers of an application that is not ours.

The guards of a `Hub` raise FastAPI's own exceptions, which the handlers of the application and of nested applications
can answer: `Refused`, an HTTPException, and on a WebSocket a WebSocketException.
"""

from collections.abc import Sequence
from inspect import isawaitable, iscoroutinefunction
from typing import Any, cast

from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import HTTPException, WebSocketException
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from service.auth import login, token_links
from service.auth.cookies import auth_cookie_name, cleared_wherever
from service.auth.errors import CookieConflictError, NotSignedInError, OutdatedTokenError, SignInError
from service.auth.fetch_metadata import is_browser
from service.auth.identification import SignedInByUrl, path_and_query, queue_cookies
from service.auth.pages import problem_page
from service.auth.problems import Problem, close_message, count_and_log, problem_of, problem_response
from service.auth.state import state_of
from service.errors import ServiceError
from service.hub.errors import InvalidTokenError

# Pages about these errors offer to sign in, or to sign in once more for a newer token or another cookie.
SIGN_IN_HELPS = (NotSignedInError, InvalidTokenError, SignInError)
ANOTHER_SIGN_IN_HELPS = (OutdatedTokenError, CookieConflictError)


class Refused(HTTPException):
    """A guard of ours refused the request, or sent the browser elsewhere. `detail` is a sentence for the caller.

    `problem` is None where the browser is sent elsewhere. `error` is what was raised inside.
    """

    def __init__(
        self, error: Exception, status: int, detail: str, headers: dict[str, str], problem: Problem | None
    ) -> None:
        super().__init__(status, detail, headers)
        self.error = error
        self.problem = problem


async def redirect_of(conn: HTTPConnection, error: Exception) -> Response | None:
    """Return the redirect that answers one of our errors, to the Hub or to the page without its token, or None."""
    if isinstance(error, SignedInByUrl):
        return await token_links.drop_token_from_url(conn, error)
    could_sign_in = isinstance(error, NotSignedInError | InvalidTokenError)
    if could_sign_in and login.offers_sign_in(conn, state_of(conn).policy.sign_in):
        return login.begin(conn, next_url=path_and_query(conn))
    if isinstance(error, OutdatedTokenError) and login.may_renew(conn, error.since):
        return login.begin(conn, next_url=path_and_query(conn))
    return None


def clear_conflict(conn: HTTPConnection, error: ServiceError) -> None:
    """Have the cookies that contradict each other cleared."""
    if isinstance(error, CookieConflictError):
        settings, path = state_of(conn).context.settings, path_and_query(conn).partition("?")[0]
        name, host = auth_cookie_name(settings), conn.headers.get("host", "")
        queue_cookies(conn, cleared_wherever(settings, name, path=path, host=host))


async def refused(conn: HTTPConnection, error: ServiceError | SignedInByUrl) -> HTTPException | WebSocketException:
    """Return the exception that tells FastAPI of one of our errors."""
    if isinstance(error, ServiceError):
        count_and_log(conn, error)
        clear_conflict(conn, error)
    found = await _refused(conn, error)
    state = state_of(conn)
    state.refusal = found
    if conn.scope["type"] == "websocket" and found.problem is not None:
        end = close_message(found.problem)
        return WebSocketException(end["code"], end["reason"])
    if not state.is_wrapped and state.set_cookies:  # an exception can carry only one, and the last matters most
        found.headers = {**(found.headers or {}), "Set-Cookie": state.set_cookies[-1]}
    return found


async def _refused(conn: HTTPConnection, error: ServiceError | SignedInByUrl) -> Refused:
    redirect = await redirect_of(conn, error)
    if redirect is not None:
        queue_cookies(conn, redirect.headers.getlist("set-cookie"))
        headers = {"Location": redirect.headers["location"], "Cache-Control": "no-store"}
        return Refused(error, redirect.status_code, "Sign in at the Hub.", headers, None)
    problem = problem_of(cast("ServiceError", error))
    return Refused(error, problem.status, problem.detail, cast("ServiceError", error).headers(), problem)


async def answer(conn: HTTPConnection, error: Exception) -> Response | None:
    """Answer one of our own errors, where nobody else does."""
    return answer_of(conn, await refused(conn, cast("ServiceError", error)))


def answer_of(conn: HTTPConnection, refusal: HTTPException | WebSocketException) -> Response | None:
    """Return the answer to a request that was refused: a redirect, a page, or problem details.

    Raises:
        WebSocketException: `refusal`, on a WebSocket.
    """
    if isinstance(refusal, WebSocketException):
        raise refusal
    assert isinstance(refusal, Refused)  # noqa: S101 - made above
    headers = {"Cache-Control": "no-store", **(refusal.headers or {})}
    if refusal.problem is None:
        return Response(status_code=refusal.status_code, headers=headers)
    if is_browser(conn):
        can_sign_in = isinstance(refusal.error, SIGN_IN_HELPS + ANOTHER_SIGN_IN_HELPS)
        sign_in = can_sign_in and state_of(conn).context.settings.has_hub
        return problem_page(conn, refusal.problem, sign_in=sign_in, headers=headers)
    return problem_response(refusal.problem, headers)


async def answer_refused(conn: HTTPConnection, refusal: Exception) -> Response | None:
    """Answer what a guard raised in an application on which a Hub is installed.

    Where the application has a handler of its own for HTTPException, that one answers.
    """
    handlers = conn.app.exception_handlers
    kinds: Sequence[type] = Refused.__mro__[1:]
    theirs: Any = next((handlers[kind] for kind in kinds if kind in handlers), None)
    if theirs is None or theirs is http_exception_handler:
        return answer_of(conn, cast("Refused", refusal))
    if iscoroutinefunction(theirs):
        return cast("Response", await theirs(conn, refusal))
    found = await run_in_threadpool(theirs, conn, refusal)
    return cast("Response", await found if isawaitable(found) else found)
