"""JupyterHub's own tests of services pass with our service in place of its mock, on every Hub we support."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

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
) -> int:
    """Run modules of `jupyterhub.tests` in that Hub's environment, and return how many tests ran: all passed.

    `service`: an argument of `tests.conformance.service`.
    """
    venv = REPOSITORY / ".venv" / f"hub-{version}"
    if not venv.exists():
        pytest.skip(f"no JupyterHub {version}: ./script/test conformance installs it")
    tests = Path(__file__).parent
    # Not read off pytest's last line: the Hub's proxy, which a busy machine is late to end, writes behind it.
    report = directory / "report.xml"
    command = [str(venv / "bin" / "python"), "-m", "pytest", "-c", str(tests / "upstream.ini"), *options]
    command.append(f"--junit-xml={report}")
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
    assert done.returncode == 0, done.stdout[-20_000:]
    suites = ET.parse(report).findall("testsuite")  # noqa: S314 - pytest wrote it
    assert not [suite for suite in suites if any(suite.get(kind) != "0" for kind in ("errors", "failures", "skipped"))]
    return sum(int(suite.get("tests", "0")) for suite in suites)


def _proxy_folder(directory: Path) -> Path:
    """Put the proxy where these tests look for it: on PATH, under its own name."""
    folder = directory / "bin"
    folder.mkdir()
    proxy = folder / "configurable-http-proxy"
    proxy.write_text(f'#!/bin/sh\nexec {" ".join(configurable_http_proxy())} "$@"\n')
    proxy.chmod(0o755)
    return folder


@pytest.mark.parametrize("version", HUBS)
def test_every_test_of_jupyterhub_passes(version: str, tmp_path: Path) -> None:
    """Each test that JupyterHub has for services, none skipped, none failed."""
    modules = HUBS[version]

    assert run_upstream(version, list(modules), tmp_path) == sum(modules.values())


def test_an_application_with_a_hub_installed(tmp_path: Path) -> None:
    """Each test that JupyterHub has for signing in passes with an application of somebody's own.

    On one Hub: what we send to the Hubs, and read from them, does not depend on whose application it is.
    """
    count = run_upstream("6.1", ["test_services_auth"], tmp_path, service="installed")

    assert count == HUBS["6.1"]["test_services_auth"]


def test_internal_ssl_end_to_end(tmp_path: Path) -> None:
    """With internal_ssl the service is reached, and reaches the Hub, by certificates of the Hub's own."""
    count = run_upstream("6.1", ["test_services_auth"], tmp_path, "-k", SSL_CHOICE, SSL_ENABLED="1")

    assert count == SSL_COUNT
