"""What the application asks of a Hub and of whoever installs it, read without loading any of it."""

import json
import subprocess
import sys

import pytest
from jupyterhub.app import JupyterHub
from pydantic import SecretStr
from traitlets.config import Config

from service.app import create_app
from service.apps.deidentify import manifest
from service.errors import ConfigurationError
from service.registration import register
from service.settings import Settings

SCOPE = "custom:deidentify:use"
HEAVY = {"philter_lite", "nltk", "re2"}


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded after a program has run."""
    program = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(found.stdout))


def test_everybody_may_use_it() -> None:
    """All users of the Hub get its scope, and so do their browsers' and notebooks' tokens."""
    c = Config()
    entry = register(c, apps=["deidentify"])
    hub = JupyterHub(config=c)

    assert entry["environment"]["SERVICE_APPS"] == "deidentify"
    assert entry["oauth_client_allowed_scopes"] == [SCOPE]
    assert hub.custom_scopes.items() >= manifest.CUSTOM_SCOPES.items()
    assert SCOPE in hub.extra_user_scopes
    [server] = [role for role in hub.load_roles if role["name"] == "server"]
    assert SCOPE in server["scopes"]


def test_only_some_groups_may_use_it() -> None:
    """With `grant` its scope goes to their members, and to nobody else."""
    c = Config()
    register(c, apps=["deidentify"], grant=["ward-3"])
    hub = JupyterHub(config=c)

    holders = [role for role in hub.load_roles if SCOPE in role["scopes"]]
    assert [(role["name"], role.get("groups")) for role in holders] == [("fastapi-users", ["ward-3"]), ("server", None)]
    assert hub.extra_user_scopes == set()


def test_the_hubs_process_loads_nothing_of_it() -> None:
    """Registration reads plain data."""
    code = (
        "from traitlets.config import Config; from service.registration import register;"
        "register(Config(), apps=['deidentify'])"
    )
    loaded = loaded_by(code)

    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("service.apps.deidentify")} == {
        "service.apps.deidentify",
        "service.apps.deidentify.manifest",
    }


def test_a_service_without_it_loads_nothing_of_it() -> None:
    """Nor of what it needs."""
    loaded = loaded_by(
        "from service.app import create_app; from service.settings import Settings;"
        "create_app(Settings(api_token='t', service_name='fastapi')); import service.__main__"
    )

    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("service.apps.deidentify")} == set()


def test_a_service_with_it_does_not_load_the_rules_itself() -> None:
    """They are in the processes of its engines alone."""
    loaded = loaded_by(
        "from service.app import create_app; from service.settings import Settings;"
        "create_app(Settings(api_token='t', service_name='fastapi', apps=('deidentify',)))"
    )

    assert loaded & {"philter_lite", "nltk"} == set()


def test_the_extra_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service says so when it starts, in one sentence with the way out."""
    for module in ("nltk", "re2"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not there

    with pytest.raises(ConfigurationError) as caught:
        create_app(Settings(api_token=SecretStr("t"), service_name="fastapi", apps=("deidentify",)))

    assert caught.value.problems == (
        "SERVICE_APPS: deidentify needs nltk, re2: pip install '.[deidentify]' in a checkout of the service",
    )
