"""What docs/adopt.md shows is what it says."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from fastapi import FastAPI
from jupyterhub.app import JupyterHub
from traitlets.config.loader import PyFileConfigLoader

from service.settings import Settings
from tests.support.logging_state import logging_kept
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY
from tests.support.process import clean_environment
from tests.support.shop import tell
from tests.unit.conftest import PREFIX, Serve, Service

BLOCKS = {block.title: block.code for block in blocks(REPOSITORY / "docs/adopt.md", "python")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the modules, which can be imported."""
    for title, code in BLOCKS.items():
        (tmp_path / title).write_text(code)
        monkeypatch.delitem(sys.modules, Path(title).stem, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def kept() -> Iterator[None]:
    """Logging is as before afterwards."""
    with logging_kept():
        yield


async def served(name: str, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Run the application of a module beside a Hub in memory."""
    module: ModuleType = importlib.import_module(name)

    def build(settings: Settings) -> FastAPI:
        tell(settings, monkeypatch)
        app: FastAPI = module.app
        return app

    return await serve(app={"create": build}, api_token="0" * 32)


@pytest.mark.usefixtures("folder")
async def test_the_first_steps(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A route says who asks; a browser is sent to the Hub; the documentation signs in."""
    service = await served("stock", serve, monkeypatch)
    browser = await service.signed_in()

    assert (await service.api(service.hub.issue("testuser")).get("stock")).json()["asked by"] == "testuser"
    assert (await browser.visit("stock")).json()["asked by"] == "testuser"
    assert (await service.api().get("stock")).status_code == 401
    assert f"{PREFIX}oauth_callback" in (await browser.visit("docs")).text


@pytest.mark.usefixtures("folder")
async def test_a_page(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its script has the token, without which it would be refused; a path of ours that was taken is elsewhere."""
    service = await served("board", serve, monkeypatch)
    browser = service.browser()
    begun = await browser.visit("", follow=False)
    await browser.visit(service.authorized(begun), follow=False)
    page = await browser.visit("")
    xsrf = browser.cookie("_xsrf") or ""

    assert f'"X-XSRFToken": "{xsrf}"' in page.text
    assert (page.headers["X-Frame-Options"], page.headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert (await browser.fetch("GET", "stock")).status_code == 403
    assert (await browser.fetch("GET", "stock", headers={"X-XSRFToken": xsrf})).json() == {"chair": 4}
    assert (await browser.visit("login")).json() == "a path of the application's own"
    assert "You are signed in as" in (await browser.visit("hub/logout")).text


async def test_mounted(folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is mounted is open to those who may use it alone."""
    monkeypatch.chdir(folder)
    (folder / "files").mkdir()
    (folder / "files" / "year.txt").write_text("2026")
    service = await served("mounted", serve, monkeypatch)
    service.hub.add_user("reader", scopes={"access:services!service=fastapi", "custom:reports:read"})
    reader = service.api(service.hub.issue("reader"))
    user = service.api(service.hub.issue("testuser"))

    assert (await user.get("reports/today")).json() == "quiet"
    assert [(await api.get("files/year.txt")).status_code for api in (reader, user, service.api())] == [200, 403, 401]
    assert (await service.api().get("reports/today")).status_code == 401


@pytest.mark.usefixtures("folder", "kept")
async def test_extras(serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A request is one line without its query, and is counted by its route; Swagger UI comes from here."""
    service = await served("watched", serve, monkeypatch)
    prometheus = service.user("prometheus", scopes=["custom:service:metrics"])
    browser = await service.signed_in()

    assert (await service.api(service.hub.issue("testuser")).get("stock/chair?colour=red")).json() == {"chair": 4}
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["path"], line["status"], line["user"]) == (f"{PREFIX}stock/chair?[hidden]", 200, "testuser")
    metrics = (await prometheus.get("metrics")).text
    assert 'service_request_duration_seconds_count{method="GET",route="/stock/{name}",status="2xx"} 1.0' in metrics
    assert 'service_hub_request_duration_seconds_count{endpoint="user",status="2xx"}' in metrics
    assert (await service.api().get("metrics")).status_code == 401
    page = (await browser.visit("docs")).text
    assert "https://" not in page
    assert f"{PREFIX}docs/files/swagger-ui-bundle.js" in page
    assert (await browser.visit("docs/files/swagger-ui-bundle.js")).status_code == 200


@pytest.mark.parametrize("name", [title for title in sorted(BLOCKS) if title.startswith("test_")])
def test_its_tests(folder: Path, name: str) -> None:
    """The tests that are shown pass, without a Hub."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name],
        cwd=folder,
        env=clean_environment(PYTHONPATH=str(REPOSITORY)),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout


def test_its_registration(folder: Path) -> None:
    """The Hub takes it."""
    hub = JupyterHub(config=PyFileConfigLoader("jupyterhub_config.py", path=str(folder)).load_config())
    (entry,) = hub.services

    assert (entry["name"], entry["command"][2:4]) == ("stock", ["uvicorn", "stock:app"])
