"""The desk's values: things to create, changes, stored things, queries and pages.

A `…Change` is a JSON Merge Patch (RFC 7396): absent fields stay, and null clears an optional field. Values are checked
when they come in. What comes from the database is not checked again.
"""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import TypedDict  # pydantic needs it up to Python 3.11

from service.apps.desk.domain.fields import (
    Address,
    Birthday,
    Email,
    Exact,
    HubName,
    Id,
    Line,
    Moment,
    PersonName,
    Phone,
    Text,
)
from service.apps.desk.domain.transitions import Status

T = TypeVar("T")

_CONFIG = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
_PAGE = 50  # items, unless asked otherwise
MAX_PAGE = 200  # items
MAX_CURSOR = 1024  # characters; ours are shorter


class Value(BaseModel):
    """Frozen. Refuses unknown fields, and does not repeat what was given in error messages."""

    model_config = _CONFIG


class Stored(Value):
    """What every stored thing has. `version` grows by one with each change. Times are in UTC."""

    version: int = Field(examples=[1])
    created: datetime
    updated: datetime


class Numbered(Value):
    """Things with an `id`. A base of its own, so that the id comes before the fields of `Stored`."""

    id: int = Field(examples=[1])


# Tickets


class TicketNew(Value):
    """A ticket to create. Its status is `open`, and its owner the creator unless another is named."""

    title: Line = Field(examples=["The printer on the second floor prints blank pages"])
    description: Text = Field("", examples=["Since this morning. The toner was changed last week."])
    employee_id: Id = Field(description="Who asked for help.", examples=[1])
    owner: HubName | None = Field(None, description="The member of the team who works on it.", examples=["support"])


class TicketChange(TypedDict, total=False):
    """What to change of a ticket."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]  # as pydantic documents it

    title: Line
    description: Text
    status: Status
    employee_id: Id
    owner: HubName


class Ticket(Stored, Numbered):
    """A ticket."""

    title: str = Field(examples=["The printer on the second floor prints blank pages"])
    description: str = Field(examples=["Since this morning. The toner was changed last week."])
    status: Status = Field(examples=[Status.OPEN])
    employee_id: int = Field(examples=[1])
    owner: str = Field(examples=["support"])


# Employees


class EmployeeNew(Value):
    """An employee to create. No two employees have the same phone or e-mail."""

    first_name: PersonName = Field(examples=["Zoë"])
    last_name: PersonName = Field(examples=["Okonkwo"])
    nick_name: PersonName | None = Field(None, examples=["Zo"])
    phone: Phone | None = Field(None, description="With its country code.", examples=["+442079460958"])
    email: Email | None = Field(None, examples=["zoe.okonkwo@example.com"])
    birthday: Birthday | None = Field(None, examples=["1990-02-28"])
    country: Line | None = Field(None, examples=["Nigeria"])
    city: Line | None = Field(None, examples=["Lagos"])
    address: Address | None = Field(None, examples=["12 Marina\nFloor 3"])


class EmployeeChange(TypedDict, total=False):
    """What to change of an employee."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]  # as pydantic documents it

    first_name: PersonName
    last_name: PersonName
    nick_name: PersonName | None
    phone: Phone | None
    email: Email | None
    birthday: Birthday | None
    country: Line | None
    city: Line | None
    address: Address | None


class Employee(Stored, Numbered):
    """An employee: somebody who asks for help."""

    first_name: str = Field(examples=["Zoë"])
    last_name: str = Field(examples=["Okonkwo"])
    nick_name: str | None = Field(examples=["Zo"])
    phone: str | None = Field(examples=["+442079460958"])
    email: str | None = Field(examples=["zoe.okonkwo@example.com"])
    birthday: date | None = Field(examples=["1990-02-28"])
    country: str | None = Field(examples=["Nigeria"])
    city: str | None = Field(examples=["Lagos"])
    address: str | None = Field(examples=["12 Marina\nFloor 3"])


# Accounts


class AccountNew(Value):
    """An account to create. `name` is the Hub user's and cannot change. No two accounts share a phone or an e-mail."""

    name: HubName = Field(examples=["support"])
    first_name: PersonName = Field(examples=["Ada"])
    last_name: PersonName = Field(examples=["Byron"])
    phone: Phone | None = Field(None, description="With its country code.", examples=["+442079460959"])
    email: Email | None = Field(None, examples=["ada@example.com"])


class AccountChange(TypedDict, total=False):
    """What to change of an account."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]  # as pydantic documents it

    first_name: PersonName
    last_name: PersonName
    phone: Phone | None
    email: Email | None
    disabled: bool
    login_denied: bool


class Named(Value):
    """Things with a `name`, which comes first for the same reason."""

    name: str = Field(examples=["support"])


class Account(Stored, Named):
    """A member of the team. First and last name are empty until somebody fills them in."""

    first_name: str = Field(examples=["Ada"])
    last_name: str = Field(examples=["Byron"])
    phone: str | None = Field(examples=["+442079460959"])
    email: str | None = Field(examples=["ada@example.com"])
    disabled: bool = False
    login_denied: bool = False


class AccountStatus(Value):
    """What each request needs to know of an account. `login_denied_at` is None while logins are not denied."""

    disabled: bool
    login_denied: bool
    login_denied_at: datetime | None
    rights_changed_at: datetime | None


# The audit


class AuditEntry(Value):
    """Who changed what, when. `before` and `after` hold the fields that differ; null where there was no thing."""

    id: int = Field(examples=[1])
    when: datetime
    who: str = Field(examples=["support"])
    what: str = Field(examples=["ticket.changed"])
    thing: str = Field(examples=["ticket/1"])
    before: dict[str, Any] | None = Field(examples=[{"status": "open"}])
    after: dict[str, Any] | None = Field(examples=[{"status": "resolved"}])


# Lists


class Page(BaseModel, Generic[T]):
    """A part of a list. `next` is the cursor of the next page, null at the end."""

    items: list[T]
    next: str | None


class PageQuery(Value):
    """How many items of a list, and from where on."""

    limit: int = Field(_PAGE, ge=1, le=MAX_PAGE, description="Items at most.")
    cursor: str | None = Field(None, max_length=MAX_CURSOR, description="Where to continue: `next` of the page before.")

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: object) -> object:
        """Ignore empty values, which forms send for empty fields."""
        return {name: value for name, value in given.items() if value != ""} if isinstance(given, dict) else given


Term = Annotated[Line, Field(max_length=100, description="Text to find, in upper or lower case.")]


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


class EmployeeQuery(SortedQuery):
    """Which employees, and in which order."""

    sort: Literal["-created", "created", "-updated", "updated", "last_name", "-last_name"] = "last_name"


class AccountQuery(SortedQuery):
    """Which accounts, and in which order."""

    sort: Literal["-created", "created", "-updated", "updated", "name", "-name"] = "name"


class AuditQuery(PageQuery):
    """Which entries; the latest come first."""

    who: Exact | None = None
    what: Exact | None = None
    thing: Exact | None = Field(None, examples=["ticket/1"])
    since: Moment | None = Field(None, description="From this moment on.")
    until: Moment | None = Field(None, description="Before this moment.")
