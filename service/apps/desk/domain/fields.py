"""The types of fields: text in any script, phone numbers, e-mail addresses, dates."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, TypeAdapter, ValidationError

from service.stream_safe import LONGEST, stream_safe

MAX_ID: Final = 2**63 - 1  # PostgreSQL's bigint, SQLite's integer
OWN: Final = "me"  # stands for the caller's own account in addresses
SERVICE: Final = "service/"  # prefix for a service that acts: names of the Hub's users have no slash
_SORT_LENGTH = 100  # characters: entries of an index are limited in size

# Control characters, lone surrogates, and characters that break lines or reverse the text around them: a name must not
# change the page around it.
_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
_REVERSING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and a symbol without visible shape
_OLDEST = date(1900, 1, 1)
_PATHS = {".", ".."}  # no address can end with these: clients resolve them
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _line(value: object) -> object:
    """One line: NFC, with single spaces between words."""
    if not isinstance(value, str):
        return value
    text = _printable(" ".join(_composed(value).split()))
    if text and all(unicodedata.category(c)[0] in "CMZ" or c in _BLANK for c in text):
        raise ValueError("must contain a visible character")  # or a link with this text could not be clicked
    return text


def _lines(value: object) -> object:
    """Any number of lines: NFC, line ends as LF, tabs allowed."""
    if not isinstance(value, str):
        return value
    text = _composed(value).replace("\r\n", "\n").replace("\r", "\n").strip()
    return _printable(text, but="\n\t")


def _composed(text: str) -> str:
    """Return NFC. Raises ValueError for long runs of marks: normalizing them would stop the service for minutes."""
    # The result may have more marks than the text. What is accepted must be accepted when it is sent again.
    if stream_safe(text) != text or stream_safe(composed := unicodedata.normalize("NFC", text)) != composed:
        raise ValueError(f"must not contain more than {LONGEST} combining marks in a row")
    return composed


def _printable(text: str, *, but: str = "") -> str:
    """Return `text`. Raises ValueError if it has control characters other than `but`."""
    if any((unicodedata.category(c) in _BREAKING or c in _REVERSING) and c not in but for c in text):
        raise ValueError("must not contain control characters")
    return text


def without_directions(text: str) -> str:
    """Remove the characters that reverse the text around them, or isolate it."""
    return "".join(character for character in text if character not in _REVERSING)


def _hub_name(value: str) -> str:
    """A name exactly as the Hub writes it (`jupyterhub.auth.Authenticator.validate_username`)."""
    if "/" in value or value != value.strip() or value in _PATHS:
        raise ValueError("must be the name of a user of the Hub")
    return _printable(value)


def can_have_account(name: str) -> bool:
    """Say whether an address can name the account of this user of the Hub."""
    try:
        _HUB_NAME.validate_python(name)
    except ValidationError:
        return False
    return name != OWN


def _phone(value: str) -> str:
    """E.164, from notations such as `+44 (0)20 7946 0958`."""
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValueError("must be a phone number with its country code, like +44 20 7946 0958")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(value: str) -> str:
    """In lower case, so that nobody is listed twice: providers do not distinguish case."""
    try:
        lowered = _normal_email(value.strip()).lower()
        is_kept = _normal_email(lowered) == lowered  # a small letter may be longer than its capital
    except EmailNotValidError:
        is_kept = False
    if not is_kept:
        raise ValueError("must be an e-mail address, like jane@example.com")
    return lowered


def _normal_email(value: str) -> str:
    return validate_email(value, check_deliverability=False).normalized


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be in the years 1 to 9999") from None


def _first_moment(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return datetime.combine(date.fromisoformat(value), time(), UTC)
    return value


def _moment_after(value: object) -> object:
    first = _first_moment(value)
    try:
        return first + timedelta(days=1) if isinstance(first, datetime) and first is not value else first
    except OverflowError:  # the last day of all
        return datetime.max.replace(tzinfo=UTC)


def _day(value: object) -> object:
    """Refuse what pydantic takes for seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("must be a day, like 1990-02-28")


def _number(value: object) -> object:
    """Refuse what pydantic takes for 1 or 0."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - pydantic lets a TypeError through
    return value


def _birthday(value: date) -> date:
    # In some time zones it is already tomorrow.
    if not _OLDEST <= value <= datetime.now(UTC).date() + timedelta(days=1):
        raise ValueError("must be a day since 1900 that is not in the future")
    return value


Line = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(_line)]
PersonName = Annotated[str, Field(min_length=1, max_length=100), BeforeValidator(_line)]
Text = Annotated[str, Field(max_length=20_000), BeforeValidator(_lines)]
Message = Annotated[str, Field(min_length=1, max_length=20_000), BeforeValidator(_lines)]
Address = Annotated[str, Field(min_length=1, max_length=500), BeforeValidator(_lines)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(_phone)]
Email = Annotated[str, Field(max_length=254), AfterValidator(_email)]
Birthday = Annotated[date, BeforeValidator(_day), AfterValidator(_birthday)]
HubName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_hub_name)]
_HUB_NAME = TypeAdapter[str](HubName)
Exact = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(lambda value: _printable(value.strip()))]
"""A filter that is compared exactly, as with names of the Hub's users."""
Id = Annotated[int, Field(ge=1, le=MAX_ID), BeforeValidator(_number)]
Since = Annotated[AwareDatetime, BeforeValidator(_first_moment), AfterValidator(_utc)]
Until = Annotated[AwareDatetime, BeforeValidator(_moment_after), AfterValidator(_utc)]
"""Limits of a list: moments, or days of UTC. The day of `Until` is still in the list."""


def fold(*texts: str | None) -> str:
    """Return texts in the form for search: case-folded, one on each line, so that no search term matches across two."""
    return "\n".join(unicodedata.normalize("NFC", text.casefold()) for text in texts if text)


def sort_key(*texts: str) -> str:
    """Return a key that sorts the texts by code point, without case and accents: at most 100 characters."""
    plain = unicodedata.normalize("NFKD", " ".join(texts).casefold())
    return "".join(c for c in plain if unicodedata.category(c) != "Mn")[:_SORT_LENGTH]
