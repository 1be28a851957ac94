"""`python -m service`: what it says when it cannot start, and where it listens."""

import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from service.__main__ import how_to_serve, listen
from service.errors import ConfigurationError
from service.logs import log_config
from service.workers import APPLICATION
from tests.support.logging_state import logging_kept
from tests.unit.web.conftest import settings_of

UNREADABLE = "not in PEM form, not belonging together, or locked with a passphrase"
TOKEN = "canary-of-the-service-0123456789"


def started(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `python -m service` with these variables and nobody else's, until it gives up."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "-m", "service"]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_wrong_variable_is_named() -> None:
    """A wrong configuration is said in words, all at once, by variable and without its value; the status is 2."""
    wrong = {
        "JUPYTERHUB_API_URL": "canary-api-url",
        "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:canary-port",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": "canary-scopes",
        "JUPYTERHUB_COOKIE_OPTIONS": "canary-options",
        "PUBLIC_HOST": "canary-host",
        "SERVICE_PASSWORD_GRANT": "canary-flag",
        "HUB_CACHE_TTL": "canary-ttl",
        "HUB_STALE_GRACE": "-1",
        "HUB_CACHE_SIZE": "0",
        "SERVICE_WORKERS": "0",
    }
    ended = started(wrong)
    first, *lines = ended.stderr.splitlines()

    assert (ended.returncode, ended.stdout, first) == (2, "", "The configuration is wrong:")
    assert {line.removeprefix("  - ").split(":")[0].split(" ")[0] for line in lines} == {"JUPYTERHUB_API_TOKEN", *wrong}
    assert "canary" not in ended.stderr


def test_what_cannot_be_found() -> None:
    """So is what is found to be wrong only when the application is built, such as a router that is not there."""
    router = "nope.module:router"
    ended = started({"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_ROUTERS": router})
    line = f"  - SERVICE_ROUTERS: {router!r} cannot be imported: No module named 'nope'"

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"The configuration is wrong:\n{line}\n"


@pytest.mark.parametrize(
    ("files", "problems"),
    [
        pytest.param({"JUPYTERHUB_SSL_CLIENT_CA": "gone"}, ["CLIENT_CA: there is no such file"], id="no CA"),
        pytest.param({"JUPYTERHUB_SSL_CLIENT_CA": "text"}, [f"CLIENT_CA: {UNREADABLE}"], id="CA without form"),
        pytest.param({"JUPYTERHUB_SSL_CLIENT_CA": "."}, ["CLIENT_CA: cannot be read: Is a directory"], id="directory"),
        pytest.param(
            {"JUPYTERHUB_SSL_CERTFILE": "gone", "JUPYTERHUB_SSL_KEYFILE": "gone", "JUPYTERHUB_SSL_CLIENT_CA": "gone"},
            ["CLIENT_CA: there is no such file", "CERTFILE, JUPYTERHUB_SSL_KEYFILE: there is no such file"],
            id="nothing there",
        ),
        pytest.param(
            {"JUPYTERHUB_SSL_CERTFILE": "text", "JUPYTERHUB_SSL_KEYFILE": "text"},
            [f"CERTFILE, JUPYTERHUB_SSL_KEYFILE: {UNREADABLE}"],
            id="certificate without form",
        ),
    ],
)
def test_tls_files_that_do_not_load(tmp_path: Path, files: dict[str, str], problems: list[str]) -> None:
    """Are named by variable before anything listens, without a traceback."""
    (tmp_path / "text").write_text("canary")
    told = {
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_SERVICE_NAME": "x",
        "JUPYTERHUB_SERVICE_URL": "https://127.0.0.1:9",
    }
    ended = started(told | {name: str(tmp_path / file) for name, file in files.items()})

    assert (ended.returncode, ended.stdout) == (2, "")
    lines = [f"  - JUPYTERHUB_SSL_{problem}" for problem in problems]
    assert ended.stderr.splitlines() == ["The configuration is wrong:", *lines]


def test_no_worker_is_started_in_vain() -> None:
    """With several workers a wrong configuration is said once, before any is started."""
    router = "nope.module:router"
    told = {"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_ROUTERS": router}
    ended = started(told | {"SERVICE_WORKERS": "4"})
    line = f"  - SERVICE_ROUTERS: {router!r} cannot be imported: No module named 'nope'"

    assert (ended.returncode, ended.stderr) == (2, f"The configuration is wrong:\n{line}\n")


@pytest.mark.parametrize("workers", [1, 4])
def test_how_it_serves(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """As many workers as SERVICE_WORKERS says, whatever uvicorn's own variable says; masked logs, no server header."""
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    settings = settings_of(workers=workers)
    with logging_kept():
        config = uvicorn.Config(APPLICATION, factory=True, **how_to_serve(settings))

    assert config.workers == workers
    assert (config.log_config, config.access_log) == (log_config(), False), "one line a request, and that is ours"
    assert (config.server_header, config.host, config.port) == (False, "127.0.0.1", 10101)
    assert config.timeout_keep_alive > 60, "longer than the Hub's proxy keeps a connection that it is about to use"


CERTIFIED = {"ssl_certfile": "cert.pem", "ssl_keyfile": "key.pem"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"host": "127.0.0.1", "port": 10101}),
        ({"service_url": "http://127.0.0.1:4321"}, {"host": "127.0.0.1", "port": 4321}),
        ({"service_url": "http://[::1]:4321"}, {"host": "::1", "port": 4321}),
        ({"service_url": "http://0.0.0.0"}, {"host": "0.0.0.0", "port": 80}),  # noqa: S104 - only read
        (
            {"service_url": "https://service.test", **CERTIFIED},
            {
                "host": "service.test",
                "port": 443,
                **CERTIFIED,
                "ssl_ca_certs": None,
                "ssl_cert_reqs": ssl.CERT_NONE,
            },
        ),
        (
            {"service_url": "https://127.0.0.1:4321", "ssl_client_ca": "ca.pem", **CERTIFIED},
            {
                "host": "127.0.0.1",
                "port": 4321,
                **CERTIFIED,
                "ssl_ca_certs": "ca.pem",
                "ssl_cert_reqs": ssl.CERT_REQUIRED,
            },
        ),
    ],
    ids=["unset", "the Hub's", "IPv6", "no port", "https", "internal_ssl"],
)
def test_where_it_listens(settings: dict[str, str], expected: dict[str, Any]) -> None:
    """Where JUPYTERHUB_SERVICE_URL says; under the Hub's internal_ssl only to those with a certificate of its CA."""
    assert listen(settings_of(**settings)) == expected


@pytest.mark.parametrize("given", [{}, {"ssl_certfile": "cert.pem"}, {"ssl_keyfile": "key.pem"}])
def test_https_needs_a_certificate(given: dict[str, str]) -> None:
    """An https address is never served without TLS for want of a certificate."""
    with pytest.raises(ConfigurationError, match="JUPYTERHUB_SSL_CERTFILE"):
        listen(settings_of(service_url="https://127.0.0.1:4321", **given))
