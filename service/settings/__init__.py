"""What the service is told from outside: the only reader of the environment, and of `.env`.

The Hub sets the `JUPYTERHUB_*` variables for a service it manages; whoever runs the service elsewhere sets them
(https://jupyterhub.readthedocs.io/en/stable/reference/services.html). The others are ours.
"""

import os
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote, unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from service.api_token import LENGTH, flaw_of
from service.errors import ConfigurationError
from service.settings import without_hub
from service.settings.env_file import read_env_file
from service.settings.values import (
    ANY_ORIGIN,
    AllowedOrigins,
    Directory,
    Folder,
    Grants,
    Guid,
    HttpsOrigin,
    HubFlag,
    JsonNames,
    ListenAddresses,
    MoreSeconds,
    Names,
    Origin,
    Proxies,
    Seconds,
    WebAddress,
    from_json,
    one_word,
    origin_of,
)

_Model = TypeVar("_Model", bound=BaseModel)


class Settings(BaseModel):
    """Everything the service is told; frozen. Build it with `load_settings()`, in tests with field names."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    # Who we are to the Hub
    # Without a Hub nothing is sealed; a secret nobody knows, as no key is to be derived from an empty one.
    api_token: Annotated[SecretStr, AfterValidator(one_word)] = Field(
        default_factory=lambda: SecretStr(secrets.token_hex(LENGTH)), validation_alias="JUPYTERHUB_API_TOKEN"
    )
    api_url: WebAddress = Field(
        default="http://127.0.0.1:8081/hub/api", validation_alias="JUPYTERHUB_API_URL", repr=False
    )
    service_name: str = Field(default="", validation_alias="JUPYTERHUB_SERVICE_NAME")
    client_id_given: str = Field(default="", validation_alias="JUPYTERHUB_CLIENT_ID")
    ssl_keyfile: str = Field(default="", validation_alias="JUPYTERHUB_SSL_KEYFILE")
    ssl_certfile: str = Field(default="", validation_alias="JUPYTERHUB_SSL_CERTFILE")
    ssl_client_ca: str = Field(default="", validation_alias="JUPYTERHUB_SSL_CLIENT_CA")

    # Where we are
    service_url: WebAddress = Field(default="http://127.0.0.1:10101", validation_alias="JUPYTERHUB_SERVICE_URL")
    service_prefix: Directory = Field(default="", validation_alias="JUPYTERHUB_SERVICE_PREFIX")
    base_url: Directory = Field(default="/", validation_alias="JUPYTERHUB_BASE_URL")
    hub_host: Origin | Literal[""] = Field(default="", validation_alias="JUPYTERHUB_HOST")
    public_url: WebAddress | Literal[""] = Field(default="", validation_alias="JUPYTERHUB_PUBLIC_URL")
    callback_url_given: str = Field(default="", validation_alias="JUPYTERHUB_OAUTH_CALLBACK_URL")
    public_host: Origin | Literal[""] = Field(default="", validation_alias="PUBLIC_HOST")

    # Whom we let in, and how they may say who they are
    access_scopes_given: JsonNames = Field(default=(), validation_alias="JUPYTERHUB_OAUTH_ACCESS_SCOPES")
    access_scopes_deprecated: JsonNames = Field(default=(), validation_alias="JUPYTERHUB_OAUTH_SCOPES")
    allow_token_in_url: HubFlag = Field(default=False, validation_alias="JUPYTERHUB_ALLOW_TOKEN_IN_URL")
    allow_websocket_cookie: HubFlag = Field(default=True, validation_alias="JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH")
    cookie_host_prefix: HubFlag = Field(default=False, validation_alias="JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED")
    cookie_options: Annotated[Mapping[str, Any], BeforeValidator(from_json)] = Field(
        default={}, validation_alias="JUPYTERHUB_COOKIE_OPTIONS"
    )
    password_grant: bool = Field(default=False, validation_alias="SERVICE_PASSWORD_GRANT")
    forward_auth: bool = Field(default=False, validation_alias="SERVICE_FORWARD_AUTH")

    # How long an answer of the Hub holds. Seconds; 300 is HubOAuth's own cache_max_age.
    cache_ttl: MoreSeconds = Field(default=300, validation_alias="HUB_CACHE_TTL")
    stale_grace: Seconds = Field(default=300, validation_alias="HUB_STALE_GRACE")
    cache_size: Annotated[int, Field(ge=1)] = Field(default=10_000, validation_alias="HUB_CACHE_SIZE")
    # Seconds until an unanswered question to the Hub counts as an outage. The Hub answers in milliseconds; people wait.
    hub_timeout: MoreSeconds = Field(default=5, validation_alias="HUB_TIMEOUT")
    # Seconds between two looks at whether those may stay who hold a connection open.
    recheck_interval: MoreSeconds = Field(default=60, validation_alias="SERVICE_RECHECK_INTERVAL")

    # Bytes of request bodies that a process holds at once for callers; for strangers it has a quarter of that besides.
    body_memory: Annotated[int, Field(ge=4_000_000)] = Field(default=64_000_000, validation_alias="SERVICE_BODY_MEMORY")

    # Where people change their own password, if its authenticator lets them: a page below the Hub's own address
    password_page: str = Field(default="", validation_alias="HUB_PASSWORD_PAGE")
    # The Hub's authenticator says who is in which group (Authenticator.manage_groups), so that we cannot
    groups_are_managed: HubFlag = Field(default=False, validation_alias="SERVICE_GROUPS_MANAGED")

    # All variables, for applications to read theirs; see `read_settings`
    told: Mapping[str, str] = Field(default={}, exclude=True, repr=False)

    # What runs here
    workers: Annotated[int, Field(ge=1)] = Field(default=1, validation_alias="SERVICE_WORKERS")
    apps: Names = Field(default=(), validation_alias="SERVICE_APPS")
    routers: Names = Field(default=(), validation_alias="SERVICE_ROUTERS")

    # Where we listen, with which certificate, and whose word counts for where a request comes from
    listen_given: ListenAddresses = Field(default=(), validation_alias="SERVICE_LISTEN")
    tls_certfile: str = Field(default="", validation_alias="SERVICE_TLS_CERT")
    tls_keyfile: str = Field(default="", validation_alias="SERVICE_TLS_KEY")
    tls_minimum: Literal["1.2", "1.3"] = Field(default="1.2", validation_alias="SERVICE_TLS_MIN")
    forwarded_allow_ips: Proxies = Field(default=("127.0.0.1", "::1"), validation_alias="FORWARDED_ALLOW_IPS")

    # Entra ID: whose tokens are good here beside the Hub's, or instead of them
    entra_tenant_id: Guid | Literal[""] = Field(default="", validation_alias="ENTRA_TENANT_ID")
    entra_client_id: Guid | Literal[""] = Field(default="", validation_alias="ENTRA_CLIENT_ID")
    entra_openapi_client_id: Guid | Literal[""] = Field(default="", validation_alias="ENTRA_OPENAPI_CLIENT_ID")
    entra_scope: Annotated[str, Field(pattern=r"^[\w.-]+$")] = Field(
        default="user_impersonation", validation_alias="ENTRA_SCOPE"
    )
    entra_grants: Grants = Field(default={}, validation_alias="ENTRA_GRANTS")
    entra_authority: HttpsOrigin = Field(
        default="https://login.microsoftonline.com", validation_alias="ENTRA_AUTHORITY"
    )

    # Watching it
    log: Literal["json", "text"] = Field(default="json", validation_alias="SERVICE_LOG")
    # Where several processes add up their figures; prometheus_client reads it, too.
    metrics_folder: Folder = Field(default="", validation_alias="PROMETHEUS_MULTIPROC_DIR")

    # Where applications keep what must last. The folder is the workers' only, or the database is a server's.
    state_given: str = Field(default="", validation_alias="SERVICE_STATE")
    state_of_unit: str = Field(default="", validation_alias="STATE_DIRECTORY")  # by systemd: StateDirectory=

    # Other origins (CORS): whose pages may read our answers, with cookies, and from a public network into a private one
    allow_origins: AllowedOrigins = Field(default=(), validation_alias="ALLOW_ORIGINS")
    allow_credentials: bool = Field(default=False, validation_alias="ALLOW_CREDENTIALS")
    allow_private_network: bool = Field(default=False, validation_alias="ALLOW_PRIVATE_NETWORK")

    @field_validator("allow_credentials")
    @classmethod
    def _for_named_origins(cls, is_on: bool, others: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if is_on and ANY_ORIGIN in others.data.get("allow_origins", ()):
            raise ValueError("not with ALLOW_ORIGINS=*: any page could ask in its reader's name; name the origins")
        return is_on

    @property
    def listen(self) -> tuple[str, ...]:
        """The addresses to listen at: `http://…`, `https://…` and `unix:/path`."""
        return self.listen_given or (self.service_url,)

    @property
    def is_https(self) -> bool:
        """Whether one of these addresses is https."""
        return any(address.startswith("https:") for address in self.listen)

    @property
    def has_hub(self) -> bool:
        """Whether there is one: it has given us a token. Else all tokens are Entra ID's."""
        return "api_token" in self.model_fields_set

    @property
    def client_id(self) -> str:
        """The OAuth client id, which also names our cookies."""
        return self.client_id_given or f"service-{self.service_name or 'fastapi'}"

    @cached_property
    def prefix(self) -> str:
        """Our path as it stands in addresses, percent-encoded where the Hub's base_url is; `/` at both ends."""
        if self.service_prefix:
            return self.service_prefix
        if not self.has_hub:
            return self.base_url
        return f"{self.base_url}services/{quote(self.service_name)}/" if self.service_name else "/"

    @cached_property
    def root_path(self) -> str:
        """`prefix` as ASGI has it: decoded, without the last slash."""
        return unquote(self.prefix).rstrip("/")

    @cached_property
    def access_scopes(self) -> tuple[str, ...]:
        """The scopes any one of which lets a caller in; empty means nobody."""
        if not self.has_hub:
            return ("access:services",)
        given = self.access_scopes_given or self.access_scopes_deprecated
        if given or not self.service_name:
            return given
        return (f"access:services!service={self.service_name}",)

    @cached_property
    def redirect_uri(self) -> str:
        """Our OAuth redirect URI: one string at authorize, at token and in Swagger UI; the Hub compares literally."""
        if self.public_host:
            return f"{self.public_host}{self.prefix}oauth_callback"
        return self.callback_url_given or f"{self.prefix}oauth_callback"

    @cached_property
    def hub_url(self) -> str:
        """Where a browser finds the Hub; relative unless the Hub lives on a host of its own or PUBLIC_HOST is set."""
        return f"{self.hub_host or self.public_host}{self.base_url}hub/"

    @cached_property
    def public_origin(self) -> str:
        """Our origin as browsers see it, where we are told; else empty."""
        return self.public_host or (origin_of(urlsplit(self.public_url)) if self.public_url else "")

    @cached_property
    def state(self) -> Path:
        """The folder for what must last.

        Raises:
            ConfigurationError: none is named, and our user has no home.
        """
        given = self.state_given or self.state_of_unit.partition(":")[0]
        try:
            return Path(given) if given else Path.home() / ".local" / "state" / self.client_id
        except RuntimeError:
            raise ConfigurationError(["SERVICE_STATE: name a folder, as there is no home to have one in"]) from None


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read `.env`, and the environment, our own or that of another process, which overrules it.

    Raises:
        ConfigurationError: naming every variable that is missing or wrong, never its value.
    """
    told = {**read_env_file(), **(os.environ if environment is None else environment)}
    given = _given(Settings, told)
    token = given.get("JUPYTERHUB_API_TOKEN", "")
    flaw = flaw_of(token) if token else ""
    problems = {"JUPYTERHUB_API_TOKEN": f"JUPYTERHUB_API_TOKEN: {flaw}"} if flaw else {}
    problems |= without_hub.problems_of(given)
    settings = _read(Settings, {**given, "told": told}, problems)
    if settings is None:
        raise ConfigurationError(list(problems.values()))
    return settings


def read_settings(model: type[_Model], told: Mapping[str, str]) -> _Model:
    """Read the settings of an application: of each field of `model`, the variable that is its `validation_alias`.

    Raises:
        ConfigurationError: naming every variable that is missing or wrong, never its value.
    """
    problems: dict[str, str] = {}
    settings = _read(model, _given(model, told), problems)
    if settings is None:
        raise ConfigurationError(list(problems.values()))
    return settings


def _given(model: type[BaseModel], told: Mapping[str, str]) -> dict[str, str]:
    """Each variable by its own name only, and an empty one as if it were not set, as JupyterHub has it."""
    names = (str(field.validation_alias) for field in model.model_fields.values() if field.validation_alias)
    return {name: value for name in names if (value := told.get(name))}


def _read(model: type[_Model], given: Mapping[str, object], problems: dict[str, str]) -> _Model | None:
    """Add to `problems`, by variable; None where there are any."""
    try:
        settings = model.model_validate(given)
    except ValidationError as error:
        for item in error.errors(include_input=False):
            name = str(item["loc"][0])
            problems.setdefault(name, f"{name}: {item['msg'].removeprefix('Value error, ')}")
        return None
    return None if problems else settings


def tell_processes(*, metrics_folder: str) -> None:
    """Write into the environment what the processes that this one starts, and prometheus_client here, read there."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = metrics_folder
