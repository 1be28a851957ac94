"""An application outside of `service` runs by its name. Nothing in the core has to change for it."""

import re
from pathlib import Path

import httpx
import pytest
import typer
from jupyterhub.app import JupyterHub
from pydantic import SecretStr
from traitlets.config import Config
from typer.testing import CliRunner

import service
from service.__main__ import log_options
from service.application import configure, load
from service.auth.errors import InsufficientScopeError
from service.errors import ConfigurationError
from service.hub.models import Identity
from service.registration import register
from service.settings import Settings
from service.testing import Caller
from tests.support.visits.application import application
from tests.unit.conftest import Serve, settings_of

VISITS = "tests.support.visits.application:application"
READ, COUNT, RESET = "custom:visits:read", "custom:visits:count", "custom:visits:reset"
PART = "You have no access to this part of the visitors' book."
GUID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
async def alice(serve: Serve) -> Caller:
    """A user who may see visits, and has two of them."""
    running = await serve(apps=(VISITS,), variables={"VISITS_AT_MOST": "2"})
    return running.user("alice", scopes=[READ])


async def test_its_routes_settings_and_veto(alice: Caller) -> None:
    """Each visit is counted in what the application opened. After as many as its settings allow, its veto refuses."""
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
    """The option that its manifest declares becomes its setting. The Hub, which has no such field, gets none."""
    c = Config()
    register(c, apps=[VISITS], url="http://127.0.0.1:1", visits_at_most=7, hub_version="6.1.1")

    entry = dict(JupyterHub(config=c).services[0])
    assert entry["environment"]["VISITS_AT_MOST"] == "7"
    assert "visits_at_most" not in entry


async def test_its_pages_and_files(serve: Serve) -> None:
    """Its template extends ours, its link is in the navigation, and its style sheet is served together with ours."""
    running = await serve(apps=(VISITS,))
    page = await running.user("alice", scopes=[READ]).browser().get("visits/page")

    assert (page.status_code, "<h1>Visits</h1>" in page.text, 'href="/services/fastapi/visits/page"' in page.text) == (
        200,
        True,
        True,
    )
    assert "teal" in (await running.anonymous().get("static/visits.css")).text
    assert (await running.anonymous().get("static/style.css")).status_code == 200


@pytest.mark.parametrize(
    ("held", "missing", "mode", "expected"),
    [
        ([], [READ], "all", "You have no access to the visitors' book. Ask the front desk for the role visits-clerk."),
        ([READ], [RESET], "all", f"{PART} Ask the front desk for the role visits-lead."),
        ([READ], [COUNT, RESET], "all", f"{PART} Ask the front desk for the role visits-lead."),
        ([READ], [COUNT, RESET], "any", f"{PART} Ask the front desk for the role visits-clerk."),
        ([], ["custom:visits:new"], "all", ""),
        ([], ["custom:service:metrics"], "all", ""),
    ],
    ids=["all of it", "a part", "two scopes", "one of two scopes", "an unknown scope", "a scope of the core"],
)
def test_a_refusal_in_words(held: list[str], missing: list[str], mode: str, expected: str) -> None:
    """A person who lacks a scope is told what is closed, and whom to ask for the smallest role that has the scope."""
    [each] = configure(Settings(api_token=SecretStr("t"), apps=(VISITS,)))
    identity = Identity(kind="user", name="bob", scopes=tuple(held))

    assert each.refusal(InsufficientScopeError(missing, mode=mode), identity) == expected


async def test_a_browser_is_refused_in_words(alice: Caller) -> None:
    """A browser without the scope gets a page that names the role and the contact; an API client gets the scope."""
    bob = alice.service.user("bob")
    page, problem = await bob.browser().visit("visits/page"), (await bob.get("visits")).json()

    assert page.status_code == 403
    assert "You have no access to the visitors&#39; book. Ask the front desk for the role visits-clerk." in page.text
    assert READ not in page.text
    assert (problem["scopes"], READ in problem["detail"]) == ([READ], True)


async def test_a_browser_without_access_to_the_service(alice: Caller) -> None:
    """A person without an access scope is told so in words, and is offered no page of an application."""
    page = await alice.service.user("eve", scopes=[READ], access=False).browser().visit("docs")
    refused = await alice.service.user("eve", scopes=[READ], access=False).browser().visit("visits/page")

    assert "You have no access to this service. Ask an administrator of the Hub for it." in refused.text
    assert (entries(page), entries(refused)) == ([], [])


