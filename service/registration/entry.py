"""The service's entry in `c.JupyterHub.services`: its values, and the checks of the arguments of `register()`.

`default_command` looks for a program on this machine, and the functions that warn look for files; the others are pure.
Facts about the Hub are from the source of JupyterHub 5.5.0 and 6.1.1 (`services/service.py`, `oauth/provider.py`), and
are true for both.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.addresses import DEFAULT_PORTS, is_host, origin_at
from service.api_token import problem_with

_log = logging.getLogger("service")
_PUBLIC_HOST = re.compile(r"^\s*(?:export\s+)?PUBLIC_HOST\s*=\s*(\S*)", re.MULTILINE)

# Stricter than the Hub's own rule: the name is part of URLs, cookies, scopes and roles, and must be the same in each.
_NAME = re.compile(r"[a-z]([a-z0-9._-]*[a-z0-9])?")
_ROUTER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_PORTS = range(1, 65536)
_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]+))?/?")


class RegistrationError(ValueError):
    """With these arguments the Hub or the service would not run, or would disagree. The text says what to change."""


def check_arguments(
    *, name: str, url: str, routers: Iterable[str], api_token: str | None, environment: Mapping[str, object]
) -> None:
    """Raise RegistrationError for the first argument that is wrong on its own."""
    if not _NAME.fullmatch(name):
        raise RegistrationError(
            f"name={name!r}: must be lower-case letters, digits and . _ -; a letter first, a letter or digit last"
        )
    try:
        address = urlsplit(url)
        is_right = address.scheme in DEFAULT_PORTS and is_host(address.hostname or "") and address.port != 0
    except ValueError:  # such as a port above 65535
        is_right = False
    if not is_right or "@" in url:
        raise RegistrationError(f"url={url!r}: must be the http:// or https:// URL at which the service listens")
    for router in routers:
        if not _ROUTER.fullmatch(router):
            raise RegistrationError(f"routers: {router!r} must be package.module:router")
    if api_token is not None and (problem := problem_with(api_token)):
        raise RegistrationError(f"api_token: {problem}")
    if "PUBLIC_HOST" in environment:
        raise RegistrationError("environment: use public_host= instead of PUBLIC_HOST, so that the Hub gets it, too")


def check_external(settings: Mapping[str, str], *, api_token: str | None, **given: object) -> None:
    """Raise RegistrationError if an external service has no token, or gets settings that cannot reach it."""
    lost = [key for key, value in {**settings, **given}.items() if value]
    if lost:
        raise RegistrationError(
            f"managed=False: the Hub does not start the service, so it cannot set {', '.join(lost)}:"
            " set it where you start the service"
        )
    if not api_token:
        raise RegistrationError("managed=False: needs api_token=, the service's JUPYTERHUB_API_TOKEN")


def check_neighbours(entry: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> None:
    """Raise RegistrationError if another service in `c.JupyterHub.services` has the same name, address or token."""
    for other in others:
        for key, what in {"name": "name", "url": "address", "api_token": "API token"}.items():
            if entry.get(key) and entry.get(key) == other.get(key):
                shown = "" if key == "api_token" else f" {entry[key]!r}"
                raise RegistrationError(
                    f"{key}: another service in c.JupyterHub.services already has the {what}{shown}; choose another"
                )


def warn_of_missing(routers: Iterable[str], *, folder: str) -> None:
    """Log which routers are in no package that can be found here. `folder` is where the service will be started.

    The service answers 503 then. The Hub has to start all the same, for everybody else.
    """
    for router in routers:
        package = router.partition(":")[0].partition(".")[0]
        if find_spec(package) is None and PathFinder.find_spec(package, [folder]) is None:
            _log.warning(
                "routers: %r: there is no module %r in this Python or in %s; the service will answer 503",
                *(router, package, folder),
            )


def warn_of_env_file(file: Path, *, origin: str) -> None:
    """Log that the service's `.env` has another PUBLIC_HOST than `register()`, with which sign-ins would fail."""
    try:
        found = _PUBLIC_HOST.findall(file.read_text())
    except (OSError, UnicodeError):
        return  # the service says what is wrong with it
    said = found[-1].strip().strip("'\"").rstrip("/").lower() if found else ""
    if said and said != origin:
        change = f"public_host={said!r}" if not origin else f"PUBLIC_HOST={origin} there, or no such line"
        _log.warning("%s: PUBLIC_HOST differs from public_host= of register(), which the Hub knows: %s", file, change)


