"""Pages of notebook servers may call the service with their own token, if the operator wants it."""

from types import SimpleNamespace

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets.config import Config

from service.registration import RegistrationError, register

ACCESS = "access:services!service=fastapi"
FOR_ALL, OF_A_ROLE = "custom:deidentify:use", "custom:desk:tickets:read"
APPS = ["deidentify", "desk"]


@pytest.mark.parametrize("chosen", [[], [FOR_ALL]], ids=["access alone", "a scope"])
def test_a_page_may_call_the_service(chosen: list[str]) -> None:
    """Its token then carries access, and chosen scopes; what the Hub's configuration says stays."""
    c = Config()
    c.Spawner.oauth_client_allowed_scopes = ["read:users!user"]
    register(c, apps=APPS, lab_scopes=chosen)

    spawner = SimpleLocalProcessSpawner(config=c)
    assert spawner.oauth_client_allowed_scopes == ["read:users!user", ACCESS, *chosen]


def test_a_spawner_with_a_setting_of_its_own() -> None:
    """The setting of a class counts before that of Spawner, so both get the scopes."""
    c = Config()
    c.SimpleLocalProcessSpawner.oauth_client_allowed_scopes = ["self"]
    register(c, lab_scopes=[])

    assert SimpleLocalProcessSpawner(config=c).oauth_client_allowed_scopes == ["self", ACCESS]


def test_by_default_nothing_changes() -> None:
    """Tokens of pages stay as they are."""
    c = Config()
    register(c, apps=APPS)

    assert "oauth_client_allowed_scopes" not in c.Spawner


@pytest.mark.parametrize("scope", [OF_A_ROLE, "custom:nothing", "inherit", "self"])
def test_no_rights_of_a_role(scope: str) -> None:
    """The owner of a server receives its visitors' tokens, so no scope is taken that only some users have."""
    c = Config()

    with pytest.raises(RegistrationError, match=scope):
        register(c, apps=APPS, lab_scopes=[scope])

    assert c == Config()


def test_a_function() -> None:
    """The Hub takes a function, too: then that has to be changed by hand."""
    c = Config()
    c.Spawner.oauth_client_allowed_scopes = lambda spawner: [SimpleNamespace(spawner=spawner)]

    with pytest.raises(RegistrationError, match="is a function"):
        register(c, lab_scopes=[])
