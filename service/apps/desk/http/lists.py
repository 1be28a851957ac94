"""Pages of a list: what is asked for, and how the next one is found (RFC 8288)."""

from typing import TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict

from service.apps.desk.domain.values import AccountQuery, AuditQuery, EmployeeQuery, Page, TicketQuery
from service.auth.guard import here

T = TypeVar("T")

# An address may carry more than the question: a token, its XSRF token.
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
    """The same list from its beginning to its end."""
    return query.model_copy(update={"cursor": None})


def linked(request: Request, response: Response, page: Page[T], *, query: BaseModel) -> Page[T]:
    """Put the address of the next page, if there is one, on the answer."""
    if page.next:
        following = address(here(request).partition("?")[0], query, cursor=page.next)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return page


def address(path: str, query: BaseModel, *, cursor: str | None = None) -> str:
    """The same list from `cursor` on, or from its beginning, by what was understood of an address.

    So no token that stood in it is repeated.
    """
    asked = query.model_dump(mode="json", exclude_unset=True, exclude_none=True, exclude={"cursor"})
    words = urlencode(asked | ({"cursor": cursor} if cursor else {}))
    return f"{path}?{words}" if words else path
