"""What the Hub tells a service in its environment, as far as asking the Hub needs it.

Source: https://jupyterhub.readthedocs.io/en/stable/reference/services.html, `jupyterhub/services/auth.py`.
"""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError

from service.api_token import ONE_WORD
from service.errors import ConfigurationError
from service.hub.client import tls_for

T = TypeVar("T")

_NEEDED = ("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN")
_SCOPES = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True, slots=True)
class HubEnvironment:
    """Where the Hub is, who we are to it, and the scopes any one of which gives access to the service."""

    api_url: str
    api_token: SecretStr
    access_scopes: tuple[str, ...]
    tls: ssl.SSLContext | None = field(repr=False)


def read_environment(environment: Mapping[str, str]) -> HubEnvironment:
    """Read the `JUPYTERHUB_*` variables. An empty variable counts as not set, as in JupyterHub.

    Raises:
        ConfigurationError: names every variable that is missing or wrong, but never its value.
    """
    problems: list[str] = []

    def value(name: str, read: Callable[[str], T]) -> T | None:
        try:
            return read(environment[name]) if environment.get(name) else None
        except ValueError as error:
            problems.append(f"{name}: {error}")
            return None

    problems.extend(
        f"{name} is not set; the Hub sets it for its services" for name in _NEEDED if not environment.get(name)
    )
    api_url = value("JUPYTERHUB_API_URL", checked_address)
    api_token = value("JUPYTERHUB_API_TOKEN", checked_token)
    scopes = value("JUPYTERHUB_OAUTH_ACCESS_SCOPES", _scopes) or value("JUPYTERHUB_OAUTH_SCOPES", _scopes)
    tls = _tls(environment, api_url, problems) if api_url else None
    if problems or api_url is None or api_token is None:
        raise ConfigurationError(problems)
    name = environment.get("JUPYTERHUB_SERVICE_NAME")
    return HubEnvironment(api_url, api_token, scopes or ((f"access:services!service={name}",) if name else ()), tls)


def checked_address(text: str) -> str:
    """Check the Hub's address, and return it without a slash at its end. Raises ValueError.

    A user name in it would replace the token in the Authorization header.
    """
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its message repeats the address
        is_good = False
    if not is_good or not ONE_WORD.fullmatch(text) or "@" in parts.netloc or {"?", "#"} & set(text):
        raise ValueError("must be an http:// or https:// address, without user name, query and fragment")
    return parts.geturl().rstrip("/")  # the scheme in small letters


def checked_token(text: str) -> SecretStr:
    """Return a token that can stand in a header. Raises ValueError if it cannot."""
    if not ONE_WORD.fullmatch(text):
        raise ValueError("must be one word of printable ASCII, without a line end")
    return SecretStr(text)


def _scopes(text: str) -> tuple[str, ...]:
    try:
        return _SCOPES.validate_json(text)
    except ValidationError:  # its message repeats the value
        raise ValueError('must be a JSON list of scopes, such as ["access:services"]') from None


def _tls(environment: Mapping[str, str], api_url: str, problems: list[str]) -> ssl.SSLContext | None:
    names = {
        "client_ca": "JUPYTERHUB_SSL_CLIENT_CA",
        "certfile": "JUPYTERHUB_SSL_CERTFILE",
        "keyfile": "JUPYTERHUB_SSL_KEYFILE",
    }
    try:
        return tls_for(api_url, **{argument: environment.get(name, "") for argument, name in names.items()})
    except OSError:  # ssl.SSLError is one
        given = " and ".join(name for name in names.values() if environment.get(name))
        problems.append(f"{given}: not readable, or not matching PEM files")
        return None
