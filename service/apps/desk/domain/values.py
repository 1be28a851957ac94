"""The desk's values: things to create, changes, and stored things.

A `…Change` is a JSON Merge Patch (RFC 7396): absent fields stay, and null clears an optional field. Values are checked
when they come in. What comes from the database is not checked again.
"""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic needs it up to Python 3.11

from service.apps.desk.domain.fields import (
    Address,
    Birthday,
    Email,
    HubName,
    Id,
    Line,
    Message,
    PersonName,
    Phone,
    Text,
)
from service.apps.desk.domain.transitions import Status

_CONFIG = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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


class CommentNew(Value):
    """A comment on a ticket. It is never changed, and goes with its ticket."""

    text: Message = Field(examples=["I have asked the supplier for a new toner."])


class Comment(Numbered):
    """What a member of the team has said about a ticket."""

    author: str = Field(examples=["support"])
    created: datetime
    text: str = Field(examples=["I have asked the supplier for a new toner."])


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


class OwnContact(TypedDict, total=False):
    """What to change of one's own account."""

    __pydantic_config__ = _CONFIG  # type: ignore[misc]  # as pydantic documents it

    phone: Phone | None
    email: Email | None


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


class Invitation(Value):
    """A link by which somebody sets their first password at the Hub: good once, until `expires_at`."""

    url: str = Field(examples=["https://hub.example.org/hub/invitation?key=Zm9v"])
    expires_at: datetime


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
