"""Print values for Zero to JupyterHub: what `register()` would do in its Hub, which does not have our package.

python deploy/kubernetes/make_values.py --public-host https://hub.example.org --apps deidentify,desk > values.yaml
"""

import argparse
import json
import secrets
from typing import Any

import yaml
from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

from service.registration import RegistrationError, register
from service.service_url import variable_for

_HEAD = """\
# Made by deploy/kubernetes/make_values.py, for Zero to JupyterHub 4. See docs/operate/kubernetes.md.
# The chart makes the service's token: in the Secret `hub`, as hub.services.{name}.apiToken.
"""


def main() -> None:
    """Print the values."""
    parser = argparse.ArgumentParser(description="Print values for Zero to JupyterHub.")
    parser.add_argument("--public-host", required=True, help="the origin people see, like https://hub.example.org")
    parser.add_argument("--apps", default="", help="separated by commas: deidentify, desk")
    parser.add_argument("--grant", default="", help="groups that may use the service, separated by commas; else all")
    parser.add_argument("--name", default="fastapi")
    parser.add_argument("--url", default="http://service-fastapi:8000", help="where the Hub's proxy finds the service")
    parser.add_argument("--base-url", default="/", help="the chart's hub.baseUrl")
    parser.add_argument("--hub-version", default="5.5", help="the chart's JupyterHub")
    given = parser.parse_args()
    try:
        values = made(
            name=given.name,
            url=given.url,
            public_host=given.public_host,
            apps=_names(given.apps),
            grant=_names(given.grant) or None,
            base_url=given.base_url,
            hub_version=given.hub_version,
        )
    except RegistrationError as error:
        parser.error(str(error))
    plain = json.loads(json.dumps(values))  # YAML would print a list that is used twice as a reference
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)
    print(_HEAD.format(name=given.name) + text, end="")


def made(**arguments: Any) -> dict[str, Any]:  # noqa: ANN401 (register() checks them)
    """Return the chart's services, roles, `hub.config` and what notebooks are told, for arguments of `register()`.

    Raises:
        ValueError: for these arguments `register()` sets a trait to something that a file of values cannot say.
    """
    c = Config()
    entry = register(c, managed=False, api_token=secrets.token_hex(32), **arguments)
    del entry["api_token"]
    said = {section: {trait: _said(value) for trait, value in sorted(traits.items())} for section, traits in c.items()}
    services, roles = (_by_name(said["JupyterHub"].pop(trait)) for trait in ("services", "load_roles"))
    # `register()` has the service's address computed when a notebook starts.
    address = {variable_for(entry["name"]): entry["oauth_redirect_uri"].removesuffix("oauth_callback")}
    told = {**said["Spawner"].pop("environment"), **address}
    # All the rest, so that nothing is forgotten
    config = {section: traits for section, traits in sorted(said.items()) if traits}
    _check_plain(config)
    return {
        "hub": {"config": config, "services": services, "loadRoles": roles},
        "singleuser": {"extraEnv": told},
    }


def _said(value: Any) -> Any:  # noqa: ANN401 (a trait's)
    """Return what `register()` sets a trait to. A container is lazy: the Hub would add it to the trait's default."""
    if isinstance(value, LazyConfigValue):
        [value] = value.to_dict().values()
    return sorted(value) if isinstance(value, set) else value


def _check_plain(config: dict[str, dict[str, Any]]) -> None:
    for section, traits in config.items():
        for trait, value in traits.items():
            try:
                json.dumps(value)
            except TypeError:
                raise ValueError(f"{section}.{trait}: a file of values cannot say what register() sets it to") from None


def _by_name(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["name"]: {key: value for key, value in entry.items() if key != "name"} for entry in entries}


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    main()
