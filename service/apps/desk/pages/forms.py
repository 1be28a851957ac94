"""Forms: read what was typed, and show it again with the errors if the desk refuses it."""

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from service.apps.desk.domain.values import Stored
from service.apps.desk.errors import (
    AccountExistsError,
    EmailTakenError,
    EmployeeMissingError,
    OwnerMissingError,
    PhoneTakenError,
    VersionConflictError,
)
from service.auth.xsrf import is_form
from service.errors import ServiceError
from service.hub.errors import HubUserMissingError

# Checkboxes: a form does not send those that are not ticked.
_BOXES = {"disabled", "login_denied"}
# What an empty field means, if not null.
_EMPTY: Mapping[str, Any] = {"description": "", **dict.fromkeys(_BOXES, False)}
# The field beside which an error is shown.
_FIELDS: Mapping[type[ServiceError], str] = {
    PhoneTakenError: "phone",
    EmailTakenError: "email",
    EmployeeMissingError: "employee_id",
    OwnerMissingError: "owner",
    AccountExistsError: "name",
    HubUserMissingError: "name",
}
# The missing thing, which can be created on another page.
_MISSING_THINGS: Mapping[type[ServiceError], str] = {
    EmployeeMissingError: "employee",
    OwnerMissingError: "account",
    HubUserMissingError: "user",
}
_EMPTY_ERRORS = {"string_type", "string_too_short", "missing", "int_type"}
_WORDS = {
    "date_from_datetime_parsing": "must be a day, like 1990-02-28",
    "date_parsing": "must be a day, like 1990-02-28",
    "enum": "must be one of those offered",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as a page shows it.

    `stamp` has the version of the thing when the form was opened, and a digest of each field: see `stamp_of`. `now` has
    the current values of fields that both the reader and somebody else have changed. `theirs` names the fields that
    only somebody else has changed. `missing` names the thing that must be created before the form can be accepted.
    `is_unsaved`: it has text that was typed before, and is not saved.
    """

    values: Mapping[str, str]
    stamp: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    now: Mapping[str, str] = field(default_factory=dict)
    theirs: Collection[str] = ()
    missing: str = ""
    is_unsaved: bool = False
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Return what is in a field."""
        return self.values.get(name, "")


def draft_of(thing: Stored, names: Collection[str]) -> Draft:
    """Return the form of a thing as it is, with these fields."""
    return Draft(filled(thing), stamp_of(thing, names))


async def submitted(request: Request) -> dict[str, str]:
    """Return a form's fields, with LF for the CR LF that browsers send. Raises a 415 if the body is not a form."""
    if not is_form(request):
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    form = await request.form()
    return {name: value.replace("\r\n", "\n") for name, value in form.items() if isinstance(value, str)}


def stamp_of(thing: Stored, names: Collection[str] = ()) -> str:
    """Return the version of a thing, and a digest of each field, which tells later whether the reader has changed it.

    A browser sends all fields of a form. Those that were not changed must not be written: somebody else may have
    changed them in the meantime.
    """
    stored = filled(thing)
    return " ".join([str(thing.version), *(f"{name}={_digest(stored[name])}" for name in names)])


def version_of(typed: Mapping[str, str]) -> int:
    """Return the version that a form was made for; 0, which does not exist, if the form does not say."""
    text = typed.get("version", "").partition(" ")[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - a bigint's digits


def filled(thing: BaseModel) -> dict[str, str]:
    """Return the fields of a thing as a form shows them."""
    return {name: _text(value) for name, value in thing.model_dump(mode="json").items()}


def meant(typed: Mapping[str, str], names: Collection[str]) -> dict[str, Any]:
    """Return the values of these fields of a form, not yet checked. An empty field is null, or what `_EMPTY` says."""
    return {name: typed.get(name, "").strip() or _EMPTY.get(name) for name in names}


def patch_of(typed: Mapping[str, str], names: Collection[str], *, since: BaseModel) -> dict[str, Any]:
    """Return the fields that the reader has changed, and whose values differ from the thing's."""
    stored = filled(since)
    changed = meant(typed, _touched(typed, names, stored))
    return {name: value for name, value in changed.items() if _text(value) != stored[name]}


def _touched(typed: Mapping[str, str], names: Collection[str], stored: Mapping[str, str]) -> list[str]:
    """Return the fields that the reader has changed since the form's stamp; without one, from the present values."""
    digests = _digests(typed)
    return [
        name
        for name in names
        if (name in typed or name in _BOXES)
        and _digest(typed.get(name, "").strip()) != digests.get(name, _digest(stored[name]))
    ]


def _digests(typed: Mapping[str, str]) -> dict[str, str]:
    pairs = (part.partition("=") for part in typed.get("version", "").split(" ")[1:])
    return {name: digest for name, _, digest in pairs}


def _digest(text: str) -> str:
    return hashlib.blake2s(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def refused(
    error: ValidationError | ServiceError,
    typed: Mapping[str, str],
    *,
    names: Collection[str] = (),
    current: Stored | None = None,
) -> Draft:
    """Return the form as it was typed, with what was wrong.

    `names` are the fields of the form, and `current` the thing as it is now, if there is one.
    """
    stamp = typed.get("version", "")
    if isinstance(error, ValidationError):
        errors = {
            str(item["loc"][0]): _words(dict(item)) for item in error.errors(include_input=False, include_url=False)
        }
        return Draft(typed, stamp, errors, "Nothing was saved: see below.", is_unsaved=True, status_code=422)
    if line := error.for_operator():
        _log.log(*line)
    if isinstance(error, VersionConflictError) and current is not None:
        return _conflict(error, typed, names, current)
    name = next((name for kind, name in _FIELDS.items() if isinstance(error, kind) and name in typed), "")
    errors = {name: error.detail} if name else {}
    missing = next((made for kind, made in _MISSING_THINGS.items() if isinstance(error, kind)), "")
    return Draft(
        typed,
        stamp,
        errors,
        error.detail,
        missing=missing,
        is_unsaved=True,
        status_code=error.status,
        headers=error.headers(),
    )


def _conflict(error: VersionConflictError, typed: Mapping[str, str], names: Collection[str], current: Stored) -> Draft:
    """Return the form of the thing as it is now, with what the reader has changed."""
    stored, digests = filled(current), _digests(typed)
    mine = _touched(typed, names, stored)
    theirs = [name for name in names if name in digests and digests[name] != _digest(stored[name])]
    unknown = [name for name in mine if name not in digests]
    both = [name for name in mine if name in (*theirs, *unknown) and stored[name] != typed.get(name, "").strip()]
    return Draft(
        {**stored, **{name: typed.get(name, "") for name in mine}},
        stamp_of(current, names),
        message=_CONFLICT if names else error.detail,
        now={name: stored[name] for name in both},
        theirs=[name for name in theirs if name not in mine],
        is_unsaved=True,
        status_code=error.status,
        headers=error.headers(),
    )


_log = logging.getLogger("service")

_CONFLICT = (
    "Somebody has changed this since you opened it, and nothing was saved. What you typed is still here. Where both of "
    "you have changed a field, their value is below it: save again to replace it with yours. All other fields are as "
    "they stand now."
)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


def _words(item: Mapping[str, Any]) -> str:
    """Say what is wrong in words for a reader."""
    kind, said = item["type"], str(item["msg"]).removeprefix("Value error, ")
    if kind in _EMPTY_ERRORS:
        return "Fill this in."
    if kind == "string_too_long":
        return f"At most {item['ctx']['max_length']} characters."
    said = _WORDS.get(kind, said)
    return f"This {said}." if said.startswith("must") else f"{said}."