def check_roles_have_no_members(roles: Iterable[Mapping[str, Any]]) -> None:
    """Raise RegistrationError for roles with members, which `Authenticator.manage_roles` does not allow."""
    given = [role["name"] for role in roles if role.get("users") or role.get("groups")]
    if given:
        raise RegistrationError(
            f"Authenticator.manage_roles is on, so load_roles must not give {', '.join(given)} to anybody."
            " Let the authenticator do that; use neither grant= nor applications whose roles have groups"
        )


def canonical_origin(public_host: str) -> str:
    """Write an origin as browsers do, so that it can be compared literally.

    Raises:
        RegistrationError: it is not an origin.
    """
    match = _ORIGIN.fullmatch(public_host.lower())
    if match and int(match[3] or 1) in _PORTS and is_host(match[2].strip("[]")):
        with suppress(ValueError):  # wrong IPv6
            return origin_at(match[1], match[2].strip("[]"), int(match[3]) if match[3] else None)
    raise RegistrationError(
        f"public_host={public_host!r}: must be an origin without a path, like https://hub.example.org"
    )


def redirect_uri(origin: str, base_url: str, name: str) -> str:
    """Build the redirect URI that the service computes from PUBLIC_HOST and JUPYTERHUB_SERVICE_PREFIX.

    The Hub compares it literally (`oauth/provider.py`). It makes the prefix from base_url and name without encoding or
    decoding them (`Service.prefix`).
    """
    folder = base_url.strip("/")
    return f"{origin}{f'/{folder}' if folder else ''}/services/{name}/oauth_callback"


def chosen_redirect_uri(given: str | None, usual: str) -> str:
    """Return the redirect URI that was given, for an application that has moved its callback, or else the usual one.

    Raises:
        RegistrationError: the service would not take it for its own, because it is of another origin or prefix.
    """
    folder = usual.removesuffix("oauth_callback")
    if given and not given.startswith(folder):
        raise RegistrationError(f"oauth_redirect_uri={given!r}: must begin with {folder}, as public_host says")
    return given or usual


def default_command() -> list[str]:
    """Return the command that starts the service with the Hub's own Python, and ends it with the Hub.

    A Hub that is killed leaves its services running. They keep the port, so the service of the next Hub cannot start.
    The setpriv of busybox has no --pdeathsig, so we try whether it works.
    """
    serve = [sys.executable, "-P", "-m", "service"]  # -P: import nothing from the working directory
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return serve
    dies_with_hub = [setpriv, "--pdeathsig", "TERM", "--"]
    trial = subprocess.run([*dies_with_hub, setpriv, "--version"], capture_output=True, check=False)  # noqa: S603 (no input)
    return serve if trial.returncode else [*dies_with_hub, *serve]


def as_setting(value: object) -> str:
    """Return the value of an option for an environment variable: lists with commas, empty for False and None."""
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(map(str, value))
    if value is None or isinstance(value, bool):
        return "1" if value else ""
    return str(value)  # also 0, which is not the same as nothing


def service_environment(settings: Mapping[str, str], more: Mapping[str, object], *, python_path: str) -> dict[str, str]:
    """Return the environment of the service: the settings that are not empty, and a PYTHONPATH if it needs one.

    The working directory of the service is that of the Hub, so paths in settings are relative to it. `python_path` is
    the Hub's PYTHONPATH, which the service inherits if it gets no other.

    Raises:
        RegistrationError: PYTHONPATH leads to another package named `service`.
    """
    variables = {key: value for key, value in settings.items() if value} | {
        key: str(value) for key, value in more.items()
    }
    inherited = variables.get("PYTHONPATH", python_path)
    wanted = service_python_path(Path(__file__).resolve().parents[2], inherited)
    return variables if wanted == inherited else variables | {"PYTHONPATH": wanted}


def service_python_path(home: Path, given: str) -> str:
    """Return the PYTHONPATH with which the service finds the package `service` in the folder `home`, and no other.

    A checkout is put first, because the Hub may have found it through `sys.path`, which a child process does not
    inherit. site-packages is not, because it would come before the standard library. Empty entries are left out: they
    mean the working directory.

    Raises:
        RegistrationError: PYTHONPATH leads to another package named `service`.
    """
    paths = [path for path in given.split(os.pathsep) if path]
    if home.name not in {"site-packages", "dist-packages"}:
        return os.pathsep.join([str(home), *(path for path in paths if path != str(home))])
    found = PathFinder.find_spec("service", [*paths, str(home)])
    if found is not None and found.origin != str(home / "service" / "__init__.py"):
        raise RegistrationError(
            f"PYTHONPATH: the service would run {found.origin}, another package named `service`: remove that folder"
            " from PYTHONPATH, or give the service its own with environment={'PYTHONPATH': '…'}"
        )
    return os.pathsep.join(paths)
