"""What docs/migrate.md shows is what it says."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from jupyterhub.app import JupyterHub
from tornado.web import create_signed_value
from traitlets.config.loader import PyFileConfigLoader

from service.testing import Service, make_settings, open_service
from tests.support.markdown import blocks
from tests.support.node import REPOSITORY

BLOCKS = blocks(REPOSITORY / "docs/migrate.md", "python")
CONFIGS = [block for block in BLOCKS if block.title.endswith("jupyterhub_config.py")]


@pytest.fixture
def after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the new modules, which can be imported."""
    for block in BLOCKS:
        file = Path(block.title)
        if file.parent.name == "after" and block not in CONFIGS:
            (tmp_path / file.name).write_text(block.code)
            monkeypatch.delitem(sys.modules, file.stem, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def imported(name: str, directory: Path) -> ModuleType:
    """Return one of the new modules."""
    module = importlib.import_module(name)
    assert module.__file__ == str(directory / f"{name}.py")
    return module


def test_registration(tmp_path: Path) -> None:
    """The Hub takes the configuration, with the service under the name it had."""
    (block,) = CONFIGS
    (tmp_path / "jupyterhub_config.py").write_text(block.code)
    hub = JupyterHub(config=PyFileConfigLoader("jupyterhub_config.py", path=str(tmp_path)).load_config())
    (entry,) = hub.services

    assert entry["name"] == "notes"
    assert entry["environment"]["SERVICE_ROUTERS"] == "notes:router"
    scope = "access:services!service=notes"
    assert [role["groups"] for role in hub.load_roles if scope in role["scopes"] and "groups" in role] == [["writers"]]


async def test_notes(after: Path) -> None:
    """The notes work, for scripts and browsers; who has no access is told so."""
    router = imported("notes", after).router
    async with open_service(routers=[router], settings=make_settings(service_name="notes")) as service:
        alice, mallory = service.user("alice"), service.user("mallory", access=False)

        assert (await alice.browser().post("notes", params={"note": "buy milk"})).status_code == 201
        assert (await alice.get("notes")).json() == ["buy milk"]
        assert (await mallory.get("notes")).status_code == 403
        await see_a_cookie_of_huboauth(service)


async def see_a_cookie_of_huboauth(service: Service) -> None:
    """A cookie of HubOAuth's under the name that is ours too counts for nothing, and gives way to one of ours."""
    alice = service.user("alice")
    browser = service.anonymous().browser()
    old = create_signed_value("s" * 32, "service-notes", alice.token).decode()
    browser.set_cookie("service-notes", old)
    away = await browser.visit("notes")
    back = await browser.visit(service.hub.authorize(away.headers["Location"], user="alice"), follow=True)

    assert (away.status_code, back.status_code) == (302, 200)
    assert browser.cookies.get("service-notes") not in {old, None}


async def test_files(after: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of an existing application are for those who are signed in, and no path leaves their folder."""
    monkeypatch.chdir(after)
    (after / "reports").mkdir()
    (after / "reports" / "may.txt").write_text("May")
    async with open_service(imported("app", after).build) as service:
        alice, stranger = service.user("alice"), service.anonymous()
        replies = [await stranger.request(method, "reports/may.txt") for method in ("GET", "HEAD", "POST", "OPTIONS")]

        assert (await alice.get("reports/may.txt")).text == "May"
        assert (await alice.request("HEAD", "reports/may.txt")).status_code == 200
        assert [reply.status_code for reply in replies] == [401, 401, 405, 405]
        for path in ("reports/..%2Fapp.py", "reports/%2Fetc%2Fpasswd", "reports/none.txt", "reports/%00", "reports/"):
            assert (await alice.get(path)).status_code == 404


async def test_an_application_that_was_there(after: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Routes and lifespan of an existing application come along; middleware works around them."""
    monkeypatch.chdir(after)
    (after / "reports").mkdir()
    async with open_service(imported("app", after).build) as service:
        origin = {"Origin": "https://other.example.org"}
        asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        reply = await service.user("alice").get("items", headers=origin)
        preflight = await service.anonymous().options("items", headers=origin | asked)

        assert (reply.json(), reply.headers["Access-Control-Allow-Origin"]) == (
            {"alice": ["a chair"]},
            origin["Origin"],
        )
        assert (preflight.status_code, (await service.anonymous().get("items")).status_code) == (200, 401)
        assert "/items" in (await service.anonymous().get("openapi.json")).json()["paths"]
        assert "swagger" in (await service.anonymous().get("docs")).text
