"""`register(c, ...)` in a jupyterhub_config.py, as the Hub reads it."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from service.registration import RegistrationError, register

ACCESS = "access:services!service=fastapi"
ITSELF = "read:services!service=fastapi"
METRICS = "custom:service:metrics"
MANIFEST = """
CUSTOM_SCOPES = {"custom:notes:read": {"description": "Read notes"}}
USER_SCOPES = ["custom:notes:read"]
ROLES = [{"name": "editor", "scopes": ["custom:notes:read", "custom:notes:write"], "groups": ["editors"]}]
GROUPS = ["editors", "guests"]
SERVICE_SCOPES = ["read:groups"]
"""
Load = Callable[..., Config]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the text of a jupyterhub_config.py, with other files beside it, as the Hub does."""

    def load(text: str, **others: str) -> Config:
        for name, content in {"jupyterhub_config": text, **others}.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(content))
        loaded: Config = PyFileConfigLoader("jupyterhub_config.py", path=str(tmp_path)).load_config()
        return loaded

    return load


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An application `notes` of an installed package, and the dotted path of its manifest."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "manifest.py").write_text(MANIFEST)
    info = tmp_path / "notes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: notes\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[service.applications]\nnotes = notes.application:application\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("notes", "notes.manifest"):  # another test's module may have the name
        monkeypatch.delitem(sys.modules, module, raising=False)
    yield "notes.manifest"
    for module in ("notes", "notes.manifest"):
        sys.modules.pop(module, None)


def hub(c: Config) -> JupyterHub:
    """Let the Hub's own class check the configuration."""
    return JupyterHub(config=c)


def entry(c: Config, name: str = "fastapi") -> dict[str, Any]:
    """Return the service's entry as the Hub reads it."""
    return next(dict(spec) for spec in hub(c).services if spec["name"] == name)


def test_one_line_is_enough(load: Load) -> None:
    """Without arguments, the service runs at /services/fastapi/ for all users, without a consent page."""
    c = load("from service.registration import register; register(get_config(), hub_version='6.1.1')")

    said = entry(c)
    assert said.pop("command")[-3:] == ["-P", "-m", "service"]
    assert {**said.pop("environment"), "PYTHONPATH": ""} == {"SERVICE_MANAGED": "1", "PYTHONPATH": ""}
    assert said == {
        "name": "fastapi",
        "url": "http://127.0.0.1:10101",
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [],
        "info": {"oauth_redirect_uri": "", "oauth_client_allowed_scopes": []},
    }
    assert hub(c).extra_user_scopes == {ACCESS}
    assert [role["name"] for role in hub(c).load_roles] == ["fastapi-service", "server"]


def test_settings_reach_the_service_by_its_environment() -> None:
    """Each argument becomes a setting of the service."""
    c = Config()
    register(
        c,
        public_host="https://Hub.example.org/",
        routers=["notes.api:router", "more:router"],
        password_grant=True,
        shell_sign_in=True,
        allow_token_in_url=True,
        environment={"HUB_CACHE_TTL": 60},
    )

    environment = entry(c)["environment"]
    environment.pop("PYTHONPATH", None)
    assert environment == {
        "PUBLIC_HOST": "https://hub.example.org",
        "SERVICE_ROUTERS": "notes.api:router,more:router",
        "SERVICE_PASSWORD_GRANT": "1",
        "SERVICE_SHELL_SIGN_IN": "1",
        "JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1",
        "HUB_CACHE_TTL": "60",
        "SERVICE_MANAGED": "1",
    }


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged for the operator of the Hub."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def test_a_router_that_is_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A router whose package cannot be found is named in the log. One in the service's folder is found."""
    (tmp_path / "beside_it.py").touch()
    register(Config(), routers=["beside_it:router", "json:router", "nowhere.api:router"], cwd=str(tmp_path))

    said = f"there is no module 'nowhere' in this Python or in {tmp_path}; the service will answer 503"
    assert warnings_of(caplog) == [f"routers: 'nowhere.api:router': {said}"]


