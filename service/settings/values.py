"""The kinds of value that a setting has: how each is read, and what is refused, never quoting it."""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_FALSE = {"0", "false"}
ONE_WORD = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[a-z0-9._:-]+")  # as urlsplit has it: lower case, IPv6 without brackets
# Its last label is not a number, or a mistyped address would be taken for a name (https://url.spec.whatwg.org).
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\.?$){_LABEL}\.?", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FILE = re.compile(r"/[^?#\0]+")
_SOCKET_PATH = 107  # bytes that the path of a unix socket may have (man 7 unix)
ANY_ORIGIN = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _hub_flag(value: object) -> object:
    """Read a boolean as JupyterHub does (`jupyterhub.utils._bool_env`): all but 0 and false is true."""
    return value.strip().lower() not in _FALSE if isinstance(value, str) else value


def from_json(value: object) -> object:
    """What a text says in JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("must be JSON") from None


def _comma_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _directory(path: str) -> str:
    """Make a URL path begin and end with a slash."""
    return f"/{path.strip('/')}/" if path.strip("/") else "/"


def one_word(secret: SecretStr) -> SecretStr:
    """A secret that fits into a header as it is."""
    if not ONE_WORD.fullmatch(secret.get_secret_value()):
        raise ValueError("must be one word of printable ASCII, without a line end")
    return secret


def _split(address: str) -> SplitResult:
    """Split an address. User and password in it would take the place of the token in the Authorization header."""
    try:
        parts = urlsplit(address)
        is_complete = parts.scheme in _DEFAULT_PORTS and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:  # its text quotes the address
        is_complete = False
    if not is_complete or not ONE_WORD.fullmatch(address) or parts.username is not None or {"?", "#"} & set(address):
        raise ValueError("must be an http:// or https:// address, without user name, query and fragment")
    return parts


def origin_of(parts: SplitResult) -> str:
    """The origin as browsers write it in the Origin header: lower case, no default port."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _web_address(address: str) -> str:
    _split(address)
    return address.rstrip("/")


def _origin(address: str) -> str:
    parts = _split(address)
    if parts.path.strip("/"):
        raise ValueError("must be an origin, scheme://host[:port], with nothing behind it")
    return origin_of(parts)


def _allowed_origin(address: str) -> str:
    return address if address == ANY_ORIGIN else _origin(address)


def _alone_if_any(origins: tuple[str, ...]) -> tuple[str, ...]:
    if ANY_ORIGIN in origins and set(origins) != {ANY_ORIGIN}:
        raise ValueError("must be * alone, or name each origin")
    return tuple(dict.fromkeys(origins))


def _https_origin(address: str) -> str:
    origin = _origin(address)
    if not origin.startswith("https:"):
        raise ValueError("must begin with https://")
    return origin


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text.lower()):
        raise ValueError("must be a GUID, as Entra ID shows it")
    return text.lower()


def _listen_address(address: str) -> str:
    """An origin, or `unix:` and the path of a socket."""
    kind, _, path = address.partition(":")
    if kind == "unix":
        if not path.startswith("/") or "\0" in path or len(path.encode()) > _SOCKET_PATH:
            raise ValueError(f"must be unix:/path/of.sock, the path with {_SOCKET_PATH} bytes at most")
        return address
    if _split(address).path.strip("/"):
        raise ValueError("must be scheme://host[:port], with nothing behind it")
    return address.rstrip("/")


def _proxy(address: str) -> str:
    """An address, a network or a host name, or `*` for all."""
    if address != "*" and not _HOST_NAME.fullmatch(address):
        try:
            ip_network(address)
        except ValueError:  # its text quotes the address
            raise ValueError("must be IP addresses, networks like 10.1.2.0/24, host names, or *") from None
    return address


def _folder(path: str) -> str:
    if path and not Path(path).is_dir():
        raise ValueError("must be a folder that is there")
    return path


HubFlag = Annotated[bool, BeforeValidator(_hub_flag)]
Names = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
ListenAddresses = Annotated[tuple[Annotated[str, AfterValidator(_listen_address)], ...], BeforeValidator(_comma_list)]
Proxies = Annotated[tuple[Annotated[str, AfterValidator(_proxy)], ...], BeforeValidator(_comma_list)]
JsonNames = Annotated[tuple[str, ...], BeforeValidator(from_json)]
Directory = Annotated[str, AfterValidator(_directory)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Origin = Annotated[str, AfterValidator(_origin)]
AllowedOrigins = Annotated[
    tuple[Annotated[str, AfterValidator(_allowed_origin)], ...],
    BeforeValidator(_comma_list),
    AfterValidator(_alone_if_any),
]
HttpsOrigin = Annotated[str, AfterValidator(_https_origin)]
Guid = Annotated[str, AfterValidator(_guid)]
Grants = Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(from_json)]
Folder = Annotated[str, AfterValidator(_folder)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MoreSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
