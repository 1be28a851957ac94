"""The variables of the environment, and the settings that they become."""

import re
import traceback
from pathlib import Path
from typing import Any, Self

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError, model_validator

import service
from service.errors import ConfigurationError
from service.registration.entry import RegistrationError, check_arguments
from service.settings import Settings, load_settings, read_settings

LONG = "0123456789abcdef" * 2
NEEDED = {"JUPYTERHUB_API_TOKEN": "canary-api-token-0123456789abcdef"}


@pytest.fixture(autouse=True)
def _only_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with only our API token."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


GUID = "22222222-bbbb-4bbb-8bbb-222222222222"
# What each of Entra ID's variables needs beside it.
ENTRA = {"ENTRA_TENANT_ID": GUID, "ENTRA_CLIENT_ID": GUID, "PUBLIC_HOST": "https://hub.example.org"}
VARIABLES: dict[str, tuple[str, str, Any]] = {
    "JUPYTERHUB_API_TOKEN": (LONG, "api_token", SecretStr(LONG)),
    "JUPYTERHUB_API_URL": ("http://10.0.0.1:8081/x/hub/api/", "api_url", "http://10.0.0.1:8081/x/hub/api"),
    "JUPYTERHUB_SERVICE_NAME": ("x", "service_name", "x"),
    "JUPYTERHUB_CLIENT_ID": ("service-x", "client_id_given", "service-x"),
    "JUPYTERHUB_SSL_KEYFILE": ("/k", "ssl_keyfile", "/k"),
    "JUPYTERHUB_SSL_CERTFILE": ("/c", "ssl_certfile", "/c"),
    "JUPYTERHUB_SSL_CLIENT_CA": ("/ca", "ssl_client_ca", "/ca"),
    "JUPYTERHUB_SERVICE_URL": ("https://127.0.0.1:9", "service_url", "https://127.0.0.1:9"),
    "JUPYTERHUB_SERVICE_PREFIX": ("services/x", "service_prefix", "/services/x/"),
    "JUPYTERHUB_BASE_URL": ("/@/space%20word/", "base_url", "/@/space%20word/"),
    "JUPYTERHUB_HOST": ("https://Hub.example.org/", "hub_host", "https://hub.example.org"),
    "JUPYTERHUB_PUBLIC_URL": ("https://h.test/services/x/", "public_url", "https://h.test/services/x"),
    "JUPYTERHUB_OAUTH_CALLBACK_URL": ("/services/x/oauth_callback", "callback_url_given", "/services/x/oauth_callback"),
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": ('["a", "b"]', "access_scopes_given", ("a", "b")),
    "JUPYTERHUB_OAUTH_SCOPES": ('["c"]', "access_scopes_deprecated", ("c",)),
    "JUPYTERHUB_ALLOW_TOKEN_IN_URL": ("1", "allow_token_in_url", True),
    "JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH": ("0", "allow_websocket_cookie", False),
    "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": ("1", "cookie_host_prefix", True),
    "JUPYTERHUB_COOKIE_OPTIONS": ('{"samesite": "strict"}', "cookie_options", {"samesite": "strict"}),
    "PUBLIC_HOST": ("HTTPS://Hub.Example.ORG:443/", "public_host", "https://hub.example.org"),
    "SERVICE_PASSWORD_GRANT": ("1", "password_grant", True),
    "SERVICE_SHELL_SIGN_IN": ("1", "shell_sign_in", True),
    "SERVICE_TOKEN_LIFETIME": ("900", "token_lifetime_given", 900),
    "SERVICE_TOKEN_LIFETIME_MAX": ("86400", "token_lifetime_max", 86400),
    "SERVICE_DOCS_SIGN_IN": ("1", "docs_sign_in", True),
    "SERVICE_FRAME_ORIGINS": ("https://Portal.example.org/,", "frame_origins", ("https://portal.example.org",)),
    "SERVICE_FORWARD_AUTH": ("1", "forward_auth", True),
    "HUB_CACHE_TTL": ("1.5", "cache_ttl", 1.5),
    "HUB_STALE_GRACE": ("0", "stale_grace", 0),
    "HUB_CACHE_SIZE": ("7", "cache_size", 7),
    "HUB_TIMEOUT": ("0.5", "hub_timeout", 0.5),
    "SERVICE_RECHECK_INTERVAL": ("1.5", "recheck_interval", 1.5),
    "SERVICE_BODY_MEMORY": ("4000000", "body_memory", 4_000_000),
    "HUB_PASSWORD_PAGE": ("change-password", "password_page", "change-password"),
    "SERVICE_GROUPS_MANAGED": ("1", "groups_are_managed", True),
    "SERVICE_WORKERS": ("4", "workers", 4),
    "SERVICE_LOG": ("text", "log", "text"),
    "SERVICE_LOG_LEVEL": ("debug", "log_level", "DEBUG"),
    "SERVICE_TRACEBACKS": ("1", "tracebacks", True),
    "PROMETHEUS_MULTIPROC_DIR": ("/tmp", "metrics_folder", "/tmp"),  # noqa: S108 - a folder that exists
    "SERVICE_APPS": (" desk, deidentify ,", "apps", ("desk", "deidentify")),
    "SERVICE_LISTEN": (
        "http://0.0.0.0:80/, https://[::]:8443,unix:/run/x/s.sock",
        "listen_given",
        ("http://0.0.0.0:80", "https://[::]:8443", "unix:/run/x/s.sock"),
    ),
    "SERVICE_TLS_CERT": ("/cert.pem", "tls_certfile", "/cert.pem"),
    "SERVICE_TLS_KEY": ("/key.pem", "tls_keyfile", "/key.pem"),
    "SERVICE_TLS_MIN": ("1.3", "tls_minimum", "1.3"),
    "FORWARDED_ALLOW_IPS": ("10.1.2.0/24, ::1,a-proxy.b", "forwarded_allow_ips", ("10.1.2.0/24", "::1", "a-proxy.b")),
    "SERVICE_STATE": ("/var/lib/service", "state_given", "/var/lib/service"),
    "STATE_DIRECTORY": ("/var/lib/unit", "state_of_unit", "/var/lib/unit"),
    "ENTRA_TENANT_ID": (GUID.replace("2", "A"), "entra_tenant_id", GUID.replace("2", "a")),
    "ENTRA_CLIENT_ID": (GUID.replace("2", "3"), "entra_client_id", GUID.replace("2", "3")),
    "ENTRA_OPENAPI_CLIENT_ID": (GUID, "entra_openapi_client_id", GUID),
    "ENTRA_SCOPE": ("access.me", "entra_scope", "access.me"),
    "ENTRA_GRANTS": ('{"Jobs.Run": ["a", "b"]}', "entra_grants", {"Jobs.Run": ("a", "b")}),
    "ENTRA_AUTHORITY": ("https://Login.example.org/", "entra_authority", "https://login.example.org"),
    "ENTRA_OWN_KEYS": ("1", "entra_own_keys", True),
    "SERVICE_ROUTERS": ("my.package:router,other:r", "routers", ("my.package:router", "other:r")),
    "ALLOW_ORIGINS": (
        "https://App.example.org/, http://[::0:1]:3000,https://app.example.org:443,",
        "allow_origins",
        ("https://app.example.org", "http://[::1]:3000"),
    ),
    "ALLOW_CREDENTIALS": ("1", "allow_credentials", True),
    "ALLOW_PRIVATE_NETWORK": ("true", "allow_private_network", True),
}


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"), [(name, *case) for name, case in VARIABLES.items()], ids=list(VARIABLES)
)
def test_each_variable_sets_its_field(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, field: str, value: object
) -> None:
    """Every variable changes one field only. An empty variable counts as not set."""
    for name in ENTRA if variable.startswith("ENTRA_") else ():
        monkeypatch.setenv(name, ENTRA[name])
    defaults = load_settings()
    monkeypatch.setenv(variable, text)
    changed = load_settings()

    assert getattr(changed, field) == value
    assert getattr(defaults, field) != value
    assert changed.model_dump(exclude={field}) == defaults.model_dump(exclude={field})
    if variable not in NEEDED | ENTRA:
        monkeypatch.setenv(variable, "")
        assert load_settings().model_dump() == defaults.model_dump()


