"""The settings of tokens that people get for their passwords, or at a shell."""

from typing import Annotated

from pydantic import BaseModel, Field, ValidationInfo, field_validator

_HOUR = 3600  # seconds
_YEAR = 365 * 24 * _HOUR


class TokenSettings(BaseModel):
    """Whether `POST token` takes passwords, and codes of shells; how long such tokens live. The Hub may allow less."""

    password_grant: bool = Field(default=False, validation_alias="SERVICE_PASSWORD_GRANT")
    shell_sign_in: bool = Field(default=False, validation_alias="SERVICE_SHELL_SIGN_IN")
    token_lifetime_max: Annotated[int, Field(ge=1, le=100 * _YEAR)] = Field(
        default=_YEAR, validation_alias="SERVICE_TOKEN_LIFETIME_MAX"
    )
    token_lifetime_given: Annotated[int, Field(ge=1)] | None = Field(
        default=None, validation_alias="SERVICE_TOKEN_LIFETIME"
    )

    @field_validator("token_lifetime_given")
    @classmethod
    def _is_at_most_the_longest(cls, seconds: int | None, others: ValidationInfo) -> int | None:
        if seconds is not None and seconds > others.data.get("token_lifetime_max", seconds):
            raise ValueError("must not be more than SERVICE_TOKEN_LIFETIME_MAX")
        return seconds

    @property
    def token_lifetime(self) -> int:
        """Seconds that a token lives if nobody says: an hour, or less where no token may live that long."""
        return self.token_lifetime_given or min(_HOUR, self.token_lifetime_max)
