"""`python -P -m service`: what it prints when it cannot start, and the options of uvicorn."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import uvicorn

from service.__main__ import uvicorn_options
from service.app import create_app
from service.logs import log_config
from tests.support.logging_state import logging_kept
from tests.support.ports import free_port
from tests.unit.conftest import settings_of

CA = "JUPYTERHUB_SSL_CLIENT_CA"
HUBS = "JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_KEYFILE"
OWN = "SERVICE_TLS_CERT", "SERVICE_TLS_KEY"
NEEDED = "SERVICE_TLS_CERT and SERVICE_TLS_KEY are needed, because an address to listen at is https"
TOKEN = "canary-of-the-service-0123456789"
ABSENT = "http://192.0.2.1:8000"  # RFC 5737: no machine has it
CLOSED = """
from contextlib import asynccontextmanager
from fastapi import APIRouter

@asynccontextmanager
async def lifespan(app):
    raise OSError
    yield

router = APIRouter(lifespan=lifespan)
"""


def started(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -P -m service` with these variables only, until it ends, or Python with other arguments."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "-P", *(arguments or ("-m", "service"))]
    return subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=240, check=False)


def test_every_wrong_variable_is_named() -> None:
    """All wrong variables are named at once, without their values. The status is 2."""
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
        "SERVICE_LISTEN": "http://127.0.0.1:8000,canary-address",
        "SERVICE_TLS_MIN": "1.1",
        "FORWARDED_ALLOW_IPS": "canary proxy",
    }
    ended = started(wrong)
    first, *lines = ended.stderr.splitlines()

    assert (ended.returncode, ended.stdout, first) == (2, "", "The configuration is wrong:")
    assert {line.removeprefix("  - ").split(":")[0].split(" ")[0] for line in lines} == {"JUPYTERHUB_API_TOKEN", *wrong}
    assert "canary" not in ended.stderr


def test_what_cannot_be_found() -> None:
    """Problems that only appear while the application is built are reported in the same way."""
    router = "nope.module:router"
    ended = started({"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_ROUTERS": router})
    line = f"  - SERVICE_ROUTERS: {router!r} cannot be imported: No module named 'nope'"

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"The configuration is wrong:\n{line}\n"


@pytest.mark.parametrize(
    ("files", "problems"),
    [
        pytest.param({CA: "gone"}, [f"{CA}: there is no such file", NEEDED], id="no CA"),
        pytest.param({CA: "text"}, [f"{CA}: not in PEM form", NEEDED], id="CA without form"),
        pytest.param({CA: "."}, [f"{CA}: cannot be read: Is a directory", NEEDED], id="directory"),
        pytest.param(
            {HUBS[0]: "gone", HUBS[1]: "gone", CA: "gone"},
            [f"{CA}: there is no such file", f"{HUBS[0]}, {HUBS[1]}: there is no such file for the certificate"],
            id="nothing there",
        ),
        pytest.param(
            {HUBS[0]: "text", HUBS[1]: "text"},
            [f"{HUBS[0]}, {HUBS[1]}: the certificate is not in PEM form"],
            id="certificate without form",
        ),
        pytest.param(
            {OWN[0]: "text", OWN[1]: "text"},
            [f"{OWN[0]}, {OWN[1]}: the certificate is not in PEM form"],
            id="our own without form",
        ),
    ],
)
def test_tls_files_that_do_not_load(tmp_path: Path, files: dict[str, str], problems: list[str]) -> None:
    """Certificate files that cannot be loaded are named before anything listens, without a traceback."""
    (tmp_path / "text").write_text("canary")
    told = {
        "JUPYTERHUB_API_TOKEN": TOKEN,
        "JUPYTERHUB_SERVICE_NAME": "x",
        "JUPYTERHUB_SERVICE_URL": "https://127.0.0.1:9",
    }
    ended = started(told | {name: str(tmp_path / file) for name, file in files.items()})

    assert (ended.returncode, ended.stdout) == (2, "")
    lines = [f"  - {problem}" for problem in problems]
    assert ended.stderr.splitlines() == ["The configuration is wrong:", *lines]


def test_what_may_pass() -> None:
    """What a later start may not meet again ends with status 75, so that whoever started it tries again."""
    ended = started({"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_LISTEN": ABSENT})

    assert (ended.returncode, ended.stdout) == (75, "")
    assert ended.stderr == (
        "The service cannot start yet:\n"
        f"  - SERVICE_LISTEN or JUPYTERHUB_SERVICE_URL: cannot listen at {ABSENT}: this machine has no such address\n"
    )


MAY_PASS = {
    "an address that is not there yet": ({"SERVICE_LISTEN": ABSENT}, 75),
    "an exception in code of others": ({"SERVICE_ROUTERS": "broken:router"}, 1),
    "an application that does not open": ({"SERVICE_ROUTERS": "closed:router"}, 3),
    "an application that does not open, in workers": ({"SERVICE_ROUTERS": "closed:router", "SERVICE_WORKERS": "2"}, 3),
}


@pytest.mark.parametrize(("told", "status"), MAY_PASS.values(), ids=MAY_PASS)
def test_a_managed_service_tries_again(tmp_path: Path, told: dict[str, str], status: int) -> None:
    """A service of the Hub's that may start later ends after a while. The Hub starts it anew."""
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "closed.py").write_text(CLOSED)
    environment = {"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_MANAGED": "1"}
    environment |= {"JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{free_port()}", "PYTHONPATH": str(tmp_path)}
    program = "from service import __main__ as it; it._RETRY = 0.1; raise SystemExit(it.main_or_placeholder())"
    ended = started(environment | told, "-c", program)

    assert ended.returncode == status, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("For 0.1 seconds the service answers 503 to everybody.")


