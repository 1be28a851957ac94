"""What a model is to us, and how one is named."""

import pkgutil
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Protocol

GROUP = "service.deidentify.models"  # the entry points of models that other packages bring
RAMPART = "service.apps.deidentify.engine.models.rampart:load"

# Where a model sees an identifier, half-open in characters, and its type, a name of `Kind`.
Sighting = tuple[int, int, str]


class Model(Protocol):
    """Finds identifiers in a text. One process holds it, and asks it about one text at a time."""

    @property
    def name(self) -> str:
        """Name and version, for answers."""

    def find(self, text: str) -> Iterable[Sighting]:
        """Where identifiers stand. `text` is in ASCII: letters have lost their accents."""


def load(name: str) -> Model:
    """Load a model: `rampart`, the name of an entry point in the group above, or `package.module:function`.

    Raises:
        ImportError: what it needs is not installed.
        ValueError: there is no such model.
    """
    if name == "rampart":
        name = RAMPART
    for entry in metadata.entry_points(group=GROUP, name=name):
        name = entry.value
    if ":" not in name:
        raise ValueError(f"there is no model {name}")
    make: Callable[[], Model] = pkgutil.resolve_name(name)
    return make()
