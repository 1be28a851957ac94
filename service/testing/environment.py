"""What a Hub would put into the environment of a service with given settings."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from service.settings import Settings
from service.settings.env_file import ignored
from service.settings.types import from_json


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables from which `load_settings` reads these settings."""
    given = {name: Settings.model_fields[name] for name in settings.model_fields_set - {"variables"}}
    own = {str(field.validation_alias): _text(field, getattr(settings, name)) for name, field in given.items()}
    return {**settings.variables, **own}


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Put these variables into the environment for as long as it is open, in place of all that a Hub had set there.

    A `.env` in the working folder is not read.
    """
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    before = dict(os.environ)
    for name in before:
        if name in known or name.startswith("JUPYTERHUB_"):
            del os.environ[name]
    os.environ.update(variables)
    try:
        with ignored():
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _text(field: FieldInfo, value: object) -> str:
    """Return a value as its variable has it. Lists are JSON in the Hub's variables, and separated by commas in ours."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return "1" if value else "0"
    if any(isinstance(each, BeforeValidator) and each.func is from_json for each in field.metadata):
        return json.dumps(value, default=list)
    return ",".join(value) if isinstance(value, tuple) else str(value)