@pytest.mark.parametrize(
    ("line", "public_host", "change"),
    [
        ("PUBLIC_HOST=https://hub.example.org", None, "public_host='https://hub.example.org'"),
        (
            "PUBLIC_HOST=https://old.example.org",
            "https://hub.example.org",
            "PUBLIC_HOST=https://hub.example.org there, or no such line",
        ),
        ("export PUBLIC_HOST='https://Hub.example.org/'", "https://hub.example.org", ""),
        ("# PUBLIC_HOST=https://old.example.org", None, ""),
        ("HUB_CACHE_TTL=60", None, ""),
    ],
    ids=["the file alone", "both", "the same", "a comment", "none"],
)
def test_another_public_host_in_the_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str, public_host: str | None, change: str
) -> None:
    """A PUBLIC_HOST in the service's `.env` that the Hub does not know is named in the log: sign-ins would fail."""
    (tmp_path / ".env").write_text(f"HUB_TIMEOUT=3\n{line}\n")
    register(Config(), public_host=public_host, cwd=str(tmp_path))

    differs = "PUBLIC_HOST differs from public_host= of register(), which the Hub knows"
    assert warnings_of(caplog) == ([f"{tmp_path}/.env: {differs}: {change}"] if change else [])


@pytest.mark.parametrize(
    ("said", "options", "path"),
    [
        pytest.param({}, {}, "/services/fastapi/", id="none"),
        pytest.param({"base_url": "/jupyter/"}, {}, "/jupyter/services/fastapi/", id="base_url"),
        pytest.param({"base_url": "jupyter"}, {}, "/jupyter/services/fastapi/", id="without slashes"),
        pytest.param({"base_url": "/@/space%20word/"}, {}, "/@/space%20word/services/fastapi/", id="encoded"),
        pytest.param({"bind_url": "http://:8000/x/"}, {}, "/x/services/fastapi/", id="bind_url"),
        pytest.param({}, {"base_url": "/cli/"}, "/cli/services/fastapi/", id="argument"),
    ],
)
def test_the_redirect_uri_follows_public_host_and_base_url(
    said: dict[str, str], options: dict[str, str], path: str
) -> None:
    """The Hub and the service compute the same redirect URI, wherever base_url is set."""
    c = Config(JupyterHub=said)

    register(c, public_host="https://hub.example.org", **options)  # type: ignore[arg-type]

    assert entry(c)["oauth_redirect_uri"] == f"https://hub.example.org{path}oauth_callback"
    if not options:
        assert path.startswith(hub(c).base_url)


def test_a_redirect_uri_that_was_chosen() -> None:
    """For an application that has moved its callback; of another origin it is refused."""
    c, given = Config(), "https://hub.example.org/services/fastapi/back"
    register(c, public_host="https://hub.example.org", oauth_redirect_uri=given)

    assert entry(c)["oauth_redirect_uri"] == entry(c)["info"]["oauth_redirect_uri"] == given
    with pytest.raises(RegistrationError, match=r"must begin with https://hub\.example\.org/"):
        register(Config(), public_host="https://hub.example.org", oauth_redirect_uri="https://x.test/back")


def test_without_public_host_the_hub_keeps_its_own_redirect_uri() -> None:
    """Without PUBLIC_HOST the relative default is right."""
    c = Config()
    register(c)

    assert "oauth_redirect_uri" not in entry(c)


@pytest.mark.parametrize("version", ["5.5.0", "6.1.1", "6.2.0.dev0", "10.0.0"])
def test_all_users_are_let_in_on_either_hub(version: str) -> None:
    """Hub 5 has no extra_user_scopes. There, the role `user` gets our scopes in addition to its defaults."""
    c = Config()
    register(c, hub_version=version)

    roles = {role["name"]: role["scopes"] for role in hub(c).load_roles}
    if version.startswith("5."):
        assert roles["user"] == ["self", ACCESS]
        assert "extra_user_scopes" not in c.JupyterHub
    else:
        assert hub(c).extra_user_scopes == {ACCESS}
        assert "user" not in roles


