"""The settings of tokens that people get for their passwords."""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

_YEAR = 365 * 24 * 3600  # seconds


class PasswordTokenSettings(BaseModel):
    """Whether `POST token` takes passwords, and how long such tokens live, in seconds. The Hub may allow less."""

    password_grant: bool = Field(default=False, validation_alias="SERVICE_PASSWORD_GRANT")
    token_lifetime_max: Annotated[int, Field(ge=1, le=100 * _YEAR)] = Field(
        default=_YEAR, validation_alias="SERVICE_TOKEN_LIFETIME_MAX"
    )
    token_lifetime: Annotated[int, Field(ge=1)] = Field(default=3600, validation_alias="SERVICE_TOKEN_LIFETIME")

    @field_validator("token_lifetime")
    @classmethod
    def _is_at_most_the_longest(cls, seconds: int, others: ValidationInfo) -> int:
        if seconds > others.data.get("token_lifetime_max", seconds):
            raise ValueError("must not be more than SERVICE_TOKEN_LIFETIME_MAX")
        return seconds
