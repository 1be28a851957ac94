"""The files of the repository, for tests that look through all of them."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.support.node import REPOSITORY

_NOT_OURS = {"node_modules", "swagger-ui"}
_NOT_TEXT = (".png", ".pyc", ".sqlite", ".sqlite-journal")


def texts() -> Mapping[str, str]:
    """Return the text of every file but those of tests/, by its path from the repository's folder."""
    found = {}
    for folder, below, names in os.walk(REPOSITORY):
        below[:] = [name for name in below if name == ".ci" or (name not in _NOT_OURS and name[0] not in "._")]
        for name in names:
            file = Path(folder, name)
            path = str(file.relative_to(REPOSITORY))
            if not path.startswith("tests/") and not name.endswith(_NOT_TEXT):
                found[path] = file.read_text(errors="replace")
    return found