LINES = {
    "assigned": """
        c.JupyterHub.services = [{"name": "culler", "command": ["cull"]}]
        c.JupyterHub.load_roles = [{"name": "culler", "scopes": ["list:users"], "services": ["culler"]}]
        c.JupyterHub.load_groups = {"staff": {"users": ["ada"]}}
        c.JupyterHub.custom_scopes = {"custom:x": {"description": "x"}}
        c.JupyterHub.extra_user_scopes = {"list:users"}
        """,
    "appended": """
        c.JupyterHub.services.append({"name": "culler", "command": ["cull"]})
        c.JupyterHub.load_roles.append({"name": "culler", "scopes": ["list:users"], "services": ["culler"]})
        c.JupyterHub.load_groups.update({"staff": {"users": ["ada"]}})
        c.JupyterHub.custom_scopes.update({"custom:x": {"description": "x"}})
        c.JupyterHub.extra_user_scopes.add("list:users")
        """,
}
REGISTER = """
        from service.registration import register
        register(c, apps=["notes"], hub_version="6.1.1")
        """


def is_complete(c: Config) -> None:
    """Check that the culler of `LINES` and our service with the application `notes` are both registered."""
    read = hub(c)
    assert {spec["name"] for spec in read.services} == {"culler", "fastapi"}
    assert {role["name"] for role in read.load_roles} == {"culler", "editor", "fastapi-service", "server"}
    assert read.load_groups == {"staff": {"users": ["ada"]}, "guests": {"users": []}}
    assert set(read.custom_scopes) == {"custom:x", "custom:notes:read", METRICS}
    assert read.extra_user_scopes == {"list:users", ACCESS, "custom:notes:read"}


@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("how", LINES)
def test_what_is_there_before_stays(load: Load, how: str) -> None:
    """Services, roles, groups and scopes of the operator are kept, whether assigned or appended."""
    is_complete(load("c = get_config()" + textwrap.dedent(LINES[how]) + textwrap.dedent(REGISTER)))


@pytest.mark.usefixtures("notes")
def test_what_is_appended_later_is_added(load: Load) -> None:
    """What the operator appends after register() is added."""
    is_complete(load("c = get_config()" + textwrap.dedent(REGISTER) + textwrap.dedent(LINES["appended"])))


@pytest.mark.usefixtures("notes")
@pytest.mark.parametrize("how", LINES)
def test_a_file_of_its_own_can_register(load: Load, how: str) -> None:
    """register() also works in a file that the main one loads, as in The Littlest JupyterHub."""
    main = "c = get_config()" + textwrap.dedent(LINES[how]) + "\nload_subconfig('extra.py')\n"

    is_complete(load(main, extra="c = get_config()" + textwrap.dedent(REGISTER)))


@pytest.mark.parametrize("version", ["5.5.0", "6.1.1"])
@pytest.mark.parametrize(
    "line",
    [
        'c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "list:users"]}]',
        'c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self", "list:users"]})',
    ],
    ids=["assigned", "appended"],
)
def test_a_role_user_of_the_operator_gains_access(load: Load, line: str, version: str) -> None:
    """If load_roles defines `user`, this role gets access in addition to its scopes."""
    c = load(f"{line}\nfrom service.registration import register\nregister(c, hub_version={version!r})")

    roles = {role["name"]: role["scopes"] for role in hub(c).load_roles}
    assert roles["user"] == ["self", "list:users", ACCESS]
    assert hub(c).extra_user_scopes == set()


@pytest.mark.parametrize("section", ["Spawner", "LocalProcessSpawner", "SimpleLocalProcessSpawner"])
async def test_token_scopes_of_a_spawner_gain_access(section: str) -> None:
    """server_token_scopes, which replaces the role `server`, gets access, on any class, as a list or a callable."""
    listed, called = Config({section: {"server_token_scopes": ["inherit"]}}), Config()
    called[section].server_token_scopes = lambda spawner: [f"read:users!user={spawner.name}"]

    register(listed)
    register(called)

    assert SimpleLocalProcessSpawner(config=listed).server_token_scopes == ["inherit", ACCESS]
    ask = SimpleLocalProcessSpawner(config=called).server_token_scopes
    assert await ask(SimpleNamespace(name="lab")) == ["read:users!user=lab", ACCESS]


def test_token_scopes_that_are_not_set_stay_so() -> None:
    """If they are not set, the Hub uses the role `server`, which has access."""
    c = Config()
    register(c)

    assert SimpleLocalProcessSpawner(config=c).server_token_scopes == []


