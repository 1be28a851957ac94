"""Runs Python as it is where only some of our extras are installed: other packages cannot be imported."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from packaging.requirements import Requirement

from tests.support.node import REPOSITORY
from tests.support.polling import PROGRAM

# Python looks for modules with PathFinder. What is hidden is then neither found nor imported, as if it was not there.
HIDE = """
import json, sys
from importlib.machinery import PathFinder

class Finder:
    hidden = set(json.loads(sys.argv.pop(1)))

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in cls.hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def run_with(extras: Sequence[str] | None, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `code` where our package is installed with these extras; None: where no other package is installed at all."""
    command = [sys.executable, "-c", f"{HIDE}\n{code}", json.dumps(sorted(hidden_with(extras))), *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PROGRAM, check=False)


def hidden_with(extras: Sequence[str] | None) -> set[str]:
    """Return the modules that are installed here, but not by our package with these extras."""
    visible = set() if extras is None else set(distributions(extras))
    return {module for module, owners in packages_distributions().items() if not {*map(canonical, owners)} & visible}


def distributions(extras: Sequence[str]) -> Iterator[str]:
    """Yield the distributions that our package with these extras installs, by canonical name."""
    seen = set[tuple[str, str]]()
    waiting = [("service-fastapi", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        yield name
        for each in map(Requirement, declared(name, extra)):
            if each.marker is None or each.marker.evaluate({"extra": extra}):
                waiting += [(canonical(each.name), wanted) for wanted in ("", *each.extras)]


def declared(name: str, extra: str) -> Sequence[str]:
    """Return the requirements of a distribution. A checkout has no metadata, so ours are in pyproject.toml."""
    if name == "service-fastapi":
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
        found: list[str] = project["optional-dependencies"][extra] if extra else project["dependencies"]
        return found
    try:
        return requires(name) or ()
    except PackageNotFoundError:  # for another platform
        return ()


def canonical(name: str) -> str:
    """Return a name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
