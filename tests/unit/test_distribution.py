"""Another wheel with a package called `service` is named: where it has replaced ours, and by the doctor before."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service import DISTRIBUTION, distribution
from service.commands.doctor.local import check_machine
from service.doctor_finding import Finding
from tests.support.node import REPOSITORY
from tests.support.process import clean_environment
from tests.unit.conftest import settings_of


def add_wheel(folder: Path, name: str, *files: str) -> None:
    """Write what pip writes of an installed wheel."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for packages, with two that do not clash, and one that does."""
    monkeypatch.syspath_prepend(tmp_path)
    add_wheel(tmp_path, DISTRIBUTION, "service/__init__.py")
    add_wheel(tmp_path, "harmless", "service_client/__init__.py", "harmless/service/__init__.py")
    add_wheel(tmp_path, "other-service", "other.py", "service/__init__.py")
    return tmp_path


@pytest.mark.usefixtures("folder")
async def test_the_doctor_names_it() -> None:
    """It says so while ours still works."""
    findings = [finding async for finding in check_machine(settings_of())]

    assert distribution.others() == ["other-service"]
    assert findings[0] == Finding(
        "package",
        "failed",
        "other-service brings a package called `service`, too, and pip lets one overwrite the other",
        "pip uninstall other-service, then install this service anew",
    )


async def test_nothing_to_say() -> None:
    """Without another one the doctor is silent, and so is the start."""
    assert distribution.problem() == ""
    assert "package" not in {finding.check async for finding in check_machine(settings_of())}


@pytest.mark.parametrize("text", ["", '__version__ = "7"\n'], ids=["empty", "with a version"])
def test_a_start_after_it_was_overwritten(folder: Path, text: str) -> None:
    """The start ends with the name of the other one, and with what to do."""
    shutil.copytree(REPOSITORY / "service", folder / "service", ignore=shutil.ignore_patterns("static", "__pycache__"))
    (folder / "service" / "__init__.py").write_text(text)
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "service"],
        env=clean_environment(PYTHONPATH=str(folder)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert "other-service has a package called `service`, too." in ended.stderr
    assert "In a checkout of the service:" in ended.stderr
    assert "pip install --force-reinstall --no-deps ." in ended.stderr
    assert f"{DISTRIBUTION}\n" not in ended.stderr  # by name pip would look on PyPI, where it is anybody's
