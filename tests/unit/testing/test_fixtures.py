"""The pytest plugin, in another test suite."""

import subprocess
import sys
from pathlib import Path

CONFTEST = """
import pytest
from fastapi import APIRouter

from service.auth.guard import CurrentUser

pytest_plugins = ["service.testing.fixtures"]
router = APIRouter()


@router.get("/notes")
async def notes(user: CurrentUser) -> str:
    return user.name


@pytest.fixture
def service_options():
    return {"routers": [router]}
"""
TESTS = """
import pytest

pytestmark = pytest.mark.anyio


async def test_alice(alice):
    assert (await alice.get("notes")).json() == "alice"
    assert (await alice.browser().get("notes")).json() == "alice"


async def test_nobody(service):
    assert (await service.anonymous().get("notes")).status_code == 401
"""


def test_a_suite_with_the_plugin(tmp_path: Path) -> None:
    """A conftest.py of three lines is enough. Each test runs once, and not with each event loop that anyio finds."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_notes.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        f"--rootdir={tmp_path}",
        ".",
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)

    passed = [line for line in run.stdout.splitlines() if line.startswith("PASSED")]
    assert passed == ["PASSED test_notes.py::test_alice", "PASSED test_notes.py::test_nobody"], run.stdout + run.stderr
