"""Forms: read what was typed, and show it again with the errors if the desk refuses it."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from service.apps.desk.errors import (
    AccountExistsError,
    EmailTakenError,
    EmployeeMissingError,
    OwnerMissingError,
    PhoneTakenError,
    VersionConflictError,
)
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
_MISSING = {"string_type", "string_too_short", "missing", "int_type"}
_WORDS = {
    "date_from_datetime_parsing": "must be a day, like 1990-02-28",
    "date_parsing": "must be a day, like 1990-02-28",
    "enum": "must be one of those offered",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A form as a page shows it. `now`: the present values of fields that somebody else has changed in the meantime."""

    values: Mapping[str, str]
    version: int = 0
    errors: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    now: Mapping[str, str] = field(default_factory=dict)
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """Return what is in a field."""
        return self.values.get(name, "")


async def submitted(request: Request) -> dict[str, str]:
    """Read a form. Browsers send line ends as CR LF, whatever was typed."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    form = await request.form()
    return {name: value.replace("\r\n", "\n") for name, value in form.items() if isinstance(value, str)}


def version_of(typed: Mapping[str, str]) -> int:
    """Return the version that a form was made for; 0, which does not exist, if the form does not say."""
    text = typed.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - a bigint's digits


def filled(thing: BaseModel) -> dict[str, str]:
    """Return the fields of a thing as a form shows them."""
    return {name: _text(value) for name, value in thing.model_dump(mode="json").items()}


def meant(typed: Mapping[str, str], names: Collection[str]) -> dict[str, Any]:
    """Return what these fields of a form mean, not yet checked. An empty field means null."""
    return {name: typed.get(name, "").strip() or _EMPTY.get(name) for name in names}


def patch_of(typed: Mapping[str, str], names: Collection[str], *, since: BaseModel) -> dict[str, Any]:
    """Return the fields in the form whose values differ from the thing's."""
    held = filled(since)
    return {name: value for name, value in meant(typed, _sent(typed, names)).items() if _text(value) != held[name]}


def _sent(typed: Mapping[str, str], names: Collection[str]) -> list[str]:
    return [name for name in names if name in typed or name in _BOXES]


def refused(
    error: ValidationError | ServiceError,
    typed: Mapping[str, str],
    *,
    names: Collection[str] = (),
    current: BaseModel | None = None,
) -> Draft:
    """Return the form as it was typed, with what was wrong.

    `names` are the fields of the form, and `current` the thing as it is now, if there is one.
    """
    if isinstance(error, ValidationError):
        errors = {
            str(item["loc"][0]): _words(dict(item)) for item in error.errors(include_input=False, include_url=False)
        }
        return Draft(typed, version_of(typed), errors, "Nothing was saved: see below.", status_code=422)
    if line := error.for_operator():
        _log.log(*line)
    status, headers = error.status, error.headers()
    if isinstance(error, VersionConflictError) and current is not None:
        held = filled(current)
        now = {name: held[name] for name in _sent(typed, names) if held[name] != typed.get(name, "").strip()}
        return Draft(typed, getattr(current, "version", 0), {}, _CONFLICT, now, status, headers)
    name = next((name for kind, name in _FIELDS.items() if isinstance(error, kind) and name in typed), "")
    errors = {name: error.detail} if name else {}
    return Draft(typed, version_of(typed), errors, error.detail, {}, status, headers)


_log = logging.getLogger("service")

_CONFLICT = (
    "Somebody has changed this since you opened it, and nothing was saved. What you typed is still here. Where it "
    "differs, the present value is shown below the field. Save again to replace it with yours."
)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else ""
    return "" if value is None else str(value)


def _words(item: Mapping[str, Any]) -> str:
    """Say what is wrong in words for a reader."""
    kind, said = item["type"], str(item["msg"]).removeprefix("Value error, ")
    if kind in _MISSING:
        return "Fill this in."
    if kind == "string_too_long":
        return f"At most {item['ctx']['max_length']} characters."
    said = _WORDS.get(kind, said)
    return f"This {said}." if said.startswith("must") else f"{said}."
