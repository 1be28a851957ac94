"""A real Caddy with the Caddyfile of deploy/forward-auth, of which only what an operator also changes is changed."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import tls_front
from tests.support.nginx import FORWARD_FILES
from tests.support.polling import BUSY
from tests.support.ports import free_port
from tests.support.process import KeptProcess, clean_environment, wait_until_log_says

START_LIMIT = BUSY
FILE = FORWARD_FILES / "Caddyfile"


def program() -> str | None:
    """Return the path of an installed Caddy, if there is one."""
    return shutil.which("caddy")


def problem_with_file() -> str:
    """Let Caddy judge the file as it is; return what it says against it."""
    with tempfile.TemporaryDirectory(prefix="caddy-") as folder:
        command = [program() or "caddy", "validate", "--adapter", "caddyfile", "--config", str(FILE)]
        said = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment(Path(folder)))
    return "" if said.returncode == 0 else said.stderr


class Caddy:
    """Its origin is known before it runs, so that a Hub can be told."""

    def __init__(self, *, host: str) -> None:
        """Choose the port."""
        self._port = free_port()
        self._host = host
        self.origin = f"https://{host}:{self._port}"

    @contextlib.contextmanager
    def before(self, *, service: str, app: str) -> Iterator["Caddy"]:
        """Run it before these addresses."""
        with tempfile.TemporaryDirectory(prefix="caddy-") as name:
            folder = Path(name)
            command = [program() or "caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
            (folder / "Caddyfile").write_text(self._text(folder, service=service, app=app))
            process = KeptProcess(command, env=_environment(folder), cwd=folder, log=folder / "log")
            try:
                wait_until_log_says(
                    process, folder / "log", "serving initial configuration", start=0, timeout=START_LIMIT
                )
                yield self
            finally:
                process.close()

    def _text(self, folder: Path, *, service: str, app: str) -> str:
        key, chain = tls_front.write_certificate(folder)
        changes = {
            "\ndata.example.org {": f"\n{self.origin} {{\n\tbind 127.0.0.1\n\ttls {chain} {key}",
            "127.0.0.1:10201": service,
            "127.0.0.1:8301": app,
        }
        text = FILE.read_text()
        for old, new in changes.items():
            text = text.replace(old, new)
        return f"{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}"


def _environment(folder: Path) -> dict[str, str]:
    """It keeps certificates and its last configuration at home."""
    return clean_environment(HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
