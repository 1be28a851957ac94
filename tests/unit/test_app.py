"""How `create_app` puts the application together, and what it does not load."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import APIRouter
from pydantic import SecretStr

from service.app import create_app
from service.auth.guard import CurrentUser
from service.errors import ConfigurationError
from service.settings import Settings
from tests.unit.conftest import Serve, serving, settings_of

MODULE = '''
"""Somebody's own routes."""

from fastapi import APIRouter

from service.auth.guard import CurrentUser

router = APIRouter(prefix="/notes")
not_a_router = {}


@router.get("")
async def notes(user: CurrentUser) -> str:
    """Greet."""
    return f"notes of {user.name}"
'''


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start services with different settings."""
    async with serving() as start:
        yield start


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module with a router."""
    (tmp_path / "own_notes.py").write_text(MODULE)
    (tmp_path / "own_broken.py").write_text("import a_library_that_is_not_installed")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_notes", raising=False)
    return "own_notes"


async def test_routers_by_name(serve: Serve, own_module: str) -> None:
    """SERVICE_ROUTERS serves an operator's router below the prefix, with all ways to sign in."""
    service = await serve(routers=(f"{own_module}:router",))
    token = service.hub.issue("testuser")
    browser = await service.signed_in()

    assert (await service.api(token).get("notes")).json() == "notes of testuser"
    assert (await browser.visit("notes")).json() == "notes of testuser"
    assert (await service.api().get("notes")).status_code == 401


async def test_routers_by_value(serve: Serve) -> None:
    """`create_app(routers=…)` does the same, and takes a title."""
    router = APIRouter()

    @router.get("/notes")
    async def notes(user: CurrentUser) -> str:
        return user.name

    service = await serve(app={"routers": [router], "title": "Notes"})

    assert (await service.api(service.hub.issue("testuser")).get("notes")).json() == "testuser"
    assert (await service.api().get("")).json()["service"] == "Notes"
    assert "<h1>Notes</h1>" in (await service.browser().visit("")).text


async def test_our_own_routes_come_first(serve: Serve) -> None:
    """No router can replace our routes for signing in and out."""
    everything = APIRouter()

    @everything.get("/{path:path}")
    async def anything(path: str) -> str:
        return path

    service = await serve(app={"routers": [everything]})

    assert (await service.api().get("login")).status_code == 302
    assert (await service.api().get("me")).status_code == 401
    assert (await service.api().get("health/live")).json() == {"status": "alive"}
    assert (await service.api().get("else")).json() == "else"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("own_notes", "must be package.module:router"),
        ("own_notes:", "must be package.module:router"),
        (":router", "must be package.module:router"),
        ("own_notes:nothing", "must be package.module:router"),
        ("own_notes:not_a_router", "must be package.module:router"),
        ("own_nothing:router", "cannot be imported: No module named 'own_nothing'"),
        ("own_broken:router", "cannot be imported: No module named 'a_library_that_is_not_installed'"),
    ],
)
@pytest.mark.usefixtures("own_module")
def test_routers_that_are_none(name: str, says: str) -> None:
    """If a name leads to no router, the service does not start, and says why."""
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings_of(routers=(name,)))

    assert f"SERVICE_ROUTERS: {name!r} {says}" in str(raised.value)


@pytest.mark.parametrize("names", [("nope",), ("hub",), ("web",), ("../desk",), ("a.b", "nope")])
def test_unknown_applications(names: tuple[str, ...]) -> None:
    """The service names all unknown applications in SERVICE_APPS at once."""
    with pytest.raises(ConfigurationError) as raised:
        create_app(settings_of(apps=names))

    assert raised.value.problems == tuple(f"SERVICE_APPS: there is no application {name!r}" for name in names)


def test_nobody_is_let_in_is_said_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """Without an access scope nobody has access. The log says so at the start."""
    create_app(settings_of(access_scopes_given=(), service_name=""))

    assert caplog.messages == ["Nobody has access, because no access scope is known: set JUPYTERHUB_SERVICE_NAME."]


def test_what_is_not_loaded() -> None:
    """The service loads nothing of JupyterHub itself, and no application that is not configured."""
    code = "import sys, json, service.app, service.__main__; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(found.stdout)}

    assert (
        loaded & {"tornado", "sqlalchemy", "traitlets", "jupyterhub", "philter_lite", "nltk", "re2", "respx", "pytest"}
        == set()
    )


async def test_two_services_in_one_process(serve: Serve) -> None:
    """Two applications in one process share neither the cache nor settings."""
    first, second = await serve(), await serve(service_name="other", service_prefix="/services/other/")
    token = first.hub.issue("testuser")

    assert (await first.api(token).get("me")).status_code == 200
    assert (await second.api(token).get("me")).status_code == 401


GUID = "22222222-bbbb-4bbb-8bbb-222222222222"


def test_entra_id_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package for Entra ID the service does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "fastapi_azure_auth", None)
    settings = Settings(api_token=SecretStr("t"), entra_tenant_id=GUID, entra_client_id=GUID)
    with pytest.raises(ConfigurationError, match=r"ENTRA_TENANT_ID: .*\[entra\]"):
        create_app(settings)


def test_with_neither_hub_nor_entra_id_there_is_no_application() -> None:
    """The service does not start: nobody could sign in."""
    with pytest.raises(ConfigurationError, match="Neither a Hub nor Entra ID"):
        create_app(Settings())


def test_entra_ids_libraries_are_loaded_where_it_is_set_up_alone() -> None:
    """The package for Entra ID is loaded only where Entra ID is set up."""
    names = ("fastapi_azure_auth", "httpx2", "jwt")
    script = f"import sys, service.__main__; print([name for name in {names} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=240)
    assert ended.stdout.strip() == "[]"
