"""Finds applications and their manifests by name. Imports nothing but the standard library.

A name is one of those in SERVICE_APPS: a folder of `service/apps`, an entry point of an installed package in the group
`service.applications`, or `package.module:attribute`.
"""

from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

GROUP = "service.applications"
_OURS = Path(__file__).parents[1] / "apps"


def known_applications() -> dict[str, str]:
    """Return all applications that have a short name, and `package.module:attribute` of each."""
    return _installed() | _ours()


def import_path_of(name: str) -> str | None:
    """Return `package.module:attribute` of an application; None if there is none of this name."""
    # Ours come first anyway, and a search through all installed packages takes milliseconds.
    return name if ":" in name else _ours().get(name) or _installed().get(name)


def load_manifest(name: str) -> ModuleType:
    """Import the manifest of an application: the module `manifest` of the package that holds it.

    Raises:
        ImportError: there is no application of this name, or it has no manifest.
    """
    import_path = import_path_of(name)
    if import_path is None:
        raise ModuleNotFoundError(f"There is no application {name!r}")
    module = import_path.partition(":")[0]
    return import_module(f"{module.rpartition('.')[0] or module}.manifest")


def _ours() -> dict[str, str]:
    names = [path.parent.name for path in sorted(_OURS.glob("*/application.py"))]
    return {name: f"service.apps.{name}.application:application" for name in names}


def _installed() -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group=GROUP)}
