"""A `jupyterhub_config.py`'s `c`, read and written so that nothing in it gets lost.

A container trait (list, dict, set) of a section may be unset, plain, or a traitlets `LazyConfigValue`: what
`c.X.y.append(...)` leaves behind while nothing else has been said about `c.X.y`.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from traitlets.config import Config


def settled(section: "Config", trait: str, empty: Any) -> Any:  # noqa: ANN401 (a list, a dict or a set)
    """Read a container as a new one of the type of `empty`, which it is where unset."""
    value = section.get(trait, empty)
    if hasattr(value, "get_value"):
        value = copy.deepcopy(value).get_value(copy.copy(empty))  # the lazy one remembers its first answer: ask a copy
    return type(empty)(value)


def store(section: "Config", trait: str, value: Any) -> None:  # noqa: ANN401 (a list, a dict, a set or a callable)
    """Write it; lazily where it was lazy or unset, so that what other files of the configuration say is added to."""
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
    """Find the sections that set a trait: a class's own, or that of any of its subclasses."""
    for section in c.values():
        if isinstance(section, dict) and trait in section:
            yield cast("Config", section)


def is_on(c: "Config", trait: str) -> bool:
    """Say whether any section turns a trait on; a class that has it on by itself is not seen."""
    return any(section[trait] is True for section in sections_with(c, trait))


def configured_base_url(hub: Mapping[str, Any]) -> str:
    """Read the Hub's base_url from `c.JupyterHub`; by default it is the path of bind_url."""
    base_url, bind_url = hub.get("base_url"), hub.get("bind_url")
    if isinstance(base_url, str):
        return base_url
    return urlsplit(bind_url).path if isinstance(bind_url, str) else "/"
