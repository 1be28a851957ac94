"""The types of the settings: how each is parsed, and which values are refused. No error quotes a value."""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from service.addresses import DEFAULT_PORTS, is_host, origin_at
from service.api_token import ONE_WORD

_FALSE = {"0", "false"}
_SAME_SITE = {"strict", "lax", "none"}
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FILE = re.compile(r"/[^?#\0]+")
_SOCKET_PATH = 107  # the maximum bytes in the path of a unix socket (man 7 unix)
ANY_ORIGIN = "*"
OPEN_TO_ALL = (".ciamlogin.com", ".b2clogin.com")  # directories of customers


def _hub_flag(value: object) -> object:
    """Parse a boolean as JupyterHub does (`jupyterhub.utils._bool_env`): everything but 0 and false is true."""
    return value.strip().lower() not in _FALSE if isinstance(value, str) else value


def from_json(value: object) -> object:
    """Parse a string as JSON; return any other value unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be JSON") from None


def _cookie_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Check SameSite. Browsers treat a word that they do not know as if there were none."""
    same_site = [value for name, value in options.items() if name.lower() == "samesite" and value is not None]
    if any(str(value).lower() not in _SAME_SITE for value in same_site):
        raise ValueError("samesite must be strict, lax or none")
    return options


def _comma_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _directory(path: str) -> str:
    """Make a URL path start and end with a slash."""
    return f"/{path.strip('/')}/" if path.strip("/") else "/"


def one_word(secret: SecretStr) -> SecretStr:
    """Check that a secret can be the value of a header."""
    if not ONE_WORD.fullmatch(secret.get_secret_value()):
        raise ValueError("must be one word of printable ASCII characters, without a line end")
    return secret


def _split(address: str) -> SplitResult:
    """Split a URL. A user name and password in it would replace the token in the Authorization header."""
    try:
        parts = urlsplit(address)
        is_complete = parts.scheme in DEFAULT_PORTS and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:  # its message quotes the URL
        is_complete = False
    if not is_complete or not ONE_WORD.fullmatch(address) or parts.username is not None or {"?", "#"} & set(address):
        raise ValueError("must be an http:// or https:// URL, without user name, query and fragment")
    return parts


def origin_of(parts: SplitResult) -> str:
    """Return the origin of an address; see `origin_at`."""
    return origin_at(parts.scheme, parts.hostname or "", parts.port)


def _web_address(address: str) -> str:
    """Check a URL, and write its scheme in small letters: `https:` is looked for there."""
    return _split(address).geturl().rstrip("/")


def _origin(address: str) -> str:
    parts = _split(address)
    if parts.path.strip("/"):
        raise ValueError("must be an origin, scheme://host[:port], without a path")
    return origin_of(parts)


def _allowed_origin(address: str) -> str:
    return address if address == ANY_ORIGIN else _origin(address)


def _check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if ANY_ORIGIN in origins and set(origins) != {ANY_ORIGIN}:
        raise ValueError("must be either * alone, or a list of origins")
    return tuple(dict.fromkeys(origins))


def _https_origin(address: str) -> str:
    origin = _origin(address)
    if not origin.startswith("https:"):
        raise ValueError("must begin with https://")
    return origin


def _entra_authority(address: str) -> str:
    origin = _https_origin(address)
    if origin.endswith(OPEN_TO_ALL):
        raise ValueError("External ID and Azure AD B2C are not supported: anybody can make an account there")
    return origin


def _entra_grants(value: object) -> object:
    """Parse `name=scope scope, other=scope`; leave JSON to `from_json`."""
    if not isinstance(value, str) or value.lstrip().startswith("{"):
        return value
    entries = [entry.partition("=") for entry in value.split(",") if entry.strip()]
    if not all(name.strip() and sign for name, sign, _ in entries):
        raise ValueError("must be name=scope, separated by commas, or JSON")
    return {name.strip(): scopes.split() for name, _, scopes in entries}


def guid(text: str) -> str:
    """Return a GUID as Entra ID writes it, in small letters. Raises ValueError if the text is none."""
    if not _GUID.fullmatch(text.lower()):
        raise ValueError("must be a GUID, as Entra ID shows it")
    return text.lower()


def _listen_address(address: str) -> str:
    """Check an address to listen at: an origin, or `unix:` and the path of a socket."""
    kind, _, path = address.partition(":")
    if kind == "unix":
        if not path.startswith("/") or "\0" in path or len(path.encode()) > _SOCKET_PATH:
            raise ValueError(f"must be unix:/path/of.sock, with at most {_SOCKET_PATH} bytes in the path")
        return address
    if _split(address).path.strip("/"):
        raise ValueError("must be scheme://host[:port], without a path")
    return _web_address(address)


def _proxy(address: str) -> str:
    """Check an IP address, a network, a host name, or `*` for all."""
    if address != "*" and not is_host(address):
        try:
            ip_network(address)
        except ValueError:  # its message quotes the value
            raise ValueError("must be IP addresses, networks like 10.1.2.0/24, host names, or *") from None
    return address


def _folder(path: str) -> str:
    if path and not Path(path).is_dir():
        raise ValueError("must be a folder that exists")
    return path


HubFlag = Annotated[bool, BeforeValidator(_hub_flag)]
Names = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
ListenAddresses = Annotated[tuple[Annotated[str, AfterValidator(_listen_address)], ...], BeforeValidator(_comma_list)]
Proxies = Annotated[tuple[Annotated[str, AfterValidator(_proxy)], ...], BeforeValidator(_comma_list)]
CookieOptions = Annotated[Mapping[str, Any], BeforeValidator(from_json), AfterValidator(_cookie_options)]
JsonNames = Annotated[tuple[str, ...], BeforeValidator(from_json)]
Directory = Annotated[str, AfterValidator(_directory)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Origin = Annotated[str, AfterValidator(_origin)]
Origins = Annotated[tuple[Origin, ...], BeforeValidator(_comma_list)]
AllowedOrigins = Annotated[
    tuple[Annotated[str, AfterValidator(_allowed_origin)], ...],
    BeforeValidator(_comma_list),
    AfterValidator(_check_origins),
]
EntraAuthority = Annotated[str, AfterValidator(_entra_authority)]
Guid = Annotated[str, AfterValidator(guid)]
Grants = Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(from_json), BeforeValidator(_entra_grants)]
Folder = Annotated[str, AfterValidator(_folder)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
