"""Which applications there are, and where each has its manifest. Imports the standard library alone.

An application is named as in SERVICE_APPS: one of ours by the name of its folder in `service/apps`, one of an installed
package by the name of its entry point in the group `service.applications`, any other as `package.module:attribute`.
"""

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

GROUP = "service.applications"
_OURS = Path(__file__).parents[1] / "apps"


def known_applications() -> dict[str, str]:
    """Return `package.module:attribute` of every application that can be named without saying where it is."""
    return _installed() | _ours()


def address_of(name: str) -> str | None:
    """Return `package.module:attribute` of an application, None if there is none of this name."""
    # Looking through all installed packages takes milliseconds, and ours come before theirs anyway.
    return name if ":" in name else _ours().get(name) or _installed().get(name)


def _ours() -> dict[str, str]:
    names = [path.parent.name for path in sorted(_OURS.glob("*/application.py"))]
    return {name: f"service.apps.{name}.application:application" for name in names}


def _installed() -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group=GROUP)}


def manifest_of(name: str) -> str | None:
    """Return the dotted name of an application's manifest, None if there is no application of this name.

    The manifest is the module `manifest` of the package that holds the application.
    """
    address = address_of(name)
    if address is None:
        return None
    module = address.partition(":")[0]
    package = module.rpartition(".")[0] or module
    try:
        return f"{package}.manifest" if find_spec(package) is not None else None
    except ModuleNotFoundError:
        return None
