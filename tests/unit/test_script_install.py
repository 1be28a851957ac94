"""script/install.py: uv installs from where pip would, and where it cannot, pip does."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.node import REPOSITORY
from tests.support.process import clean_environment

SCRIPT = REPOSITORY / "script" / "install.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("script_install", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"index-url": "https://a.test/simple"}, {"UV_DEFAULT_INDEX": "https://a.test/simple"}),
        (
            {"extra-index-url": "https://a.test\nhttps://b.test"},
            {"UV_INDEX": "https://a.test https://b.test", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ({"find-links": "/a\n/b"}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"cert": "/ca.pem", "timeout": "60"}, {"SSL_CERT_FILE": "/ca.pem", "UV_HTTP_TIMEOUT": "60"}),
        ({"progress-bar": "off"}, {}),
    ],
    ids=["nothing", "a mirror", "two more", "folders", "an authority", "of no matter"],
)
def test_where_pip_gets_its_packages(script: ModuleType, options: dict[str, str], expected: dict[str, str]) -> None:
    """With uv, it is the same index, authority and folders."""
    told = script.uv_environment(options)

    assert {name: told[name] for name in expected} == expected


@pytest.mark.parametrize("option", ["no-index", "proxy", "keyring-provider", "require-hashes"])
def test_what_uv_cannot_be_told(script: ModuleType, option: str) -> None:
    """With an option that uv might not follow, it is not used."""
    assert script.uv_environment({"index-url": "https://a.test/simple", option: "x"}) is None


def test_the_environment_wins(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options come from pip's file and from the environment, which wins."""
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.test\n[install]\ntimeout = 7\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://environment.test")
    options = script.pip_options()

    assert (options["index-url"], options["timeout"]) == ("https://environment.test", "7")


@pytest.mark.parametrize(("status", "is_pip_asked"), [(0, False), (1, True)], ids=["uv does it", "uv fails"])
def test_pip_has_the_last_word(tmp_path: Path, status: int, is_pip_asked: bool) -> None:  # noqa: FBT001
    """What uv cannot install, pip tries."""
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\necho uv was asked: $*\nexit {status}\n")
    uv.chmod(0o755)
    (tmp_path / "pins.txt").write_text(
        f"nothing-of-this-name @ file://{tmp_path}/nothing_of_this_name-1-py3-none-any.whl\n"
    )
    environment = clean_environment(PATH=f"{tmp_path}:/usr/bin:/bin", PIP_CONFIG_FILE="/dev/null")
    environment = {name: value for name, value in environment.items() if not name.startswith("PIP_") or "FILE" in name}
    command = [sys.executable, str(SCRIPT), str(tmp_path / "pins.txt"), sys.executable]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert f"uv was asked: pip install --no-deps --no-progress --python {sys.executable}" in ended.stdout
    assert (ended.returncode, "nothing_of_this_name-1" in ended.stderr) == (int(is_pip_asked), is_pip_asked)
