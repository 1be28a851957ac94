"""The queries of the desk's lists, and the pages that answer them."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field, model_validator

from service.apps.desk.domain.fields import Exact, Id, Line, Since, Until, without_directions
from service.apps.desk.domain.transitions import Status
from service.apps.desk.domain.values import Value

T = TypeVar("T")

_PAGE = 50  # items, unless asked otherwise
MAX_PAGE = 200  # items
MAX_CURSOR = 2048  # characters; ours are shorter, with a name of 255 characters of four bytes, too
MAX_COUNT = 1000  # counting more takes too long


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` and `previous` are cursors of the pages after and before it, null if there are none.

    `count` is how many items the whole list has, if that was asked for; 1000 stands for 1000 or more.
    """

    items: list[T]
    next: str | None
    previous: str | None = None
    count: int | None = None


# The pattern is only documented: a text with other characters is no cursor of ours, and answered as such.
Cursor = Annotated[str, Field(max_length=MAX_CURSOR, json_schema_extra={"pattern": "^[A-Za-z0-9_-]*$"})]


class PageQuery(Value):
    """How many items of a list, and from where on."""

    limit: int = Field(_PAGE, ge=1, le=MAX_PAGE, description="Items at most.")
    cursor: Cursor | None = Field(None, description="Where to continue: `next` or `previous` of a page.")
    count: bool = Field(default=False, description="Count the items of the whole list, as far as 1000.")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: object) -> object:
        """Ignore empty values, which forms send for empty fields, and characters that direct text.

        Names and numbers that are copied from other programs often have those around them.
        """
        if not isinstance(given, dict):
            return given
        texts = {name: without_directions(value) if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in texts.items() if not (isinstance(value, str) and not value.strip())}


Term = Annotated[Line, Field(max_length=100, description="Text to find, in upper or lower case.")]
Words = Annotated[Term, Field(description="Words to find, or parts of them, in any order, in upper or lower case.")]


class SortedQuery(PageQuery):
    """Which things of a list, and in which order. `-` before the field of `sort` reverses the order."""

    sort: str
    text: Term | None = None


class TicketQuery(SortedQuery):
    """Which tickets, and in which order."""

    sort: Literal["-created", "created", "-updated", "updated", "title", "-title"] = "-created"
    status: Status | None = None
    owner: Exact | None = None
    employee: Id | None = Field(None, description="The id of the employee who asked.")
    since: Since | None = Field(None, description="Created from this moment on, or from this day on, in UTC.")
    until: Until | None = Field(None, description="Created before this moment, or by the end of this day, in UTC.")


class CommentQuery(PageQuery):
    """Which comments of a ticket, and in which order."""

    sort: Literal["created", "-created"] = "created"


class EmployeeQuery(SortedQuery):
    """Which employees, and in which order."""

    sort: Literal["-created", "created", "-updated", "updated", "last_name", "-last_name"] = "last_name"
    text: Words | None = None


class AccountQuery(SortedQuery):
    """Which accounts, and in which order."""

    sort: Literal["-created", "created", "-updated", "updated", "name", "-name"] = "name"
    text: Words | None = None


class AuditQuery(PageQuery):
    """Which entries; the latest come first."""

    who: Exact | None = None
    what: Exact | None = None
    thing: Exact | None = Field(None, examples=["ticket/1"])
    since: Since | None = Field(None, description="From this moment on, or from this day on, in UTC.")
    until: Until | None = Field(None, description="Before this moment, or by the end of this day, in UTC.")
