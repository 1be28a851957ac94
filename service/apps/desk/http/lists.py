"""Query parameters of lists, and links to the pages beside one (RFC 8288)."""

from typing import TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from service.apps.desk.domain.queries import AccountQuery, AuditQuery, CommentQuery, EmployeeQuery, Page, TicketQuery
from service.auth.identification import path_and_query

T = TypeVar("T")

# An address may have other parameters: a token, an XSRF token.
_TOLERANT = ConfigDict(extra="ignore")


class TicketList(TicketQuery):
    """Which tickets, and in which order."""

    model_config = _TOLERANT


class CommentList(CommentQuery):
    """Which comments, and in which order."""

    model_config = _TOLERANT


class EmployeeList(EmployeeQuery):
    """Which employees, and in which order."""

    model_config = _TOLERANT


class AccountList(AccountQuery):
    """Which accounts, and in which order."""

    model_config = _TOLERANT


class AuditList(AuditQuery):
    """Which entries of the audit."""

    model_config = _TOLERANT


Q = TypeVar("Q", bound=BaseModel)


def whole(query: Q) -> Q:
    """Return the query without its cursor: for the list from its beginning."""
    return query.model_copy(update={"cursor": None})


def linked(request: Request, response: Response, page: Page[T], *, query: BaseModel) -> Page[T]:
    """Set the response's Link to the next and the previous page, if there are such, and return the page."""
    path = path_and_query(request).partition("?")[0]
    cursors = {"next": page.next, "prev": page.previous}
    links = [f'<{address(path, query, cursor=cursor)}>; rel="{rel}"' for rel, cursor in cursors.items() if cursor]
    if links:
        response.headers["Link"] = ", ".join(links)
    return page


def address(path: str, query: BaseModel, **more: str) -> str:
    """Return the address of the same list at `path`, from its beginning or from a cursor in `more`.

    It has only the parameters of the list: a token that was in the request's address is not repeated.
    """
    asked = query.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"cursor"})
    words = urlencode(asked | more)
    return f"{path}?{words}" if words else path
