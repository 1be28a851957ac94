"""`register(c, ...)`: the one call in a jupyterhub_config.py that sets up this service.

It runs in the Hub's process, so it imports only the standard library and JupyterHub. `entry` makes the service's entry,
`rights` decides who gets which rights, and `traits` reads and writes `c`.
"""

import importlib
import importlib.metadata
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.registration import entry as entries
from service.registration import manifest
from service.registration import rights as needed
from service.registration.applications import known_applications, load_manifest
from service.registration.entry import RegistrationError
from service.registration.lab import add_for_pages, scopes_for_pages
from service.registration.new_users import add_hook
from service.registration.notebooks import address_of
from service.registration.shell import add_handler
from service.registration.traits import configured_base_url, is_on, read, sections_with, store
from service.service_url import variable_for

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


def register(  # noqa: PLR0913 (one keyword for each option)
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
    shell_sign_in: bool = False,
    lab_scopes: Iterable[str] | None = None,
    command: str | Sequence[str] | None = None,
    managed: bool = True,
    environment: Mapping[str, object] | None = None,
    base_url: str | None = None,
    hub_version: str | None = None,
    **fields: Any,  # noqa: ANN401 (the Hub checks them)
) -> dict[str, Any]:
    """Add the service, and the rights to use it, to the configuration of a Hub.

    Call it at the end of the file, because later assignments would replace what it sets. Running notebooks and browsers
    that are signed in keep their tokens. They get new rights with their next token.

    Args:
        c: the configuration object of a jupyterhub_config.py.
        name: the service is proxied at `<base_url>services/<name>/`.
        url: the URL at which the service listens. The Hub and its proxy must be able to reach it.
        public_host: the origin of the service for browsers, like `https://hub.example.org`. With
            `JupyterHub.subdomain_host`, it is the origin of the service's own host. An external service needs it as
            PUBLIC_HOST, too. An `oauth_redirect_uri` among `fields` must be of this origin, and below the prefix.
        apps: the applications to run, by name. A dotted path is a module with the rights that a router of your own
            needs: plain data, some of `CUSTOM_SCOPES`, `USER_SCOPES`, `ROLES`, `GROUPS`, `SERVICE_SCOPES`.
        routers: your own routers, as `package.module:router`. The service must be able to import them.
        grant: the groups whose members may use the service and get its `USER_SCOPES`. None means all users. Admins of
            the Hub always have access.
        manage_users: allow the service to create users of the Hub, for applications that do. This needs the scope
            `admin:users`, with which the service could do as much as an admin of the Hub.
        api_token: the API token of the service. An external service needs one. For a managed service without one, the
            Hub makes a new token at each start, and all users have to sign in to the service again.
        allow_token_in_url: accept a token in the URL, as `?token=`. Tokens then pass through the logs of proxies.
        password_grant: accept a user's name and password at `POST token`, if the Hub's authenticator takes passwords.
            The Hub then makes a user for somebody whom it lets in, as when they sign in. An external service also
            needs `SERVICE_PASSWORD_GRANT=1` in its environment.
        shell_sign_in: let people sign in at a shell by way of their browser, with `python -P -m service login`. A
            handler in the Hub's API then makes tokens that outlive the browser's session, with the same scopes; the Hub
            warns that `extra_handlers` is deprecated. An external service also needs `SERVICE_SHELL_SIGN_IN=1` in its
            environment.
        lab_scopes: let the pages of notebook servers, such as extensions of JupyterLab, call the service with the token
            that the page has. It then carries access, and these of the `USER_SCOPES`; `[]` means access alone. The
            owner of a server receives the tokens of all who visit it, so scopes that only some users have are refused.
        command: the command that starts the service, instead of `python -P -m service`. Because of `-P`, only
            `routers` are imported from the folder where it starts.
        managed: False if the Hub does not start the service, but systemd or a container does. Start it before the Hub,
            which waits for it. Its settings then have to be set there.
        environment: more settings of the service.
        base_url: the base_url of the Hub, if it is set on the command line instead of in `c`.
        hub_version: the version of the Hub, if it is not the installed one, as where the Hub runs on another machine.
        fields: options that the manifests of the applications declare, and other fields that the Hub has for services:
            `cwd`, `user`, `display`, `info`, on Hub 6 also `timeout`.

    Returns:
        The service's entry in `c.JupyterHub.services`.

    Raises:
        RegistrationError: with these arguments the Hub or the service would not run, or would contradict each other.
    """
    apps, routers = _names("apps", apps), _names("routers", routers)
    groups = None if grant is None else _names("grant", grant)
    if groups == []:
        raise RegistrationError("grant=[]: must name a group; leave it out to give all users access")
    entries.check_arguments(name=name, url=url, routers=routers, api_token=api_token, environment=environment or {})
    manifests = _import_manifests(apps)
    options = needed.rights_of(manifests).options
    chosen = {options[option]: entries.as_setting(fields.pop(option)) for option in options.keys() & fields.keys()}
    rights = _rights_of(manifests, {**chosen, **{name: str(value) for name, value in (environment or {}).items()}})
    lab = [] if lab_scopes is None else scopes_for_pages(c, _names("lab_scopes", lab_scopes), rights, name=name)
    about_itself = [needed.itself_scope(name)]  # for `python -P -m service doctor`
    more = needed.MANAGE_USERS if manage_users else ()
    rights = replace(rights, service_scopes=needed.union(rights.service_scopes, more, about_itself))
    entry = {"name": name, "url": url, "oauth_no_confirm": True, **fields}
    allowed = _names("oauth_client_allowed_scopes", fields.get("oauth_client_allowed_scopes", ()))
    entry["oauth_client_allowed_scopes"] = needed.union(rights.carried, allowed)
    origin = entries.canonical_origin(public_host) if public_host else ""
    if origin:
        usual = entries.redirect_uri(origin, base_url or configured_base_url(c.JupyterHub), name)
        entry["oauth_redirect_uri"] = entries.chosen_redirect_uri(fields.get("oauth_redirect_uri"), usual)
    # The Hub does not show these fields of an OAuth client. The service reads its copy, and so does the doctor.
    entry["info"] = {**(fields.get("info") or {}), "oauth_redirect_uri": entry.get("oauth_redirect_uri", "")}
    entry["info"]["oauth_client_allowed_scopes"] = entry["oauth_client_allowed_scopes"]
    if api_token:
        entry["api_token"] = api_token
    settings = {
        "SERVICE_ROUTERS": ",".join(routers),
        "JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1" if allow_token_in_url else "",
        **chosen,
    }
    if managed:
        entry["command"] = [command] if isinstance(command, str) else list(command or entries.default_command())
        # An external service gets these from whoever starts it.
        settings["SERVICE_GROUPS_MANAGED"] = "1" if rights.groups and is_on(c, "manage_groups") else ""
        settings |= {
            "SERVICE_MANAGED": "1",
            "SERVICE_PASSWORD_GRANT": "1" if password_grant else "",
            "SERVICE_SHELL_SIGN_IN": "1" if shell_sign_in else "",
            "PUBLIC_HOST": origin,
            "SERVICE_APPS": ",".join(app for app in apps if not _is_manifest(app)),
        }
        folder = str(fields.get("cwd") or Path.cwd())
        if command is None:
            entries.warn_of_missing(routers, folder=folder)
        entries.warn_of_env_file(Path(folder) / ".env", origin=origin)
        path = os.environ.get("PYTHONPATH", "")
        entry["environment"] = entries.service_environment(settings, environment or {}, python_path=path)
    else:
        # What a manifest reads is for the Hub, too. Whoever starts the service has to tell it the same.
        unread = {name: value for name, value in settings.items() if name not in rights.reads}
        entries.check_external(unread, api_token=api_token, command=command, environment=environment)
    hub = hub_version or importlib.metadata.version("jupyterhub")
    _write(c, entry, rights, grant=groups, hub=int(hub.partition(".")[0]))
    if password_grant:
        add_hook(c)
    if shell_sign_in:
        add_handler(c, service=name, client_id=fields.get("oauth_client_id") or f"service-{name}")
    if lab:
        add_for_pages(c, lab)
    _tell_notebooks(c, name=name, origin=origin)
    return entry


