"""The settings. Only this package reads the environment and `.env`.

The Hub sets the `JUPYTERHUB_*` variables for a service that it manages. For any other service, the operator sets them
(https://jupyterhub.readthedocs.io/en/stable/reference/services.html). The other variables are ours.
"""

import os
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import unquote, urlsplit

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

from service.addresses import encoded_path
from service.api_token import LENGTH, problem_with
from service.errors import ConfigurationError
from service.logs import LogForm, LogLevel
from service.settings import old_names, without_hub
from service.settings.entra import EntraSettings
from service.settings.env_file import read_env_file
from service.settings.pages import PageSettings
from service.settings.tokens import TokenSettings
from service.settings.types import (
    ANY_ORIGIN,
    AllowedOrigins,
    CookieOptions,
    Directory,
    Folder,
    HubFlag,
    JsonNames,
    ListenAddresses,
    Names,
    Origin,
    PositiveSeconds,
    Proxies,
    Seconds,
    WebAddress,
    one_word,
    origin_of,
)

_Model = TypeVar("_Model", bound=BaseModel)


class Settings(TokenSettings, PageSettings, EntraSettings):
    """The settings of the service. `load_settings()` makes them; tests make them by field names."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    # The Hub, and our identity there
    # Without a Hub nothing is sealed. The default is random, because keys must not be derived from an empty secret.
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

    # The URLs of the service and of the Hub
    service_url: WebAddress = Field(default="http://127.0.0.1:10101", validation_alias="JUPYTERHUB_SERVICE_URL")
    service_prefix: Directory = Field(default="", validation_alias="JUPYTERHUB_SERVICE_PREFIX")
    base_url: Directory = Field(default="/", validation_alias="JUPYTERHUB_BASE_URL")
    hub_host: Origin | Literal[""] = Field(default="", validation_alias="JUPYTERHUB_HOST")
    public_url: WebAddress | Literal[""] = Field(default="", validation_alias="JUPYTERHUB_PUBLIC_URL")
    callback_url_given: str = Field(default="", validation_alias="JUPYTERHUB_OAUTH_CALLBACK_URL")
    public_host: Origin | Literal[""] = Field(default="", validation_alias="PUBLIC_HOST")

    # Who has access, and which credentials are accepted. For `none` see `service.web.without_sign_in`
    sign_in: Literal["required", "none", "none-public"] = Field(default="required", validation_alias="SERVICE_SIGN_IN")
    access_scopes_given: JsonNames = Field(default=(), validation_alias="JUPYTERHUB_OAUTH_ACCESS_SCOPES")
    access_scopes_deprecated: JsonNames = Field(default=(), validation_alias="JUPYTERHUB_OAUTH_SCOPES")
    allow_token_in_url: HubFlag = Field(default=False, validation_alias="JUPYTERHUB_ALLOW_TOKEN_IN_URL")
    allow_websocket_cookie: HubFlag = Field(default=True, validation_alias="JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH")
    cookie_host_prefix: HubFlag = Field(default=False, validation_alias="JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED")
    cookie_options: CookieOptions = Field(default={}, validation_alias="JUPYTERHUB_COOKIE_OPTIONS")
    forward_auth: bool = Field(default=False, validation_alias="SERVICE_FORWARD_AUTH")

    # How long answers of the Hub are cached, in seconds. 300 is also the cache_max_age of HubOAuth.
    cache_ttl: PositiveSeconds = Field(default=300, validation_alias="HUB_CACHE_TTL")
    stale_grace: Seconds = Field(default=300, validation_alias="HUB_STALE_GRACE")
    cache_size: Annotated[int, Field(ge=1)] = Field(default=10_000, validation_alias="HUB_CACHE_SIZE")
    # Seconds to wait for an answer of the Hub. It normally answers within milliseconds.
    hub_timeout: PositiveSeconds = Field(default=5, validation_alias="HUB_TIMEOUT")
    # Seconds between two checks of a connection that stays open
    recheck_interval: PositiveSeconds = Field(default=60, validation_alias="SERVICE_RECHECK_INTERVAL")

    # Bytes of request bodies that a process holds in memory for callers. For strangers there is a quarter in addition.
    body_memory: Annotated[int, Field(ge=4_000_000)] = Field(default=64_000_000, validation_alias="SERVICE_BODY_MEMORY")

    # The page where users change their own password, relative to the Hub's URL; empty if there is none
    password_page: str = Field(default="", validation_alias="HUB_PASSWORD_PAGE")
    # Whether the Hub's authenticator decides who is in which group (Authenticator.manage_groups): then we cannot
    groups_are_managed: HubFlag = Field(default=False, validation_alias="SERVICE_GROUPS_MANAGED")

    # All variables, from which `read_settings` reads the settings of applications
    variables: Mapping[str, str] = Field(default={}, exclude=True, repr=False)

    # Processes, applications and routers
    workers: Annotated[int, Field(ge=1)] = Field(default=1, validation_alias="SERVICE_WORKERS")
    apps: Names = Field(default=(), validation_alias="SERVICE_APPS")
    routers: Names = Field(default=(), validation_alias="SERVICE_ROUTERS")

    # Listening, TLS and trusted proxies
    listen_given: ListenAddresses = Field(default=(), validation_alias="SERVICE_LISTEN")
    tls_certfile: str = Field(default="", validation_alias="SERVICE_TLS_CERT")
    tls_keyfile: str = Field(default="", validation_alias="SERVICE_TLS_KEY")
    tls_minimum: Literal["1.2", "1.3"] = Field(default="1.2", validation_alias="SERVICE_TLS_MIN")
    forwarded_allow_ips: Proxies = Field(default=("127.0.0.1", "::1"), validation_alias="FORWARDED_ALLOW_IPS")

    # Logging and metrics
    log: LogForm = Field(default="json", validation_alias="SERVICE_LOG")
    log_level: Annotated[LogLevel, BeforeValidator(str.upper)] = Field(
        default="INFO", validation_alias="SERVICE_LOG_LEVEL"
    )
    tracebacks: bool = Field(default=False, validation_alias="SERVICE_TRACEBACKS")
    # The folder where workers write their metrics; prometheus_client reads this variable, too
    metrics_folder: Folder = Field(default="", validation_alias="PROMETHEUS_MULTIPROC_DIR")

    # The folder where applications keep data
    state_given: str = Field(default="", validation_alias="SERVICE_STATE")
    state_of_unit: str = Field(default="", validation_alias="STATE_DIRECTORY")  # set by systemd for StateDirectory=

    # CORS: the origins whose pages may read our responses, whether with cookies, and whether from a public network
    allow_origins: AllowedOrigins = Field(default=(), validation_alias="ALLOW_ORIGINS")
    allow_credentials: bool = Field(default=False, validation_alias="ALLOW_CREDENTIALS")
    allow_private_network: bool = Field(default=False, validation_alias="ALLOW_PRIVATE_NETWORK")

    @field_validator("allow_credentials")
    @classmethod
    def _needs_a_list_of_origins(cls, is_on: bool, others: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        if is_on and ANY_ORIGIN in others.data.get("allow_origins", ()):
            raise ValueError("not possible with ALLOW_ORIGINS=*, as any page could act as its reader: list the origins")
        return is_on

    @property
    def listen(self) -> tuple[str, ...]:
        """The addresses to listen at, such as `http://…`, `https://…` and `unix:/path`."""
        return self.listen_given or (self.service_url,)

    @property
    def is_https(self) -> bool:
        """Whether an address to listen at is https."""
        return any(address.startswith("https:") for address in self.listen)

    @property
    def has_hub(self) -> bool:
        """Whether there is a Hub: then we have its API token. Otherwise all tokens are Entra ID's."""
        return "api_token" in self.model_fields_set

    @property
    def has_sign_in(self) -> bool:
        """Whether callers must sign in or send a token. Otherwise everybody is served, and nobody asks who they are."""
        return self.sign_in == "required"

    @property
    def client_id(self) -> str:
        """The OAuth client id. Our cookies have the same name."""
        return self.client_id_given or f"service-{self.service_name or 'fastapi'}"

    @property
    def registered_prefix(self) -> str:
        """Our path as the Hub has it, with `/` at both ends. The Hub does not encode the names of services."""
        if self.service_prefix:
            return self.service_prefix
        if not self.has_hub:
            return self.base_url
        return f"{self.base_url}services/{self.service_name}/" if self.service_name else "/"

    @cached_property
    def prefix(self) -> str:
        """Our path as browsers send it, percent-encoded, with `/` at both ends."""
        return encoded_path(self.registered_prefix)

    @cached_property
    def root_path(self) -> str:
        """`prefix` as in ASGI: decoded, without the slash at the end."""
        return unquote(self.prefix).rstrip("/")

    @cached_property
    def access_scopes(self) -> tuple[str, ...]:
        """The scopes of which a caller needs one to have access. If there are none, nobody has access."""
        if not self.has_hub:
            return ("access:services",)
        given = self.access_scopes_given or self.access_scopes_deprecated
        if given or not self.service_name:
            return given
        return (f"access:services!service={self.service_name}",)

    @cached_property
    def redirect_uri(self) -> str:
        """Our OAuth redirect URI. It must be the same string everywhere, because the Hub compares it literally."""
        if self.public_host and not self.callback_url_given.startswith(f"{self.public_host}{self.prefix}"):
            return f"{self.public_host}{self.prefix}oauth_callback"
        return self.callback_url_given or f"{self.registered_prefix}oauth_callback"

    @cached_property
    def hub_url(self) -> str:
        """The URL of the Hub for browsers. It is relative, unless the Hub has its own host or PUBLIC_HOST is set."""
        return f"{self.hub_host or self.public_host}{self.base_url}hub/"

    @cached_property
    def public_origin(self) -> str:
        """Our origin as browsers see it; empty if it is not configured."""
        return self.public_host or (origin_of(urlsplit(self.public_url)) if self.public_url else "")

    @cached_property
    def state(self) -> Path:
        """The folder where applications keep data.

        Raises:
            ConfigurationError: no folder is configured, and our user has no home directory.
        """
        given = self.state_given or self.state_of_unit.partition(":")[0]
        try:
            return Path(given) if given else Path.home() / ".local" / "state" / self.client_id
        except RuntimeError:
            raise ConfigurationError(["SERVICE_STATE: must name a folder, as the user has no home directory"]) from None


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `.env` and from `environment`, which has precedence. By default it is our own.

    Raises:
        ConfigurationError: it names every variable that is missing or wrong, but never its value.
    """
    variables = read_variables(environment)
    given = _given(Settings, variables)
    token = given.get("JUPYTERHUB_API_TOKEN", "")
    problems = without_hub.problems_with(given) | without_hub.problems_without_sign_in(variables)
    if token and (problem := problem_with(token)):
        problems["JUPYTERHUB_API_TOKEN"] = f"JUPYTERHUB_API_TOKEN: {problem}"
    settings = _read(Settings, {**given, "variables": variables}, problems)
    if settings is None:
        raise ConfigurationError([*problems.values(), *old_names.found(variables)])
    return settings


def read_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables of `.env` and of `environment`, which has precedence. By default it is our own.

    Raises:
        ConfigurationError: `.env` cannot be used.
    """
    return {**read_env_file(), **(os.environ if environment is None else environment)}


