"""Install a file of pins into an environment: with uv, which takes a third of the time, or else with pip.

Usage: install.py FILE PYTHON, run by the Python of .venv, whose pip is used and which gets uv. The files name every
package, so there is nothing to resolve. Packages are compiled when they are first imported.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip"]
QUIET = ["--no-compile", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
# Options of pip that say where packages come from, and uv's variables for them.
AS_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "constraint": "UV_CONSTRAINT",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
}
OF_NO_MATTER = {
    "cache-dir",
    "config-file",
    "disable-pip-version-check",
    "no-input",
    "progress-bar",
    "retries",
    "root-user-action",
}


def pip_options() -> dict[str, str]:
    """Return the options of `pip install` in pip's files and in the environment; the environment wins.

    Raises:
        ValueError: pip does not say.
    """
    ended = subprocess.run([*PIP, "config", "list"], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ValueError(ended.stderr)
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in ended.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        if section in sections:
            sections[section][option] = str(ast.literal_eval(value))
    return {option: value for options in sections.values() for option, value in options.items()}


def uv_environment(options: Mapping[str, str]) -> dict[str, str] | None:
    """Return the variables with which uv installs from where pip would; None if uv cannot be told so."""
    if options.keys() - AS_UV.keys() - OF_NO_MATTER:
        return None
    # By its own, uv looks no further than the first index that has a package. pip takes all of them together.
    told = {"UV_INDEX_STRATEGY": "unsafe-best-match"} if "extra-index-url" in options else {}
    for option, value in options.items():
        if option in AS_UV:
            separator = "," if option == "find-links" else " "
            told[AS_UV[option]] = separator.join(value.split())
    return {**os.environ, "UV_NO_CONFIG": "1", "UV_SYSTEM_CERTS": "1", **told}


def find_uv() -> str | None:
    """Return the uv on PATH, or that of this environment, which is installed if it is missing; None without either."""
    own = Path(sys.executable).with_name("uv")
    if found := shutil.which("uv"):
        return found
    if not own.exists():
        pins = ROOT / "requirements-uv.txt"
        subprocess.run([*PIP, "install", "--no-deps", "--only-binary=:all:", *QUIET, "-r", str(pins)], check=False)
    return str(own) if own.exists() else None


def install(file: str, python: str) -> int:
    """Install the file, and return an exit status. What uv cannot install, pip tries; its words are the last."""
    try:
        environment = uv_environment(pip_options())
    except ValueError:
        environment = None
    uv = find_uv() if environment else None
    if uv:
        command = [uv, "pip", "install", "--no-deps", "--no-progress", "--python", python, "-r", file]
        if subprocess.run(command, env=environment, check=False).returncode == 0:
            return 0
    else:
        # Half the time of the pip that Debian 12 has.
        subprocess.run([*PIP, "install", *QUIET, "--upgrade", "pip>=26"], check=False)
    command = [*PIP, "--python", python, "install", "--no-deps", *QUIET, "-r", file]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(install(*sys.argv[1:]))
