"""Somebody else's application runs by its name: nothing of the core has to change for it."""

import re
from pathlib import Path

import pytest
import typer
from jupyterhub.app import JupyterHub
from pydantic import SecretStr
from traitlets.config import Config
from typer.testing import CliRunner

import service
from service.application import configure, load
from service.errors import ConfigurationError
from service.registration import register
from service.settings import Settings
from service.testing import Caller
from tests.support.visits.application import application
from tests.unit.conftest import Serve

VISITS = "tests.support.visits.application:application"
READ = "custom:visits:read"
GUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
async def alice(serve: Serve) -> Caller:
    """Somebody who may see visits, of which two are allowed."""
    running = await serve(apps=(VISITS,), told={"VISITS_AT_MOST": "2"})
    return running.user("alice", scopes=[READ])


async def test_its_routes_settings_and_veto(alice: Caller) -> None:
    """Each visit is counted in what it has opened; the veto keeps out who came as often as its settings allow."""
    replies = [await alice.get("visits") for _ in range(3)]

    assert [reply.status_code for reply in replies] == [200, 200, 403]
    assert replies[1].json() == {"nobody": 2, "alice": 2}
    assert replies[2].json()["code"] == "not_admitted"


async def test_its_rights_are_those_of_its_manifest(alice: Caller) -> None:
    """A token without its scope is refused, and a Hub with `register(apps=[…])` gives the scope to its users."""
    assert (await alice.service.user("bob").get("visits")).status_code == 403

    c = Config()
    register(c, apps=[VISITS], url="http://127.0.0.1:1", hub_version="6.1.1")
    entry = dict(JupyterHub(config=c).services[0])
    assert entry["environment"]["SERVICE_APPS"] == VISITS
    assert READ in JupyterHub(config=c).extra_user_scopes
    assert "visits-staff" in JupyterHub(config=c).load_groups


def test_its_option_of_register() -> None:
    """The option that its manifest declares becomes its setting; the Hub, which knows no such field, is not told."""
    c = Config()
    register(c, apps=[VISITS], url="http://127.0.0.1:1", visits_at_most=7, hub_version="6.1.1")

    entry = dict(JupyterHub(config=c).services[0])
    assert entry["environment"]["VISITS_AT_MOST"] == "7"
    assert "visits_at_most" not in entry


async def test_its_pages_and_files(serve: Serve) -> None:
    """Its template extends ours, its link is in the navigation, its style sheet is served beside ours."""
    running = await serve(apps=(VISITS,))
    page = await running.user("alice", scopes=[READ]).browser().get("visits/page")

    assert (page.status_code, "<h1>Visits</h1>" in page.text, 'href="/services/fastapi/visits/page"' in page.text) == (
        200,
        True,
        True,
    )
    assert "teal" in (await running.anonymous().get("static/visits.css")).text
    assert (await running.anonymous().get("static/style.css")).status_code == 200


async def test_what_operators_see_of_it(serve: Serve) -> None:
    """Its check decides whether the service is ready; its metrics and its part of `/debug` are shown by its name."""
    running = await serve(apps=(VISITS,), told={"VISITS_AT_MOST": "5"})
    admin = running.user("root", scopes=[READ, "custom:service:metrics"], admin=True)
    for _ in range(2):
        assert (await admin.get("visits")).status_code == 200
    assert (await admin.get("health/ready")).json()["status"] == "ready"
    await admin.get("visits")

    ready = await admin.get("health/ready")
    assert (ready.status_code, ready.json()["problem"]) == (503, "There were too many visits.")
    assert (await admin.get("debug")).json()["visits"] == {"at_most": 5, "visitors": 2}
    assert 'visits{user="root"} 3.0' in (await admin.get("metrics")).text


async def test_doctor_asks_it() -> None:
    """`python -m service doctor` shows what it finds."""
    settings = Settings(api_token=SecretStr("t"), apps=(VISITS,), told={"VISITS_AT_MOST": "5"})
    [each] = configure(settings)

    assert [str(finding) async for finding in each.application.diagnose(settings, each.settings)] == [
        "ok           visits: 5 at most"
    ]


def test_its_commands() -> None:
    """`python -m service` has the commands of an application that is installed."""
    commands = typer.Typer()
    commands.command(name="other")(lambda: None)
    load(VISITS).add_commands(commands)

    assert CliRunner().invoke(commands, ["visits"]).output == "none\n"


def test_it_is_found_by_an_entry_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that is installed names its application in the group `service.applications`."""
    info = tmp_path / "visits-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visits\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[service.applications]\nvisits = {VISITS}\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert load("visits") is application


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nope", "there is no application 'nope'"),
        ("nope.application:application", "there is no application 'nope.application:application'"),
        ("tests.support.visits.application:nope", "'tests.support.visits.application:nope' is not an Application"),
        ("tests.support.visits.nope:application", "'tests.support.visits.nope:application' cannot be imported"),
    ],
)
def test_a_name_of_nothing(name: str, problem: str) -> None:
    """The setting and the name are named."""
    with pytest.raises(ConfigurationError, match=f"SERVICE_APPS: {re.escape(problem)}"):
        load(name)


def test_its_settings_are_judged_at_the_start() -> None:
    """Before anything is opened, by the name of the variable."""
    with pytest.raises(ConfigurationError) as caught:
        configure(Settings(api_token=SecretStr("t"), apps=(VISITS,), told={"VISITS_AT_MOST": "0"}))

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["VISITS_AT_MOST"]


def test_one_that_needs_a_hub() -> None:
    """It does not run without one, and no token from elsewhere is granted its scopes."""
    with pytest.raises(ConfigurationError) as caught:
        configure(Settings(apps=("deidentify", "desk"), entra_tenant_id=GUID, entra_client_id=GUID))
    assert caught.value.problems == ("SERVICE_APPS: desk needs a Hub, and JUPYTERHUB_API_TOKEN is not set",)

    granted = {"x": ("custom:desk:tickets:read",)}
    with pytest.raises(ConfigurationError) as caught:
        configure(
            Settings(
                api_token=SecretStr("t"),
                apps=("desk",),
                entra_grants=granted,
                entra_tenant_id=GUID,
                entra_client_id=GUID,
            )
        )
    assert caught.value.problems == ("ENTRA_GRANTS: the scopes of desk are for Hub tokens alone",)


CORE = [path for path in Path(service.__file__).parent.rglob("*.py") if "apps" not in path.parts]


@pytest.mark.parametrize("path", CORE, ids=str)
def test_the_core_names_no_application(path: Path) -> None:
    """What the core needs of one, `Application` carries."""
    assert re.findall(r"(?i)desk|deidentif", path.read_text()) == []
