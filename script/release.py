"""Makes a release in a clone of this checkout. Commit, tag and `dist/` come back when all checks have passed."""

import argparse
import datetime as dt
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SWAGGER_UI = Path("service/web/static/swagger-ui")
VERSION_FILE = Path("service/__init__.py")
CHANGELOG = Path("CHANGELOG.md")
# Where the tag of an image names the version.
NAMED_IN = (Path("deploy/kubernetes/service.yaml"), Path("docs/operate/kubernetes.md"), Path("docs/operate/azure.md"))
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_UNRELEASED = re.compile(r"^## (?:Unreleased|\S+ \(unreleased\))$", re.MULTILINE)


class ReleaseError(Exception):
    """The release cannot be made; the message says what to do."""


def current_version(root: Path) -> str:
    """Return the version that the checkout at `root` has, such as `0.1.0`.

    Raises:
        ReleaseError: `service/__init__.py` has no version.
    """
    found = re.search(r'^__version__ = "(.+)"$', (root / VERSION_FILE).read_text(), re.MULTILINE)
    if found is None:
        raise ReleaseError(f'{VERSION_FILE} has no line __version__ = "...".')
    return found[1]


def check_version(version: str, tags: Sequence[str]) -> None:
    """Check that `version` has three numbers, and is later than each release in `tags` (`v0.1.0`, ...).

    Raises:
        ReleaseError: it is not.
    """
    if not _NUMBERS.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version: write three numbers, such as 0.2.0.")
    released = [_ordered(tag.removeprefix("v")) for tag in tags if _NUMBERS.fullmatch(tag.removeprefix("v"))]
    if released and _ordered(version) <= max(released):
        last = ".".join(map(str, max(released)))
        raise ReleaseError(f"{version} is not later than {last}, the last release.")


def changelog_of(text: str, version: str, day: dt.date) -> str:
    """Return CHANGELOG.md with its unreleased section made that of `version`.

    Raises:
        ReleaseError: there is not exactly one unreleased section, or it is empty.
    """
    headings = list(_UNRELEASED.finditer(text))
    if len(headings) != 1:
        raise ReleaseError(
            f"{CHANGELOG} has {len(headings)} unreleased sections: it needs one, `## {version} (unreleased)`."
        )
    (heading,) = headings
    content = text[heading.end() :].split("\n## ", 1)[0]
    if not content.strip():
        raise ReleaseError(f"{CHANGELOG}: the unreleased section is empty. Say what has changed.")
    return f"{text[: heading.start()]}## {version} ({day.isoformat()}){text[heading.end() :]}"


def write_version(root: Path, version: str, day: dt.date) -> list[Path]:
    """Write the version into the files below `root` that name it; return their paths, relative to `root`.

    Raises:
        ReleaseError: the changelog has nothing to release.
    """
    before = current_version(root)
    changelog = root / CHANGELOG
    changelog.write_text(changelog_of(changelog.read_text(), version, day))
    for name in (VERSION_FILE, *NAMED_IN):
        file = root / name
        file.write_text(re.sub(rf"(?<![\d.]){re.escape(before)}(?![\d.])", version, file.read_text()))
    return [CHANGELOG, VERSION_FILE, *NAMED_IN]


def build(root: Path, dist: Path) -> None:
    """Build sdist and wheel of the tree at `root` into `dist`, check them, and write the SBOM beside them.

    Raises:
        ReleaseError: the wheel cannot be reproduced.
        subprocess.CalledProcessError: a tool failed, and has said why.
    """
    builder = (sys.executable, "-m", "build", "--no-isolation")
    _run(root, *builder, "--outdir", str(dist))
    with tempfile.TemporaryDirectory() as again:
        # The first wheel is made from the sdist, this one from the tree: so the sdist is complete, too.
        _run(root, *builder, "--wheel", "--outdir", again)
        (first,), (second,) = dist.glob("*.whl"), Path(again).glob("*.whl")
        if first.read_bytes() != second.read_bytes():
            raise ReleaseError(
                f"{first.name} from the sdist and from the checkout differ. The build must be reproducible."
            )
    _run(root, sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(dist.iterdir())))
    sbom = (
        "requirements",
        "requirements.txt",
        "--pyproject",
        "pyproject.toml",
        "--mc-type",
        "application",
        "--output-reproducible",
    )
    _run(root, sys.executable, "-m", "cyclonedx_py", *sbom, "--output-file", str(dist / "sbom.cdx.json"))


def release(version: str, *, root: Path = REPOSITORY, dry_run: bool) -> Path:
    """Release the last commit of the checkout at `root` as `version`; return the folder of the built files.

    In a dry run the checkout stays as it is, and the folder is one of its own below the system's temporary folder.

    Raises:
        ReleaseError: a check failed.
        subprocess.CalledProcessError: a command failed, and has said why.
    """
    if _run(root, "git", "status", "--porcelain"):
        raise ReleaseError("The checkout has changes that are not committed: commit or stash them first.")
    branch = _run(root, "git", "branch", "--show-current").strip()
    if branch != "main" and not dry_run:
        raise ReleaseError(f"Releases are made on main, and this is {branch or 'no branch'}.")
    check_version(version, _run(root, "git", "tag").split())
    if not (root / SWAGGER_UI).is_dir():
        raise ReleaseError("Swagger UI's files are missing: run script/setup first.")

    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary, "clone")
        _run(root, "git", "clone", "--quiet", "--local", str(root), str(clone))
        shutil.copytree(root / SWAGGER_UI, clone / SWAGGER_UI)
        changed = write_version(clone, version, dt.datetime.now(dt.UTC).date())
        _as_author(root, clone)
        _run(clone, "git", "commit", "--quiet", "--message", f"Release {version}", "--", *map(str, changed))
        _run(clone, "git", "tag", "--annotate", f"v{version}", "--message", f"Release {version}")
        dist = Path(tempfile.mkdtemp(prefix=f"release-{version}-")) if dry_run else root / "dist" / version
        build(clone, dist)
        if not dry_run:
            _run(root, "git", "pull", "--quiet", "--ff-only", "--tags", str(clone), "HEAD")
    return dist


def _ordered(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _as_author(root: Path, clone: Path) -> None:
    """Let the clone commit as whoever the checkout commits as."""
    for key in ("user.name", "user.email"):
        found = _run(root, "git", "config", "--default", "", key).strip()
        if not found:
            raise ReleaseError(f"git does not know who you are: set {key}.")
        _run(clone, "git", "config", key, found)


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stdout)
        done.check_returncode()
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its status."""
    parser = argparse.ArgumentParser(prog="script/release", description=__doc__)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("version", nargs="?", help="such as 0.2.0")
    wanted.add_argument(
        "--build", type=Path, metavar="FOLDER", help="only build and check the files as they are, into FOLDER"
    )
    parser.add_argument("--dry-run", action="store_true", help="build and check, but leave the checkout as it is")
    given = parser.parse_args(arguments)
    try:
        if given.build:
            build(REPOSITORY, given.build.resolve())
            return 0
        dist = release(given.version, dry_run=given.dry_run)
    except (ReleaseError, subprocess.CalledProcessError) as error:
        print(f"No release: {error}", file=sys.stderr)
        return 1
    for file in sorted(dist.iterdir()):
        print(file)
    if given.dry_run:
        print("A dry run: nothing was committed or tagged.")
    else:
        print(f"Committed and tagged. To publish it: git push origin main v{given.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
