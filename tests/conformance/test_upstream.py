"""JupyterHub's own tests of services pass with our service in place of its mock, on every Hub we support."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.node import REPOSITORY, configurable_http_proxy

# With internal_ssl: who has what token, and a sign-in from beginning to end.
SSL_CHOICE = ("-k", "hubauth_token or cookie_collision")


@dataclass(frozen=True)
class Upstream:
    """Tests of a Hub's, by module with their number, and how they are run.

    `service`: an argument of `tests.conformance.service`.
    """

    version: str
    modules: Mapping[str, int]
    options: Sequence[str] = ()
    service: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


# An installed Hub is tried on one version: what we send to the Hubs, and read from them, does not depend on whose
# application it is. With internal_ssl the service is reached, and reaches the Hub, by certificates of the Hub's own.
RUNS = {
    "JupyterHub 6.1": Upstream("6.1", {"test_services_auth": 43, "test_services": 12}),
    "JupyterHub 5.5": Upstream("5.5", {"test_services_auth": 37, "test_services": 12}),
    "an application with a Hub installed": Upstream("6.1", {"test_services_auth": 43}, service="installed"),
    "internal_ssl": Upstream("6.1", {"test_services_auth": 3}, SSL_CHOICE, environment={"SSL_ENABLED": "1"}),
}
LIMIT = 1800  # seconds; about two minutes on an idle machine


def run_upstream(upstream: Upstream, directory: Path) -> int:
    """Run these tests in that Hub's environment, and return how many ran: all passed."""
    tests = Path(__file__).parent
    # Not read off pytest's last line: the Hub's proxy, which a busy machine is late to end, writes behind it.
    report = directory / "report.xml"
    python = venv(upstream.version) / "bin" / "python"
    command = [str(python), "-m", "pytest", "-c", str(tests / "upstream.ini"), *upstream.options]
    command.append(f"--junit-xml={report}")
    path = [str(python.parent), str(_proxy_folder(directory)), os.environ["PATH"]]
    done = subprocess.run(
        [*command, "--pyargs", *(f"jupyterhub.tests.{module}" for module in upstream.modules)],
        cwd=directory,  # the Hub keeps its secrets where it runs
        env=os.environ
        | upstream.environment
        | {
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(REPOSITORY),
            "CONFORMANCE_SERVICE": f"{sys.executable} -m tests.conformance.service {upstream.service}".strip(),
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


def venv(version: str) -> Path:
    """The environment with that JupyterHub."""
    return REPOSITORY / ".venv" / f"hub-{version}"


def _proxy_folder(directory: Path) -> Path:
    """Put the proxy where these tests look for it: on PATH, under its own name."""
    folder = directory / "bin"
    folder.mkdir()
    proxy = folder / "configurable-http-proxy"
    proxy.write_text(f'#!/bin/sh\nexec {" ".join(configurable_http_proxy())} "$@"\n')
    proxy.chmod(0o755)
    return folder


def test_every_test_of_jupyterhub_passes(tmp_path: Path) -> None:
    """Each test that JupyterHub has for services, none skipped, none failed. All run at once, as they mostly wait."""
    for version in {run.version for run in RUNS.values()}:
        if not venv(version).exists():
            pytest.skip(f"no JupyterHub {version}: ./script/test conformance installs it")
    folders = [tmp_path / str(number) for number in range(len(RUNS))]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(len(RUNS)) as pool:
        counts = list(pool.map(run_upstream, RUNS.values(), folders))

    assert dict(zip(RUNS, counts, strict=True)) == {name: sum(run.modules.values()) for name, run in RUNS.items()}