def read_manifests(apps: Iterable[str]) -> needed.Rights:
    """Import the applications' manifests, and combine them.

    Raises:
        RegistrationError: one cannot be imported.
    """
    return needed.rights_of(_import_manifests(apps))


def _import_manifests(apps: Iterable[str]) -> list[object]:
    modules: list[object] = [manifest]
    for app in apps:
        try:
            modules.append(importlib.import_module(app) if _is_manifest(app) else load_manifest(app))
        except ImportError as error:
            known = sorted(known_applications())
            is_bare = app not in known and {".", ":"}.isdisjoint(app)
            reason = "the name of a module needs a dot, as in mypackage.rights" if is_bare else error
            raise RegistrationError(
                f"apps: {app!r} is neither an application ({', '.join(known) or 'there are none'}) nor the dotted path"
                f" of a module that can be imported here: {reason}"
            ) from error
    return modules


def _rights_of(manifests: Iterable[object], told: Mapping[str, str]) -> needed.Rights:
    try:
        return needed.rights_of(manifests, told)
    except ValueError as error:
        raise RegistrationError(str(error)) from None


def _is_manifest(app: str) -> bool:
    """Whether `app` is the dotted path of a manifest, without an application to run."""
    return "." in app and ":" not in app


def _write(
    c: "Config", entry: Mapping[str, Any], rights: needed.Rights, *, grant: Sequence[str] | None, hub: int
) -> None:
    """Write everything to `c`. If something is wrong, raise before anything is written."""
    name = entry["name"]
    present = {trait: read(c.JupyterHub, trait, empty) for trait, empty in _EMPTY.items()}
    entries.check_neighbours(entry, present["services"])
    roles = needed.own_roles(rights, name=name, grant=grant)
    if is_on(c, "manage_roles"):
        entries.check_roles_have_no_members(roles)
    values = needed.with_rights(
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
        present_scopes = section["server_token_scopes"]
        if not callable(present_scopes):
            present_scopes = read(section, "server_token_scopes", [])
        scopes = needed.server_scopes(rights, name=name)
        store(section, "server_token_scopes", needed.with_token_scopes(present_scopes, scopes))


def _tell_notebooks(c: "Config", *, name: str, origin: str) -> None:
    """Tell notebook servers where the service is, unless the operator has done so."""
    variable = variable_for(name)
    for section in list(sections_with(c, "environment")) or [c.Spawner]:
        present = read(section, "environment", {})
        store(section, "environment", {variable: address_of(name=name, origin=origin)} | present)


def _default_scopes() -> dict[str, Sequence[str]]:
    roles = importlib.import_module("jupyterhub.roles")  # the Hub has imported it anyway
    return {role["name"]: role["scopes"] for role in roles.get_default_roles()}


def _names(argument: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise RegistrationError(f"{argument}={names!r}: must be a list of names")
    return needed.union(names)
