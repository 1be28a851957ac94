"""`register(c, ...)`: all that a jupyterhub_config.py must say for this service to run beside its Hub.

It runs in the Hub's process, so it imports the standard library alone, and JupyterHub where that is asked something.
What the service's entry holds, `entry` decides; who gets which rights, `rights`; `traits` reads and writes `c`.
"""

import importlib
import importlib.metadata
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from service.registration import entry as entries
from service.registration import manifest
from service.registration import rights as wanted
from service.registration.applications import known_applications, manifest_of
from service.registration.entry import RegistrationError
from service.registration.traits import configured_base_url, is_on, sections_with, settled, store

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = ["RegistrationError", "register"]

_EMPTY: Mapping[str, Any] = {
    "services": [],
    "load_roles": [],
    "load_groups": {},
    "custom_scopes": {},
    "extra_user_scopes": set(),
}


def register(  # noqa: PLR0913 (a keyword for each thing that an operator may say)
    c: "Config",
    *,
    name: str = "fastapi",
    url: str = "http://127.0.0.1:10101",
    public_host: str | None = None,
    apps: Iterable[str] = (),
    routers: Iterable[str] = (),
    grant: Iterable[str] | None = None,
    manage_users: bool = False,
    api_token: str | None = None,
    allow_token_in_url: bool = False,
    password_grant: bool = False,
    command: str | Sequence[str] | None = None,
    managed: bool = True,
    environment: Mapping[str, object] | None = None,
    base_url: str | None = None,
    hub_version: str | None = None,
    **fields: Any,  # noqa: ANN401 (the Hub checks them)
) -> dict[str, Any]:
    """Add the service, and the rights to use it, to a Hub's configuration. Call it last: what is set later replaces it.

    Running notebooks and signed-in browsers keep the tokens they have; new rights come with the next ones.

    Args:
        c: the configuration object of a jupyterhub_config.py.
        name: the service is proxied at `<base_url>services/<name>/`.
        url: where the service listens, reachable for the Hub and its proxy.
        public_host: the origin where browsers find the service, like `https://hub.example.org`; with
            `JupyterHub.subdomain_host` that of the service's own host. An external service has it as PUBLIC_HOST, too.
        apps: the applications to run, by name. A dotted path is a module with the rights that a router of your own
            needs: plain data, some of `CUSTOM_SCOPES`, `USER_SCOPES`, `ROLES`, `GROUPS`, `SERVICE_SCOPES`.
        routers: your own routers, as `package.module:router`; the service must be able to import them.
        grant: the groups whose members may use the service and get its `USER_SCOPES`; None means all users. The Hub's
            admins always get in.
        manage_users: let the service make users of the Hub, for applications that do. It takes the scope `admin:users`,
            with which the service could do as much as an admin of the Hub.
        api_token: the service's own token. An external service needs one; for a managed one without, the Hub makes a
            new one at each of its starts, and whoever is signed in to the service signs in again.
        allow_token_in_url: let `?token=` sign in.
        password_grant: let `POST token` take a user's name and password.
        command: what starts the service, instead of `python -P -m service`.
        managed: False where somebody else starts the service (systemd, a container) and so gives it its settings.
        environment: more of the service's settings.
        base_url: the Hub's, where neither `c.JupyterHub.base_url` nor `bind_url` says it (the command line does).
        hub_version: the Hub's, where it is not the installed one.
        fields: options that the applications' manifests declare, and more of the Hub's fields for a service: `cwd`,
            `user`, `display`, `info`, on Hub 6 also `timeout`.

    Returns:
        The service's entry in `c.JupyterHub.services`.

    Raises:
        RegistrationError: with these arguments the Hub or the service could not run, or would not agree.
    """
    apps, routers = _names("apps", apps), _names("routers", routers)
    groups = None if grant is None else _names("grant", grant)
    if groups == []:
        raise RegistrationError("grant=[]: names no group; leave it out to let all users in")
    entries.check_arguments(name=name, url=url, routers=routers, api_token=api_token, environment=environment or {})
    manifests = _import_manifests(apps)
    options = wanted.rights_of(manifests).options
    chosen = {options[option]: entries.as_setting(fields.pop(option)) for option in options.keys() & fields.keys()}
    rights = _rights_of(manifests, {**chosen, **{name: str(value) for name, value in (environment or {}).items()}})
    about_itself = [wanted.itself_scope(name)]  # for `python -P -m service doctor`
    more = wanted.MANAGE_USERS if manage_users else ()
    rights = replace(rights, service_scopes=wanted.union(rights.service_scopes, more, about_itself))
    entry = {"name": name, "url": url, "oauth_no_confirm": True, **fields}
    entry["oauth_client_allowed_scopes"] = wanted.union(rights.carried, fields.get("oauth_client_allowed_scopes", ()))
    origin = entries.canonical_origin(public_host) if public_host else ""
    if origin:
        entry["oauth_redirect_uri"] = entries.redirect_uri(origin, base_url or configured_base_url(c.JupyterHub), name)
    # The Hub tells nobody what its OAuth client has; so that the service can compare.
    entry["info"] = {**fields.get("info", {}), "oauth_redirect_uri": entry.get("oauth_redirect_uri", "")}
    if api_token:
        entry["api_token"] = api_token
    settings = {
        "SERVICE_ROUTERS": ",".join(routers),
        "SERVICE_PASSWORD_GRANT": "1" if password_grant else "",
        "JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1" if allow_token_in_url else "",
        **chosen,
    }
    if managed:
        entry["command"] = [command] if isinstance(command, str) else list(command or entries.default_command())
        # An external service has to be told by whoever starts it.
        settings["SERVICE_GROUPS_MANAGED"] = "1" if rights.groups and is_on(c, "manage_groups") else ""
        settings |= {"PUBLIC_HOST": origin, "SERVICE_APPS": ",".join(app for app in apps if not _is_manifest(app))}
        path = os.environ.get("PYTHONPATH", "")
        entry["environment"] = entries.service_environment(settings, environment or {}, python_path=path)
    else:
        # What a manifest reads is for the Hub, too. Whoever starts the service has to tell it the same.
        unread = {name: value for name, value in settings.items() if name not in rights.reads}
        entries.check_external(unread, api_token=api_token, command=command, environment=environment)
    hub = hub_version or importlib.metadata.version("jupyterhub")
    _write(c, entry, rights, grant=groups, hub=int(hub.partition(".")[0]))
    return entry


