"""script/release builds what can be built again byte by byte, and leaves the checkout alone until all is checked."""

import datetime as dt
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.node import REPOSITORY

SCRIPT = Path("script/release.py")
DAY = dt.date(2030, 1, 2)
ASSETS = "service/web/static/swagger-ui"


def loaded() -> ModuleType:
    """Import script/release.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("release", REPOSITORY / SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = loaded()


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder; return what it prints."""
    return subprocess.run(("git", *arguments), cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a checkout of its own, on main, of the files as they are here."""
    copy = tmp_path_factory.mktemp("release") / "checkout"
    for name in git(REPOSITORY, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)
    shutil.copytree(REPOSITORY / ASSETS, copy / ASSETS)
    git(copy, "init", "--quiet", "--initial-branch=main")
    git(copy, "config", "user.name", "Releaser")
    git(copy, "config", "user.email", "releaser@example.org")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", "All")
    return copy


def run(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the checkout's own script, with the tools of this environment."""
    command = (sys.executable, "-P", str(checkout / SCRIPT), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_dry_run_builds_all_and_changes_nothing(checkout: Path) -> None:
    """Sdist, wheel and SBOM carry the new version, twine and the second build agree, and the checkout is as it was."""
    before = git(checkout, "rev-parse", "HEAD")

    done = run(checkout, "7.8.9", "--dry-run")

    assert done.returncode == 0, done.stderr
    files = [Path(line) for line in done.stdout.splitlines() if line.startswith("/")]
    names = [file.name for file in files]
    assert names == ["sbom.cdx.json", "service_fastapi-7.8.9-py3-none-any.whl", "service_fastapi-7.8.9.tar.gz"]
    sbom, wheel, sdist = files
    bill = json.loads(sbom.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert {"fastapi", "jupyterhub", "cryptography"} <= {each["name"] for each in bill["components"]}
    assert "service/auth/hub.py" in zipfile.ZipFile(wheel).namelist()
    with tarfile.open(sdist) as archive:
        changelog = archive.extractfile("service_fastapi-7.8.9/CHANGELOG.md")
        assert changelog is not None
        assert re.search(r"^## 7\.8\.9 \(\d{4}-\d\d-\d\d\)$", changelog.read().decode(), re.MULTILINE)
    assert git(checkout, "rev-parse", "HEAD") == before
    assert git(checkout, "status", "--porcelain") == git(checkout, "tag") == ""
    shutil.rmtree(sbom.parent)


def test_a_checkout_with_changes_is_refused(checkout: Path) -> None:
    """What is not committed would be missing from the release: the script says so."""
    (checkout / "new.py").touch()

    done = run(checkout, "7.8.9", "--dry-run")

    (checkout / "new.py").unlink()
    assert done.returncode == 1
    assert "not committed" in done.stderr


@pytest.mark.parametrize(
    ("version", "tags", "message"),
    [
        ("1.2", [], "three numbers"),
        ("v1.2.3", [], "three numbers"),
        ("1.2.3rc1", [], "three numbers"),
        ("0.9.9", ["v0.9.10", "v0.2.0", "unrelated"], "not later than 0.9.10"),
        ("0.9.10", ["v0.9.10"], "not later than 0.9.10"),
    ],
)
def test_such_a_version_is_refused(version: str, tags: list[str], message: str) -> None:
    """A version has three numbers, and is later than all before it."""
    with pytest.raises(release.ReleaseError, match=message):
        release.check_version(version, tags)


def test_a_later_version_is_taken() -> None:
    """Numbers count as numbers: 0.10.0 comes after 0.9.0."""
    release.check_version("0.10.0", ["v0.9.0", "v0.2.0"])


def test_the_changelog_gets_version_and_day() -> None:
    """The unreleased section is the release's, whatever version it announced."""
    text = "# Changes\n\n## 0.2.0 (unreleased)\n\n- New.\n\n## 0.1.0 (2026-01-01)\n\n- First.\n"

    assert release.changelog_of(text, "1.0.0", DAY) == text.replace("0.2.0 (unreleased)", "1.0.0 (2030-01-02)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Changes\n\n## 0.1.0 (2026-01-01)\n\n- First.\n", "0 unreleased sections"),
        ("# Changes\n\n## Unreleased\n\n## 0.1.0 (2026-01-01)\n\n- First.\n", "empty"),
    ],
    ids=["none", "empty"],
)
def test_a_changelog_without_news_is_refused(text: str, message: str) -> None:
    """Who reads a release wants to know what has changed."""
    with pytest.raises(release.ReleaseError, match=message):
        release.changelog_of(text, "1.0.0", DAY)


def test_every_file_that_names_the_version_is_known() -> None:
    """No file names the version but those that script/release rewrites."""
    version = release.current_version(REPOSITORY)
    known = {*map(str, release.NAMED_IN), str(release.VERSION_FILE), str(release.CHANGELOG)}
    name = f"service-fastapi:{version}"
    files = git(REPOSITORY, "grep", "--files-with-matches", "--fixed-strings", name, "--", "deploy", "docs").split()

    assert {*files} <= known
    assert all(name in (REPOSITORY / each).read_text() for each in release.NAMED_IN)
