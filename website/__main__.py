"""Build the site into a folder, or serve it: `python -m website build FOLDER`, `python -m website serve`."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from website import diagrams, stage, tree

_USAGE = "Usage: script/docs [ADDRESS:PORT], or script/docs build FOLDER"
_WATCHED = ("docs", "examples", "bench", "website")


def main(words: Sequence[str]) -> int:
    """Do as the words say, and return an exit status."""
    with tempfile.TemporaryDirectory() as folder:
        match words:
            case ["build", target]:
                return build(Path(target), Path(folder))
            case ["diagrams"]:
                for name, drawing in diagrams.drawings().items():
                    (tree.REPOSITORY / "docs/images" / name).write_text(drawing)
                return 0
            case ["serve"]:
                return serve("127.0.0.1:8080", Path(folder))
            case ["serve", address]:
                return serve(address, Path(folder))
    sys.stderr.write(f"{_USAGE}\n")
    return 2


def build(target: Path, folder: Path) -> int:
    """Build the site into `target`. A broken link, or a page that is not in the navigation, stops it."""
    try:
        config = stage.stage(folder)
    except (stage.OrphanError, tree.BrokenLinkError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    status = subprocess.run(_zensical("build", "--strict", config), check=False).returncode
    if not status:
        shutil.copytree(folder / "site", target, dirs_exist_ok=True)
    return status


def serve(address: str, folder: Path) -> int:
    """Serve the site until it is interrupted, and build pages again that change."""
    config = stage.stage(folder)
    with subprocess.Popen(_zensical("serve", "--dev-addr", address, config)) as server:
        seen = _changed()
        try:
            while server.poll() is None:
                try:
                    server.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    if (now := _changed()) != seen:
                        seen = now
                        _stage_again(folder)
        except KeyboardInterrupt:
            server.terminate()
    return server.returncode


def _stage_again(folder: Path) -> None:
    """Put changed pages in place. Somebody who is writing has a wrong link at times: it is said, and they go on."""
    try:
        stage.stage(folder, with_rest_api=False)
    except (OSError, ValueError, stage.OrphanError, tree.BrokenLinkError) as error:
        sys.stderr.write(f"{error}\n")


def _changed() -> float:
    """Return when one of the pages was changed last."""
    files = (file for name in _WATCHED for file in (tree.REPOSITORY / name).rglob("*") if file.is_file())
    return max(file.stat().st_mtime for file in (*tree.REPOSITORY.glob("*.md"), *files))


def _zensical(command: str, *words: str | Path) -> list[str]:
    *options, config = words
    return [sys.executable, "-m", "zensical", command, *map(str, options), "--config-file", str(config)]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
