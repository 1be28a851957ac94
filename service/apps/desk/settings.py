"""The settings of the desk."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from service.settings import Settings
from service.settings.types import FILE, ONE_WORD

_KINDS = {
    "sqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "postgresql+asyncpg": "postgresql",
}


def _database(given: SecretStr) -> SecretStr:
    """A file that all workers can open, or a server. We choose the driver."""
    scheme, _, rest = given.get_secret_value().partition("://")
    kind = _KINDS.get(scheme.lower())
    is_right = kind == "postgresql" and ONE_WORD.fullmatch(rest) and "#" not in rest
    if kind == "sqlite":
        is_right = FILE.fullmatch(rest) and ":memory:" not in rest
    if not is_right:
        raise ValueError("must be postgresql://user:password@host/name, percent-encoded, or sqlite:///file")
    return SecretStr(f"{kind}://{rest}")


class DeskSettings(BaseModel):
    """Where the desk keeps its tables."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    database_url_given: Annotated[SecretStr, AfterValidator(_database)] | None = Field(
        default=None, validation_alias="DATABASE_URL"
    )


def database_url(core: Settings, settings: DeskSettings) -> SecretStr:
    """Return `sqlite:///file`, in the state folder unless told otherwise, or `postgresql://…`."""
    return settings.database_url_given or SecretStr(f"sqlite:///{core.state / 'desk.sqlite'}")
