"""The jupyterhub_config.py of a Hub under test, as text."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.support.node import configurable_http_proxy

PASSWORD = "passwd"  # of every user of every Hub under test
ADMIN_SERVICE = "test-admin"
ADMIN_SCOPES = ("admin:users", "admin:servers", "admin:groups", "tokens", "read:services", "list:services", "proxy")


@dataclass(frozen=True)
class Ports:
    """Where the processes of one Hub listen on the loopback interface."""

    public: int
    hub: int
    proxy_api: int
    service: int
    gate: int


@dataclass(frozen=True)
class HubOptions:
    """What a test may say about its Hub; see `RealHub`."""

    users: Sequence[str] = ("testuser", "other", "admin")
    admins: Sequence[str] = ("admin",)
    base_url: str = "/"
    config: str = ""
    register: Mapping[str, object] | None = field(default_factory=dict)
    services: Mapping[str, Sequence[str]] = field(
        default_factory=lambda: {"reporter": ("access:services",), "outsider": ()}
    )
    gated: bool = False
    python: str = sys.executable


def python_module(name: str, python: str = sys.executable) -> list[str]:
    """Return the command of `python -m name`, some seconds quicker than that.

    Hub and notebook server load jsonschema, which, when it loads rfc3987_syntax, compiles a grammar for a string format
    that no schema here uses (half of a Hub's start). It does without where that cannot be imported.
    """
    code = (
        f"import runpy, sys; sys.modules['rfc3987_syntax'] = None; runpy.run_module({name!r}, None, '__main__', True)"
    )
    return [python, "-c", code]


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """Return the command such that it gets SIGTERM when its parent ends, as the shipped Hub does it."""
    return ["setpriv", "--pdeathsig", "TERM", "--", *command] if shutil.which("setpriv") else list(command)


def hub_config(options: HubOptions, *, directory: Path, ports: Ports, api_tokens: Mapping[str, str]) -> str:
    """Return the text: everything on loopback, all state in `directory`, one admin service for the tests."""
    services = [{"name": name, "api_token": token} for name, token in api_tokens.items()]
    granted = {ADMIN_SERVICE: ADMIN_SCOPES, **options.services}
    roles = [
        {"name": f"tests-{name}", "scopes": list(scopes), "services": [name]}
        for name, scopes in granted.items()
        if scopes
    ]
    settings: dict[str, object] = {
        "JupyterHub.bind_url": f"http://127.0.0.1:{ports.public}{options.base_url}",
        "JupyterHub.hub_ip": "127.0.0.1",
        "JupyterHub.hub_port": ports.hub,
        "ConfigurableHTTPProxy.api_url": f"http://127.0.0.1:{ports.proxy_api}",
        "ConfigurableHTTPProxy.command": dying_with_parent(configurable_http_proxy()),
        "ConfigurableHTTPProxy.pid_file": str(directory / "proxy.pid"),
        "JupyterHub.db_url": f"sqlite:///{directory}/jupyterhub.sqlite",
        "JupyterHub.cookie_secret_file": str(directory / "cookie_secret"),
        "JupyterHub.authenticator_class": "dummy",
        "DummyAuthenticator.password": PASSWORD,
        "JupyterHub.spawner_class": "simple",
        "SimpleLocalProcessSpawner.home_dir_template": f"{directory}/home/{{username}}",
        "Spawner.cmd": python_module("jupyterhub.singleuser", options.python),
        "Spawner.args": ["--allow-root"] if os.geteuid() == 0 else [],
        "Spawner.http_timeout": 60,
        "JupyterHub.services": services,
        "JupyterHub.load_roles": roles,
    }
    lines = [f"c.{name} = {value!r}" for name, value in settings.items()]
    lines += [f"c.Authenticator.{name} = {set(value)!r}" for name, value in _people(options).items() if value]
    return "\n".join(["c = get_config()", *lines, options.config, *_registration(options, ports), ""])


def _people(options: HubOptions) -> dict[str, Sequence[str]]:
    return {"allowed_users": options.users, "admin_users": options.admins}


def _registration(options: HubOptions, ports: Ports) -> list[str]:
    """Return the lines that register the service as its README says, or none."""
    if options.register is None:
        return []
    wanted: dict[str, object] = {"url": f"http://127.0.0.1:{ports.service}", **options.register}
    if options.gated:
        # Has the last word over what the Hub itself tells the service (jupyterhub/spawner.py, Spawner.environment).
        api_url = f"http://127.0.0.1:{ports.gate}{options.base_url}hub/api"
        given = cast("Mapping[str, str]", wanted.get("environment") or {})
        wanted["environment"] = {"JUPYTERHUB_API_URL": api_url, **given}
    arguments = ", ".join(f"{name}={value!r}" for name, value in wanted.items())
    return ["from service.registration import register", f"register(c, {arguments})"]
