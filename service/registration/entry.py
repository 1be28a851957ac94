"""The service's entry in `c.JupyterHub.services`: what goes into it, and what may not.

Pure but for `default_command`, which looks at the machine. Facts about the Hub are from the source of JupyterHub 5.5.0
and 6.1.1 (`services/service.py`, `oauth/provider.py`), which agree on all of it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.api_token import flaw_of

# Narrower than the Hub's own rule: the name stands in addresses, cookies, scopes and roles, literally in each.
_NAME = re.compile(r"[a-z]([a-z0-9._-]*[a-z0-9])?")
_ROUTER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]+))?/?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class RegistrationError(ValueError):
    """With these arguments the Hub or the service could not run, or would not agree; the text says what to change."""


def check_arguments(
    *, name: str, url: str, routers: Iterable[str], api_token: str | None, environment: Mapping[str, object]
) -> None:
    """Raise RegistrationError for the first argument that is wrong by itself."""
    if not _NAME.fullmatch(name):
        raise RegistrationError(
            f"name={name!r}: must be lower-case letters, digits and . _ -, a letter first, and a letter or digit last"
        )
    address = urlsplit(url)
    if address.scheme not in _DEFAULT_PORTS or not address.hostname:
        raise RegistrationError(f"url={url!r}: must be the http:// or https:// address at which the service listens")
    for router in routers:
        if not _ROUTER.fullmatch(router):
            raise RegistrationError(f"routers: {router!r} is not of the form package.module:router")
    if api_token is not None and (flaw := flaw_of(api_token)):
        raise RegistrationError(f"api_token: {flaw}")
    if "PUBLIC_HOST" in environment:
        raise RegistrationError("environment: say PUBLIC_HOST as public_host=, so that the Hub is told the same")


def check_external(settings: Mapping[str, str], *, api_token: str | None, **given: object) -> None:
    """Raise RegistrationError where an external service has no token, or is given what will not reach it."""
    unheard = [key for key, value in {**settings, **given}.items() if value]
    if unheard:
        raise RegistrationError(
            f"managed=False: the Hub, which does not start the service, cannot give it {', '.join(unheard)}:"
            " whoever starts it has to"
        )
    if not api_token:
        raise RegistrationError("managed=False: needs api_token=, the service's JUPYTERHUB_API_TOKEN")


def check_neighbours(entry: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> None:
    """Raise RegistrationError where another service in `c.JupyterHub.services` has what must be this one's alone."""
    for other in others:
        for key, what in {"name": "name", "url": "address", "api_token": "API token"}.items():
            if entry.get(key) and entry.get(key) == other.get(key):
                shown = "" if key == "api_token" else f" {entry[key]!r}"
                raise RegistrationError(
                    f"{key}: c.JupyterHub.services has a service with the {what}{shown} already; give this one its own"
                )


def check_nobody_is_given(roles: Iterable[Mapping[str, Any]]) -> None:
    """Raise RegistrationError for roles with members, where `Authenticator.manage_roles` leaves members to it."""
    given = [role["name"] for role in roles if role.get("users") or role.get("groups")]
    if given:
        raise RegistrationError(
            f"Authenticator.manage_roles is on, and the Hub fails if load_roles gives {', '.join(given)} to people:"
            " let the authenticator do that, without grant= and without the applications whose roles have groups"
        )


def canonical_origin(public_host: str) -> str:
    """Write an origin as browsers do (lower case, no default port), so that it can be compared literally.

    Raises:
        RegistrationError: it is not an origin.
    """
    match = _ORIGIN.fullmatch(public_host.lower())
    if not match:
        raise RegistrationError(
            f"public_host={public_host!r}: must be an origin, like https://hub.example.org, with no path behind it"
        )
    scheme, host, port = match.groups()
    return f"{scheme}://{host}" if port in {None, _DEFAULT_PORTS[scheme]} else f"{scheme}://{host}:{port}"


def redirect_uri(origin: str, base_url: str, name: str) -> str:
    """Build the redirect URI that the service computes from PUBLIC_HOST and JUPYTERHUB_SERVICE_PREFIX.

    The Hub compares literally (`oauth/provider.py`), and makes the prefix by joining base_url and name without encoding
    or decoding either (`Service.prefix`).
    """
    folder = base_url.strip("/")
    return f"{origin}{f'/{folder}' if folder else ''}/services/{name}/oauth_callback"


def default_command() -> list[str]:
    """Start the service with the Hub's own Python, and let it end with the Hub.

    A Hub that is killed leaves its services running: they keep the port, and the next Hub's service cannot start.
    busybox has a setpriv that knows no --pdeathsig, so we try it.
    """
    serve = [sys.executable, "-P", "-m", "service"]  # -P: not what the working folder has by these names
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return serve
    dies_with_hub = [setpriv, "--pdeathsig", "TERM", "--"]
    tried = subprocess.run([*dies_with_hub, setpriv, "--version"], capture_output=True, check=False)  # noqa: S603 (no input)
    return serve if tried.returncode else [*dies_with_hub, *serve]


def as_setting(value: object) -> str:
    """Write an option's value as an environment variable: names with commas, and nothing for False or None."""
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(map(str, value))
    return "1" if value is True else str(value or "")


def service_environment(settings: Mapping[str, str], more: Mapping[str, object], *, python_path: str) -> dict[str, str]:
    """Keep the settings that say something, and let the service find the package that this file belongs to.

    The service's working directory stays the Hub's, to which paths in settings are relative. `python_path` is the Hub's
    PYTHONPATH, which the service would inherit if we set none.

    Raises:
        RegistrationError: PYTHONPATH leads to another package of that name.
    """
    said = {key: value for key, value in settings.items() if value} | {key: str(value) for key, value in more.items()}
    inherited = said.get("PYTHONPATH", python_path)
    wanted = service_python_path(Path(__file__).resolve().parents[2], inherited)
    return said if wanted == inherited else said | {"PYTHONPATH": wanted}


def service_python_path(home: Path, given: str) -> str:
    """Return the PYTHONPATH with which the service finds the package `service` in the folder `home`, and no other.

    A checkout goes first: the Hub may have found it through `sys.path`, which a child process does not inherit.
    site-packages does not, as it would come before the standard library. An empty entry is left out: it means the
    working directory.

    Raises:
        RegistrationError: PYTHONPATH leads to another package of that name.
    """
    paths = [path for path in given.split(os.pathsep) if path]
    if home.name not in {"site-packages", "dist-packages"}:
        return os.pathsep.join([str(home), *(path for path in paths if path != str(home))])
    found = PathFinder.find_spec("service", [*paths, str(home)])
    if found is not None and found.origin != str(home / "service" / "__init__.py"):
        raise RegistrationError(
            f"PYTHONPATH: the service would run {found.origin}, another package called `service`: take that folder"
            " out of PYTHONPATH, or give the service its own with environment={'PYTHONPATH': '…'}"
        )
    return os.pathsep.join(paths)
