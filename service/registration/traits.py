"""Reads and writes `c` of a `jupyterhub_config.py` without losing anything in it.

A container trait (list, dict, set) may be unset, a plain value, or a traitlets `LazyConfigValue`. The latter is the
result of `c.X.y.append(...)` while `c.X.y` has no value.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from traitlets.config import Config


def read(section: "Config", trait: str, empty: Any) -> Any:  # noqa: ANN401 (a list, a dict or a set)
    """Return a copy of a container trait, with the type of `empty`. An unset trait is returned as `empty`."""
    value = section.get(trait, empty)
    if hasattr(value, "get_value"):
        value = copy.deepcopy(value).get_value(copy.copy(empty))  # a lazy value caches its first result, so use a copy
    return type(empty)(value)


def store(section: "Config", trait: str, value: Any) -> None:  # noqa: ANN401 (a list, a dict, a set or a callable)
    """Set a trait. One that was lazy or unset stays lazy, so that other configuration files can still add to it."""
    present = section[trait]
    if not hasattr(present, "get_value"):
        section[trait] = value
        return
    section[trait] = type(present)()
    if isinstance(value, list):
        section[trait].extend(value)
    else:
        section[trait].update(value)


def sections_with(c: "Config", trait: str) -> Iterator["Config"]:
    """Yield the sections that set a trait: those of a class and of its subclasses."""
    for section in c.values():
        if isinstance(section, dict) and trait in section:
            yield cast("Config", section)


def is_on(c: "Config", trait: str) -> bool:
    """Whether a section turns a trait on. The default of a class is not considered."""
    return any(section[trait] is True for section in sections_with(c, trait))


def configured_base_url(hub: Mapping[str, Any]) -> str:
    """Return the Hub's base_url from `c.JupyterHub`. By default it is the path of bind_url."""
    base_url, bind_url = hub.get("base_url"), hub.get("bind_url")
    if isinstance(base_url, str):
        return base_url
    return urlsplit(bind_url).path if isinstance(bind_url, str) else "/"