@pytest.mark.usefixtures("notes")
def test_an_application_is_run_with_the_rights_of_its_manifest() -> None:
    """SERVICE_APPS has the application. OAuth tokens may carry its user scopes and the scopes of its roles."""
    c = Config()
    register(c, apps=["notes"])

    assert entry(c)["environment"]["SERVICE_APPS"] == "notes"
    assert entry(c)["oauth_client_allowed_scopes"] == ["custom:notes:read", "custom:notes:write"]


def test_a_module_with_rights_is_not_run(notes: str) -> None:
    """A dotted path adds rights for a router, and no application."""
    c = Config()
    register(c, apps=[notes], oauth_client_allowed_scopes=["read:users:name!user"])

    assert "SERVICE_APPS" not in entry(c)["environment"]
    assert entry(c)["oauth_client_allowed_scopes"] == [
        "custom:notes:read",
        "custom:notes:write",
        "read:users:name!user",
    ]
    assert set(hub(c).custom_scopes) == {"custom:notes:read", METRICS}


def test_a_second_service_can_be_registered() -> None:
    """Two services can be registered in one configuration."""
    c = Config()
    register(c, hub_version="6.1.1")
    register(c, name="second", url="http://127.0.0.1:10102", grant=["staff"], hub_version="6.1.1")

    assert entry(c)["url"] != entry(c, "second")["url"]
    assert hub(c).extra_user_scopes == {ACCESS}
    roles = {role["name"]: role["scopes"] for role in hub(c).load_roles}
    assert roles["second-users"] == ["access:services!service=second"]
    assert roles["server"][-2:] == [ACCESS, "access:services!service=second"]


def test_an_external_service_has_a_token_and_no_command() -> None:
    """The Hub knows and proxies an external service, but does not start it."""
    c = Config()
    register(c, managed=False, url="http://api:10101", api_token="x" * 64, public_host="https://hub.example.org")

    assert entry(c) == {
        "name": "fastapi",
        "url": "http://api:10101",
        "api_token": "x" * 64,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": [],
        "oauth_redirect_uri": "https://hub.example.org/services/fastapi/oauth_callback",
        "info": {
            "oauth_redirect_uri": "https://hub.example.org/services/fastapi/oauth_callback",
            "oauth_client_allowed_scopes": [],
        },
    }


@pytest.mark.parametrize(
    ("command", "expected"), [("serve", ["serve"]), (("serve", "-v"), ["serve", "-v"])], ids=["text", "tuple"]
)
def test_fields_and_command_of_the_operator_are_used(command: Any, expected: list[str]) -> None:  # noqa: ANN401
    """Any other field that the Hub has for services can be set."""
    c = Config()
    register(c, command=command, display=False, cwd="/srv", timeout=60)

    said = entry(c)
    assert said["command"] == expected
    assert (said["display"], said["cwd"], said["timeout"]) == (False, "/srv", 60)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "Fast API"}, "name="),
        ({"public_host": "hub.example.org"}, "public_host="),
        ({"public_host": "https://hub.example.org/jupyter"}, "public_host="),
        ({"apps": "desk"}, "apps='desk': must be a list"),
        ({"apps": ["nosuch"]}, "apps: 'nosuch' is neither an application"),
        ({"apps": ["nosuch"]}, "imported here: the name of a module needs a dot, as in mypackage.rights"),
        ({"apps": ["nosuch.manifest"]}, "apps: 'nosuch.manifest' is neither"),
        ({"apps": ["nosuch.manifest"]}, "imported here: No module named 'nosuch'"),
        ({"apps": ["nosuch:application"]}, "imported here: No module named 'nosuch'"),
        ({"routers": ["notes"]}, "routers:"),
        ({"grant": []}, "grant="),
        ({"grant": "staff"}, "grant='staff': must be a list"),
        ({"oauth_client_allowed_scopes": "custom:a"}, "oauth_client_allowed_scopes='custom:a': must be a list"),
        ({"managed": False}, "needs api_token="),
        ({"managed": False, "api_token": "x" * 64, "allow_token_in_url": True}, "JUPYTERHUB_ALLOW_TOKEN_IN_URL"),
        ({"api_token": "short"}, "api_token:"),
        ({"api_token": f"{'x' * 64}\n"}, "api_token: must be one word"),
        ({"api_token": f"two {'x' * 64}"}, "api_token: must be one word"),
        ({"url": "http://300.1.1.1:10101"}, "url="),
        ({"url": "http://user:word@127.0.0.1:10101"}, "url="),
        ({"public_host": "https://hub..example.org"}, "public_host="),
        ({"public_host": "https://10.0.0.300"}, "public_host="),
        ({"public_host": "https://-hub.example.org"}, "public_host="),
    ],
)
def test_wrong_arguments_raise_and_leave_the_configuration_as_it_was(options: dict[str, Any], says: str) -> None:
    """A RegistrationError names what is wrong, and nothing is changed."""
    c = Config()

    with pytest.raises(RegistrationError, match=says):
        register(c, **options)

    assert hub(c).services == []
    assert hub(c).load_roles == []


