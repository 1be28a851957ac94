"""Finds other distributions with a package called `service`: pip lets them overwrite our files, without a word."""

import importlib.metadata
import re
import sys

import service

OURS = "service-fastapi"

_IN_PACKAGE = re.compile(r'^"?service/', re.MULTILINE)


def others() -> list[str]:
    """Return the names of the installed distributions that have files in `service/`, but for ours.

    It reads the list of files of each. `importlib.metadata.packages_distributions` would read all of their names.
    """
    found = {each.metadata["Name"] for each in importlib.metadata.distributions() if _is_in_package(each)}
    return sorted(found - {OURS})


def problem() -> str:
    """Say which distribution has replaced our `service/__init__.py`; an empty string if none has."""
    if getattr(service, "DISTRIBUTION", None) == OURS:
        return ""
    return (
        f"{service.__file__} is not ours. {' and '.join(others()) or 'Another package'} has a package called `service`,"
        " too. Uninstall it, and install ours anew. In a checkout of the service:"
        f" {sys.executable} -m pip install --force-reinstall --no-deps ."  # not by name: see service/errors.py
    )


def _is_in_package(distribution: importlib.metadata.Distribution) -> bool:
    return _IN_PACKAGE.search(distribution.read_text("RECORD") or "") is not None