def read_manifests(apps: Iterable[str]) -> wanted.Rights:
    """Import the applications' manifests, and join them.

    Raises:
        RegistrationError: one cannot be imported.
    """
    return wanted.rights_of(_import_manifests(apps))


def _import_manifests(apps: Iterable[str]) -> list[object]:
    modules: list[object] = [manifest]
    for app in apps:
        try:
            modules.append(importlib.import_module(app if _is_manifest(app) else manifest_of(app) or app))
        except ImportError as error:
            known = sorted(known_applications())
            raise RegistrationError(
                f"apps: {app!r} is neither an application ({', '.join(known) or 'there are none'}) nor the dotted path"
                f" of a module that can be imported here: {error}"
            ) from error
    return modules


def _rights_of(manifests: Iterable[object], told: Mapping[str, str]) -> wanted.Rights:
    try:
        return wanted.rights_of(manifests, told)
    except ValueError as error:
        raise RegistrationError(str(error)) from None


def _is_manifest(app: str) -> bool:
    """Whether a dotted path names a manifest alone, and no application to run."""
    return "." in app and ":" not in app


def _write(
    c: "Config", entry: Mapping[str, Any], rights: wanted.Rights, *, grant: Sequence[str] | None, hub: int
) -> None:
    """Put everything into `c`, or raise before anything is."""
    name = entry["name"]
    present = {trait: settled(c.JupyterHub, trait, empty) for trait, empty in _EMPTY.items()}
    entries.check_neighbours(entry, present["services"])
    roles = wanted.own_roles(rights, name=name, grant=grant)
    if is_on(c, "manage_roles"):
        entries.check_nobody_is_given(roles)
    values = wanted.with_rights(
        present,
        rights,
        name=name,
        grant=grant,
        hub=hub,
        default_scopes=_default_scopes(),
        groups_are_managed=is_on(c, "manage_groups"),
    )
    for trait, value in {**values, "services": [*present["services"], entry]}.items():
        if value != present[trait]:
            store(c.JupyterHub, trait, value)
    for section in sections_with(c, "server_token_scopes"):
        asked = section["server_token_scopes"]
        asked = asked if callable(asked) else settled(section, "server_token_scopes", [])
        scopes = wanted.server_scopes(rights, name=name)
        store(section, "server_token_scopes", wanted.with_token_scopes(asked, scopes))


def _default_scopes() -> dict[str, Sequence[str]]:
    roles = importlib.import_module("jupyterhub.roles")  # the Hub has it loaded, and nobody else needs it
    return {role["name"]: role["scopes"] for role in roles.get_default_roles()}


def _names(argument: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise RegistrationError(f"{argument}={names!r}: must be a list of names")
    return wanted.union(names)
