"""A service without a Hub needs Entra ID, and has no variable of a Hub."""

import re

import pytest

from service.errors import ConfigurationError
from service.settings import Settings, load_settings

GUID = "22222222-bbbb-4bbb-8bbb-222222222222"
ENTRA = {"ENTRA_TENANT_ID": GUID, "ENTRA_CLIENT_ID": GUID}
TOKEN = {"JUPYTERHUB_API_TOKEN": "t" * 32}


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)


def load(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> Settings:
    """Read an environment with only these variables."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize(
    ("given", "has_hub"),
    [
        pytest.param(TOKEN, True, id="a token"),
        pytest.param(TOKEN | ENTRA, True, id="both"),
        pytest.param(ENTRA, False, id="Entra ID alone"),
        pytest.param(ENTRA | {"JUPYTERHUB_SERVICE_PREFIX": "/x/"}, False, id="with a place"),
    ],
)
def test_where_there_is_a_hub(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], has_hub: bool) -> None:  # noqa: FBT001
    """There is a Hub if its token is set. Otherwise Entra ID must be set up."""
    assert load(monkeypatch, given).has_hub is has_hub


@pytest.mark.parametrize(
    "name",
    ["JUPYTERHUB_SERVICE_NAME", "JUPYTERHUB_API_URL", "JUPYTERHUB_CLIENT_ID", "JUPYTERHUB_OAUTH_ACCESS_SCOPES"],
)
def test_a_lost_token_is_not_taken_for_no_hub(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """If any variable of a Hub is set, the service does not start without the token."""
    with pytest.raises(ConfigurationError, match="JUPYTERHUB_API_TOKEN is not set"):
        load(monkeypatch, ENTRA | {name: '["http://x.example.org"]'})


def test_with_neither_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names both ways to start."""
    with pytest.raises(ConfigurationError) as caught:
        load(monkeypatch, {})
    [problem] = caught.value.problems
    assert re.search("JUPYTERHUB_API_TOKEN is not set.*ENTRA_TENANT_ID and ENTRA_CLIENT_ID", problem)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        pytest.param({"ENTRA_TENANT_ID": GUID}, ["ENTRA_CLIENT_ID"], id="a tenant"),
        pytest.param(TOKEN | {"ENTRA_SCOPE": "x"}, ["ENTRA_TENANT_ID", "ENTRA_CLIENT_ID"], id="a scope"),
        pytest.param(ENTRA | {"ENTRA_OPENAPI_CLIENT_ID": GUID}, ["PUBLIC_HOST"], id="Swagger"),
    ],
)
def test_what_must_be_together(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], names: list[str]) -> None:
    """If a variable needs another one, the error names the one to set."""
    with pytest.raises(ConfigurationError) as caught:
        load(monkeypatch, given)
    assert [re.split("[: ]", problem)[0] for problem in caught.value.problems] == names


def test_no_key_is_derived_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Hub, each start has a new random secret."""
    first, second = (load(monkeypatch, ENTRA).api_token.get_secret_value() for _ in range(2))
    assert len(first) == 64
    assert first != second


def test_it_stands_at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Hub the prefix is /. JUPYTERHUB_SERVICE_PREFIX or JUPYTERHUB_BASE_URL set another one."""
    assert load(monkeypatch, ENTRA).prefix == "/"
    assert load(monkeypatch, ENTRA | {"JUPYTERHUB_BASE_URL": "/base/"}).prefix == "/base/"
    assert load(monkeypatch, ENTRA | {"JUPYTERHUB_SERVICE_PREFIX": "/x/"}).prefix == "/x/"


@pytest.mark.parametrize("kind", ["none", "none-public"])
def test_without_sign_in(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """With SERVICE_SIGN_IN=none it needs neither a Hub nor Entra ID, and stands at /."""
    settings = load(monkeypatch, {"SERVICE_SIGN_IN": kind})
    assert (settings.has_sign_in, settings.has_hub, settings.prefix) == (False, False, "/")


@pytest.mark.parametrize(
    "given",
    [
        TOKEN,
        ENTRA,
        {"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1"},
        {"JUPYTERHUB_USER": "alice"},
        {"ENTRA_GROUPS": "{}"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_without_sign_in_there_is_no_hub_and_no_entra(given: dict[str, str]) -> None:
    """If any variable of a Hub or of Entra ID is set, somebody meant to ask who is calling: it does not start."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(given | {"SERVICE_SIGN_IN": "none"})
    [problem] = caught.value.problems
    assert problem.startswith("SERVICE_SIGN_IN: nobody signs in here, but ")
    assert all(name in problem for name in given)


@pytest.mark.parametrize("kind", ["None", "no", "public", "off", " none"])
def test_a_mistyped_word_does_not_open_it(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Only the exact words turn the sign-in off."""
    with pytest.raises(ConfigurationError, match="SERVICE_SIGN_IN"):
        load(monkeypatch, TOKEN | {"SERVICE_SIGN_IN": kind})
