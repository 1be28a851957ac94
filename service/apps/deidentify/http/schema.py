"""What the OpenAPI document says of notes beyond what pydantic can tell."""

from typing import Any

from service.apps.deidentify.owners import PATTERN

# In Python `$` also matches before a line end that comes last; pydantic's expressions know no lookahead.
KEY_SCHEMA: dict[str, Any] = {"type": "string", "pattern": PATTERN + r"(?!\n)"}
# `patient` needs a `key`, goes without `date_shift_days`, and has a visible character.
SHIFT_OF_A_PATIENT: dict[str, Any] = {
    "if": {"required": ["patient"], "properties": {"patient": {"not": {"type": "null"}}}},
    "then": {
        "required": ["key"],
        "properties": {
            "key": {"type": "string"},
            "date_shift_days": {"type": "null"},
            "patient": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "[!-~]"}]},
        },
    },
}
