"""script/setup: which Node it takes."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.node import REPOSITORY, node

HAS_NODE = re.search(r"^has_node\(\) \{\n.*?^\}\n", (REPOSITORY / "script/setup").read_text(), re.MULTILINE | re.DOTALL)


def has_node(folder: Path, *, version: str, programs: tuple[str, ...] = ("node", "npm")) -> bool:
    """Whether the script takes what is on PATH: a Node that says that it is this version."""
    assert HAS_NODE
    changed = HAS_NODE[0].replace("process.versions.node", version)
    for name in programs:
        (folder / name).symlink_to(node())
    path = f"{folder}{os.pathsep}/nowhere"
    command = ["/bin/sh", "-c", f"{changed}has_node"]
    return subprocess.run(command, env={"PATH": path}, check=False, timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [("process.versions.node", True), ('"20.0.0"', True), ('"18.20.4"', False), ('"9.11.2"', False)],
)
def test_the_node_of_the_machine(tmp_path: Path, version: str, *, is_taken: bool) -> None:
    """The script takes Node 20 and later, and fetches nothing then."""
    assert has_node(tmp_path, version=version) == is_taken


@pytest.mark.parametrize("programs", [(), ("node",), ("npm",)], ids=["neither", "no npm", "no node"])
def test_a_machine_without_node_or_npm(tmp_path: Path, programs: tuple[str, ...]) -> None:
    """Debian's package nodejs has no npm. The script then fetches a Node that has one."""
    assert not has_node(tmp_path, version="process.versions.node", programs=programs)
