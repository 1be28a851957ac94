"""JupyterHub's own tests of services pass with our service in place of its mock, on every Hub we support."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.node import REPOSITORY, configurable_http_proxy

HUBS = {  # version -> how many tests test_services_auth and test_services have there
    "6.1": {"test_services_auth": 43, "test_services": 12},
    "5.5": {"test_services_auth": 37, "test_services": 12},
}
# With internal_ssl: who has what token, and a sign-in from beginning to end.
SSL_CHOICE = "hubauth_token or cookie_collision"
SSL_COUNT = 3
LIMIT = 1800  # seconds; about a minute on an idle machine


def run_upstream(
    version: str, modules: list[str], directory: Path, *options: str, service: str = "", **environment: str
) -> str:
    """Run modules of `jupyterhub.tests` in that Hub's environment, and return what pytest says last.

    `service`: an argument of `tests.conformance.service`.
    """
    venv = REPOSITORY / ".venv" / f"hub-{version}"
    if not venv.exists():
        pytest.skip(f"no JupyterHub {version}: ./script/test conformance installs it")
    tests = Path(__file__).parent
    command = [str(venv / "bin" / "python"), "-m", "pytest", "-c", str(tests / "upstream.ini"), *options]
    path = [str(venv / "bin"), str(_proxy_folder(directory)), os.environ["PATH"]]
    done = subprocess.run(
        [*command, "--pyargs", *(f"jupyterhub.tests.{module}" for module in modules)],
        cwd=directory,  # the Hub keeps its secrets where it runs
        env=os.environ
        | environment
        | {
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(REPOSITORY),
            "CONFORMANCE_SERVICE": f"{sys.executable} -m tests.conformance.service {service}".strip(),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )
    summary = done.stdout.rstrip().rpartition("\n")[2]
    assert done.returncode == 0, done.stdout[-20_000:]
    return summary


def _proxy_folder(directory: Path) -> Path:
    """Put the proxy where these tests look for it: on PATH, under its own name."""
    folder = directory / "bin"
    folder.mkdir()
    proxy = folder / "configurable-http-proxy"
    proxy.write_text(f'#!/bin/sh\nexec {" ".join(configurable_http_proxy())} "$@"\n')
    proxy.chmod(0o755)
    return folder


def passed(summary: str) -> int:
    """Read how many tests passed, out of a summary that names nothing but passes and warnings."""
    match = re.fullmatch(r"(\d+) passed(?:, \d+ warnings?)? in .*", summary)
    assert match, summary
    return int(match[1])


@pytest.mark.parametrize("version", HUBS)
def test_every_test_of_jupyterhub_passes(version: str, tmp_path: Path) -> None:
    """Each test that JupyterHub has for services, none skipped, none failed."""
    modules = HUBS[version]

    summary = run_upstream(version, list(modules), tmp_path)

    assert passed(summary) == sum(modules.values())


@pytest.mark.parametrize("version", HUBS)
def test_an_application_with_a_hub_installed(version: str, tmp_path: Path) -> None:
    """Each test that JupyterHub has for signing in passes with an application of somebody's own."""
    summary = run_upstream(version, ["test_services_auth"], tmp_path, service="installed")

    assert passed(summary) == HUBS[version]["test_services_auth"]


def test_internal_ssl_end_to_end(tmp_path: Path) -> None:
    """With internal_ssl the service is reached, and reaches the Hub, by certificates of the Hub's own."""
    summary = run_upstream("6.1", ["test_services_auth"], tmp_path, "-k", SSL_CHOICE, SSL_ENABLED="1")

    assert re.match(rf"{SSL_COUNT} passed, \d+ deselected", summary)