def test_there_is_no_other_variable() -> None:
    """The table above lists all variables, but for one that cannot stand beside a Hub: see test_without_hub."""
    fields = {name: field for name, field in Settings.model_fields.items() if name not in {"variables", "sign_in"}}
    assert {str(field.validation_alias) for field in fields.values()} == set(VARIABLES)
    assert {field for _, field, _ in VARIABLES.values()} == set(fields)


def test_a_variable_named_like_a_field_means_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables such as BASE_URL, APPS and API_TOKEN are not ours, and are not read."""
    before = load_settings().model_dump()
    for field in Settings.model_fields:
        for name in {field, field.upper()} - set(VARIABLES):
            monkeypatch.setenv(name, "http://evil.test")

    assert load_settings().model_dump() == before


def test_settings_made_by_hand_do_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Settings(…)` does not read the environment."""
    for name, (text, _, _) in VARIABLES.items():
        monkeypatch.setenv(name, text)

    assert Settings(api_token=SecretStr("t")).model_dump(exclude={"api_token"}) == Settings.model_validate(
        NEEDED
    ).model_dump(exclude={"api_token"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", False), ("false", False), ("False", False), ("FALSE", False), (" 0", False), ("1", True), ("true", True),
     ("no", True), ("off", True), ("yes", True), ("00", True)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("variable", "field"),
    [
        ("JUPYTERHUB_ALLOW_TOKEN_IN_URL", "allow_token_in_url"),
        ("JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH", "allow_websocket_cookie"),
        ("JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED", "cookie_host_prefix"),
    ],
)
def test_the_hubs_booleans_are_read_as_the_hub_reads_them(
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    field: str,
    text: str,
    expected: bool,  # noqa: FBT001
) -> None:
    """Everything but 0 and false is true, as in jupyterhub/utils.py, _bool_env."""
    monkeypatch.setenv(variable, text)

    assert getattr(load_settings(), field) is expected


@pytest.mark.parametrize("variable", ["PUBLIC_HOST", "JUPYTERHUB_HOST"])
@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://hub.example.org", "https://hub.example.org"),
        ("http://hub.example.org:80", "http://hub.example.org"),
        ("https://hub.example.org:80/", "https://hub.example.org:80"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[2001:DB8:0:0::1]", "http://[2001:db8::1]"),
        ("http://HUB_1", "http://hub_1"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, origin: str
) -> None:
    """An origin is in lower case, without default port and path, so that it can be compared with the Origin header."""
    monkeypatch.setenv(variable, text)

    settings = load_settings()
    assert origin in {settings.public_host, settings.hub_host}


@pytest.mark.parametrize(
    ("variable", "field", "text", "value"),
    [
        ("JUPYTERHUB_API_URL", "api_url", "HTTPS://Hub:1/X/hub/api/", "https://Hub:1/X/hub/api"),
        ("JUPYTERHUB_SERVICE_URL", "service_url", "Https://127.0.0.1:1//", "https://127.0.0.1:1"),
        ("JUPYTERHUB_PUBLIC_URL", "public_url", "HTTP://h.test/x", "http://h.test/x"),
        ("SERVICE_LISTEN", "listen_given", "HTTPS://Host:8443/,hTTp://[::1]", ("https://Host:8443", "http://[::1]")),
    ],
)
def test_a_scheme_is_written_in_small_letters(
    monkeypatch: pytest.MonkeyPatch, variable: str, field: str, text: str, value: object
) -> None:
    """Else an address to listen at would not count as https, and would be served in clear text."""
    monkeypatch.setenv(variable, text)

    assert getattr(load_settings(), field) == value


WRONG_ADDRESSES = [
    "canary", "canary.example.org", "//canary", "ftp://canary", "http://", "http:canary", "https:///canary",
    "http://canary:port", "http://canary:99999", "http://canary:0", "http://[canary", "http://[canary]", "http://℀canary",
    "http://canär", "http://canary x", "http://canary\n", "http://ca\tnary", "http://canary\\x", 'http://"canary"',
    "http://canary;x", "http://user:canary@host", "http://canary@host", "http://@canary", "http://x?canary", "http://x#canary",
    "http://x/?", "http://x/#", "http://canary..example.org", "http://.canary", f"http://{'canary' * 11}", "http://canary.1",
    "http://[fe80::1%25canary]", "http://-canary",
]  # fmt: skip
WRONG = [
    *((name, text) for name in ("JUPYTERHUB_API_URL", "JUPYTERHUB_SERVICE_URL") for text in WRONG_ADDRESSES),
    *((name, text) for name in ("PUBLIC_HOST", "JUPYTERHUB_HOST", "JUPYTERHUB_PUBLIC_URL") for text in WRONG_ADDRESSES),
    *(("SERVICE_LISTEN", text) for text in WRONG_ADDRESSES if text == text.strip()),
    *(("PUBLIC_HOST", text) for text in ("http://x/canary", "http://x/canary/", "http://x//canary")),
    *(("ALLOW_ORIGINS", text) for text in WRONG_ADDRESSES if text == text.strip()),
    *(
        ("ALLOW_ORIGINS", text)
        for text in (
            *(
                "null",
                "*,https://canary",
                "https://canary,*",
                "https://*.canary",
                "https://canary/x",
                "https://x https://y",
            ),
            *("**", ".*", "https://x,canary", "https://x,null", "file://"),
        )
    ),
    *((name, text) for name in ("ALLOW_CREDENTIALS", "ALLOW_PRIVATE_NETWORK") for text in ("canary", "2", "*")),
    *(("JUPYTERHUB_API_TOKEN", text + LONG) for text in ("canary x", "canary\n", " canary", "canär", "canary\x7f")),
    *(("JUPYTERHUB_API_TOKEN", text) for text in ("canary", "canary x", LONG[1:])),
    *(
        (name, text)
        for name in ("JUPYTERHUB_OAUTH_ACCESS_SCOPES", "JUPYTERHUB_OAUTH_SCOPES")
        for text in ("canary", "[canary", '"canary"', '{"canary": 1}', "null", "17", '["a", 17]', '["canary", null]')
    ),
    *(("JUPYTERHUB_COOKIE_OPTIONS", text) for text in ("canary", '["canary"]', "null", '"canary"')),
    *(("JUPYTERHUB_COOKIE_OPTIONS", text) for text in ('{"samesite": "canary"}', '{"SameSite": ""}')),
    *(("JUPYTERHUB_COOKIE_OPTIONS", text) for text in ('{"samesite": true}', '{"samesite": ["lax"]}')),
    *(("HUB_CACHE_TTL", text) for text in ("canary", "0", "-1", "nan", "inf", "1e999", "5m")),
    *(("HUB_TIMEOUT", text) for text in ("canary", "0", "-1", "nan", "inf")),
    *(("SERVICE_RECHECK_INTERVAL", text) for text in ("canary", "0", "-1", "nan", "inf")),
    *(("HUB_STALE_GRACE", text) for text in ("canary", "-1", "nan", "inf")),
    *(("HUB_CACHE_SIZE", text) for text in ("canary", "0", "-1", "1.5", "9" * 5000)),
    *(("SERVICE_BODY_MEMORY", text) for text in ("canary", "0", "3999999", "64MB")),
    *(("SERVICE_WORKERS", text) for text in ("canary", "0", "-1", "1.5", "auto")),
    *(("SERVICE_LOG", text) for text in ("canary", "JSON", "1")),
    *(("SERVICE_LOG_LEVEL", text) for text in ("canary", "TRACE", "10")),
    ("SERVICE_TRACEBACKS", "canary"),
    *(("PROMETHEUS_MULTIPROC_DIR", text) for text in ("canary", "/canary", __file__)),
    *(
        (name, text)
        for name in ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_OPENAPI_CLIENT_ID")
        for text in ("canary", "common", f"{GUID}x", f" {GUID}", GUID.replace("-", ""))
    ),
    *(("ENTRA_SCOPE", text) for text in ("canary x", "api://canary/x", "canary\n")),
    *(("ENTRA_GRANTS", text) for text in ("canary", '["canary"]', '{"x": "canary"}')),
    *(("ENTRA_AUTHORITY", text) for text in ("canary", "http://canary", "https://x/canary", "https://user:canary@x")),
    *(("SERVICE_PASSWORD_GRANT", text) for text in ("canary", "2", "-1")),
    *(("SERVICE_SHELL_SIGN_IN", text) for text in ("canary", "2", "-1")),
    *(("SERVICE_FORWARD_AUTH", text) for text in ("canary", "2", "-1")),
    *(("SERVICE_DOCS_SIGN_IN", text) for text in ("canary", "2", "-1")),
    *(("SERVICE_FRAME_ORIGINS", text) for text in ("*", "canary", "https://x/canary")),
    *(("SERVICE_TOKEN_LIFETIME_MAX", text) for text in ("canary", "0", "-1")),
]


@pytest.mark.parametrize(("variable", "text"), WRONG, ids=[f"{name}={text[:30]!a}" for name, text in WRONG])
def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    """One line names the variable and says what it must be. No text of the error contains its value."""
    for name in ENTRA if variable.startswith("ENTRA_") else ():
        monkeypatch.setenv(name, ENTRA[name])
    monkeypatch.setenv(variable, text)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    [problem] = caught.value.problems
    assert problem.startswith(f"{variable}: ")
    shown = "".join(traceback.format_exception(caught.value))
    assert "canar" not in f"{caught.value!r} {shown}".replace("canary-api-token", "")
    assert "canary-api-token" not in shown


@pytest.mark.parametrize("value", ["strict", "Lax", "NONE"])
def test_same_site_in_any_case(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """SameSite is one of three words. A wrong one is named with them; options that we do not know are let be."""
    monkeypatch.setenv("JUPYTERHUB_COOKIE_OPTIONS", f'{{"SameSite": "{value}", "colour": "red"}}')
    assert load_settings().cookie_options["SameSite"] == value

    monkeypatch.setenv("JUPYTERHUB_COOKIE_OPTIONS", f'{{"SameSite": "{value}t"}}')
    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    [problem] = caught.value.problems
    assert problem == "JUPYTERHUB_COOKIE_OPTIONS: samesite must be strict, lax or none"


@pytest.mark.parametrize("text", ["*", " * ,", "*,*"])
def test_any_origin_stands_alone_and_gets_no_cookies(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """`*` is accepted on its own. With credentials it is refused, with the reason."""
    monkeypatch.setenv("ALLOW_ORIGINS", text)
    assert load_settings().allow_origins == ("*",)

    monkeypatch.setenv("ALLOW_CREDENTIALS", "1")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    [problem] = caught.value.problems
    assert problem == (
        "ALLOW_CREDENTIALS: not possible with ALLOW_ORIGINS=*, as any page could act as its reader: list the origins"
    )


def test_settings_made_by_hand_do_not_show_a_wrong_value_either() -> None:
    """The error of pydantic does not contain the value either."""
    with pytest.raises(ValidationError) as caught:
        Settings(api_token=SecretStr("canary x"), api_url="canary", cache_size=0)

    assert "canary" not in f"{caught.value} {caught.value!r}"


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All wrong values are named at once."""
    wrong = {"PUBLIC_HOST": "x", "HUB_CACHE_TTL": "x", "HUB_CACHE_SIZE": "x", "JUPYTERHUB_OAUTH_SCOPES": "x"}
    for name, text in wrong.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN")

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    named = {re.split("[: ]", problem)[0] for problem in caught.value.problems}
    assert named == {*wrong, "JUPYTERHUB_API_TOKEN"}
    assert all(problem in str(caught.value) for problem in caught.value.problems)


def test_a_missing_token_says_who_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a missing token says who sets it."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "")

    with pytest.raises(ConfigurationError, match=r"JUPYTERHUB_API_TOKEN is not set\. The Hub sets it"):
        load_settings()


def test_a_short_token_is_refused_as_where_it_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short token is refused with the same words as in `register()`."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", LONG[1:])
    with pytest.raises(ConfigurationError) as read:
        load_settings()
    with pytest.raises(RegistrationError) as registered:
        check_arguments(name="x", url="http://x", routers=[], api_token=LONG[1:], environment={})

    [problem] = read.value.problems
    assert problem == "JUPYTERHUB_API_TOKEN: must have 32 characters or more; make one with `openssl rand -hex 32`"
    assert str(registered.value).partition(": ")[2] == problem.partition(": ")[2]


def test_settings_show_no_secret_and_cannot_be_changed() -> None:
    """Settings show no secret, as text or as JSON, and cannot be changed."""
    settings = load_settings()

    assert "canary" not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    with pytest.raises(ValidationError):
        settings.base_url = "/x/"  # type: ignore[misc]


def test_nothing_else_reads_the_environment() -> None:
    """Only `service.settings` reads the environment, besides `HubAuth.from_env` and code in the Hub's process."""
    package = Path(service.__file__).parent
    readers = [path.relative_to(package) for path in package.rglob("*.py") if "os.environ" in path.read_text()]

    assert {path for path in readers if path.parts[0] != "registration"} == {
        Path("settings/__init__.py"),
        Path("client/async_client.py"),  # runs where its user is
        Path("client/commands.py"),  # likewise
        Path("hub/auth.py"),  # which other programs use without our settings
        Path("commands/doctor/command.py"),  # to trust whom the process trusts that is looked at
        Path("__main__.py"),  # for a service that cannot start, whose settings may be wrong
        Path("hub/client.py"),  # to see whom OpenSSL trusts
        Path("apps/deidentify/engine/tagging.py"),  # to look where nltk looks
        Path("apps/deidentify/workers/processes.py"),  # to hand little of it on to engines
        Path("testing/environment.py"),  # to set it for a test
    }


@pytest.mark.parametrize("wrong", ["10.0.0.300", "10.0.0", "a b", "-a", "a..b", "x" * 64, "10.0.0.1/8", "http://proxy"])
def test_proxies_that_are_none(wrong: str) -> None:
    """A mistyped IP address does not count as a host name."""
    with pytest.raises(ConfigurationError, match="FORWARDED_ALLOW_IPS: must be IP addresses, networks like"):
        load_settings({"JUPYTERHUB_API_TOKEN": "a" * 64, "FORWARDED_ALLOW_IPS": wrong})


@pytest.mark.parametrize(
    ("text", "grants"),
    [
        ("read_messages=custom:messages:read", {"read_messages": ("custom:messages:read",)}),
        (" Jobs.Run = custom:a custom:b ,Readers=,", {"Jobs.Run": ("custom:a", "custom:b"), "Readers": ()}),
        (' {"Jobs.Run": ["custom:a"]}', {"Jobs.Run": ("custom:a",)}),
    ],
)
def test_grants_without_json(monkeypatch: pytest.MonkeyPatch, text: str, grants: dict[str, tuple[str, ...]]) -> None:
    """ENTRA_GRANTS is `name=scope`, or JSON."""
    for name, value in ENTRA.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENTRA_GRANTS", text)

    assert load_settings().entra_grants == grants


@pytest.mark.parametrize("text", ["read_messages", "=custom:x", "a=custom:x,b", "[]"])
def test_grants_that_are_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Anything else ends the start with a sentence that does not quote it."""
    for name, value in ENTRA.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ENTRA_GRANTS", text)

    with pytest.raises(ConfigurationError, match="ENTRA_GRANTS: must be name=scope, separated by commas, or JSON"):
        load_settings()


@pytest.mark.parametrize("name", ["contoso.ciamlogin.com", "Contoso.b2clogin.com"])
def test_directories_of_customers(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where anybody can make an account, a token would mean nothing: the start is refused in one sentence."""
    for variable, value in ENTRA.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("ENTRA_AUTHORITY", f"https://{name}/")

    with pytest.raises(ConfigurationError, match="ENTRA_AUTHORITY: External ID and Azure AD B2C are not supported"):
        load_settings()


def test_settings_that_contradict_each_other() -> None:
    """What a validator of a whole model says is told, without a variable's name."""

    class Pair(BaseModel):
        low: int = Field(0, validation_alias="LOW")
        high: int = Field(9, validation_alias="HIGH")

        @model_validator(mode="after")
        def _in_order(self) -> Self:
            if self.low > self.high:
                raise ValueError("LOW must not be above HIGH")
            return self

    with pytest.raises(ConfigurationError) as raised:
        read_settings(Pair, {"LOW": "12"})

    assert raised.value.problems == ("LOW must not be above HIGH",)
