"""Query parameters of lists, and links to the next page (RFC 8288)."""

from typing import TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from service.apps.desk.domain.values import AccountQuery, AuditQuery, EmployeeQuery, Page, TicketQuery
from service.auth.identification import here

T = TypeVar("T")

# An address may have other parameters: a token, an XSRF token.
_TOLERANT = ConfigDict(extra="ignore")


class TicketList(TicketQuery):
    """Which tickets, and in which order."""

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
    """Return the same query for the list from its beginning."""
    return query.model_copy(update={"cursor": None})


def linked(request: Request, response: Response, page: Page[T], *, query: BaseModel) -> Page[T]:
    """Set the response's Link to the next page, if there is one, and return the page."""
    if page.next:
        following = address(here(request).partition("?")[0], query, cursor=page.next)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return page


def address(path: str, query: BaseModel, *, cursor: str | None = None) -> str:
    """Return the address of the same list, from `cursor` on or from its beginning.

    It has only the parameters of the list, so it does not repeat a token that was in the request's address.
    """
    asked = query.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"cursor"})
    words = urlencode(asked | ({"cursor": cursor} if cursor else {}))
    return f"{path}?{words}" if words else path
