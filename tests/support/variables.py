"""The variables that the service and its applications read."""

from pydantic import BaseModel

from service.application import load
from service.registration.applications import known_applications
from service.settings import Settings


def known_variables() -> set[str]:
    """Return their names."""
    models: list[type[BaseModel]] = [Settings, *(load(name).settings_model for name in known_applications())]
    return {str(field.validation_alias) for model in models for field in model.model_fields.values()} - {"None"}
