"""The settings of the desk."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from service.api_token import ONE_WORD
from service.apps.desk.domain.policy import GRANTS, Grants
from service.apps.desk.domain.policy_file import read_policy
from service.apps.desk.storage.address import address_for_driver
from service.settings import Settings
from service.settings.types import FILE, Names

_KINDS = {
    "sqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "postgresql+asyncpg": "postgresql",
}


def _database(given: SecretStr) -> SecretStr:
    """Return the URL without a driver, which we choose.

    It must name a file or a server: all workers must be able to open the same database. Raises ValueError.
    """
    scheme, _, rest = given.get_secret_value().partition("://")
    kind = _KINDS.get(scheme.lower())
    is_right = kind == "postgresql" and ONE_WORD.fullmatch(rest) and "#" not in rest
    if kind == "sqlite":
        is_right = FILE.fullmatch(rest) and ":memory:" not in rest
    if not is_right:
        raise ValueError("must be postgresql://user:password@host/name, percent-encoded, or sqlite:///file")
    if kind == "postgresql":
        address_for_driver(rest)  # raises
    return SecretStr(f"{kind}://{rest}")


def _grants(given: object) -> object:
    return read_policy(given) if isinstance(given, str) else given


class DeskSettings(BaseModel):
    """Where the desk keeps its tables, what its roles may do, and who administers it first."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    database_url_given: Annotated[SecretStr, AfterValidator(_database)] | None = Field(
        default=None, validation_alias="DATABASE_URL"
    )
    grants: Annotated[Grants, BeforeValidator(_grants)] = Field(default=GRANTS, validation_alias="DESK_POLICY")
    first_admins: Names = Field(default=(), validation_alias="DESK_ADMINS")


def database_url(core: Settings, settings: DeskSettings) -> SecretStr:
    """Return DATABASE_URL as `sqlite:///file` or `postgresql://…`; a file in the state folder if it is not set."""
    return settings.database_url_given or SecretStr(f"sqlite:///{core.state / 'desk.sqlite'}")