def test_one_name_is_registered_once() -> None:
    """Registering the same name twice is an error."""
    c = Config()
    register(c)

    with pytest.raises(RegistrationError, match=r"^name: .* already has the name 'fastapi'"):
        register(c, url="http://127.0.0.1:10102")


def test_groups_and_an_authenticator_that_manages_roles_do_not_go_together() -> None:
    """The Hub would not start with such a role. register() says why, and what to do."""
    c = Config(GenericOAuthenticator={"manage_roles": True})

    with pytest.raises(RegistrationError, match=r"manage_roles is on.*fastapi-users"):
        register(c, grant=["staff"])


@pytest.mark.usefixtures("notes")
def test_groups_are_left_to_an_authenticator_that_manages_them() -> None:
    """With manage_groups, load_groups stays empty: otherwise the Hub would not start."""
    c = Config(Authenticator={"manage_groups": True})
    register(c, apps=["notes"], grant=["staff"])

    assert hub(c).load_groups == {}


DESK_SCOPES = ["read:tokens", "groups!group=desk-support", "groups!group=desk-manager", "groups!group=desk-admin"]


def service_role(c: Config) -> list[str]:
    """Return the role of the service itself."""
    return next((role["scopes"] for role in hub(c).load_roles if role["name"] == "fastapi-service"), [])


@pytest.mark.parametrize("managed", [True, False], ids=["managed", "external"])
def test_the_service_may_make_users_only_where_that_is_said(managed: bool) -> None:  # noqa: FBT001 - a table
    """Only manage_users=True gives the service `admin:users`."""
    how: dict[str, Any] = {"managed": managed, "api_token": None if managed else "x" * 32, "environment": None}
    without, with_it, alone = Config(), Config(), Config()
    if managed:
        how |= {"apps": ["desk"]}
    register(without, **how)
    register(with_it, **how, manage_users=True)
    register(alone, manage_users=True)

    others = DESK_SCOPES if managed else []
    assert service_role(without) == [*others, ITSELF]
    assert service_role(with_it) == [*others, "admin:users", ITSELF]
    assert service_role(alone) == ["admin:users", ITSELF]


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("app", ["desk", None])
def test_who_says_who_is_in_which_group(app: str | None, is_on: bool) -> None:  # noqa: FBT001 - a table
    """A service whose applications have groups is told if the authenticator manages groups."""
    c = Config(Authenticator={"manage_groups": is_on})
    register(c, apps=[app] if app else [])

    assert (entry(c)["environment"].get("SERVICE_GROUPS_MANAGED") == "1") is (is_on and app is not None)


def test_the_groups_of_the_desk_have_no_members_by_it(load: Load) -> None:
    """The roles of the desk create its groups. Members that the operator lists are kept."""
    c = load(
        """
        from service.registration import register
        c = get_config()
        c.JupyterHub.load_groups = {"desk-admin": {"users": ["ada"]}}
        register(c, apps=["desk"])
        """
    )

    assert hub(c).load_groups == {"desk-admin": {"users": ["ada"]}}
    assert {group for role in hub(c).load_roles for group in role.get("groups", ())} == {
        "desk-support",
        "desk-manager",
        "desk-admin",
    }