def read_settings(model: type[_Model], variables: Mapping[str, str]) -> _Model:
    """Read the settings of an application. The variable of a field is its `validation_alias`.

    Raises:
        ConfigurationError: it names every variable that is missing or wrong, but never its value.
    """
    problems: dict[str, str] = {}
    settings = _read(model, _given(model, variables), problems)
    if settings is None:
        raise ConfigurationError(list(problems.values()))
    return settings


def _given(model: type[BaseModel], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a model. An empty one counts as not set, as in JupyterHub."""
    names = (str(field.validation_alias) for field in model.model_fields.values() if field.validation_alias)
    return {name: value for name in names if (value := variables.get(name))}


def _read(model: type[_Model], given: Mapping[str, object], problems: dict[str, str]) -> _Model | None:
    """Return the settings; None if there are problems, which are added to `problems` by variable."""
    try:
        settings = model.model_validate(given)
    except ValidationError as error:
        for item in error.errors(include_input=False):
            text = item["msg"].removeprefix("Value error, ")
            # A validator of the whole model tells of no variable.
            name = str(item["loc"][0]) if item["loc"] else ""
            problems.setdefault(name or text, f"{name}: {text}" if name else text)
        return None
    return None if problems else settings


def share_metrics_folder(folder: str) -> None:
    """Set PROMETHEUS_MULTIPROC_DIR for the processes that this one starts, and for prometheus_client in this one."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