@pytest.mark.parametrize("tracebacks", ["", "1"])
def test_an_exception_in_code_of_others(tmp_path: Path, tracebacks: str) -> None:
    """The log has its type and place; its text, which may be a database's password, for development only."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('postgresql://desk:canary@db')")
    told = {"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_ROUTERS": "broken:router"}
    ended = started(told | {"PYTHONPATH": str(tmp_path), "SERVICE_TRACEBACKS": tracebacks})

    line = json.loads(ended.stdout.splitlines()[-1])
    assert (ended.returncode, line["event"]) == (1, "The service cannot start.")
    assert line["exception"].endswith("broken.py:1 <module>")
    assert ("canary" in ended.stdout + ended.stderr) is bool(tracebacks)


def test_no_worker_is_started_in_vain() -> None:
    """With several workers, a wrong configuration is reported once, before any worker starts."""
    router = "nope.module:router"
    told = {"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_ROUTERS": router}
    ended = started(told | {"SERVICE_WORKERS": "4"})
    line = f"  - SERVICE_ROUTERS: {router!r} cannot be imported: No module named 'nope'"

    assert (ended.returncode, ended.stderr) == (2, f"The configuration is wrong:\n{line}\n")


def test_tracebacks_are_announced() -> None:
    """A start with SERVICE_TRACEBACKS warns of what the log may then contain."""
    told = {"JUPYTERHUB_API_TOKEN": TOKEN, "JUPYTERHUB_SERVICE_NAME": "x", "SERVICE_ROUTERS": "nope.module:router"}
    ended = started(told | {"SERVICE_TRACEBACKS": "1", "SERVICE_LOG_LEVEL": "warning"})

    assert json.loads(ended.stdout)["event"].startswith("SERVICE_TRACEBACKS is on: the log shows exceptions whole")


@pytest.mark.parametrize("workers", [1, 4])
def test_how_it_serves(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """SERVICE_WORKERS wins over uvicorn's own variable. Logs are masked, and there is no Server header."""
    monkeypatch.setenv("WEB_CONCURRENCY", "7")
    settings = settings_of(workers=workers)
    with logging_kept():
        config = uvicorn.Config(create_app(settings), **uvicorn_options(settings))

    assert config.workers == workers
    assert (config.log_config, config.access_log) == (log_config(), False), "one line a request, and that is ours"
    assert config.server_header is False
    assert config.timeout_graceful_shutdown == 30, "seconds for what is under way when it is stopped"
    assert config.timeout_keep_alive > 60, "longer than the Hub's proxy keeps a connection that it is about to use"
