"""What Azure's SDK knows of a container group, held against a YAML file: its models say every key and type."""

import re
from typing import Any

from azure.mgmt.containerinstance import models

_SCALARS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
_NESTED = re.compile(r"([\[{])(.+)[\]}]")
_READ_ONLY = ": is Azure's to say"
_SAID_TWICE = {f"name{_READ_ONLY}"}  # the SDK takes it apart from the group, the command line from the file
_NOT_SENT = {"apiVersion"}


def flaws(document: dict[str, Any]) -> list[str]:
    """Say what is wrong with a container group, each by its place in the file; nothing where all is right."""
    group = {key: value for key, value in document.items() if key not in _NOT_SENT}
    return [flaw for flaw in _flaws_of_model(group, "ContainerGroup", "") if flaw not in _SAID_TWICE]


def _flaws_of_model(given: Any, kind: str, place: str) -> list[str]:  # noqa: ANN401
    model = getattr(models, kind)
    if not isinstance(given, dict):
        return [f"{place}: must be a mapping ({kind})"]
    rules = model._validation  # noqa: SLF001 (there is no other place where it is said)
    found: list[str] = []
    known: set[str] = set()
    for name, attribute in model._attribute_map.items():  # noqa: SLF001 (likewise)
        path = attribute["key"].split(".")
        known |= {".".join(path[: depth + 1]) for depth in range(len(path))}
        value, where = _at(given, path), ".".join([*([place] if place else []), *path])
        rule = rules.get(name, {})
        if value is None:
            found += [f"{where}: is missing"] if rule.get("required") else []
        elif rule.get("readonly"):
            found.append(where + _READ_ONLY)
        else:
            found += _flaws_of_value(value, attribute["type"], where)
    return found + [f"{place}.{key}".strip(".") + ": is not known" for key in _keys(given, known) - known]


def _flaws_of_value(value: Any, kind: str, place: str) -> list[str]:  # noqa: ANN401
    if nested := _NESTED.fullmatch(kind):
        container: type = list if nested[1] == "[" else dict
        if not isinstance(value, container):
            return [f"{place}: must be a {container.__name__}"]
        items: Any = dict(enumerate(value)) if isinstance(value, list) else value
        return [flaw for key, item in items.items() for flaw in _flaws_of_value(item, nested[2], f"{place}[{key}]")]
    if kind not in _SCALARS:
        return [] if kind == "object" else _flaws_of_model(value, kind, place)
    is_right = isinstance(value, _SCALARS[kind]) and (kind == "bool" or not isinstance(value, bool))
    return [] if is_right else [f"{place}: must be {kind}"]


def _at(given: Any, path: list[str]) -> Any:  # noqa: ANN401
    for key in path:
        given = given.get(key) if isinstance(given, dict) else None
    return given


def _keys(given: dict[str, Any], known: set[str]) -> set[str]:
    """The keys that are there; below one that the model only passes through (`properties`), its own too."""
    keys = set(given)
    for key, value in given.items():
        if isinstance(value, dict) and any(name.startswith(f"{key}.") for name in known):
            keys |= {f"{key}.{below}" for below in value}
    return keys
