"""script/test: which checks it runs, and what it says about what is missing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.node import REPOSITORY

TOOLS = ("ruff", "hadolint", "shellcheck", "mypy", "lint-imports", "pytest")
NEEDED = ("sh", "env", "dirname", "basename", "grep", "ls", "cat", "date", "mktemp", "rm", "getconf", "echo")
PROGRAMS = {  # program -> Debian's package
    "caddy": "caddy",
    "chromium": "chromium",
    "curl": "curl",
    "nginx": "nginx-light",
    "setpriv": "util-linux",
    "systemd-analyze": "systemd",
}
FOLDERS = ("conformance", "browser", "integration", "examples", "unit")


def program(path: Path, *lines: str) -> None:
    """Write a program that does as these lines say."""
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The one folder on PATH, with what a shell script needs, and none of what the tests need."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in NEEDED:
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose tools say how they were called, in the file `called`."""
    root = tmp_path / "a checkout"
    for folder in ("script", ".venv/bin", "deploy/x", *(f"tests/{each}" for each in FOLDERS)):
        (root / folder).mkdir(parents=True)
    for name in ("test", "debian-packages"):
        shutil.copy(REPOSITORY / "script" / name, root / "script" / name)
    program(root / "script" / "setup", f"echo setup $* >> '{root}/called'")
    program(root / "script" / "oldest", f"echo oldest $* >> '{root}/called'", f"[ ! -e '{root}/oldest fails' ]")
    for tool in TOOLS:
        program(root / ".venv" / "bin" / tool, f"echo {tool} $* >> '{root}/called'", f"[ ! -e '{root}/{tool} fails' ]")
    return root


def run(checkout: Path, path: Path, *words: str, **told: str) -> tuple[int, str, list[str]]:
    """Run script/test: its exit status, what it says on stderr, and how its tools were called."""
    environment = {"PATH": str(path), "TMPDIR": os.environ.get("TMPDIR", "/tmp"), **told}  # noqa: S108 (mktemp's)
    done = subprocess.run(
        [checkout / "script" / "test", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    called = (checkout / "called").read_text().splitlines()
    return done.returncode, done.stderr, called


def test_everything(checkout: Path, path: Path) -> None:
    """Without arguments all checks are run, and all tests at once, those first that take longest."""
    status, _, called = run(checkout, path, TEST_PROCESSES="3")

    assert status == 0
    assert called[0] == "setup test docs"
    checks = {each.split()[0] for each in called[1:-1] if each != "setup test conformance"}
    assert (checks, called.count("setup test conformance")) == ({*TOOLS, "oldest"} - {"pytest"}, 1)
    assert called[-1].startswith("pytest -n 3 ")
    assert called[-1].endswith(" ".join(f"tests/{each}" for each in FOLDERS))


def test_one_process_more_than_processors(checkout: Path, path: Path) -> None:
    """So that a processor has work while a test waits."""
    assert run(checkout, path, "unit")[2][-1].startswith(f"pytest -n {os.sysconf('SC_NPROCESSORS_ONLN') + 1} ")


def test_hubs_that_cannot_be_had(checkout: Path, path: Path) -> None:
    """Where the Hubs for `conformance` cannot be installed, no test is run."""
    program(checkout / "script" / "setup", f"echo setup $* >> '{checkout}/called'", '[ "$*" = "test docs" ]')

    status, _, called = run(checkout, path)

    assert status == 1
    assert [each for each in called if each.startswith("pytest")] == []


def test_quick(checkout: Path, path: Path) -> None:
    """`quick` is lint, types, layers and unit, with pytest's arguments."""
    status, _, called = run(checkout, path, "quick", "-k", "cookie")

    assert (status, called[0]) == (0, "setup test docs")
    assert {each.split()[0] for each in called[1:]} == {*TOOLS}
    assert called[-1].endswith("-k cookie tests/unit")


def test_a_random_order(checkout: Path, path: Path) -> None:
    """`TEST_ORDER` shuffles the modules, and the tests in each, in all processes alike."""
    shuffled = run(checkout, path, "unit", TEST_ORDER="7")[2][-1]
    other = run(checkout, path, "unit", TEST_ORDER="random")[2][-1]

    assert "--dist load --random-order-bucket=module --random-order-seed=7 " in shuffled
    assert re.search(r" --random-order-seed=[0-9]{9,} ", other)
    assert "random-order" not in run(checkout, path, "unit")[2][-1]


def test_files_that_are_named(checkout: Path, path: Path) -> None:
    """They alone are run, by one process."""
    assert run(checkout, path, "tests/unit/x.py", "-x")[2] == ["setup test docs", "pytest tests/unit/x.py -x"]


@pytest.mark.parametrize(("tool", "part"), [("ruff", "lint"), ("mypy", "types"), ("lint-imports", "layers")])
def test_a_check_that_fails(checkout: Path, path: Path, tool: str, part: str) -> None:
    """The tests are run all the same, and the end says what failed."""
    (checkout / f"{tool} fails").touch()

    status, said, called = run(checkout, path, "quick")

    assert (status, said.splitlines()[-1]) == (1, f"Failed: {part}")
    assert called[-1].startswith("pytest")


@pytest.mark.parametrize("words", [(), ("quick",), ("browser",)], ids=["everything", "quick", "browser"])
def test_what_is_missing_is_said_at_the_start(checkout: Path, path: Path, words: tuple[str, ...]) -> None:
    """With the command that installs it."""
    for name in ("curl", "setpriv", "systemd-analyze"):
        program(path / name)

    _, said, _ = run(checkout, path, *words)

    missing = " ".join(packages(path))
    assert set(missing.split()) >= {"chromium", "chromium-headless-shell", "nginx-light"}
    assert said.splitlines()[1].strip() == f"apt-get install --no-install-recommends {missing}"


def test_nothing_is_said_where_no_test_is_run(checkout: Path, path: Path) -> None:
    """Lint needs none of it."""
    assert run(checkout, path, "lint")[1] == ""


def packages(path: Path) -> list[str]:
    """Return what script/debian-packages prints."""
    command = [REPOSITORY / "script" / "debian-packages"]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_is_looked_for(path: Path, name: str) -> None:
    """A package is named until its program is there."""
    assert PROGRAMS[name] in packages(path)
    program(path / name)
    assert PROGRAMS[name] not in packages(path)