def entries(page: httpx.Response) -> list[str]:
    """Return the entries of the application in the navigation of a page."""
    navigation = page.text.partition("</nav>")[0]
    return re.findall(r'<a href="/services/fastapi/visits/\w+">([\w ]+)</a>', navigation)


@pytest.mark.parametrize("path", ["", "me", "docs"])
async def test_the_navigation_shows_what_one_may_open(serve: Serve, path: str) -> None:
    """An entry that requires a scope is shown to those who have it, others to everybody who is not kept out."""
    running = await serve(apps=(VISITS,), variables={"VISITS_AT_MOST": "1"})
    alice, bob = running.user("alice", scopes=[READ]), running.user("bob")

    assert entries(await alice.browser().visit(path)) == ["Visits", "Opening hours"]
    assert entries(await bob.browser().visit(path)) == ["Opening hours"]
    assert entries(await running.anonymous().browser().visit(path)) == (["Opening hours"] if path != "me" else [])
    assert (await alice.get("visits")).status_code == 200  # the last one that she may
    assert entries(await alice.browser().visit(path)) == []
    refused = await alice.browser().visit("visits/page")
    assert (refused.status_code, entries(refused)) == (403, [])


async def test_the_navigation_shows_what_a_new_token_would_open(serve: Serve) -> None:
    """An entry is also shown to a person whose groups give the scope: the page signs them in again to get it."""
    running = await serve(apps=(VISITS,), app={"entitled": [lambda identity, _: [READ] * (identity.name == "alice")]})

    assert entries(await running.user("alice").browser().visit("")) == ["Visits", "Opening hours"]
    assert entries(await running.user("bob").browser().visit("")) == ["Opening hours"]


async def test_what_operators_see_of_it(serve: Serve) -> None:
    """Its check decides whether the service is ready; its metrics and its part of `/debug` are shown by its name."""
    running = await serve(apps=(VISITS,), variables={"VISITS_AT_MOST": "5"})
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
    """`python -m service doctor` shows its findings."""
    settings = Settings(api_token=SecretStr("t"), apps=(VISITS,), variables={"VISITS_AT_MOST": "5"})
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
    levels = log_options(settings_of(apps=("visits",), log_level="DEBUG"))["loggers"]
    assert levels[VISITS.partition(".")[0]]["level"] == "DEBUG", "it is the operator's own"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nope", "there is no application 'nope'"),
        ("nope.application:application", "'nope.application:application' cannot be imported: No module named 'nope'"),
        ("tests.support.visits.application:nope", "'tests.support.visits.application:nope' is not an Application"),
        ("tests.support.visits.nope:application", "'tests.support.visits.nope:application' cannot be imported"),
    ],
)
def test_a_name_without_an_application(name: str, problem: str) -> None:
    """The error names the setting and the name in it."""
    with pytest.raises(ConfigurationError, match=f"SERVICE_APPS: {re.escape(problem)}"):
        load(name)


def test_an_application_without_a_manifest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The service does not start with it, and says what is missing."""
    (tmp_path / "no_manifest.py").write_text(f"from {VISITS.partition(':')[0]} import application\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigurationError, match="SERVICE_APPS: the manifest of 'no_manifest:application' cannot be"):
        configure(Settings(api_token=SecretStr("t"), apps=("no_manifest:application",)))


def test_its_settings_are_judged_at_the_start() -> None:
    """A wrong setting of the application is reported before anything opens, by the name of its variable."""
    with pytest.raises(ConfigurationError) as caught:
        configure(Settings(api_token=SecretStr("t"), apps=(VISITS,), variables={"VISITS_AT_MOST": "0"}))

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["VISITS_AT_MOST"]


def test_one_that_needs_a_hub() -> None:
    """An application that needs a Hub does not run without one, and ENTRA_GRANTS cannot grant its scopes."""
    with pytest.raises(ConfigurationError) as caught:
        configure(Settings(apps=("deidentify", "desk"), entra_tenant_id=GUID, entra_client_id=GUID))
    assert caught.value.problems == ("SERVICE_APPS: desk needs a Hub, but JUPYTERHUB_API_TOKEN is not set",)

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
    assert caught.value.problems == ("ENTRA_GRANTS: the scopes of desk are for tokens of the Hub only",)


# The client is not of the core: it runs where its user is.
OTHERS = {"apps", "client"}
CORE = [path for path in Path(service.__file__).parent.rglob("*.py") if OTHERS.isdisjoint(path.parts)]


@pytest.mark.parametrize("path", CORE, ids=str)
def test_the_core_names_no_application(path: Path) -> None:
    """No file of the core contains the name of one of our applications."""
    assert re.findall(r"(?i)desk|deidentif", path.read_text()) == []
